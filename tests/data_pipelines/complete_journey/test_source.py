from __future__ import annotations

import importlib.util
import pathlib

import pandas as pd
import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.complete_journey import source
from data_pipelines.complete_journey.complete_journey_dataset_builder import Builder
from data_pipelines.complete_journey.parse import product_name
from tests.data_pipelines.tfds_harness import build


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Three households that buy five products at one store each."""
    (tmp_path / "source").mkdir()
    moments = pd.to_datetime([f"2017-01-0{day} 10:00:00" for day in range(1, 6)] * 3)
    pd.DataFrame(
        {
            "household_id": [1] * 5 + [2] * 5 + [3] * 5,
            "store_id": [7] * 5 + [8] * 5 + [9] * 5,
            "product_id": [10, 11, 12, 13, 14] * 3,
            "transaction_timestamp": moments,
        }
    ).to_parquet(tmp_path / "source" / "transactions.parquet")
    pd.DataFrame(
        {
            "product_id": [10, 11, 12, 13, 14, 15],
            "manufacturer_id": [1, 1, 2, 2, 2, 3],
            "department": ["GROCERY"] * 5 + ["PASTRY"],
            "brand": ["National"] * 6,
            "product_category": ["BREAD", None, "MILK", "MILK", "MILK", "MILK"],
            "product_type": ["BREAD:ITALIAN/FRENCH", None, None, "A", "B", "C"],
            "package_size": ["14 OZ", None, None, "1 GA", "1 GA", None],
        }
    ).to_parquet(tmp_path / "source" / "products.parquet")
    pd.DataFrame(
        {"household_id": [1, 3], "age": ["65+", "45-54"], "income": ["35-49K", None]}
    ).to_parquet(tmp_path / "source" / "demographics.parquet")
    return tmp_path / "source"


def test_tables(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    data_pipelines.prepare(
        "complete_journey",
        folder,
        tmp_path / "data",
        k_core=3,
        item_fields=["department", "manufacturer_id", "product_category"],
        user_fields="age",
        event_fields="store_id",
    )
    data = data_pipelines.load(tmp_path / "data")
    assert data.item_names["10"] == "Bread: italian/french, 14 oz (National)"
    assert data.item_names["11"] == "Unnamed product (National)"
    products = data.spec.vocabulary("item_id").values
    assert data.catalog is not None
    rows = dict(zip(products, data.catalog[2:].tolist(), strict=True))
    # Department, manufacturer and category; that of product 11 is not said.
    assert rows[10][0] == rows[11][0] == 2
    assert rows[11][2] == 1
    assert rows[12] == rows[13]
    [(inputs, _)] = data.test.batches(3, candidates=None)
    assert inputs["age"].numpy().tolist() == [2, 1, 3]
    assert inputs["store_id"].numpy().tolist() == [2, 3, 4]
    assert data.spec.vocabulary("store_id").values == (7, 8, 9)


def test_product_names() -> None:
    assert product_name("EGGS - X-LARGE", "EGGS", "A D   1 DZ", "Private") == (
        "Eggs - x-large, a d 1 dz (Private)"
    )
    assert product_name(None, "MILK", None, None) == "Milk"


def test_the_installed_package(tmp_path: pathlib.Path) -> None:
    if importlib.util.find_spec(source.PACKAGE) is None:
        pytest.skip(f"the package {source.PACKAGE} (extra `demo`) is not installed")
    counts = data_pipelines.prepare("complete_journey", None, tmp_path / "data", k_core=0)
    assert (counts["users"], counts["items"], counts["events"]) == (2_469, 68_509, 1_469_307)
    data = data_pipelines.load(tmp_path / "data")
    named = [str(item) in data.item_names for item in data.spec.vocabulary("item_id").read_values()]
    assert sum(named) > 0.99 * len(named)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(source, "PACKAGE", "no_such_package")
    with pytest.raises(DataError, match=r"install it with `pip install amer_tf\[demo\]`"):
        data_pipelines.prepare("complete_journey", None, tmp_path / "data")


def test_builder(
    folder: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "package_folder", lambda: folder)
    _, examples = build(Builder, tmp_path / "out", None)
    assert len(examples) == 15
    moment = pd.Timestamp("2017-01-01 10:00:00").timestamp()
    expected = {"household_id": 1, "product_id": 10, "timestamp": moment, "store_id": 7}
    assert examples[0] == expected
