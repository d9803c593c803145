"""MovieLens-1M as a source of events."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from amer_tf.features import CategoricalField, MultiValuedField
from data_pipelines.errors import reading, require_file
from data_pipelines.movielens_1m import parse
from data_pipelines.sources import (
    ITEM,
    ITEM_NAME,
    TIME,
    USER,
    Source,
    chosen_fields,
    next_item_spec,
)
from data_pipelines.tables import Table, read_lines, table_of_rows

RATINGS_FILE = "ratings.dat"
ORDERED_FILE = "ratings_ordered.csv"
MOVIES_FILE = "movies.dat"
USERS_FILE = "users.dat"
ITEM_FIELDS = (MultiValuedField("genres", role="target", max_values=6),)
USER_FIELDS = tuple(CategoricalField(name) for name in ("gender", "age", "occupation", "zip_code"))


def open_source(
    folder: pathlib.Path,
    *,
    item_fields: str | Sequence[str] = (),
    user_fields: str | Sequence[str] = (),
) -> Source:
    """Opens the ratings, as published or in their order without timestamps.

    Every rating counts as an event, as in the published next-item protocols.

    Args:
        folder: Where the files are.
        item_fields: `"genres"` to read the films' genres.
        user_fields: Which of gender, age, occupation and zip_code to read.
    """
    ratings = require_file(folder, RATINGS_FILE, ORDERED_FILE)
    of_item = chosen_fields("item_fields", item_fields, ITEM_FIELDS)
    of_user = chosen_fields("user_fields", user_fields, USER_FIELDS)
    users_file = require_file(folder, USERS_FILE) if of_user else None
    with reading(folder):
        has_movies = bool(of_item) or (folder / MOVIES_FILE).is_file()
    movies_file = require_file(folder, MOVIES_FILE) if has_movies else None
    return Source(
        name="movielens_1m",
        spec=next_item_spec(item_dtype="int64", item_fields=of_item, other_fields=of_user),
        events=ratings_table(ratings),
        items=movies_table(movies_file) if movies_file else None,
        users=users_table(users_file) if users_file else None,
        files=tuple(file for file in (ratings, movies_file, users_file) if file),
        user_dtype="int64",
        has_time=True,
        # A rank says nothing between users.
        global_time=ratings.name == RATINGS_FILE,
        has_item_names=movies_file is not None,
        k_core=5,
    )


def ratings_table(file: pathlib.Path) -> Table:
    parse_lines = parse.parse_ratings if file.name == RATINGS_FILE else parse.parse_ordered_ratings
    return table_of_rows(
        file.name,
        (USER, ITEM, "rating", TIME),
        lambda: parse_lines(read_lines(file, parse.ENCODING), file.name),
    )


def movies_table(file: pathlib.Path) -> Table:
    return table_of_rows(
        file.name,
        (ITEM, ITEM_NAME, "genres"),
        lambda: parse.parse_movies(read_lines(file, parse.ENCODING), file.name),
    )


def users_table(file: pathlib.Path) -> Table:
    return table_of_rows(
        file.name,
        (USER, *(field.name for field in USER_FIELDS)),
        lambda: parse.parse_users(read_lines(file, parse.ENCODING), file.name),
    )
