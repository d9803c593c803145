"""Delimited text and Parquet files as tables."""

from __future__ import annotations

import array
import contextlib
import csv
import gzip
import logging
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from amer_tf.features import did_you_mean
from data_pipelines.arrow_values import ArrowValues, DateSeconds
from data_pipelines.errors import DataError, reading, wrong_encoding
from data_pipelines.tables import (
    CHUNK_ROWS,
    Chunk,
    FactorizedColumn,
    Table,
    numbers_without,
    read_lines,
)

PARQUET_SUFFIXES = (".parquet", ".pq")
BAD_ROWS = ("error", "skip")
# Text that is parsed at a time; no row may be longer. Arrow reads up to 32 blocks ahead.
BLOCK_BYTES = 1 << 23

_log = logging.getLogger(__name__)


def file_table(
    files: Sequence[pathlib.Path],
    columns: Mapping[str, str],
    *,
    separator: str = ",",
    encoding: str = "utf-8",
    header: Sequence[str] | None = None,
    bad_rows: str = "error",
) -> Table:
    """A table that stands in one or more CSV or Parquet files, told apart by their names.

    Args:
        files: The files, in order; CSV may be compressed (`.gz`).
        columns: Which columns to read: the name that they get, and the one in the file.
        separator: What stands between the cells of CSV.
        encoding: Encoding of CSV.
        header: Column names of CSV files that have no header line.
        bad_rows: What becomes of a CSV row with too few or too many cells: `"error"`, or `"skip"`
            to leave it out and say so on the log.
    """
    if bad_rows not in BAD_ROWS:
        raise DataError(
            f"`bad_rows` must be one of {', '.join(BAD_ROWS)}. Received: bad_rows={bad_rows!r}"
        )

    def read() -> Iterator[Chunk]:
        for file in files:
            if file.suffix.lower() in PARQUET_SUFFIXES:
                yield from read_parquet(file, columns)
            else:
                yield from read_csv(file, columns, separator, encoding, header, bad_rows)

    return Table(", ".join(file.name for file in files), read, columns)


def read_csv(
    file: pathlib.Path,
    columns: Mapping[str, str],
    separator: str = ",",
    encoding: str = "utf-8",
    header: Sequence[str] | None = None,
    bad_rows: str = "error",
) -> Iterator[Chunk]:
    """Chunks of text cells.

    Args:
        file: The file.
        columns: New name of each column that is read, and its name in the file.
        separator: What stands between cells; with a tab, quotes are cells' own.
        encoding: The file's encoding.
        header: Column names where the file does not start with them.
        bad_rows: `"error"` or `"skip"`, as above.
    """
    import pyarrow
    from pyarrow import csv as arrow_csv

    has_quotes = separator != "\t"
    names = list(header) if header else _header(file, separator, encoding, has_quotes)
    places = _places(file, names, columns)
    wanted = list(dict.fromkeys(columns.values()))
    bad = _BadRows(bad_rows)

    # The number of a bad row is known to a single thread alone; there is another one beside it.
    read_options = arrow_csv.ReadOptions(
        use_threads=False, block_size=BLOCK_BYTES, column_names=header, encoding=encoding
    )
    parse_options = arrow_csv.ParseOptions(
        delimiter=separator,
        quote_char='"' if has_quotes else False,
        newlines_in_values=has_quotes,
        invalid_row_handler=bad.take_note,
    )
    convert_options = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(wanted, pyarrow.string()),
        include_columns=wanted,
        null_values=[],
        strings_can_be_null=False,
    )
    opener: Any = gzip.open if file.suffix == ".gz" else open
    first_row, num_skipped = 1, 0
    with (
        reading(file),
        opener(file, "rb") as stream,
        _csv_errors(file, len(names), bad, encoding),
    ):
        if not stream.peek(1):
            return
        reader = arrow_csv.open_csv(stream, read_options, parse_options, convert_options)
        for batch in reader:
            # Arrow parses ahead: rows may be known to be bad that stand far behind these.
            skipped = np.array(bad.numbers[num_skipped:], np.int64) - (not header)
            for start in range(0, batch.num_rows, CHUNK_ROWS):
                part = batch.slice(start, CHUNK_ROWS)
                values = {name: factorize(part.column(name)) for name in wanted}
                end = int(numbers_without(skipped, first_row, part.num_rows + 1)[-1])
                own = end - first_row - part.num_rows
                columns_here = {new: values[columns[new]] for new in places}
                yield Chunk(file.name, first_row, columns_here, columns, own, skipped)
                first_row, num_skipped = end, num_skipped + own
    if left := len(bad.numbers) - num_skipped:
        yield Chunk(file.name, first_row, dict.fromkeys(places, ()), columns, left)
    if bad.numbers:
        _log.warning(
            "%s: %d rows do not have %d cells and were left out, the first in line %s: %.80r.",
            file.name,
            len(bad.numbers),
            len(names),
            bad.numbers[0],
            bad.first_text,
        )


