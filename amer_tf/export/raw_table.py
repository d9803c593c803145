"""A table of raw columns as encoded arrays: what an export would make of the same request.

Letters: `R` rows, `S` steps of the longest history, `V` values of the largest set.
"""

from __future__ import annotations

import math
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from amer_tf.export.checks import with_values
from amer_tf.export.columns import Column, input_columns
from amer_tf.export.encoding import InputEncoder
from amer_tf.export.errors import ExportError
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import FeatureSpec

_ROWS_AT_A_TIME = 4096
# From here on some integers are no float64.
_EXACT = 2.0**53


def encode_table(
    spec: FeatureSpec, table: Any
) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.float32], npt.NDArray[np.int64] | None]:
    """Inputs by field name, labels and groups of a table of task ctr.

    Args:
        spec: The fitted spec.
        table: A pandas DataFrame, a pyarrow Table or a mapping of columns, raw as the spec names
            them, with the label. A history is a list in a cell, and so is a set of values; a step
            that is a set is a list in a list. None, NaN and an empty text are missing values;
            infinity is none, and refused, as in data preparation.

    Raises:
        ExportError: Where a column is missing, or holds what its field cannot be.
    """
    frame = _frame(table)
    spec = with_values(spec)
    assert spec.label is not None
    names = [field.name for field in spec.input_fields]
    wanted = [*names, spec.label, *([spec.group] if spec.group else [])]
    missing = [name for name in wanted if name not in frame]
    if missing:
        raise ExportError(
            f"The table lacks columns; it has {sorted(map(str, frame.columns))}. "
            f"Received: {missing}"
        )
    if not len(frame):
        raise ExportError("The table must have at least one row. Received: none")
    labels = _labels(frame[spec.label], spec.label)
    groups = None
    if spec.group is not None:
        codes, _ = pd.factorize(frame[spec.group])
        groups = codes.astype(np.int64)
    return _encode(spec, frame), labels, groups


def _frame(table: Any) -> pd.DataFrame:
    """The table with Python's values: pandas would make floats of whole numbers beside a gap."""
    if isinstance(table, pd.DataFrame):
        return table
    if hasattr(table, "to_pandas"):
        table = dict(zip(table.schema.names, table.columns, strict=True))
    return pd.DataFrame({name: _exact(values) for name, values in table.items()})


def _exact(values: Any) -> Any:
    if isinstance(values, (pd.Series, np.ndarray)):
        return values
    values = values.to_pylist() if hasattr(values, "to_pylist") else values
    return pd.Series(values, dtype=object) if isinstance(values, (list, tuple)) else values


def _labels(column: Any, name: str) -> npt.NDArray[np.float32]:
    labels = pd.to_numeric(column, errors="coerce").to_numpy(np.float32)
    wrong = np.flatnonzero((labels != 0) & (labels != 1))
    if len(wrong):
        raise ExportError(
            f"Column {name!r}, row {wrong[0] + 1}, is the label and must be 0 or 1. "
            f"Received: {column.tolist()[wrong[0]]!r}"
        )
    return labels


def _encode(spec: FeatureSpec, frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    parts: list[dict[str, npt.NDArray[Any]]] = []
    with tempfile.TemporaryDirectory() as scratch:
        tables = {
            entry.name: VocabularyTable(entry, pathlib.Path(scratch)) for entry in spec.vocabularies
        }
        columns = input_columns(spec, tables)
        encoder = InputEncoder(spec, columns, tables)
        for start in range(0, len(frame), _ROWS_AT_A_TIME):
            chunk = frame.iloc[start : start + _ROWS_AT_A_TIME]
            cells = {
                name: [_list(cell, len(column.tensor_spec.shape) - 1) for cell in chunk[name]]
                for name, column in columns.items()
            }
            histories = [field.name for field in spec.with_role("behavior")]
            steps = max([1, *(len(row) for name in histories for row in cells[name])])
            raw = {
                name: tf.constant(_dense(cells[name], column, steps, start), column.dtype)
                for name, column in columns.items()
            }
            encoded = encoder(encoder.complete(raw))
            parts.append({name: values.numpy() for name, values in encoded.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _dense(rows: list[Any], column: Column, steps: int, start: int) -> Any:
    """The cells of a column as nested lists of one shape, missing values filled in."""
    assert column.axes is not None
    sizes = []
    for axis in column.axes[1:]:
        sets = [step for row in rows for step in row] if len(column.axes) > 2 else rows
        sizes.append(steps if axis == "steps" else max([1, *map(len, sets)]))
    dense = []
    for number, row in enumerate(rows, start + 1):
        try:
            dense.append(_filled(row, sizes, column))
        except (TypeError, ValueError, OverflowError) as error:
            raise ExportError(
                f"Column {column.name!r}, row {number}, must hold values of type "
                f"{column.dtype.name}. Received: {error}"
            ) from error
    return dense


def _list(cell: Any, depth: int) -> Any:
    """A cell as lists in lists of this depth; nothing is an empty list."""
    if depth == 0:
        return cell
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if not isinstance(cell, Sequence) or isinstance(cell, str):
        cell = [] if _is_missing(cell) else [cell]
    return [_list(entry, depth - 1) for entry in cell]


def _filled(value: Any, sizes: Sequence[int], column: Column) -> Any:
    if not sizes:
        return _plain(value, column)
    entries = [_filled(entry, sizes[1:], column) for entry in value]
    empty: Any = _plain(None, column)
    for size in reversed(sizes[1:]):
        empty = [empty] * size
    return entries + [empty] * (sizes[0] - len(entries))


def _plain(value: Any, column: Column) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if _is_missing(value):
        return column.missing
    if isinstance(value, float) and column.dtype != tf.float32 and _EXACT <= abs(value) < math.inf:
        raise ValueError(
            f"{value!r}, a float that may stand for several integers: give integers, in pandas "
            "with gaps as Int64"
        )
    if column.dtype == tf.string:
        # A column of numbers with a gap comes as floats; preparation has read 5, not 5.0.
        return str(int(value) if isinstance(value, float) and value.is_integer() else value)
    number = float(value)
    if math.isinf(number):
        raise ValueError(f"{value!r}, which is not finite")
    if column.dtype == tf.int64:
        whole = int(value)
        if whole != number and not isinstance(value, int):
            raise ValueError(f"{value!r}")
        if not tf.int64.min <= whole <= tf.int64.max:
            raise OverflowError(f"{value!r}")
        return whole
    return number


def _is_missing(value: Any) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return math.isnan(value) if isinstance(value, float) else isinstance(value, str) and not value
