"""Preparation of a next-item data set: events to encoded sequences, item catalog and splits."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import NUM_RESERVED_IDS, UNKNOWN_ID, AnyField, FeatureSpec, Vocabulary
from data_pipelines import records, sequence_split, splits
from data_pipelines.candidates import distinct_items
from data_pipelines.errors import DataError, writing
from data_pipelines.event_log import ITEM_CODE, MOMENT, USER_CODE, Sequences, sort_by_user, spool
from data_pipelines.field_coding import FieldCoder
from data_pipelines.field_fitting import FieldCounter, IdTables
from data_pipelines.filters import k_core
from data_pipelines.fitting import final_ids, fit_vocabulary
from data_pipelines.joins import Keys
from data_pipelines.row_layout import RowLayout
from data_pipelines.side_tables import read_names, read_side_table
from data_pipelines.sources import ITEM, USER, Source
from data_pipelines.vocabulary_coding import VocabularyCoder

EVENTS_FILE = "events.records"
OFFSETS_FILE = "offsets.records"
PROFILES_FILE = "profiles.records"
CATALOG_FILE = "catalog.records"
TRAIN_FILE = "train.records"
VALIDATION_FILE = "validation.records"
TEST_FILE = "test.records"
TRAIN_ITEMS_FILE = "train_items.records"
TRAIN_ITEMS_OFFSETS_FILE = "train_items_offsets.records"
USERS_FILE = "users.json"
ITEM_NAMES_FILE = "item_names.json"


def prepare_next_item(
    source: Source, folder: pathlib.Path, scratch: pathlib.Path
) -> dict[str, Any]:
    """Writes everything but the head of the data folder.

    Args:
        source: The data set.
        folder: Where the files of the data folder go.
        scratch: An empty folder for files that are not needed afterwards.

    Returns: The counts.
    """
    spec = source.spec
    coders = {entry.name: VocabularyCoder(entry) for entry in spec.vocabularies}
    event_coder = FieldCoder(spec, event_fields(spec), coders)
    log = spool(source, event_coder, scratch)
    kept_users, kept_items = k_core(
        log.rows[USER_CODE], log.rows[ITEM_CODE], len(log.users), len(log.items), source.k_core
    )
    if not kept_users.any():
        raise DataError(
            f"The {source.k_core}-core of {source.name!r} must hold at least one event: choose a "
            f"smaller k_core. Received: {len(log.rows)} events, none left"
        )
    sequences = sort_by_user(log, kept_users, kept_items, scratch)
    split = _split(source, sequences)

    of_users = [field for field in spec.with_role("profile") if field.name != spec.group]
    profile_coder = FieldCoder(spec, of_users, coders)
    catalog_coder = FieldCoder(spec, spec.catalog_fields, coders)
    user_keys = Keys("users", USER, source.user_dtype, sequences.users, source.events)
    profiles, met_users = read_side_table(source.users, user_keys, profile_coder)
    profiles = _with_ids(
        profiles,
        FieldCoder(spec, spec.with_role("profile"), coders),
        sequences.users,
        coders,
    )
    vocabulary = spec.vocabulary(ITEM)
    catalog_items = _catalog_items(vocabulary, sequences.items)
    item_keys = Keys("items", ITEM, vocabulary.dtype, catalog_items, source.events)
    catalog, met_items = read_side_table(source.items, item_keys, catalog_coder)
    for coder in (event_coder, profile_coder, catalog_coder):
        coder.warn_of_unused_separators()
    spec, ids, item_ids = _fit(source, sequences, split, coders, profiles, catalog)
    catalog_ids = item_ids
    if vocabulary.source != "fit":
        catalog_ids = np.arange(len(catalog), dtype=np.int32) + NUM_RESERVED_IDS

    with writing(folder):
        spec.save(folder)
    _write_events(spec, sequences, item_ids, ids, folder)
    _write_train_items(sequences, split, item_ids, folder)
    _write_profiles(spec, profiles, ids, folder)
    _write_catalog(spec, catalog, catalog_coder.missing(1), catalog_ids, ids, folder)
    for name, rows in (
        (OFFSETS_FILE, sequences.offsets[:, None]),
        (TRAIN_FILE, split.train_length[:, None]),
        (VALIDATION_FILE, split.validation),
        (TEST_FILE, split.test),
    ):
        records.write(folder / name, np.ascontiguousarray(rows, np.int64))
    write_json(folder / USERS_FILE, sequences.users)
    if source.has_item_names:
        assert source.items is not None
        named = {*catalog_items, *sequences.items}
        write_json(folder / ITEM_NAMES_FILE, read_names(source.items, vocabulary.dtype, named))
    counts = _counts(sequences, split, item_ids)
    if log.num_skipped:
        counts["skipped_rows"] = log.num_skipped
    if log.num_without_item:
        counts["events_without_item"] = log.num_without_item
    item_counts = sequences.count_items(len(sequences.items))
    of_catalog = _catalog_counts(coders[vocabulary.name], sequences.items, item_counts)
    return counts | met_users.counts(events=sequences.lengths) | met_items.counts(events=of_catalog)


def _with_ids(
    profiles: npt.NDArray[Any],
    coder: FieldCoder,
    users: Sequence[Any],
    coders: Mapping[str, VocabularyCoder],
) -> npt.NDArray[Any]:
    """Coded profiles of all fields, also the user's own id where that is one of them."""
    if USER not in {field.name for field in coder.fields}:
        return profiles
    rows = coder.missing(len(users))
    for name in profiles.dtype.names or ():
        rows[name] = profiles[name]
    rows[USER] = coders[USER].encode(users, lambda index: f"user {index}")
    return rows


