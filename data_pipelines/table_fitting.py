"""A spec fitted to a table in memory, without a data folder."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from amer_tf.features import AnyField, FeatureSpec, NumericField, did_you_mean
from data_pipelines.coding import is_missing
from data_pipelines.errors import DataError, writing
from data_pipelines.field_coding import FieldCoder
from data_pipelines.field_fitting import FieldCounter
from data_pipelines.spool import Spool
from data_pipelines.tables import CHUNK_ROWS, Chunk
from data_pipelines.vocabulary_coding import VocabularyCoder

_PLACE = "The table"
# No text of a history is split: it is refused beforehand.
_STEP_SEPARATOR = "|"
# Types of what pandas has in place of a value; it is not imported to tell.
_ABSENT = ("NAType", "NaTType")
# From here on some integers are no float64.
_EXACT = 2.0**53


def fit_spec(spec: FeatureSpec, table: Any) -> FeatureSpec:
    """Fits the vocabularies and normalisations of a spec to a table of training rows.

    What comes out is what `prepare` fits to the same rows as its training split; equally frequent
    values stand as they come in the table. Vocabularies of another source than `"fit"`, and
    normalisations that have their numbers, stay as they are.

    Args:
        spec: A spec of task `"ctr"`.
        table: A pandas DataFrame, a pyarrow Table or a mapping of columns, raw, with a column for
            each field of the spec. A history is a list in a cell, and the histories of a row are
            equally long, or one is left out. A set of values is a list, or text with the field's
            separator between them. None, NaN and an empty text are missing values.

    Raises:
        DataError: Where a column is missing, holds what its field cannot be, or nothing at all.
    """
    if spec.task != "ctr":
        raise DataError(
            "A spec is fitted to a table of labelled examples, of task 'ctr': for a log of events "
            f"use `data_pipelines.prepare`. Received: task={spec.task!r}"
        )
    coders = {entry.name: VocabularyCoder(entry) for entry in spec.vocabularies}
    coder = FieldCoder(spec, spec.fields, coders, _STEP_SEPARATOR)
    dtype, num_rows = np.dtype(coder.dtype()), 0
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch) / "rows.spool"
        with writing(file), file.open("wb") as stream:
            for chunk in _chunks(spec, table):
                rows = np.zeros(len(chunk), dtype)
                coder.encode(chunk, rows)
                stream.write(rows.tobytes())
                num_rows += len(rows)
        if not num_rows:
            raise DataError("The table must have at least one row. Received: none")
        coder.warn_of_unused_separators()
        counter = FieldCounter(spec, coders)
        for rows in Spool(file, dtype, num_rows).chunks():
            counter.add(spec.fields, rows)
    counter.warn_of_constants()
    vocabularies, _ = counter.fit_vocabularies()
    return counter.fitted_spec(vocabularies)


def _chunks(spec: FeatureSpec, table: Any) -> Iterator[Chunk]:
    """The columns of the fields as Python's values."""
    if hasattr(table, "column_names"):
        columns = {name: table.column(name) for name in table.column_names}
    else:
        columns = {name: table[name] for name in table}
    missing = [field.name for field in spec.fields if field.name not in columns]
    if missing:
        known = sorted(map(str, columns))
        raise DataError(
            f"{did_you_mean(missing, known)}The table lacks the columns {missing}, which the spec "
            f"names: add or rename them. Received: a table with the columns {known}"
        )
    num_rows = max(len(columns[field.name]) for field in spec.fields)
    histories = [field.name for field in spec.with_role("behavior")]
    for start in range(0, num_rows, CHUNK_ROWS):
        own = {
            field.name: _cells(columns[field.name], field, start, start + CHUNK_ROWS)
            for field in spec.fields
        }
        if histories:
            _fill_in(own, histories, spec.history_field)
        yield Chunk(_PLACE, start + 1, own)


def _cells(column: Any, field: AnyField, start: int, end: int) -> list[Any]:
    """Some cells of a column as preparation reads them from a file."""
    part = column.iloc[start:end] if hasattr(column, "iloc") else column[start:end]
    for convert in ("to_pylist", "tolist"):
        if hasattr(part, convert):
            part = getattr(part, convert)()
            break
    is_number = isinstance(field, NumericField)
    cells = []
    for row, cell in enumerate(part, start + 1):
        place = f"{_PLACE}, column {field.name!r}, row {row}"
        if field.role != "behavior":
            cells.append(_value(cell, is_number, place))
            continue
        if isinstance(cell, (str, bytes)) and cell:
            raise DataError(
                f"{place}, must be a list of the steps of a history: the spec does not say what "
                f"separates them in text. Received: {cell!r}"
            )
        steps = _value(cell, is_number, place)
        cells.append(steps if isinstance(steps, list) else [] if is_missing(steps) else [steps])
    return cells


def _value(value: Any, is_number: bool, place: str) -> Any:
    """A value as a file holds it: whole numbers beside a gap, of which pandas makes floats, too."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_value(entry, is_number, place) for entry in value]
    if type(value).__name__ in _ABSENT:
        return None
    if isinstance(value, (set, frozenset, Mapping)):
        raise DataError(f"{place}, must be a value, or a list of values. Received: {value!r}")
    if is_number or not isinstance(value, float) or not value.is_integer():
        return value
    if abs(value) >= _EXACT:
        raise DataError(
            f"{place}, must be an integer that no float has rounded, in pandas with gaps of dtype "
            f"Int64. Received: {value!r}"
        )
    return int(value)


def _fill_in(columns: dict[str, list[Any]], histories: Sequence[str], key: str) -> None:
    """Makes a history that is left out in a row, as in a request, one of which nothing is known."""
    for name in histories:
        columns[name] = [
            own or [None] * len(steps)
            for own, steps in zip(columns[name], columns[key], strict=True)
        ]