class _BadRows:
    """Rows of too few or too many cells: where they stand, and which of them ends the reading.

    Args:
        treatment: `"error"` or `"skip"`; a row that reaches over a line's end is an error always,
            since a quote that is never closed makes one row of all that follows it.
    """

    def __init__(self, treatment: str) -> None:
        self._treatment = treatment
        self.numbers = array.array("q")
        self.first_text = ""
        self.fatal: Any = None

    def take_note(self, row: Any) -> str:
        if self._treatment == "error" or _spans_lines(row):
            self.fatal = row
            return "error"
        if not self.numbers:
            self.first_text = row.text
        self.numbers.append(row.number)
        return "skip"


def _spans_lines(row: Any) -> bool:
    return "\n" in row.text.rstrip("\r\n")


def _header(file: pathlib.Path, separator: str, encoding: str, has_quotes: bool) -> list[str]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if has_quotes else csv.QUOTE_NONE
    lines = (line.removeprefix("\ufeff") for line in read_lines(file, encoding))
    try:
        rows = csv.reader(lines, delimiter=separator, quoting=quoting)
        return next((row for row in rows if row), [])
    except csv.Error as error:
        raise DataError(f"{file.name}, line 1, must be CSV. Received: {error}") from error


def factorize(column: Any) -> FactorizedColumn:
    """An Arrow column as its different values, None where one is null, and their places."""
    encoded = column.dictionary_encode(null_encoding="encode")
    return FactorizedColumn(ArrowValues(encoded.dictionary), encoded.indices.to_numpy())


def read_parquet(file: pathlib.Path, columns: Mapping[str, str]) -> Iterator[Chunk]:
    """Chunks of plain Python values."""
    import pyarrow
    from pyarrow import parquet

    try:
        with reading(file), parquet.ParquetFile(file) as stream:
            places = _places(file, stream.schema_arrow.names, columns)
            first_row = 1
            wanted = list(dict.fromkeys(columns[new] for new in places))
            for batch in stream.iter_batches(CHUNK_ROWS, columns=wanted):
                values = {name: _python_values(batch.column(name)) for name in wanted}
                yield Chunk(
                    file.name, first_row, {new: values[columns[new]] for new in places}, columns
                )
                first_row += batch.num_rows
    except pyarrow.ArrowException as error:
        raise DataError(
            f"A Parquet file cannot be read: {error}; it may be truncated, fetch it again. "
            f"Received: {file}"
        ) from error


def _python_values(column: Any) -> Sequence[Any]:
    """The values of an Arrow column; moments and days become seconds since 1970 (UTC)."""
    import pyarrow
    from pyarrow import types

    if types.is_timestamp(column.type) or types.is_date(column.type):
        column = column.cast(pyarrow.timestamp("us")).cast(pyarrow.int64())
        return DateSeconds(None if value is None else value / 1e6 for value in column.to_pylist())
    text = types.is_string(column.type) or types.is_large_string(column.type)
    if text or types.is_integer(column.type):
        return factorize(column)
    if types.is_floating(column.type) and not column.null_count:
        # An order of magnitude faster than `to_pylist`.
        return list(column.to_numpy(zero_copy_only=False).tolist())
    return list(column.to_pylist())


def _places(file: pathlib.Path, names: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Where the wanted columns stand among the file's."""
    if not names:
        raise DataError(
            "A table must have at least one column: fetch the file again, or leave it out together "
            f"with the fields that are read from it. Received: an empty file, {file}"
        )
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise DataError(f"Column names must differ. Received twice: {twice} in {file.name}")
    missing = [name for name in columns.values() if name not in names]
    if missing:
        hint = ", or its separator may be another one" if len(names) == 1 else ""
        raise DataError(
            f"{did_you_mean(missing, names)}{file.name} lacks the columns {missing}, which are to "
            f"be read from it: check their names{hint}. Received: a file with the columns "
            f"{list(names)}"
        )
    return {new: list(names).index(old) for new, old in columns.items()}


@contextlib.contextmanager
def _csv_errors(file: pathlib.Path, num_cells: int, bad: _BadRows, encoding: str) -> Iterator[None]:
    """Says of an error in CSV where it stands.

    Args:
        file: The file.
        num_cells: Cells of a row.
        bad: The rows with too few or too many.
        encoding: Encoding of the file.
    """
    import pyarrow

    try:
        yield
    except pyarrow.ArrowInvalid as error:
        row = bad.fatal
        if row is not None and _spans_lines(row):
            raise DataError(
                f"{file.name}, line {row.number}, must have {num_cells} cells, and reaches over "
                "the ends of lines: a quote may be opened there and not closed. "
                f"Received: {row.actual_columns} cells, {row.text[:80]!r}"
            ) from error
        if row is not None:
            raise DataError(
                f"{file.name}, line {row.number}, must have {num_cells} cells: it may be cut off; "
                "bad_rows='skip' leaves such rows out. "
                f"Received: {row.actual_columns} cells, {row.text[:80]!r}"
            ) from error
        if "invalid UTF8" in str(error):
            raise wrong_encoding(file, encoding, error) from error
        raise DataError(f"{file.name} must be CSV: {error}. Received: {file}") from error
