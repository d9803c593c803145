"""What is known of items, also of those without events."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from data_pipelines.side_tables import read_names
from data_pipelines.tables import table_of_rows
from tests.data_pipelines.test_description import prepare

FIELDS = [{"name": "kind", "role": "target"}]


@pytest.mark.parametrize(
    "vocabulary",
    [
        {"values": list(range(40))},
        {"file": "skus.txt"},
        {"source": "integer", "size": 40},
    ],
    ids=str,
)
def test_known_items_without_events_have_their_row_in_the_catalog(
    tmp_path: pathlib.Path, vocabulary: dict[str, Any]
) -> None:
    (tmp_path / "skus.txt").write_text("".join(f"{sku}\n" for sku in range(40)))
    # Items 0 to 4, 10 to 14 and 20 to 24 have events.
    (tmp_path / "items.csv").write_text(
        "sku,title,kind\n07,seven,b\n 1,one,a\n20,twenty,a\n50,fifty,a\n39,last,c\n"
    )
    data = prepare(
        tmp_path,
        files={"events": "events-1.csv", "items": "items.csv"},
        item={"column": "sku", "dtype": "int64", **vocabulary},
        item_name="title",
        fields=FIELDS,
    )
    assert data.spec.vocabulary("kind").values == ("a", "b", "c")
    kinds = data.catalog[:, 0]
    assert [int(kinds[2 + item]) for item in (7, 1, 20, 39, 0)] == [3, 2, 2, 4, 1]
    assert data.item_names == {"7": "seven", "1": "one", "20": "twenty", "39": "last"}


def test_the_catalog_is_fitted_to_training_items_where_only_those_are_known(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "items.csv").write_text("sku,kind\n7,b\n1,a\n4,c\n")
    data = prepare(
        tmp_path,
        files={"events": "events-1.csv", "items": "items.csv"},
        item={"column": "sku", "values": [str(sku) for sku in range(40)]},
        item_vocabulary="train",
        fields=FIELDS,
    )
    # Item 7 has no event, and item 4 none that trains.
    assert data.spec.vocabulary("kind").values == ("a",)
    assert [int(data.catalog[2 + item, 0]) for item in (7, 1, 4)] == [1, 2, 1]


def test_a_name_that_cannot_be_shown_is_mended(tmp_path: pathlib.Path) -> None:
    items = table_of_rows(
        "items", ("item_id", "item name"), lambda: [("a", "x\ud83d"), ("b", None)]
    )
    assert read_names(items, "string", {"a", "b"}) == {"a": "x?"}
