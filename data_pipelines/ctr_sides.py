"""What stands beside the examples of task ctr: profiles, items, and the events of the histories."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import FeatureSpec
from data_pipelines import records
from data_pipelines.coding import ValueIndex, are_present
from data_pipelines.ctr_places import FieldPlaces
from data_pipelines.dealing import GROUP, ITEM_CODE, MOMENT
from data_pipelines.errors import DataError, writing
from data_pipelines.event_gaps import write_gaps
from data_pipelines.event_log import (
    USER_CODE,
    EventLog,
    Sequences,
    left_out,
    required_codes,
    sort_by_user,
    with_values,
)
from data_pipelines.field_coding import FieldCoder
from data_pipelines.field_fitting import FieldCounter, IdTables
from data_pipelines.joins import Keys, Meeting
from data_pipelines.progress import read_with_progress
from data_pipelines.row_layout import RowLayout
from data_pipelines.side_tables import read_side_table
from data_pipelines.sources import TIME, Source
from data_pipelines.spool import Spool
from data_pipelines.times import TimeReader, require_one_clock, warn_of_clocks
from data_pipelines.vocabulary_coding import VocabularyCoder

PROFILES_FILE = "profiles.records"
ITEMS_FILE = "items.records"
BEHAVIORS_FILE = "behaviors.records"
OFFSETS_FILE = "offsets.records"
POSITION = ".position"


@dataclasses.dataclass(frozen=True)
class Sides:
    """Coded rows beside the examples.

    Args:
        places: Which field stands where.
        profiles: Structured `[users + 1]`; of the last one, for examples without a user, nothing
            is known.
        items: Structured `[items + 1]`, likewise.
        behaviors: Events sorted by user and time, or None.
        times: What has read the times of the examples, and those of the events.
        meetings: How the tables of users and items answered.
        left_out: Rows of the log that were left out, by the name of their count.
    """

    places: FieldPlaces
    profiles: npt.NDArray[Any]
    items: npt.NDArray[Any]
    behaviors: Sequences | None
    times: tuple[TimeReader, TimeReader]
    meetings: tuple[Meeting, ...]
    left_out: Mapping[str, int]

    def positions(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """How many events of its user are strictly earlier than each example."""
        assert self.behaviors is not None
        users = np.maximum(rows[GROUP], 0)
        starts, ends = self.behaviors.offsets[users], self.behaviors.offsets[users + 1]
        ends = np.where(rows[GROUP] >= 0, ends, starts)
        times, low, high = self.behaviors.rows[MOMENT], starts.copy(), ends.copy()
        while (open_ := low < high).any():
            middle = (low + high) // 2
            earlier = open_ & (times[np.minimum(middle, len(times) - 1)] < rows[MOMENT])
            low = np.where(earlier, middle + 1, low)
            high = np.where(open_ & ~earlier, middle, high)
        return (low - starts).astype(np.int32)

    def count(self, counter: FieldCounter, rows: Spool, parts: Spool) -> None:
        """Lets what the training examples read be counted.

        That are their users, their items, and the events before the last of each user's examples.
        """
        num_users, num_items = len(self.profiles) - 1, len(self.items) - 1
        is_user, item_counts = np.zeros(num_users, bool), np.zeros(num_items, np.int64)
        lengths = np.zeros(num_users, np.int64)
        for chunk, part in zip(rows.chunks(), parts.chunks(), strict=True):
            own = chunk[part == 0]
            users = own[GROUP] if GROUP in own.dtype.names else np.zeros(0, np.int32)
            is_user[users[users >= 0]] = True
            if self.places.item:
                item_counts += np.bincount(own[ITEM_CODE][own[ITEM_CODE] >= 0], minlength=num_items)
            if self.behaviors is not None:
                known = users >= 0
                np.maximum.at(lengths, users[known], self.positions(own)[known])
        counter.add(self.places.profile, self.profiles[:-1][is_user])
        if self.behaviors is not None:
            warn_of_clocks(*self.times, has_history=bool(lengths.any()))
            item_counts += self._count_steps(counter, lengths, num_items)
        if self.places.item:
            item, *others = self.places.item
            counter.add([item], self.items[:-1], item_counts)
            counter.add(others, self.items[:-1][item_counts > 0])

    def _count_steps(
        self, counter: FieldCounter, lengths: npt.NDArray[np.int64], num_items: int
    ) -> npt.NDArray[np.int64]:
        assert self.behaviors is not None
        offsets, counts = self.behaviors.offsets, np.zeros(num_items, np.int64)
        for first, last in self.behaviors.user_ranges():
            start, end = int(offsets[first]), int(offsets[last])
            rows = self.behaviors.rows[start:end]
            position = np.arange(start, end) - offsets[rows[USER_CODE]]
            own = rows[position < lengths[rows[USER_CODE]]]
            counter.add(self.places.of_event, own)
            if self.places.of_item:
                counts += np.bincount(own[ITEM_CODE][own[ITEM_CODE] >= 0], minlength=num_items)
        return counts

    def count_joins(self, rows: Spool) -> dict[str, int]:
        """Users and items without a row in their tables, with the examples and events of each."""
        counts: dict[str, int] = {}
        for meeting in self.meetings:
            size = len(meeting.is_found)
            num_rows_of = {"examples": np.zeros(size, np.int64)}
            if not meeting.is_found.all():
                code = GROUP if meeting.keys.kind == "users" else ITEM_CODE
                for chunk in rows.chunks():
                    known = chunk[code][chunk[code] >= 0]
                    num_rows_of["examples"] += np.bincount(known, minlength=size)
                if self.behaviors is not None and self.places.of_item and code == ITEM_CODE:
                    num_rows_of["events"] = self.behaviors.count_items(size)
            counts |= meeting.counts(**num_rows_of)
        return counts

    def write(self, spec: FeatureSpec, ids: IdTables, folder: pathlib.Path) -> None:
        """Writes the encoded rows."""
        if self.places.profile:
            layout = RowLayout.of([spec.field(field.name) for field in self.places.profile])
            rows = layout.encode(_fitted(spec, self.places.profile), self.profiles, ids)
            records.write(folder / PROFILES_FILE, rows, layout.to_json())
        if self.places.item:
            fields = _fitted(spec, self.places.item)
            layout = RowLayout.of(fields)
            # Row 0 is the padding of histories.
            rows = np.zeros((len(self.items) + 1, layout.width), np.int32)
            rows[1:] = layout.encode(fields, self.items, ids)
            records.write(folder / ITEMS_FILE, rows, layout.to_json())
        if self.behaviors is not None:
            self._write_steps(spec, ids, folder, self.behaviors)

    def _write_steps(
        self, spec: FeatureSpec, ids: IdTables, folder: pathlib.Path, behaviors: Sequences
    ) -> None:
        own = _fitted(spec, self.places.of_event)
        # A step is encoded as a row of its own, whatever its role.
        layout = RowLayout.of(own)
        whole = layout.with_column(ITEM_CODE, "int32") if self.places.of_item else layout
        with records.RecordWriter(
            folder / BEHAVIORS_FILE, whole.width, layout=whole.to_json()
        ) as writer:
            for first, last in behaviors.user_ranges():
                rows = behaviors.rows[int(behaviors.offsets[first]) : int(behaviors.offsets[last])]
                encoded = np.zeros((len(rows), whole.width), np.int32)
                encoded[:, : layout.width] = layout.encode(own, rows, ids)
                if self.places.of_item:
                    encoded[:, -1] = item_rows(rows[ITEM_CODE])
                writer.append(encoded)
        offsets = np.ascontiguousarray(behaviors.offsets[:, None], np.int64)
        records.write(folder / OFFSETS_FILE, offsets)


def item_rows(codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Rows of the file of items: the last one, -1, where the item is missing."""
    return np.where(codes >= 0, codes + 1, -1).astype(np.int32)


