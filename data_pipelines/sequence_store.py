"""Encoded sequences on disk, and the batched slices that examples are made of."""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import NUM_RESERVED_IDS, FeatureSpec
from data_pipelines import next_item, records
from data_pipelines.candidates import UnseenItems
from data_pipelines.errors import reading
from data_pipelines.row_layout import RowLayout

IntArray = npt.NDArray[np.int64]

_USERS_AT_A_TIME = 1 << 14


@dataclasses.dataclass(frozen=True)
class SequenceStore:
    """All events of all users, each stored once; `B` examples, `T` steps.

    Args:
        spec: The fitted spec.
        events: int32 `[events, width]`, mapped from a file; the first column is the item id.
        offsets: int64 `[users + 1]`: where each user's events start.
        train_length: int64 `[users]`: how many of a user's first events train.
        train_items: int32: the different items of each user's training events, ascending.
        train_items_offsets: int64 `[users + 1]`: where each user's start.
        layout: The columns of `events`.
        profiles: int32 `[users, width]`, or None without profile fields.
        profile_layout: Its columns.
        users_file: Where the raw user ids are.
    """

    spec: FeatureSpec
    events: npt.NDArray[np.int32]
    offsets: IntArray
    train_length: IntArray
    train_items: npt.NDArray[np.int32]
    train_items_offsets: IntArray
    layout: RowLayout
    profiles: npt.NDArray[np.int32] | None
    profile_layout: RowLayout
    users_file: pathlib.Path

    @classmethod
    def load(cls, spec: FeatureSpec, folder: pathlib.Path) -> SequenceStore:
        events = records.load(folder / next_item.EVENTS_FILE)
        profiles = None
        if spec.with_role("profile"):
            profiles = records.load(folder / next_item.PROFILES_FILE)
        return cls(
            spec=spec,
            events=events.rows,
            offsets=records.load(folder / next_item.OFFSETS_FILE).rows[:, 0],
            train_length=records.load(folder / next_item.TRAIN_FILE).rows[:, 0],
            train_items=records.load(folder / next_item.TRAIN_ITEMS_FILE).rows[:, 0],
            train_items_offsets=records.load(folder / next_item.TRAIN_ITEMS_OFFSETS_FILE).rows[
                :, 0
            ],
            layout=RowLayout.from_json(events.layout),
            profiles=profiles.rows if profiles else None,
            profile_layout=RowLayout.from_json(profiles.layout if profiles else ()),
            users_file=folder / next_item.USERS_FILE,
        )

    @property
    def num_items(self) -> int:
        """Items that can be recommended: ids 2 ... `num_items` + 1."""
        return self.spec.vocabulary(self.spec.item_field).num_rows - NUM_RESERVED_IDS

    @property
    def lengths(self) -> IntArray:
        return np.diff(self.offsets)

    @functools.cached_property
    def item_counts(self) -> IntArray:
        """int64 `[item ids]`: training events of each item id."""
        counts = np.zeros(self.num_items + NUM_RESERVED_IDS, np.int64)
        for first in range(0, len(self.train_length), _USERS_AT_A_TIME):
            users = np.arange(first, min(first + _USERS_AT_A_TIME, len(self.train_length)))
            _, items = self.flat(users, self.train_length[users])
            counts += np.bincount(items, minlength=len(counts))
        return counts

    def raw_users(self) -> npt.NDArray[Any]:
        with reading(self.users_file):
            return np.array(json.loads(self.users_file.read_text(encoding="utf-8")))

    def inputs(
        self, users: IntArray, positions: IntArray, present: npt.NDArray[np.bool_] | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """What a model reads in order to predict the events at these positions.

        Args:
            users: int64 `[B]`.
            positions: int64 `[B]`: the history is what stands before it; context is its own.
            present: bool `[B]`: examples that are not padding.

        Returns: Behaviour `[B, T, ...]`, profile and context `[B, ...]` by field name.
        """
        steps = self.spec.max_length
        if present is None:
            present = np.ones(len(users), bool)
        counts = np.where(present, np.minimum(positions, steps), 0)
        asked = self.offsets[users] + positions
        window = np.arange(steps)
        valid = window < counts[:, None]  # [B, T]
        index = np.where(valid, (asked - counts)[:, None] + window, 0)
        history = self.events[index] * valid[:, :, None]  # [B, T, width]
        context = self.events[np.where(present, asked, 0)] * present[:, None]
        columns = {column.name: column for column in self.layout.columns}
        inputs = {}
        for field in self.spec.input_fields:
            if field.role == "behavior":
                inputs[field.name] = columns[field.name].decode(history)
            elif field.role == "context":
                inputs[field.name] = columns[field.name].decode(context)
        if self.profiles is not None:
            rows = self.profiles[users] * present[:, None]
            for column in self.profile_layout.columns:
                inputs[column.name] = column.decode(rows)
        return {field.name: inputs[field.name] for field in self.spec.input_fields}

    def untrained_items(self, users: IntArray) -> UnseenItems:
        """The items that these users have no training event with."""
        starts, ends = self.train_items_offsets[users], self.train_items_offsets[users + 1]
        return UnseenItems(self.train_items, starts, ends, self.num_items)

    def windows(
        self, users: IntArray, starts: IntArray, ends: IntArray, width: int
    ) -> npt.NDArray[np.int32]:
        """Item ids `[B, width]` of the events from `starts` up to `ends`, right-padded with 0."""
        window = np.arange(width)
        valid = window < (ends - starts)[:, None]
        index = np.where(valid, (self.offsets[users] + starts)[:, None] + window, 0)
        return self.events[index, 0] * valid

    def flat(self, users: IntArray, ends: IntArray) -> tuple[IntArray, npt.NDArray[np.int32]]:
        """The first `ends` events of each user one after another: row in the batch, item id."""
        rows = np.repeat(np.arange(len(users)), ends)
        first = np.cumsum(ends) - ends
        index = np.arange(len(rows)) + np.repeat(self.offsets[users] - first, ends)
        return rows, self.events[index, 0]
