"""The examples of the package's README."""

from __future__ import annotations

import pathlib
import re

import pandas as pd
import pytest

import data_pipelines
from data_pipelines.datasets import DATASETS

PACKAGE = pathlib.Path(data_pipelines.__file__).parent


@pytest.fixture
def descriptions() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)


def test_next_item(descriptions: list[str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "shop.yaml").write_text(descriptions[0])
    rows = [
        f"c{user},{item},2024-05-{item + 1:02}T12:00:00,{item}.5,{user}"
        for user in range(8)
        for item in range(6)
    ]
    pd.DataFrame([row.split(",") for row in rows]).to_csv(
        tmp_path / "purchases-1.csv.gz",
        header=["customer", "sku", "bought_at", "price", "store"],
        index=False,
    )
    pd.DataFrame(
        {"id": range(6), "title": list("abcdef"), "category": list("xxyyzz"), "tags": ["p;q"] * 6}
    ).to_parquet(tmp_path / "products.parquet")
    (tmp_path / "customers.csv").write_text(
        "customer,town\n" + "".join(f"c{user},{'uv'[user % 2]}\n" for user in range(8))
    )
    counts = data_pipelines.prepare(tmp_path / "shop.yaml", None, tmp_path / "data")
    assert (counts["users"], counts["items"], counts["events"]) == (8, 6, 48)
    data = data_pipelines.load(tmp_path / "data")
    assert [field.name for field in data.spec.catalog_fields] == ["category", "tags"]
    assert data.item_names["3"] == "d"
    inputs, _ = data.test.batches(4, candidates=None).element_spec
    assert list(inputs) == ["history_item_id", "town", "history_price", "store"]


def test_ctr(descriptions: list[str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "ads.yaml").write_text(descriptions[1])
    for day in (1, 2):
        lines = [
            f"{int(row % 3 == 0)}\tu{row % 5}\tad{row % 7}\tad1|ad2\t{row}\t{row % 24}\n"
            for row in range(60)
        ]
        (tmp_path / f"day{day}.csv").write_text("".join(lines))
    counts = data_pipelines.prepare(tmp_path / "ads.yaml", None, tmp_path / "data")
    assert counts["rows"] == 120
    inputs, _ = data_pipelines.load(tmp_path / "data").train.batches(4).element_spec
    assert inputs["history"].shape == (4, 30)


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_data_set_says_where_it_comes_from(dataset: str) -> None:
    text = (PACKAGE / dataset / "README.md").read_text()
    assert "https://" in text or "package" in text
    assert re.search("[Ll]icence", text)
    assert re.search("[Ss]ize", text)
