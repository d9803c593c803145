"""Criteo as a table of labelled examples."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator

from amer_tf.features import (
    AnyField,
    CategoricalField,
    FeatureSpec,
    Normalization,
    NumericField,
    Vocabulary,
)
from data_pipelines.criteo import parse
from data_pipelines.delimited import file_table
from data_pipelines.errors import DataError, require_file
from data_pipelines.sources import Source
from data_pipelines.splits import Random
from data_pipelines.tables import Chunk, Table

FILES = ("train.txt", "train.txt.gz")
COUNTS = ("log", "linear", "buckets")


def open_source(
    folder: pathlib.Path, *, counts: str = "log", min_count: int = 10, bad_rows: str = "error"
) -> Source:
    """Opens the examples; 81 % train, 9 % validate, 10 % test, as in the AMER paper.

    Args:
        folder: Where `train.txt` is.
        counts: What becomes of the 13 counts. `"log"`: numbers, their logarithm brought to
            [-1, 1]; `"linear"`: numbers, brought to [-1, 1] as they are; both are inputs of the
            MLP alone. `"buckets"`: categories, see `parse.bucket`.
        min_count: Values of a category that stand less often in the training split are unknown.
        bad_rows: `"error"`, or `"skip"` to leave out rows with too few or too many cells.
    """
    if counts not in COUNTS:
        raise DataError(f"`counts` must be one of {', '.join(COUNTS)}. Received: counts={counts!r}")
    file = require_file(folder, *FILES)
    of_counts: list[AnyField]
    if counts == "buckets":
        of_counts = [CategoricalField(name) for name in parse.NUMBERS]
    else:
        normalization = Normalization(log=counts == "log")
        of_counts = [NumericField(name, normalization=normalization) for name in parse.NUMBERS]
    fields = (*of_counts, *(CategoricalField(name) for name in parse.CATEGORIES))
    names = [field.name for field in fields if isinstance(field, CategoricalField)]
    events = examples_table(file, bad_rows)
    return Source(
        name="criteo",
        spec=FeatureSpec(
            fields=fields,
            vocabularies=tuple(Vocabulary(name, min_count=min_count) for name in names),
            label=parse.LABEL,
        ),
        events=_in_buckets(events) if counts == "buckets" else events,
        files=(file,),
        split=Random(train_share=0.81, validation_share=0.09),
    )


def examples_table(file: pathlib.Path, bad_rows: str = "error") -> Table:
    columns = {name: name for name in parse.HEADER}
    return file_table(
        [file], columns, separator=parse.SEPARATOR, header=parse.HEADER, bad_rows=bad_rows
    )


def _in_buckets(table: Table) -> Table:
    def read() -> Iterator[Chunk]:
        for chunk in table.read():
            buckets = {
                name: chunk.convert(name, parse.bucket, "an integer or empty")
                for name in parse.NUMBERS
            }
            yield dataclasses.replace(chunk, columns={**chunk.columns, **buckets})

    return Table(table.place, read)
