"""Steam as a source of events."""

from __future__ import annotations

import pathlib

from data_pipelines.errors import require_file
from data_pipelines.sources import ITEM, TIME, USER, Source, next_item_spec
from data_pipelines.steam import parse
from data_pipelines.tables import Table, read_lines, table_of_rows

FILES = (
    "steam_reviews.json.gz",
    "steam_reviews.json",
    "steam_new.json.gz",
    "steam_new.json",
)
# As in the paper.
MAX_LENGTH = 25


def open_source(folder: pathlib.Path) -> Source:
    """Opens the reviews.

    Args:
        folder: Where the file is.
    """
    file = require_file(folder, *FILES)
    return Source(
        name="steam",
        spec=next_item_spec(max_length=MAX_LENGTH),
        events=reviews_table(file),
        files=(file,),
        has_time=True,
        k_core=5,
    )


def reviews_table(file: pathlib.Path) -> Table:
    return table_of_rows(
        file.name, (USER, ITEM, TIME), lambda: parse.parse_reviews(read_lines(file), file.name)
    )
