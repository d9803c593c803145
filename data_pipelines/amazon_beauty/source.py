"""Amazon Beauty as a source of events."""

from __future__ import annotations

import pathlib

from amer_tf.features import MultiValuedField, Vocabulary
from data_pipelines.amazon_beauty import parse
from data_pipelines.errors import reading, require_file
from data_pipelines.sources import ITEM, TIME, USER, Source, next_item_spec
from data_pipelines.tables import Table, read_lines, table_of_rows

SEQUENCES_FILE = "Beauty.txt"
ATTRIBUTES_FILE = "Beauty_item2attributes.json"
REVIEWS_FILES = (
    "reviews_Beauty_5.json.gz",
    "reviews_Beauty_5.json",
    "reviews_Beauty.json.gz",
    "reviews_Beauty.json",
)
# As in the paper.
MAX_LENGTH = 15


def open_source(
    folder: pathlib.Path, *, attributes: bool = False, max_length: int = MAX_LENGTH
) -> Source:
    """Opens the sequences of S3-Rec's authors or, where they are absent, the original reviews.

    Args:
        folder: Where the files are.
        attributes: Whether the items' attributes become a multi-valued field (sequences only).
        max_length: Steps of the history.
    """
    if attributes:
        file = require_file(folder, SEQUENCES_FILE)
    else:
        file = require_file(folder, SEQUENCES_FILE, *REVIEWS_FILES)
    if file.name == SEQUENCES_FILE:
        return _sequences(file, attributes, max_length)
    events = table_of_rows(
        file.name, (USER, ITEM, TIME), lambda: parse.parse_reviews(read_lines(file), file.name)
    )
    return Source(
        name="amazon_beauty",
        spec=next_item_spec(max_length=max_length),
        events=events,
        files=(file,),
        has_time=True,
        k_core=5,
    )


def _sequences(file: pathlib.Path, attributes: bool, max_length: int) -> Source:
    spec = next_item_spec(item_dtype="int64", max_length=max_length)
    items: Table | None = None
    files: tuple[pathlib.Path, ...] = (file,)
    if attributes:
        attributes_file = require_file(file.parent, ATTRIBUTES_FILE)
        items = table_of_rows(
            attributes_file.name,
            (ITEM, "attributes"),
            lambda: parse.parse_attributes(_read(attributes_file), attributes_file.name),
        )
        files = (file, attributes_file)
        spec = next_item_spec(
            item_dtype="int64",
            item_fields=[MultiValuedField("attributes", role="target")],
            vocabularies=[Vocabulary("attributes", dtype="int64")],
            max_length=max_length,
        )
    return Source(
        name="amazon_beauty",
        spec=spec,
        events=table_of_rows(
            file.name, (USER, ITEM), lambda: parse.parse_sequences(read_lines(file), file.name)
        ),
        items=items,
        files=files,
        user_dtype="int64",
        k_core=5,
    )


def _read(file: pathlib.Path) -> str:
    with reading(file):
        return file.read_text(encoding="utf-8")
