"""A spec that is fitted to a table in memory is the one that preparation fits to the same rows."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

import data_pipelines
from amer_tf.export.raw_table import encode_table
from amer_tf.features import FeatureSpec, SpecError
from data_pipelines import DataError, PreparedData
from data_pipelines.datasets import open_source
from tests.data_pipelines.test_ctr_table import collect, make_rows, write

PARTS = ("train", "train", "validation", "train", "test")
VOCABULARIES = [
    {"name": "ad", "dtype": "int64", "min_count": 22, "max_size": 20},
    {"name": "hour", "source": "integer", "dtype": "int64", "size": 24},
    {"name": "page", "source": "hash", "size": 50},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("table_fitting")


@pytest.fixture(scope="module")
def data(folder: pathlib.Path) -> PreparedData:
    # Equally frequent values stand as they came: those of training come first.
    rows = [{**row, "part": part} for part in ("train", "validation", "test") for row in of(part)]
    split = {"kind": "by_column", "column": "part"}
    write(folder, rows, split=split, vocabularies=VOCABULARIES)
    data_pipelines.prepare(folder / "ads.json", None, folder / "data")
    return data_pipelines.load(folder / "data")


@pytest.fixture(scope="module")
def unfitted(data: PreparedData, folder: pathlib.Path) -> FeatureSpec:
    return open_source(folder / "ads.json", None, {}).spec


def of(part: str) -> list[dict[str, str]]:
    """Every row of the text file of a split."""
    return [row for number, row in enumerate(make_rows()) if PARTS[number % 5] == part]


def table(part: str) -> pd.DataFrame:
    """The rows of a split as Python has them; ids beside gaps as floats."""
    rows = of(part)
    frame = pd.DataFrame(rows).assign(
        price=[float(row["price"]) if row["price"] else None for row in rows],
        ad=[int(row["ad"]) for row in rows],
        history=[list(map(int, filter(None, row["history"].split("|")))) for row in rows],
        tag_history=[
            [step.split(";") for step in row["tag_history"].split("|") if step] for row in rows
        ],
        hour=pd.array([int(row["hour"]) for row in rows], dtype="Int64"),
        click=[int(row["click"]) for row in rows],
    )
    return frame.drop(columns="when")


def assert_same(spec: FeatureSpec, other: FeatureSpec) -> None:
    assert spec.fields == other.fields
    for entry in spec.vocabularies:
        known = other.vocabulary(entry.name)
        assert entry.num_rows == known.num_rows
        if entry.source == "values":
            assert list(entry.values) == list(known.read_values()), entry.name


@pytest.mark.parametrize("kind", ["frame", "arrow", "mapping", "floats", "bytes"])
def test_equals_what_preparation_fits(data: PreparedData, unfitted: FeatureSpec, kind: str) -> None:
    frame: Any = table("train")
    if kind == "arrow":
        import pyarrow

        frame = pyarrow.Table.from_pandas(frame)
    elif kind == "mapping":
        frame = {name: frame[name].tolist() for name in frame}
    elif kind == "floats":
        frame = frame.assign(ad=frame["ad"].astype(float))
    elif kind == "bytes":
        frame = frame.assign(**{name: frame[name].str.encode("utf-8") for name in ("user", "tags")})
    fitted = data_pipelines.fit_spec(unfitted, frame)
    assert_same(fitted, data.spec)
    assert fitted.vocabulary("ad").num_rows < 2 + 23


def test_a_table_is_encoded_as_the_prepared_rows(data: PreparedData, unfitted: FeatureSpec) -> None:
    fitted = data_pipelines.fit_spec(unfitted, table("train"))
    inputs, labels, groups = encode_table(fitted, table("validation"))
    prepared = collect(data.validation.batches(64))
    np.testing.assert_array_equal(labels, prepared.pop("label"))
    assert groups is not None
    for name, values in prepared.items():
        np.testing.assert_allclose(inputs[name], values, rtol=1e-6, err_msg=name)


def test_more_rows_than_a_chunk(
    data: PreparedData, unfitted: FeatureSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("table_fitting", "spool"):
        monkeypatch.setattr(f"data_pipelines.{module}.CHUNK_ROWS", 50)
    fitted = data_pipelines.fit_spec(unfitted, table("train"))
    assert fitted.fields == data.spec.fields
    known = data.spec.vocabulary("user").read_values()
    assert list(fitted.vocabulary("user").values) == list(known)
    wrong = table("train").assign(price="cheap")
    wrong["price"] = ["1"] * 120 + ["cheap"] * (len(wrong) - 120)
    with pytest.raises(DataError, match="The table, column 'price', row 121, must be a number"):
        data_pipelines.fit_spec(unfitted, wrong)


def test_a_history_that_is_left_out_in_a_row(data: PreparedData, unfitted: FeatureSpec) -> None:
    frame = table("train")
    whole = data_pipelines.fit_spec(unfitted, frame)
    cells = [None if row % 3 else cell for row, cell in enumerate(frame["tag_history"])]
    part = data_pipelines.fit_spec(unfitted, frame.assign(tag_history=cells))
    assert part.vocabulary("ad") == whole.vocabulary("ad")
    assert encode_table(part, frame.assign(tag_history=cells))[0]["history"].any()


def test_what_pandas_has_in_place_of_a_value_is_missing(unfitted: FeatureSpec) -> None:
    frame = table("train")
    for absent in (None, np.nan, pd.NA, pd.NaT, ""):
        users = [absent, *frame["user"].tolist()[1:]]
        fitted = data_pipelines.fit_spec(
            unfitted, frame.assign(user=pd.Series(users, dtype=object))
        )
        assert set(fitted.vocabulary("user").values) == {f"u{number}" for number in range(17)}


def test_what_is_fitted_already_stays(data: PreparedData) -> None:
    spec = data_pipelines.fit_spec(data.spec, table("test").assign(price=7e3, user="other"))
    assert_same(spec, data.spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history": "1|2"}, "'history', row 1, must be a list of the steps .*: '1[|]2'"),
        ({"user": b"\xff"}, "'user', row 1, must be text in UTF-8"),
        ({"ad": 2.0**53}, "'ad', row 1, must be an integer that no float has rounded.*992.0"),
        ({"ad": 1.5}, "'ad', row 1, must be an integer. Received: 1.5"),
        ({"user": [{"a"}]}, r"'user', row 1, must be a value, or a list of values.*\{'a'\}"),
        ({"history": [[5] * 4]}, "'tag_history', row 1, must have as many steps as 'history', 4"),
    ],
)
def test_wrong_cells(unfitted: FeatureSpec, change: dict[str, Any], message: str) -> None:
    frame = table("train")[5:]
    cells = {
        name: [(value[0] if isinstance(value, list) else value), *frame[name].tolist()[1:]]
        for name, value in change.items()
    }
    with pytest.raises(DataError, match=f"The table, column {message}"):
        data_pipelines.fit_spec(unfitted, frame.assign(**cells))


def test_tables_that_cannot_be_used(unfitted: FeatureSpec, beauty: PreparedData) -> None:
    with pytest.raises(DataError, match=r"lacks the columns \['page'\], .*Received: .*\['ad', "):
        data_pipelines.fit_spec(unfitted, table("train").drop(columns="page"))
    with pytest.raises(DataError, match="at least one row. Received: none"):
        data_pipelines.fit_spec(unfitted, table("train")[:0])
    with pytest.raises(DataError, match="of task 'ctr': for a log .*task='next_item'"):
        data_pipelines.fit_spec(beauty.spec, table("train"))


def test_a_field_without_values(unfitted: FeatureSpec) -> None:
    with pytest.raises(DataError, match="'user' must have at least one value that stands 1 time "):
        data_pipelines.fit_spec(unfitted, table("train").assign(user=None))


def test_the_error_of_an_unfitted_spec_names_the_way(unfitted: FeatureSpec) -> None:
    with pytest.raises(SpecError, match="or fit the spec to a table by data_pipelines.fit_spec"):
        _ = unfitted.vocabulary("user").num_rows
