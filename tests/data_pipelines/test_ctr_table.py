"""Tables of labelled examples, from a description file to batches."""

from __future__ import annotations

import csv
import json
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import data_pipelines
from data_pipelines import DataError, PreparedData

NUM_ROWS = 600
DESCRIPTION: dict[str, Any] = {
    "name": "ads",
    "task": "ctr",
    "files": {"events": "ads.csv"},
    "user": "user",
    "time": "when",
    "label": "click",
    "max_length": 3,
    "fields": [
        {"name": "user", "role": "profile"},
        {"name": "ad", "role": "target", "vocabulary": "ad"},
        {"name": "history", "role": "behavior", "vocabulary": "ad", "behavior_of": "ad"},
        {"name": "tags", "kind": "multi_valued", "role": "target", "max_values": 2,
         "separator": ";"},
        {"name": "tag_history", "kind": "multi_valued", "role": "behavior", "vocabulary": "tags",
         "max_values": 2, "separator": ";", "behavior_of": "tags"},
        {"name": "hour", "role": "context"},
        {"name": "price", "kind": "numeric", "role": "context"},
        {"name": "page", "role": "context"},
    ],
    "vocabularies": [
        {"name": "ad", "dtype": "int64", "min_count": 2},
        {"name": "hour", "source": "integer", "dtype": "int64", "size": 24},
        {"name": "page", "source": "hash", "size": 50},
    ],
    "split": {"kind": "random", "seed": 1},
}  # fmt: skip


def make_rows() -> list[dict[str, str]]:
    """Rows of raw text; every third clicks."""
    return [
        {
            "user": f"u{row % 17}",
            "ad": str(row % 23),
            "history": "|".join(str((row + step) % 23) for step in range(row % 6)),
            "tags": ["", "a", "a;b", "c;a;b"][row % 4],
            "tag_history": "|".join(["a;b"] * (row % 6)),
            "hour": str(row % 25),
            "price": "" if row % 10 == 0 else str(row % 7),
            "page": f"page {row % 31}",
            "when": str(1000 + row),
            "click": str(int(row % 3 == 0)),
        }
        for row in range(NUM_ROWS)
    ]


