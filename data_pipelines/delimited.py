"""Delimited text and Parquet files as tables."""

from __future__ import annotations

import contextlib
import csv
import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data_pipelines.errors import DataError, reading
from data_pipelines.tables import CHUNK_ROWS, Chunk, Table, read_lines

PARQUET_SUFFIXES = (".parquet", ".pq")


def file_table(
    files: Sequence[pathlib.Path],
    columns: Mapping[str, str],
    *,
    separator: str = ",",
    encoding: str = "utf-8",
    header: Sequence[str] | None = None,
) -> Table:
    """A table that stands in one or more CSV or Parquet files, told apart by their names.

    Args:
        files: The files, in order; CSV may be compressed (`.gz`).
        columns: Which columns to read: the name that they get, and the one in the file.
        separator: What stands between the cells of CSV.
        encoding: Encoding of CSV.
        header: Column names of CSV files that have no header line.
    """

    def read() -> Iterator[Chunk]:
        for file in files:
            if file.suffix.lower() in PARQUET_SUFFIXES:
                yield from read_parquet(file, columns)
            else:
                yield from read_csv(file, columns, separator, encoding, header)

    return Table(", ".join(file.name for file in files), read)


def read_csv(
    file: pathlib.Path,
    columns: Mapping[str, str],
    separator: str = ",",
    encoding: str = "utf-8",
    header: Sequence[str] | None = None,
) -> Iterator[Chunk]:
    """Chunks of text cells.

    Args:
        file: The file.
        columns: New name of each column that is read, and its name in the file.
        separator: What stands between cells; with a tab, quotes are cells' own.
        encoding: The file's encoding.
        header: Column names where the file does not start with them.
    """
    reader = csv.reader(
        _without_mark(read_lines(file, encoding)),
        delimiter=separator,
        quoting=csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL,
    )
    with _csv_errors(file, reader):
        names = list(header) if header else next(reader, [])
    places = _places(file, names, columns)
    first_row = 1
    while True:
        with _csv_errors(file, reader):
            block = []
            for row in itertools.islice(reader, CHUNK_ROWS):
                if len(row) == len(names):
                    block.append(row)
                elif row:
                    raise DataError(
                        f"{file.name}, line {reader.line_num}, must have {len(names)} cells: it "
                        f"may be cut off. Received: {len(row)} cells, {row[:5]}"
                    )
        if not block:
            return
        cells = list(zip(*block, strict=True))
        yield Chunk(
            file.name, first_row, {new: cells[place] for new, place in places.items()}, columns
        )
        first_row += len(block)


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


def _python_values(column: Any) -> list[Any]:
    """The values of an Arrow column; moments and days become seconds since 1970 (UTC)."""
    import pyarrow
    from pyarrow import types

    if types.is_timestamp(column.type) or types.is_date(column.type):
        column = column.cast(pyarrow.timestamp("us")).cast(pyarrow.int64())
        return [None if value is None else value / 1e6 for value in column.to_pylist()]
    plain = types.is_integer(column.type) or types.is_floating(column.type)
    text = types.is_string(column.type) or types.is_large_string(column.type)
    if text or (plain and not column.null_count):
        # An order of magnitude faster than `to_pylist`.
        return list(column.to_numpy(zero_copy_only=False).tolist())
    return list(column.to_pylist())


def _places(file: pathlib.Path, names: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Where the wanted columns stand among the file's."""
    if not names:
        raise DataError(f"A table must have at least one column. Received: an empty file, {file}")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise DataError(f"Column names must differ. Received twice: {twice} in {file.name}")
    missing = [name for name in columns.values() if name not in names]
    if missing:
        raise DataError(f"{file.name} lacks columns; it has {list(names)}. Received: {missing}")
    return {new: list(names).index(old) for new, old in columns.items()}


def _without_mark(lines: Iterator[str]) -> Iterator[str]:
    # Spreadsheets put a byte order mark before the header.
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")


@contextlib.contextmanager
def _csv_errors(file: pathlib.Path, reader: Any) -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise DataError(
            f"{file.name}, line {reader.line_num}, must be CSV. Received: {error}"
        ) from error
