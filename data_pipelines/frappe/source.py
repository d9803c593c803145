"""Frappe as a table of labelled examples."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from amer_tf.features import CategoricalField, FeatureSpec
from data_pipelines.delimited import file_table
from data_pipelines.errors import DataError, reading, require_file
from data_pipelines.frappe import parse
from data_pipelines.random_streams import random_fractions
from data_pipelines.sources import Source, complete_vocabularies
from data_pipelines.splits import NAMES, ByColumn
from data_pipelines.tables import Chunk, FactorizedColumn, Table

FILES = {name: f"frappe.{name}.libfm" for name in NAMES}
ROLES = {"user": "profile", "item": "target", "cost": "target"}
SPLIT = "split"
_VALIDATION = 1


def open_source(
    folder: pathlib.Path,
    *,
    validation_share: float = 0.1,
    seed: int = 0,
    bad_rows: str = "error",
) -> Source:
    """Opens the published splits; without `frappe.train.libfm` two are made of the second.

    Args:
        folder: Where the files are.
        validation_share: Share of the rows of `frappe.validation.libfm` that validate, where the
            training file is not there and the other rows train.
        seed: Seed of that choice.
        bad_rows: `"error"`, or `"skip"` to leave out rows with too few or too many cells.
    """
    if not 0 < validation_share < 1:
        raise DataError(
            "`validation_share` must be a number between 0 and 1. "
            f"Received: validation_share={validation_share!r}"
        )
    with reading(folder):
        is_whole = (folder / FILES["train"]).is_file()
    names = NAMES if is_whole else ("validation", "test")
    files = [require_file(folder, FILES[name]) for name in names]
    tables = [examples_table(file, bad_rows) for file in files]

    def read() -> Iterator[Chunk]:
        for name, table in zip(names, tables, strict=True):
            for chunk in table.read():
                parts: Sequence[str] = FactorizedColumn([name], np.zeros(len(chunk), np.int32))
                if name == "validation" and not is_whole:
                    chances = random_fractions(seed, _VALIDATION, chunk.row_numbers())
                    validates = chances < validation_share
                    parts = FactorizedColumn(["train", "validation"], validates.astype(np.int32))
                yield dataclasses.replace(chunk, columns={**chunk.columns, SPLIT: parts})

    fields = tuple(CategoricalField(name, ROLES.get(name, "context")) for name in parse.FIELDS)
    return Source(
        name="frappe",
        spec=FeatureSpec(
            fields=fields,
            vocabularies=tuple(complete_vocabularies(fields, ())),
            label=parse.LABEL,
            group="user",
        ),
        events=Table(", ".join(file.name for file in files), read),
        files=tuple(files),
        split=ByColumn(SPLIT),
    )


def examples_table(file: pathlib.Path, bad_rows: str = "error") -> Table:
    """Labels 0 and 1, and the ids of the ten fields as text."""
    columns = {name: name for name in parse.HEADER}
    table = file_table(
        [file], columns, separator=parse.SEPARATOR, header=parse.HEADER, bad_rows=bad_rows
    )

    def read() -> Iterator[Chunk]:
        for chunk in table.read():
            ids = {
                name: chunk.convert(name, parse.parse_feature, "an id and its value, such as 204:1")
                for name in parse.FIELDS
            }
            labels = chunk.convert(parse.LABEL, parse.parse_label, "1, -1 or 0")
            yield dataclasses.replace(chunk, columns={**ids, parse.LABEL: labels})

    return Table(table.place, read)
