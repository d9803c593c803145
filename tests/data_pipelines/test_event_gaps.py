"""The time between events as a field of the histories: what is computed, stored and fitted."""

from __future__ import annotations

import datetime
import itertools
import json
import math
import pathlib
from typing import Any

import numpy as np
import pytest

import data_pipelines
from amer_tf.features import Normalization, NumericField
from amer_tf.models import dsin
from data_pipelines import DataError, PreparedData, event_log
from data_pipelines.event_gaps import gap_field, write_gaps
from data_pipelines.event_log import MOMENT, USER_CODE, Sequences
from tests.data_pipelines import test_ctr_joined as joined
from tests.data_pipelines.test_ctr_joined import STEPS, Shop
from tests.data_pipelines.test_ctr_table import collect

FILES: dict[str, Any] = json.loads(json.dumps(joined.DESCRIPTION["files"]))
FILES["behaviors"]["gap"] = "wait"
MINUTES = [0.0, 0.0, 20.0, 50.0, 81.0]


def prepare(folder: pathlib.Path, shop: Shop, **changes: Any) -> PreparedData:
    return joined.prepare(folder, shop, files=FILES, **changes)


def gaps_by_hand(shop: Shop, user: str, time: str) -> list[float]:
    """The gap before each step of a history, NaN before the first event of the user."""
    times = sorted(float(event[2]) for event in shop.log if event[0] == user)
    gaps = [math.nan, *(later - earlier for earlier, later in itertools.pairwise(times))]
    return gaps[: sum(moment < float(time) for moment in times)][-STEPS:]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return prepare(tmp_path_factory.mktemp("shop"), Shop())


@pytest.mark.parametrize("chunk_rows", [1 << 20, 3, 1])
def test_gaps_of_each_user(monkeypatch: pytest.MonkeyPatch, chunk_rows: int) -> None:
    monkeypatch.setattr(event_log, "CHUNK_ROWS", chunk_rows)
    # Users 0, 3 and 6 have no events.
    users = [1, 1, 1, 2, 4, 4, 4, 4, 5]
    rows = np.zeros(9, [(USER_CODE, "<i4"), (MOMENT, "<f8"), ("gap", "<f8")])
    rows[USER_CODE] = users
    rows[MOMENT] = [100, 100, 160, 5, 1e9, 1e9 + 0.5, 1e9 + 2, 1e9 + 2, 7]
    offsets = np.searchsorted(users, np.arange(8))
    write_gaps(Sequences(rows, offsets, list(range(7)), []), "gap")
    nan = math.nan
    np.testing.assert_array_equal(rows["gap"], [nan, 0, 60, nan, nan, 0.5, 1.5, 0, nan])


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_histories_have_the_gaps_of_the_log(data: PreparedData, name: str) -> None:
    shop, split = Shop(), getattr(data, name)
    low, high = {"train": (0, 60), "validation": (60, 80), "test": (80, 100)}[name]
    field = data.spec.field("wait")
    assert isinstance(field, NumericField)
    fitted = field.normalization
    assert fitted.low is not None
    assert fitted.high is not None
    assert fitted.mean is not None
    expected = np.zeros((split.num_examples, STEPS))
    rows = [row for row in shop.examples if low <= int(row[2]) < high]
    for number, (user, _, time, *_) in enumerate(rows):
        gaps = np.array(gaps_by_hand(shop, user, time))
        logs = np.where(np.isnan(gaps), fitted.mean, np.log1p(gaps))
        logs = np.clip(logs, fitted.low, fitted.high)
        expected[number, : len(gaps)] = 2 * (logs - fitted.low) / (fitted.high - fitted.low) - 1
    if name != "train":  # whose rows come shuffled; values of one field are in order
        np.testing.assert_allclose(collect(split.batches(64))["wait"], expected, atol=1e-6)
    np.testing.assert_allclose(split.field_values("wait"), expected, atol=1e-6)
    assert len(np.unique(expected)) > 10


def test_the_normalisation_is_that_of_training(data: PreparedData) -> None:
    shop = Shop()
    last: dict[str, int] = {}
    for user, _, time, *_ in shop.examples:
        if int(time) < 60:
            last[user] = max(last.get(user, 0), int(time))
    gaps = []
    for user, until in last.items():
        times = sorted(int(event[2]) for event in shop.log if event[0] == user)
        gaps += np.diff([moment for moment in times if moment < until]).tolist()
    field = data.spec.field("wait")
    assert field.role == "behavior"
    assert isinstance(field, NumericField)
    fitted = field.normalization
    assert fitted.log
    np.testing.assert_allclose(
        (fitted.low, fitted.high, fitted.mean),
        (np.log1p(min(gaps)), np.log1p(max(gaps)), np.log1p(gaps).mean()),
    )


