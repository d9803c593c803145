"""Encoded examples of task ctr: as they are stored, or joined with what they share.

Letters: `B` rows of a batch, `T` steps.
"""

from __future__ import annotations

import pathlib
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from amer_tf.features import FeatureSpec
from data_pipelines import records
from data_pipelines.ctr_sides import (
    BEHAVIORS_FILE,
    ITEMS_FILE,
    OFFSETS_FILE,
    POSITION,
    PROFILES_FILE,
)
from data_pipelines.dealing import GROUP, ITEM_CODE, LABEL
from data_pipelines.row_layout import MISSING_SUFFIX, RowLayout

IntRows = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]

_ROWS_AT_A_TIME = 1 << 16


class ExampleRows(Protocol):
    """Rows with all fields of the spec, label and group."""

    layout: RowLayout

    def __len__(self) -> int: ...

    def take(self, numbers: Numbers) -> IntRows:
        """Encoded rows `[B, width]` of these numbers."""

    def column(self, name: str, numbers: Numbers | None = None) -> npt.NDArray[Any]:
        """The values of one column `[B, *shape]`; of all rows where `numbers` is None."""


class FlatRows:
    """Rows that stand in one file.

    Args:
        rows: int32 `[rows, width]`.
        layout: Its columns.
    """

    def __init__(self, rows: IntRows, layout: RowLayout) -> None:
        self._rows = rows
        self.layout = layout

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, numbers: Numbers) -> IntRows:
        """Encoded rows `[B, width]` of these numbers."""
        return self._rows.take(numbers, axis=0)

    def column(self, name: str, numbers: Numbers | None = None) -> npt.NDArray[Any]:
        """The values of one column `[B, *shape]`; of all rows where `numbers` is None."""
        column = self.layout.column(name)
        rows = self._rows[:, column.offset : column.end]
        rows = rows if numbers is None else rows[numbers]
        values = np.ascontiguousarray(rows).view(column.dtype)
        return values.reshape(len(rows), *column.shape)


class _Stored(NamedTuple):
    """A file of encoded rows and its columns."""

    rows: IntRows
    layout: RowLayout

    @classmethod
    def load(cls, file: pathlib.Path) -> _Stored:
        loaded = records.load(file)
        return cls(loaded.rows, RowLayout.from_json(loaded.layout))


class Shared(NamedTuple):
    """What examples share: each user, item and event once.

    Attributes:
        profiles: A row for each user, and a last one of which nothing is known.
        items: A row of padding, one for each item, and a last one of which nothing is known.
        behaviors: The events of all users, one user's after another's, in the order of time.
        offsets: int64 `[users + 1]`: where each user's events start.
    """

    profiles: _Stored | None = None
    items: _Stored | None = None
    behaviors: _Stored | None = None
    offsets: Numbers | None = None

    @classmethod
    def load(cls, folder: pathlib.Path) -> Shared | None:
        """Reads what is there; None where the examples share nothing."""
        profiles, items, behaviors = (
            _Stored.load(folder / name) if (folder / name).is_file() else None
            for name in (PROFILES_FILE, ITEMS_FILE, BEHAVIORS_FILE)
        )
        offsets = None
        if behaviors is not None:
            offsets = records.load(folder / OFFSETS_FILE).rows[:, 0]
        shared = cls(profiles, items, behaviors, offsets)
        return shared if any(part is not None for part in shared) else None


class _Place(NamedTuple):
    """Where a column of the joined rows comes from: a table, and the columns in its rows."""

    table: str
    columns: slice


