"""A table of raw columns as encoded arrays: what an export would make of the same request.

Letters: `R` rows, `S` steps of the longest history, `V` values of the largest set.
"""

from __future__ import annotations

import math
import pathlib
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from amer_tf.export.checks import require_fitted, with_values
from amer_tf.export.columns import Column, input_columns
from amer_tf.export.encoding import InputEncoder
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import AnyField, FeatureSpec, MultiValuedField
from amer_tf.training.array_split import DatasetError
from amer_tf.wording import did_you_mean

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
            them, with the label. A history is a list in a cell, and the histories of a row are
            equally long, or one is left out. A set of values is a list, or text with the field's
            separator between them. Bytes are text in UTF-8. None, NaN and an empty text are
            missing values; infinity is none, and refused, as in data preparation.

    Raises:
        DatasetError: Where a column is missing, or holds what its field cannot be.
        ExportError: Where the spec is not fitted.
    """
    frame = _frame(table)
    require_fitted(spec)
    spec = with_values(spec)
    assert spec.label is not None
    names = [field.name for field in spec.input_fields]
    wanted = [*names, spec.label, *([spec.group] if spec.group else [])]
    missing = [name for name in wanted if name not in frame]
    if missing:
        known = sorted(map(str, frame.columns))
        raise DatasetError(
            f"{did_you_mean(missing, known)}The table lacks the columns {missing}, which the spec "
            f"names: add or rename them. Received: a table with the columns {known}"
        )
    if not len(frame):
        raise DatasetError("The table must have at least one row. Received: none")
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
        raise DatasetError(
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
                name: _lists(chunk[name], spec.field(name), columns[name], start)
                for name in columns
            }
            histories = {field.name: cells[field.name] for field in spec.with_role("behavior")}
            if histories:
                _require_even(histories, spec.history_field, start)
            steps = max([1, *(len(row) for rows in histories.values() for row in rows)])
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
    sizes: list[int] = []
    for axis in column.axes[1:]:
        sets = [step for row in rows for step in row] if len(column.axes) > 2 else rows
        sizes.append(steps if axis == "steps" else max([1, *map(len, sets)]))
    return _converted(lambda row: _filled(row, sizes, column), rows, column, start)


def _converted(convert: Callable[[Any], Any], rows: Any, column: Column, start: int) -> list[Any]:
    """What a function makes of each row of a column; its failure becomes an error that says where.

    Args:
        convert: The function.
        rows: The rows.
        column: The column.
        start: How many rows stand before these.
    """
    converted = []
    for number, row in enumerate(rows, start + 1):
        try:
            converted.append(convert(row))
        except (TypeError, ValueError, OverflowError) as error:
            raise DatasetError(
                f"Column {column.name!r}, row {number}, must hold values of type "
                f"{column.dtype.name}. Received: {error}"
            ) from error
    return converted


def _lists(cells: Any, field: AnyField, column: Column, start: int) -> list[Any]:
    """The cells of a column as steps and values, lists in lists; nothing is an empty list."""
    separator = field.separator if isinstance(field, MultiValuedField) else None

    def values(cell: Any) -> list[Any]:
        return _entries(cell, separator)

    def steps(cell: Any) -> list[Any]:
        entries = _entries(cell, None)
        return entries if separator is None else list(map(values, entries))

    if field.role == "behavior":
        return _converted(steps, cells, column, start)
    return list(cells) if separator is None else _converted(values, cells, column, start)


def _entries(cell: Any, separator: str | None) -> list[Any]:
    """The entries of a list, or of text with separators between them, where these are known."""
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    cell = cell.decode() if isinstance(cell, bytes) else cell
    if isinstance(cell, str) and cell:
        if separator is None:
            raise ValueError(
                f"{cell!r}, a text where a history must be a list of its steps: the spec does not "
                "say what separates them in text, give a list"
            )
        return cell.split(separator)
    if isinstance(cell, Sequence):
        return list(cell)
    return [] if _is_missing(cell) else [cell]


def _require_even(histories: Mapping[str, list[Any]], key: str, start: int) -> None:
    """Checks that the behaviour fields of a row have equally many steps, or leave them all out.

    Args:
        histories: The rows of each field.
        key: The field that tells which steps there are, and leaves none out.
        start: How many rows stand before these.
    """
    for name, rows in histories.items():
        for number, (own, steps) in enumerate(zip(rows, histories[key], strict=True), start + 1):
            if own and len(own) != len(steps):
                raise DatasetError(
                    f"Column {name!r}, row {number}, must have as many steps as column {key!r}, "
                    f"{len(steps)}, with None for what is not known of a step. "
                    f"Received: {len(own)} steps"
                )


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
    value = value.decode() if isinstance(value, bytes) else value
    if isinstance(value, Collection) and not isinstance(value, str):
        raise TypeError(f"{value!r}, which is not one value")
    if _is_missing(value):
        return column.missing
    is_number = column.dtype.is_floating
    if isinstance(value, float) and not is_number and _EXACT <= abs(value) < math.inf:
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