def write(folder: pathlib.Path, rows: list[dict[str, str]], **changes: Any) -> pathlib.Path:
    """Writes the table and its description; gives the latter."""
    with (folder / "ads.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "ads.json").write_text(json.dumps({**DESCRIPTION, **changes}))
    return folder / "ads.json"


def prepare(folder: pathlib.Path, **changes: Any) -> PreparedData:
    description = write(folder, make_rows(), **changes)
    data_pipelines.prepare(description, None, folder / "data")
    return data_pipelines.load(folder / "data")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return prepare(tmp_path_factory.mktemp("ads"))


def collect(dataset: Any) -> dict[str, npt.NDArray[Any]]:
    """All examples of `(inputs, label, ...)`, without padding."""
    parts = []
    for inputs, label, *weight in dataset:
        batch = {key: value.numpy() for key, value in {**inputs, "label": label}.items()}
        kept = weight[0].numpy() > 0 if weight else slice(None)
        parts.append({key: value[kept] for key, value in batch.items()})
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def row_keys(examples: dict[str, npt.NDArray[Any]], data: PreparedData) -> list[tuple[Any, ...]]:
    names = ("user", "ad", "hour", "page", "label", "price")
    return sorted(zip(*(examples[name].tolist() for name in names), strict=True))


def test_every_row_is_in_one_split_and_labels_keep_their_shares(data: PreparedData) -> None:
    sizes = [split.num_examples for split in (data.train, data.validation, data.test)]
    assert sizes == [480, 60, 60]
    assert data.counts["rows"] == NUM_ROWS
    for split in (data.train, data.validation, data.test):
        np.testing.assert_allclose(split.labels.mean(), 1 / 3)
    assert data.counts["train_positive_rate"] == pytest.approx(1 / 3)
    assert data.counts["users"] == 17


def test_an_epoch_takes_every_row_once(data: PreparedData) -> None:
    ordered = data_pipelines.table_split.TableEvaluationSplit(data.spec, data.train._rows)
    whole = row_keys(collect(ordered.batches(64)), data)
    for epoch in range(3):
        batches = data.train.batches(48, seed=5, first_step=10 * epoch, num_steps=10)
        assert row_keys(collect(batches), data) == whole
    first, second = (
        collect(data.train.batches(480, num_steps=1, first_step=step))["ad"] for step in (0, 1)
    )
    assert first.tolist() != second.tolist()


def test_first_step_goes_on_exactly(data: PreparedData) -> None:
    whole = collect(data.train.batches(100, seed=2, num_steps=12))
    rest = collect(data.train.batches(100, seed=2, first_step=7, num_steps=5))
    for name, values in rest.items():
        np.testing.assert_array_equal(values, whole[name][700:])


def test_values_of_every_kind(data: PreparedData) -> None:
    raw = {row["when"]: row for row in make_rows()}
    vocabularies = {
        name: {str(value): code for code, value in enumerate(data.spec.vocabulary(name).values, 2)}
        for name in ("user", "ad", "tags")
    }
    found = collect(data.validation.batches(16, missing_flags=True))
    inputs, _, _ = data.validation.batches(16).element_spec
    assert {name: tuple(spec.shape) for name, spec in inputs.items()} == {
        "user": (16,), "ad": (16,), "history": (16, 3), "tags": (16, 2),
        "tag_history": (16, 3, 2), "hour": (16,), "price": (16,), "page": (16,),
    }  # fmt: skip
    # The rows of the split, told by what they hold.
    by_content = {
        (
            vocabularies["user"][row["user"]],
            vocabularies["ad"][row["ad"]],
            int(row["hour"]) + 2 if int(row["hour"]) < 24 else 1,
        ): row
        for row in raw.values()
    }
    for index in range(len(found["ad"])):
        row = by_content[tuple(int(found[name][index]) for name in ("user", "ad", "hour"))]
        ads = [vocabularies["ad"][ad] for ad in row["history"].split("|") if ad][-3:]
        assert found["history"][index].tolist() == ads + [0] * (3 - len(ads))
        tags = [vocabularies["tags"][tag] for tag in row["tags"].split(";") if tag][:2]
        assert found["tags"][index].tolist() == tags + [0] * (2 - len(tags))
        pair = [vocabularies["tags"][tag] for tag in "ab"]
        assert found["tag_history"][index].tolist() == [pair] * len(ads) + [[0, 0]] * (3 - len(ads))
        assert found["price_missing"][index] == float(row["price"] == "")
        if row["price"]:
            expected = 2 * float(row["price"]) / 6 - 1
            np.testing.assert_allclose(found["price"][index], expected, atol=1e-6)
        else:
            normalization = data.spec.field("price").normalization
            np.testing.assert_allclose(found["price"][index], normalization.mean / 3 - 1, atol=1e-6)
        assert found["label"][index] == float(row["click"])


def test_groups_tell_users_apart(data: PreparedData) -> None:
    found = collect(data.test.batches(16))
    pairs = set(zip(found["user"].tolist(), data.test.groups.tolist(), strict=True))
    assert len(pairs) == len({user for user, _ in pairs}) == len({group for _, group in pairs})


def test_padding_has_no_weight(data: PreparedData) -> None:
    *_, (inputs, label, weight) = data.test.batches(16)
    assert weight.numpy().tolist() == [1] * 12 + [0] * 4
    assert (inputs["ad"].numpy()[12:] == 0).all()
    assert (label.numpy()[12:] == 0).all()


def test_limit(data: PreparedData) -> None:
    part = data.validation.limit(10, seed=1)
    assert part.num_examples == len(part.labels) == len(part.groups) == 10
    limited = collect(data.validation.batches(4, limit=10, seed=1))
    assert limited["label"].tolist() == part.labels.tolist()
    assert len(part.limit(5).labels) == 5


def test_only_training_rows_are_fitted(tmp_path: pathlib.Path) -> None:
    rows = make_rows()
    for row in rows[480:]:
        row["ad"], row["price"] = "999", "1000"
    rows[0]["ad"] = "77"
    description = write(tmp_path, rows, split="by_time")
    data_pipelines.prepare(description, None, tmp_path / "data")
    data = data_pipelines.load(tmp_path / "data")
    values = data.spec.vocabulary("ad").values
    assert 999 not in values
    # Seen once, but rarer than `min_count`.
    assert 77 not in values
    assert data.spec.field("price").normalization.high == 6
    found = collect(data.test.batches(16))
    assert (found["ad"] == 1).all()
    assert found["price"].max() == 1


def test_by_time(tmp_path: pathlib.Path) -> None:
    split = {"kind": "by_time", "train_until": 1400, "validation_until": 1500}
    data = prepare(tmp_path, split=split)
    sizes = [part.num_examples for part in (data.train, data.validation, data.test)]
    assert sizes == [400, 100, 100]


def test_by_column(tmp_path: pathlib.Path) -> None:
    rows = make_rows()
    for number, row in enumerate(rows):
        row["part"] = ["train", "train", "validation", "test"][number // 3 % 4]
    description = write(tmp_path, rows, split={"kind": "by_column", "column": "part"})
    counts = data_pipelines.prepare(description, None, tmp_path / "data")
    sizes = [counts[f"{name}_examples"] for name in ("train", "validation", "test")]
    assert sizes == [300, 150, 150]

    rows[7]["part"] = "dev"
    description = write(tmp_path, rows, split={"kind": "by_column", "column": "part"})
    with pytest.raises(
        DataError, match="column 'part', row 8, must be one of train, validation, test"
    ):
        data_pipelines.prepare(description, None, tmp_path / "other")


def test_chunks_make_no_difference(
    tmp_path: pathlib.Path, data: PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_pipelines.spool.CHUNK_ROWS", 37)
    monkeypatch.setattr("data_pipelines.delimited.CHUNK_ROWS", 41)
    other = prepare(tmp_path)
    for name in ("train", "validation", "test"):
        first, second = ((d.folder / f"{name}.records").read_bytes() for d in (data, other))
        assert first == second
    assert other.spec.to_dict() == data.spec.to_dict()


@pytest.mark.parametrize("label", ["2", "", "yes", "-1", "0.5"])
def test_a_label_must_be_0_or_1(tmp_path: pathlib.Path, label: str) -> None:
    rows = make_rows()
    rows[4]["click"] = label
    with pytest.raises(
        DataError,
        match=f"ads.csv, column 'click', row 5, is the label and must be 0 or 1. "
        f"Received: {label!r}",
    ):
        data_pipelines.prepare(write(tmp_path, rows), None, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_split_of_one_class(tmp_path: pathlib.Path) -> None:
    rows = make_rows()
    for row in rows[540:]:
        row["click"] = "0"
    positives = sum(row["click"] == "1" for row in rows)
    with pytest.raises(
        DataError,
        match="test split must have both labels, 0 and 1: .*or split at random. "
        f"Received: 60 rows, all of them 0; of all 600 rows {positives} are 1",
    ):
        data_pipelines.prepare(write(tmp_path, rows, split="by_time"), None, tmp_path / "data")


@pytest.mark.parametrize("label", ["0", "1"])
@pytest.mark.parametrize("split", ["by_time", "random"])
def test_a_table_of_one_class(tmp_path: pathlib.Path, label: str, split: str) -> None:
    rows = make_rows()
    for row in rows:
        row["click"] = label
    message = (
        "must have both values, 0 and 1, and the whole table has one alone: check the column "
        f"'click' of ads.csv. Received: 600 rows, all of them {label}"
    )
    with pytest.raises(DataError, match=message) as error:
        data_pipelines.prepare(write(tmp_path, rows, split=split), None, tmp_path / "data")
    assert "at random" not in str(error.value)


def test_an_empty_split(tmp_path: pathlib.Path) -> None:
    split = {"kind": "by_time", "train_until": 1400, "validation_until": 9999}
    with pytest.raises(DataError, match="test split must have at least one row.*of 600 rows"):
        prepare(tmp_path, split=split)


def test_no_rows(tmp_path: pathlib.Path) -> None:
    description = write(tmp_path, make_rows())
    (tmp_path / "ads.csv").write_text((tmp_path / "ads.csv").read_text().split("\n")[0] + "\n")
    with pytest.raises(DataError, match="'ads' must have at least one row. Received: none in ads"):
        data_pipelines.prepare(description, None, tmp_path / "data")


def test_no_row_but_bad_ones(tmp_path: pathlib.Path) -> None:
    description = write(tmp_path, make_rows(), format={"bad_rows": "skip"})
    header = (tmp_path / "ads.csv").read_text().split("\n")[0]
    (tmp_path / "ads.csv").write_text(f"{header}\n1,2\n3\n")
    with pytest.raises(DataError, match=r"Received: none in ads.csv, 2 bad rows left out"):
        data_pipelines.prepare(description, None, tmp_path / "data")


def test_a_split_by_time_needs_a_time(tmp_path: pathlib.Path) -> None:
    description = {key: value for key, value in DESCRIPTION.items() if key != "time"}
    write(tmp_path, make_rows())
    (tmp_path / "ads.json").write_text(json.dumps({**description, "split": "by_time"}))
    with pytest.raises(DataError, match="needs a time column. Received: the data set 'ads'"):
        data_pipelines.prepare(tmp_path / "ads.json", None, tmp_path / "data")


@pytest.mark.parametrize(
    ("separator", "message"),
    [
        (";", r"must differ from the separator of fields\['tag_history'\]"),
        ("", "`step_separator` must be text. Received: step_separator=''"),
        (5, "`step_separator` must be text. Received: step_separator=5"),
    ],
)
def test_wrong_step_separators(tmp_path: pathlib.Path, separator: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, step_separator=separator)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"split": {"kind": "by_column", "column": "page"},
             "fields": [{"name": "page", "column": "hour"}]},
            "The field 'page' must be the column 'page', which deals rows out. .*column='hour'",
        ),
        (
            {"fields": [{"name": "ad", "role": "target"},
                        *({"name": name, "role": "behavior", "vocabulary": "ad",
                           "behavior_of": "ad"} for name in ("history", "page"))]},
            r"history. Received: fields\['page'\] with behavior_of='ad', as fields\['history'\]",
        ),
        (
            {"fields": [{"name": "ad"}, {"name": "clicked", "column": "click"}]},
            "The label must not be a field: .* Received: field 'clicked' of column 'click'",
        ),
        (
            {"vocabularies": [{"name": "adv"}]},
            "A vocabulary must be one that a field names; .* Received: 'adv'",
        ),
    ],
)  # fmt: skip
def test_wrong_descriptions(tmp_path: pathlib.Path, changes: Any, message: str) -> None:
    changes = {"vocabularies": [], **changes}
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, **changes)


def test_rows_have_the_length_they_were_prepared_with(data: PreparedData) -> None:
    with pytest.raises(ValueError, match="Received: max_length=5"):
        data_pipelines.load(data.folder, max_length=5)


def test_all_values_of_a_field(data: PreparedData) -> None:
    for split in (data.validation, data.validation.limit(20, seed=3)):
        examples = collect(split.batches(7))
        for name in ("ad", "tags", "price", "history"):
            np.testing.assert_array_equal(split.field_values(name), examples[name])