def test_the_other_fields_are_as_without(data: PreparedData, tmp_path: pathlib.Path) -> None:
    without = joined.prepare(tmp_path, Shop())
    found, expected = (collect(each.test.batches(64)) for each in (data, without))
    assert set(found) - set(expected) == {"wait"}
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_the_first_event_of_a_user_has_a_flag(data: PreparedData) -> None:
    [(inputs, *_)] = data.test.batches(data.test.num_examples, missing_flags=True)
    shop = Shop()
    rows = [row for row in shop.examples if int(row[2]) >= 80]
    for row, flags in zip(rows, np.asarray(inputs["wait_missing"]), strict=True):
        gaps = np.isnan(gaps_by_hand(shop, row[0], row[2]))
        np.testing.assert_array_equal(flags, np.pad(gaps, (0, STEPS - len(gaps))))


def test_a_longer_history_has_the_same_gaps(data: PreparedData) -> None:
    longer = data_pipelines.load(data.folder, max_length=7)
    short, long = (collect(part.test.batches(64)) for part in (data, longer))
    lengths = (long["history_item"] > 0).sum(axis=1)
    assert lengths.max() == 7
    for row, length in enumerate(lengths):
        newest = long["wait"][row, max(0, length - STEPS) : length]
        np.testing.assert_array_equal(short["wait"][row, : len(newest)], newest)


@pytest.mark.parametrize("of_a_date", [False, True])
def test_seconds_since_1970_and_dates(tmp_path: pathlib.Path, of_a_date: bool) -> None:
    def moment(minutes: float) -> str:
        seconds = 1_714_521_600 + 60 * minutes
        date = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        return date.isoformat() if of_a_date else str(seconds)

    shop = Shop()
    shop.log = [("u0", f"i{n}", moment(minutes), "buy") for n, minutes in enumerate(MINUTES)]
    shop.examples = [("u0", "i1", moment(100 + n), "3", str(n % 2)) for n in range(30)]
    data = prepare(tmp_path, shop, split="by_time", max_length=5)
    field = data.spec.field("wait")
    assert isinstance(field, NumericField)
    # 0, 20, 30 and 31 minutes.
    assert field.normalization.high == pytest.approx(math.log1p(1860))
    # All examples are of one user and lie behind his events, of which one comes after 30 minutes.
    [(inputs, *_)] = data.test.batches(data.test.num_examples)
    model = dsin.build(data.spec, embedding_dim=4, gap_field="wait")
    layer = model.get_layer("amer.sessions")
    states = np.ones((*inputs["wait"].shape, 1), "float32")
    divided = layer(states, inputs["wait"], states_mask=np.asarray(inputs["history_item"]) > 0)
    assert np.sum(divided["events"], axis=-1)[0].tolist() == [0, 0, 0, 4, 1]


def test_a_field_of_that_name_may_not_be_there(tmp_path: pathlib.Path) -> None:
    fields = [*joined.DESCRIPTION["fields"], {"name": "wait", "role": "behavior"}]
    with pytest.raises(DataError, match="Field names must differ. Received twice: 'wait'"):
        prepare(tmp_path, Shop(), fields=fields)


@pytest.mark.parametrize("gap", ["", 3, True])
def test_the_key_names_a_field(tmp_path: pathlib.Path, gap: object) -> None:
    files = {**FILES, "behaviors": {**FILES["behaviors"], "gap": gap}}
    with pytest.raises(DataError, match="`files.behaviors.gap` must be a non-empty text"):
        joined.prepare(tmp_path, Shop(), files=files)


def test_a_log_of_one_event_a_user_has_no_gap(tmp_path: pathlib.Path) -> None:
    shop = Shop()
    shop.log = [(user, "i0", "1", "view") for user in shop.users]
    with pytest.raises(DataError, match="The numeric field 'wait' must have a number in the trai"):
        prepare(tmp_path, shop)


def test_the_field_keeps_30_minutes_apart_beside_a_year() -> None:
    year = Normalization(low=0.0, high=math.log1p(366 * 86_400), mean=9.0, log=True)
    assert gap_field().normalization == Normalization(log=True)
    scaled = [2 * math.log1p(seconds) / year.high - 1 for seconds in (1800, 1801)]  # type: ignore[operator]
    assert np.diff(scaled)[0] > 8 * np.spacing(np.float32(scaled[0]))