def event_fields(spec: FeatureSpec) -> tuple[AnyField, ...]:
    """Fields whose values stand with each event, besides the item."""
    return tuple(
        field
        for field in spec.input_fields
        if field.role in ("behavior", "context") and field.name != spec.history_field
    )


def write_json(file: pathlib.Path, data: Any) -> None:
    """Writes plain data as JSON."""
    with writing(file):
        file.write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")


def _split(source: Source, sequences: Sequences) -> sequence_split.SequenceSplit:
    lengths = sequences.lengths
    if isinstance(source.split, splits.ByTime):
        if not source.has_time or not source.global_time:
            raise DataError(
                "A split by time needs a column of times that can be compared between users. "
                f"Received: the data set {source.name!r}, which has none"
            )
        before = []
        for moment in source.split.moments(sequences.times):
            count = np.zeros(len(lengths), np.int64)
            for first, last in sequences.user_ranges():
                rows = sequences.rows[int(sequences.offsets[first]) : int(sequences.offsets[last])]
                early = rows[USER_CODE][rows[MOMENT] < moment] - first
                count[first:last] = np.bincount(early, minlength=last - first)
            before.append(count)
        split = sequence_split.by_time(lengths, *before)
    else:
        split = sequence_split.leave_one_out(lengths)
    for name, size in (
        ("training", int((split.train_length >= 2).sum())),
        ("validation", len(split.validation)),
        ("test", len(split.test)),
    ):
        if not size:
            raise DataError(
                f"The {name} split must have at least one example: check the split and k_core. "
                f"Received: none, from {len(lengths)} users with at most {int(lengths.max())} "
                f"events, split={source.split}"
            )
    return split


def _catalog_items(vocabulary: Vocabulary, items: list[Any]) -> Sequence[Any]:
    """The items that the catalog describes, whether or not there is an event of each.

    Args:
        vocabulary: The unfitted vocabulary of the item.
        items: The items that have events.
    """
    return items if vocabulary.source == "fit" else vocabulary.read_values()


def _item_codes(coder: VocabularyCoder, items: list[Any]) -> npt.NDArray[np.int32]:
    return coder.encode(items, lambda index: f"item {index}")


def _train_events(
    sequences: Sequences, split: sequence_split.SequenceSplit
) -> Iterator[npt.NDArray[Any]]:
    for first, last in sequences.user_ranges():
        start, end = int(sequences.offsets[first]), int(sequences.offsets[last])
        rows = sequences.rows[start:end]
        position = np.arange(start, end) - sequences.offsets[rows[USER_CODE]]
        yield rows[position < split.train_length[rows[USER_CODE]]]


def _fit(
    source: Source,
    sequences: Sequences,
    split: sequence_split.SequenceSplit,
    coders: Mapping[str, VocabularyCoder],
    profiles: npt.NDArray[Any],
    catalog: npt.NDArray[Any],
) -> tuple[FeatureSpec, IdTables, npt.NDArray[np.int32]]:
    """Fits the spec to the training split.

    Returns: The fitted spec, the look-up tables from codes to ids, and the id of each item.
    """
    spec = source.spec
    item_vocabulary = spec.vocabulary(ITEM)
    item_coder = coders[item_vocabulary.name]
    others = {name: coder for name, coder in coders.items() if coder is not item_coder}
    counter = FieldCounter(spec, others)
    item_counts = np.zeros(len(sequences.items), np.int64)
    for rows in _train_events(sequences, split):
        item_counts += np.bincount(rows[ITEM_CODE], minlength=len(item_counts))
        counter.add(event_fields(spec), rows)
    whole_catalog = source.item_vocabulary == "catalog"
    counter.add(spec.with_role("profile"), profiles[split.train_length > 0])
    trained = _catalog_counts(item_coder, sequences.items, item_counts) > 0
    counter.add(spec.catalog_fields, catalog if whole_catalog else catalog[trained])

    vocabularies, ids = counter.fit_vocabularies()
    if item_vocabulary.source == "fit":
        item_vocabulary, item_ids = fit_vocabulary(
            item_vocabulary, sequences.items, item_counts, keep_unseen=whole_catalog
        )
        # Another field of this vocabulary has codes of its own.
        id_of = dict(zip(sequences.items, item_ids.tolist(), strict=False))
        found = [id_of.get(value, UNKNOWN_ID) for value in item_coder.index.values]
        ids[item_vocabulary.name] = np.array([*found, 0, UNKNOWN_ID], np.int32)
        item_ids = item_ids[: len(sequences.items)]
    else:
        ids[item_vocabulary.name] = final_ids(item_vocabulary)
        item_ids = ids[item_vocabulary.name][_item_codes(item_coder, sequences.items)]
    vocabularies[item_vocabulary.name] = item_vocabulary
    # What the catalog knows of an item is normalised alike in the history.
    known = {behavior: target for target, behavior in spec.target_to_behavior.items()}
    return counter.fitted_spec(vocabularies, known), ids, item_ids