def read_sides(
    source: Source,
    places: FieldPlaces,
    coders: Mapping[str, VocabularyCoder],
    users: ValueIndex,
    items: ValueIndex,
    times: TimeReader,
    scratch: pathlib.Path,
) -> Sides:
    """Reads the tables beside the examples, once each.

    Args:
        source: The data set.
        places: Which field stands where.
        coders: The coders of the spec's vocabularies.
        users: The users of the examples; others are left out.
        items: The items of the examples; those of the histories are added.
        times: What has read the times of the examples.
        scratch: Folder for files that are not needed afterwards.
    """
    spec, behaviors = source.spec, None
    num_left_out: dict[str, int] = {}
    log_times = TimeReader()
    if source.behaviors is not None:
        behaviors, num_left_out = _read_behaviors(
            source, places, coders, users, items, log_times, scratch
        )
        require_one_clock(times, log_times)
    profile_coder = FieldCoder(spec, places.profile, coders)
    profiles = profile_coder.missing(len(users) + 1)
    meetings = []
    if places.profile:
        assert spec.group is not None
        keys = Keys("users", spec.group, source.user_dtype, users.values, source.events)
        profiles[:-1], meeting = read_side_table(source.users, keys, profile_coder)
        meetings.append(meeting)
    item_coder = FieldCoder(spec, places.item, coders)
    known = item_coder.missing(len(items) + 1)
    if places.item:
        known[:-1], meeting = _read_items(source, places, coders, items.values)
        meetings.append(meeting)
    for coder in (profile_coder, item_coder):
        coder.warn_of_unused_separators()
    read_times = (times, log_times)
    return Sides(places, profiles, known, behaviors, read_times, tuple(meetings), num_left_out)


