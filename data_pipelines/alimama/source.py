"""Alimama as labelled examples with profiles, advertisements and behaviors."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator

import numpy as np

from amer_tf.features import (
    AnyField,
    CategoricalField,
    FeatureSpec,
    Normalization,
    NumericField,
    Vocabulary,
)
from data_pipelines.alimama import parse
from data_pipelines.delimited import file_table
from data_pipelines.errors import DataError, require_file
from data_pipelines.event_gaps import GAP_FIELD, asked_gap
from data_pipelines.random_streams import random_fractions
from data_pipelines.sources import TIME, Source, complete_vocabularies
from data_pipelines.splits import ByTime
from data_pipelines.tables import Chunk, Table

SAMPLE_FILES = ("raw_sample.csv", "raw_sample.csv.gz")
AD_FILES = ("ad_feature.csv", "ad_feature.csv.gz")
PROFILE_FILES = ("user_profile.csv", "user_profile.csv.gz")
BEHAVIOR_FILES = ("behavior_log.csv", "behavior_log.csv.gz")
_SAMPLED = 13


def open_source(
    folder: pathlib.Path,
    *,
    user_share: float = 1.0,
    min_count: int = 1,
    seed: int = 0,
    bad_rows: str = "error",
    history_gap: bool = False,
) -> Source:
    """Opens the shown advertisements of eight days; the last day is the test.

    The history of a user are his last 50 events before the advertisement, each with its category
    and brand, whatever the user did.

    Args:
        folder: Where the four files are, as published or compressed.
        user_share: Share of the users that are read.
        min_count: Values that stand less often in the training split are unknown.
        seed: Seed of the share.
        bad_rows: `"error"`, or `"skip"` to leave out rows with too few or too many cells.
        history_gap: Whether histories have a field of this name, the seconds between each event
            and the user's event before it.
    """
    if not isinstance(user_share, (int, float)) or not 0 < user_share <= 1:
        raise DataError(
            f"`user_share` must be more than 0 and at most 1. Received: user_share={user_share!r}"
        )
    sample, ads, profiles, log = (
        require_file(folder, *names)
        for names in (SAMPLE_FILES, AD_FILES, PROFILE_FILES, BEHAVIOR_FILES)
    )
    fields: tuple[AnyField, ...] = (
        CategoricalField("history_cate_id", role="behavior", vocabulary=parse.CATEGORY),
        CategoricalField("history_brand", role="behavior", vocabulary=parse.BRAND),
        *asked_gap(history_gap),
        *(CategoricalField(name, role="target") for name in (parse.AD, *parse.AD_FIELDS)),
        NumericField(parse.PRICE, role="target", normalization=Normalization(log=True)),
        *(CategoricalField(name) for name in (parse.USER, *parse.PROFILE_COLUMNS)),
        CategoricalField(parse.CONTEXT_FIELD, role="context"),
    )
    names = {field.vocabulary for field in fields if isinstance(field, CategoricalField)}
    return Source(
        name="alimama",
        spec=FeatureSpec(
            fields=fields,
            vocabularies=tuple(
                complete_vocabularies(
                    fields, (Vocabulary(name, min_count=min_count) for name in sorted(names))
                )
            ),
            label=parse.LABEL,
            group=parse.USER,
            target_to_behavior={
                parse.CATEGORY: "history_cate_id",
                parse.BRAND: "history_brand",
            },
        ),
        events=_of_some_users(sample_table(sample, bad_rows), user_share, seed),
        items=ads_table(ads, bad_rows),
        users=_table(profiles, {parse.USER: parse.PROFILE_KEY, **parse.PROFILE_COLUMNS}, bad_rows),
        behaviors=_table(
            log, {parse.USER: parse.USER, TIME: parse.TIME, **parse.BEHAVIOR_COLUMNS}, bad_rows
        ),
        item=parse.AD,
        gap_field=GAP_FIELD if history_gap else None,
        files=(sample, ads, profiles, log),
        has_time=True,
        split=ByTime(train_until=parse.TRAIN_UNTIL, validation_until=parse.TEST_FROM),
    )


def sample_table(file: pathlib.Path, bad_rows: str = "error") -> Table:
    """The shown advertisements."""
    own = (parse.USER, parse.AD, parse.CONTEXT_FIELD, parse.LABEL)
    return _table(file, {TIME: parse.TIME, **{name: name for name in own}}, bad_rows)


def ads_table(file: pathlib.Path, bad_rows: str = "error") -> Table:
    """The advertisements."""
    names = (parse.AD, *parse.AD_FIELDS, parse.PRICE)
    return _table(file, {name: name for name in names}, bad_rows)


def _table(file: pathlib.Path, columns: dict[str, str], bad_rows: str) -> Table:
    """A CSV file whose missing cells are empty."""
    table = file_table([file], columns, bad_rows=bad_rows)

    def read() -> Iterator[Chunk]:
        for chunk in table.read():
            known = {name: chunk.convert(name, parse.known, "text") for name in chunk.columns}
            yield dataclasses.replace(chunk, columns=known)

    return Table(table.place, read)


def _of_some_users(table: Table, share: float, seed: int) -> Table:
    """The rows of a share of the users, drawn by their number."""
    if share == 1:
        return table

    def read() -> Iterator[Chunk]:
        for chunk in table.read():
            users = chunk.convert(parse.USER, int, "a whole number")
            fractions = random_fractions(seed, _SAMPLED, np.fromiter(users, np.int64, len(users)))
            yield chunk.take(np.flatnonzero(fractions < share))

    return Table(table.place, read)
