"""Times of examples and of the log of behaviors: dates, numbers, units, and no overlap."""

from __future__ import annotations

import datetime
import pathlib
from collections.abc import Callable

import pandas as pd
import pytest

from data_pipelines import DataError
from tests.data_pipelines import test_ctr_joined as joined
from tests.data_pipelines.test_ctr_table import collect

START = 1714521600  # 2024-05-01; the shop's times are minutes from then
SPLIT = {"kind": "by_time"}


def seconds(time: str) -> int:
    return START + 60 * int(time)


def date(time: str) -> str:
    return datetime.datetime.fromtimestamp(seconds(time), datetime.timezone.utc).isoformat()


def milliseconds(time: str) -> int:
    return 1000 * seconds(time)


def shop(of_example: Callable[[str], object], of_event: Callable[[str], object]) -> joined.Shop:
    made = joined.Shop()
    made.examples = [(*row[:2], str(of_example(row[2])), *row[3:]) for row in made.examples]
    made.log = [(*row[:2], str(of_event(row[2])), row[3]) for row in made.log]
    return made


def test_dates_and_seconds_are_one_clock(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    histories = []
    for name, of_event in (("seconds", seconds), ("dates", date)):
        (tmp_path / name).mkdir()
        data = joined.prepare(tmp_path / name, shop(seconds, of_event), split=SPLIT)
        histories.append(collect(data.test.batches(64))["history_item"].tolist())
    assert histories[0] == histories[1]
    assert "behaviors" not in caplog.text


@pytest.mark.parametrize(
    ("of_example", "of_event", "ranges"),
    [
        (milliseconds, date, r"examples from 17145.*such as '1714.*in examples.csv, column 'when'"),
        (date, milliseconds, r"examples from 2024-05-01T.* behaviors from 1714521.*log.csv, colum"),
        (seconds, milliseconds, r"examples from 1714521\d+ .*behaviors from 1714521"),
        (milliseconds, seconds, r"examples from 1714521.*behaviors from 1714521\d+ "),
    ],
)
def test_other_units(
    tmp_path: pathlib.Path,
    of_example: Callable[[str], object],
    of_event: Callable[[str], object],
    ranges: str,
) -> None:
    message = f"must be on one clock.*Received: .*{ranges}"
    with pytest.raises(DataError, match=message):
        joined.prepare(tmp_path, shop(of_example, of_event), split=SPLIT)


def test_a_date_in_a_log_of_numbers(tmp_path: pathlib.Path) -> None:
    made = joined.Shop()
    made.log.append(("u1", "i1", "2024-05-31", "view"))
    message = r"log.csv, column 'at', row 304, must be a number.*Received: '2024-05-31', a date"
    with pytest.raises(DataError, match=message):
        joined.prepare(tmp_path, made)


def test_examples_of_the_next_day(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    data = joined.prepare(
        tmp_path, shop(lambda time: date(str(int(time) + 1440)), date), split=SPLIT
    )
    assert data.counts["events"] == 300
    assert "Every event of the behaviors lies before every example." in caplog.text
    assert "Examples from 2024-05-02T00:00:00 to 2024-05-02T01:39:00 (such as" in caplog.text
    assert "behaviors from 2024-05-01T00:00:00 to 2024-05-01T01:39:00 (such as" in caplog.text


def test_examples_without_any_history(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    # With nothing in any history, there is no value to fit the field of the event to.
    with pytest.raises(DataError, match="The vocabulary 'action' must have at least one value"):
        joined.prepare(tmp_path, shop(int, lambda time: int(time) + 100))
    assert "No training example has a history: no event of the behaviors is" in caplog.text
    assert "Examples from 0 to 99 (such as" in caplog.text
    assert "behaviors from 100 to 199 (such as" in caplog.text


def test_moments_of_parquet_are_dates(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = {**joined.DESCRIPTION["files"]["behaviors"], "path": "log.parquet"}
    made = shop(date, date)
    frame = pd.DataFrame(made.log, columns=["who", "what", "at", "action"])
    frame.assign(at=pd.to_datetime(frame["at"])).to_parquet(tmp_path / "log.parquet")
    files = {**joined.DESCRIPTION["files"], "behaviors": log}
    data = joined.prepare(tmp_path, made, files=files, split=SPLIT)
    assert collect(data.test.batches(64))["history_item"].any()
    assert "behaviors" not in caplog.text


def between(train_until: object, validation_until: object) -> dict[str, object]:
    return {"kind": "by_time", "train_until": train_until, "validation_until": validation_until}


@pytest.mark.parametrize(
    ("of_example", "split"),
    [
        (date, between("2024-05-01T01:00:00", "2024-05-01T03:20+02:00")),
        (date, between(seconds("60"), "2024-05-01T01:20:00Z")),
        (seconds, between("2024-05-01T01:00:00", "2024-05-01T01:20:00")),
    ],
)
def test_a_split_at_dates(
    tmp_path: pathlib.Path, of_example: Callable[[str], object], split: dict[str, object]
) -> None:
    data = joined.prepare(tmp_path, shop(of_example, date), split=split)
    wanted = [int(row[2]) for row in joined.Shop().examples]
    sizes = [part.num_examples for part in (data.train, data.validation, data.test)]
    assert sizes == [sum(low <= time < low + size for time in wanted)
                     for low, size in ((0, 60), (60, 20), (80, 20))]  # fmt: skip


@pytest.mark.parametrize(
    ("of_example", "split", "message"),
    [
        (date, between(20240501, 20240502), "a date, as they are.*Received: train_until=20240501,"),
        (milliseconds, between("2024-05-01T01:00", "2024-05-01T02:00"), "a number, as they are"),
        (
            date,
            between("2024-05-01T01:00:00", milliseconds("80")),
            r"a date.*validation_until=17145\d+, and times from 2024-05-01T00:00:00 to 2024-05-01",
        ),
    ],
)
def test_a_split_of_another_clock(
    tmp_path: pathlib.Path,
    of_example: Callable[[str], object],
    split: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(DataError, match=f"must be on the clock of the times: .*{message}"):
        joined.prepare(tmp_path, shop(of_example, of_example), split=split)