def _catalog_counts(
    coder: VocabularyCoder, items: list[Any], item_counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """How often each item of the catalog stands in the training split."""
    vocabulary = coder.vocabulary
    if vocabulary.source == "fit":
        return item_counts
    counts = np.zeros(vocabulary.num_rows - NUM_RESERVED_IDS, np.int64)
    codes = _item_codes(coder, items)
    known = codes >= 0
    counts[codes[known]] = item_counts[known]
    return counts


def _write_events(
    spec: FeatureSpec,
    sequences: Sequences,
    item_ids: npt.NDArray[np.int32],
    ids: IdTables,
    folder: pathlib.Path,
) -> None:
    """Rows of item id, then the event's own fields."""
    fields = event_fields(spec)
    layout = RowLayout.of((spec.field(spec.history_field), *fields))
    own = RowLayout.of(fields)
    file = folder / EVENTS_FILE
    with records.RecordWriter(file, layout.width, layout=layout.to_json()) as writer:
        for first, last in sequences.user_ranges():
            rows = sequences.rows[int(sequences.offsets[first]) : int(sequences.offsets[last])]
            items = item_ids[rows[ITEM_CODE]][:, None]
            writer.append(np.concatenate([items, own.encode(fields, rows, ids)], axis=1))


def _write_train_items(
    sequences: Sequences,
    split: sequence_split.SequenceSplit,
    item_ids: npt.NDArray[np.int32],
    folder: pathlib.Path,
) -> None:
    """The different items of each user's training events, from which negatives stay away."""
    counts = []
    with records.RecordWriter(folder / TRAIN_ITEMS_FILE, 1) as writer:
        for (first, last), rows in zip(
            sequences.user_ranges(), _train_events(sequences, split), strict=True
        ):
            items, starts = distinct_items(
                rows[USER_CODE].astype(np.int64) - first, item_ids[rows[ITEM_CODE]], last - first
            )
            writer.append(items[:, None])
            counts.append(np.diff(starts))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    records.write(folder / TRAIN_ITEMS_OFFSETS_FILE, offsets[:, None])


def _write_profiles(
    spec: FeatureSpec, profiles: npt.NDArray[Any], ids: IdTables, folder: pathlib.Path
) -> None:
    fields = spec.with_role("profile")
    if fields:
        layout = RowLayout.of(fields)
        rows = layout.encode(fields, profiles, ids)
        records.write(folder / PROFILES_FILE, rows, layout.to_json())


def _write_catalog(
    spec: FeatureSpec,
    catalog: npt.NDArray[Any],
    nothing_known: npt.NDArray[Any],
    catalog_ids: npt.NDArray[np.int32],
    ids: IdTables,
    folder: pathlib.Path,
) -> None:
    """One row for each item id: padding is all 0, and nothing is known of the unknown item."""
    fields = spec.catalog_fields
    if not fields:
        return
    layout = RowLayout.of(fields)
    empty = layout.encode(fields, nothing_known, ids)
    rows = np.repeat(empty, spec.vocabulary(ITEM).num_rows, axis=0)
    rows[catalog_ids] = layout.encode(fields, catalog, ids)
    rows[UNKNOWN_ID] = empty
    rows[0] = 0
    records.write(folder / CATALOG_FILE, rows, layout.to_json())


def _counts(
    sequences: Sequences, split: sequence_split.SequenceSplit, item_ids: npt.NDArray[np.int32]
) -> dict[str, Any]:
    lengths = sequences.lengths
    train_users = int((split.train_length >= 2).sum())
    return {
        "users": len(lengths),
        "items": len(sequences.items),
        "known_items": int((item_ids != UNKNOWN_ID).sum()),
        "events": int(lengths.sum()),
        "min": int(lengths.min()),
        "max": int(lengths.max()),
        "mean": round(float(lengths.mean()), 3),
        "train_events": int(split.train_length.sum()),
        "train_examples": train_users,
        "users_without_train_example": len(lengths) - train_users,
        "validation_examples": len(split.validation),
        "test_examples": len(split.test),
        "unknown_validation_targets": _unknown_targets(sequences, split.validation, item_ids),
        "unknown_test_targets": _unknown_targets(sequences, split.test, item_ids),
    }


def _unknown_targets(
    sequences: Sequences, examples: npt.NDArray[np.int64], item_ids: npt.NDArray[np.int32]
) -> int:
    users, positions = examples.T
    items = sequences.rows[ITEM_CODE][sequences.offsets[users] + positions]
    return int((item_ids[items] == UNKNOWN_ID).sum())