def _read_items(
    source: Source,
    places: FieldPlaces,
    coders: Mapping[str, VocabularyCoder],
    items: Sequence[Any],
) -> tuple[npt.NDArray[Any], Meeting]:
    item, *others = places.item
    coder = FieldCoder(source.spec, places.item, coders)
    coded = coder.missing(len(items))
    vocabulary = source.spec.vocabulary(item.name)
    other_coder = FieldCoder(source.spec, others, coders)
    keys = Keys("items", item.name, vocabulary.dtype, items, source.events)
    rows, meeting = read_side_table(source.items, keys, other_coder)
    for field in others:
        coded[field.name] = rows[field.name]
    coded[item.name] = coders[vocabulary.name].encode(items, lambda index: f"item {index}")
    return coded, meeting


def _read_behaviors(
    source: Source,
    places: FieldPlaces,
    coders: Mapping[str, VocabularyCoder],
    users: ValueIndex,
    items: ValueIndex,
    read_times: TimeReader,
    scratch: pathlib.Path,
) -> tuple[Sequences, dict[str, int]]:
    """The events of the users of the examples, sorted; and which rows were left out.

    As in a request, what lacks the item, or a value in the history field, is no step.
    """
    assert source.behaviors is not None
    assert source.spec.group is not None
    telling = [source.item] if places.of_item else []
    if any(field.name == source.spec.history_field for field in places.step):
        telling.append(source.spec.history_field)
    coder = FieldCoder(source.spec, places.step, coders)
    members = [(USER_CODE, "<i4"), (ITEM_CODE, "<i4"), (MOMENT, "<f8"), *coder.dtype()]
    members += [(field.name, "<f8") for field in places.gap]
    dtype, file = np.dtype(members), scratch / "behaviors.spool"
    num_rows = num_skipped = num_without_item = num_without_user = 0
    group, example = source.spec.group, None
    with writing(file), file.open("wb") as stream:
        for whole in read_with_progress(source.behaviors):
            chunk = whole
            for column in telling:
                assert column is not None
                chunk = with_values(chunk, column)
            num_without_item += len(whole) - len(chunk)
            has_user = chunk.encode(group, are_present)
            num_without_user += int((~has_user).sum())
            if example is None and has_user.any():
                example = chunk.column(group)[int(np.argmax(has_user))]
            rows = np.zeros(len(chunk), dtype)
            rows[USER_CODE] = chunk.encode(group, users.find)
            rows[MOMENT] = chunk.encode(TIME, read_times)
            if places.of_item:
                assert source.item is not None
                rows[ITEM_CODE] = required_codes(items, chunk, source.item)
            coder.encode(chunk, rows)
            own = rows[rows[USER_CODE] >= 0]
            stream.write(own.tobytes())
            num_rows += len(own)
            num_skipped += chunk.num_skipped
    coder.warn_of_unused_separators()
    if not num_rows:
        raise DataError(
            f"The behaviors of {source.name!r} must have at least one event of a user with "
            "examples: check the columns of the user, and that both write a user alike. "
            f"Received: none in {source.behaviors.place}, column "
            f"{source.behaviors.name_in_file(group)!r}{left_out(num_skipped, num_without_item)}"
            + (f"; such as {example!r} there" if example is not None else "")
            + (f", {users.values[0]!r} in {source.events.place}" if len(users) else "")
        )
    log = EventLog(np.asarray(np.memmap(file, dtype, "r", shape=(num_rows,))), users, items)
    all_users, all_items = np.ones(len(users), bool), np.ones(max(1, len(items)), bool)
    sequences = sort_by_user(log, all_users, all_items, scratch)
    for field in places.gap:
        write_gaps(sequences, field.name)
    return sequences, {
        "skipped_rows": num_skipped,
        "events_without_item": num_without_item,
        "events_without_user": num_without_user,
    }


def _fitted(spec: FeatureSpec, fields: Sequence[Any]) -> list[Any]:
    return [spec.field(field.name) for field in fields]
