"""Amazon Beauty as a source of events."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence

from amer_tf.features import MultiValuedField, Vocabulary
from data_pipelines.amazon_beauty import parse
from data_pipelines.errors import reading, require_file
from data_pipelines.sources import ITEM, TIME, USER, Source, chosen_fields, next_item_spec
from data_pipelines.tables import Table, read_lines, table_of_rows

SEQUENCES_FILE = "Beauty.txt"
ATTRIBUTES_FILE = "Beauty_item2attributes.json"
REVIEWS_FILES = (
    "reviews_Beauty_5.json.gz",
    "reviews_Beauty_5.json",
    "reviews_Beauty.json.gz",
    "reviews_Beauty.json",
)
ITEM_FIELDS = (MultiValuedField("attributes", role="target"),)
# As in the paper.
MAX_LENGTH = 15


def open_source(folder: pathlib.Path, *, item_fields: str | Sequence[str] = ()) -> Source:
    """Opens the sequences of S3-Rec's authors or, where they are absent, the original reviews.

    Args:
        folder: Where the files are.
        item_fields: `"attributes"` to read the items' attributes too (sequences only).
    """
    fields = chosen_fields("item_fields", item_fields, ITEM_FIELDS)
    if not fields:
        file = require_file(folder, SEQUENCES_FILE, *REVIEWS_FILES)
        if file.name != SEQUENCES_FILE:
            return _reviews(file)
    file = require_file(folder, SEQUENCES_FILE)
    attributes_file = require_file(folder, ATTRIBUTES_FILE) if fields else None
    return Source(
        name="amazon_beauty",
        spec=next_item_spec(
            item_dtype="int64",
            item_fields=fields,
            vocabularies=[Vocabulary("attributes", dtype="int64")],
            max_length=MAX_LENGTH,
        ),
        events=sequences_table(file),
        items=attributes_table(attributes_file) if attributes_file else None,
        files=(file, attributes_file) if attributes_file else (file,),
        user_dtype="int64",
        k_core=5,
    )


def _reviews(file: pathlib.Path) -> Source:
    return Source(
        name="amazon_beauty",
        spec=next_item_spec(max_length=MAX_LENGTH),
        events=reviews_table(file),
        files=(file,),
        has_time=True,
        k_core=5,
    )


def sequences_table(file: pathlib.Path) -> Table:
    return table_of_rows(
        file.name, (USER, ITEM), lambda: parse.parse_sequences(read_lines(file), file.name)
    )


def reviews_table(file: pathlib.Path) -> Table:
    return table_of_rows(
        file.name, (USER, ITEM, TIME), lambda: parse.parse_reviews(read_lines(file), file.name)
    )


def attributes_table(file: pathlib.Path) -> Table:
    def rows() -> Iterator[tuple[int, list[int]]]:
        with reading(file):
            text = file.read_text(encoding="utf-8")
        return parse.parse_attributes(text, file.name)

    return table_of_rows(file.name, (ITEM, "attributes"), rows)