class JoinedRows:
    """Rows put together from an example's own fields, its user, its item and its user's history.

    Args:
        spec: The fitted spec.
        rows: Rows of one split: own fields, label, and where the rest stands.
        layout: Their columns.
        shared: The rest.
    """

    def __init__(self, spec: FeatureSpec, rows: IntRows, layout: RowLayout, shared: Shared) -> None:
        self._own = FlatRows(rows, layout)
        self._shared = shared
        self._num_steps = spec.max_length
        self.layout = RowLayout.of(spec.fields, spec.max_length).with_column(LABEL, "float32")
        if spec.group is not None:
            self.layout = self.layout.with_column(GROUP, "int32")
        self._places = _places(spec, layout, shared)

    def __len__(self) -> int:
        return len(self._own)

    def take(self, numbers: Numbers) -> IntRows:
        """Encoded rows `[B, width]` of these numbers."""
        own = self._own.take(numbers)
        joined = np.empty((len(own), self.layout.width), np.int32)
        tables: dict[str, IntRows] = {}
        for column in self.layout.columns:
            values = self._values(column.name, own, tables)
            joined[:, column.offset : column.end] = values.reshape(len(own), column.width)
        return joined

    def column(self, name: str, numbers: Numbers | None = None) -> npt.NDArray[Any]:
        """The values of one column `[B, *shape]`; of all rows where `numbers` is None."""
        if self._places[name].table == "own":
            return self._own.column(name, numbers)
        numbers = np.arange(len(self)) if numbers is None else numbers
        column, parts = self.layout.column(name), []
        for start in range(0, len(numbers), _ROWS_AT_A_TIME):
            own = self._own.take(numbers[start : start + _ROWS_AT_A_TIME])
            values = np.ascontiguousarray(self._values(name, own, {}))
            parts.append(values.view(column.dtype).reshape(len(own), *column.shape))
        return np.concatenate(parts)

    def _values(self, name: str, own: IntRows, tables: dict[str, IntRows]) -> IntRows:
        """A column of some examples; the tables that are read are kept in `tables`."""
        table, columns = self._places[name]
        return self._table(table, own, tables)[..., columns]

    def _table(self, name: str, own: IntRows, tables: dict[str, IntRows]) -> IntRows:
        """What a table says of some examples: `[B, width]`, or `[B, T, width]`."""
        if name not in tables:
            shared, layout = self._shared, self._own.layout
            if name == "own":
                tables[name] = own
            elif name == "profiles":
                assert shared.profiles is not None
                tables[name] = shared.profiles.rows[own[:, layout.column(GROUP).offset]]
            elif name == "items":
                assert shared.items is not None
                tables[name] = shared.items.rows[own[:, layout.column(ITEM_CODE).offset]]
            elif name == "steps":
                tables[name] = self._history(own)
            else:
                assert shared.items is not None
                assert shared.behaviors is not None
                steps = self._table("steps", own, tables)
                items = steps[..., shared.behaviors.layout.column(ITEM_CODE).offset]
                tables[name] = shared.items.rows[items]
        return tables[name]

    def _history(self, own: IntRows) -> IntRows:
        """The newest events before each example, padded on the right with 0: `[B, T, width]`."""
        behaviors, offsets = self._shared.behaviors, self._shared.offsets
        assert behaviors is not None
        assert offsets is not None
        users = own[:, self._own.layout.column(GROUP).offset]
        positions = own[:, self._own.layout.column(POSITION).offset].astype(np.int64)
        counts = np.minimum(positions, self._num_steps)
        window = np.arange(self._num_steps)
        valid = window < counts[:, None]
        first = offsets[users] + positions - counts
        index = np.where(valid, first[:, None] + window, 0)
        return behaviors.rows[index] * valid[:, :, None]


def _places(spec: FeatureSpec, own: RowLayout, shared: Shared) -> dict[str, _Place]:
    """Where the columns of all fields come from."""
    layouts = {"own": own} | {
        table: stored.layout
        for table, stored in (
            ("profiles", shared.profiles),
            ("items", shared.items),
            ("steps", shared.behaviors),
        )
        if stored is not None
    }
    places: dict[str, _Place] = {}
    for table, layout in layouts.items():
        for column in layout.columns:
            places.setdefault(column.name, _Place(table, slice(column.offset, column.end)))
    for target, behavior in spec.target_to_behavior.items():
        for suffix in ("", MISSING_SUFFIX):
            known = places.get(target + suffix)
            if behavior + suffix not in places and known is not None:
                # The history of a field of the items: what is known of each step's item.
                places[behavior + suffix] = _Place("step_items", known.columns)
    return places
