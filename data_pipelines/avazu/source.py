"""Avazu as a table of labelled examples."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator

from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from data_pipelines.avazu import parse
from data_pipelines.delimited import file_table
from data_pipelines.errors import require_file
from data_pipelines.sources import TIME, Source
from data_pipelines.splits import Random
from data_pipelines.tables import Chunk, Table

FILES = ("train.csv", "train.csv.gz", "train.gz")
_PARTS = {"day": parse.day, "weekday": parse.weekday, "hour": parse.hour, TIME: parse.seconds}


def open_source(folder: pathlib.Path, *, min_count: int = 2, bad_rows: str = "error") -> Source:
    """Opens the examples; 72 % train, 8 % validate, 20 % test, as in the AMER paper.

    Args:
        folder: Where `train.csv` is, as published or compressed.
        min_count: Values that stand less often in the training split are unknown.
        bad_rows: `"error"`, or `"skip"` to leave out rows with too few or too many cells.
    """
    file = require_file(folder, *FILES)
    names = (*parse.TIME_FIELDS, *parse.OTHER_FIELDS)
    return Source(
        name="avazu",
        spec=FeatureSpec(
            fields=tuple(
                CategoricalField(name, "profile" if name in parse.DEVICE_FIELDS else "context")
                for name in names
            ),
            vocabularies=tuple(Vocabulary(name, min_count=min_count) for name in names),
            label=parse.LABEL,
        ),
        events=examples_table(file, bad_rows),
        files=(file,),
        has_time=True,
        split=Random(train_share=0.72, validation_share=0.08),
    )


def examples_table(file: pathlib.Path, bad_rows: str = "error") -> Table:
    """The rows with their hour as day, weekday, hour of the day and seconds."""
    table = file_table([file], {name: name for name in parse.COLUMNS}, bad_rows=bad_rows)

    def read() -> Iterator[Chunk]:
        for chunk in table.read():
            parts = {
                name: chunk.convert(parse.TIME, part, "an hour such as 14102100")
                for name, part in _PARTS.items()
            }
            yield dataclasses.replace(chunk, columns={**chunk.columns, **parts})

    return Table(table.place, read)
