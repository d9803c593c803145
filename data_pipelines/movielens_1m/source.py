"""MovieLens-1M as a source of events, or of labelled examples."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

from amer_tf.features import CategoricalField, MultiValuedField, Vocabulary
from data_pipelines.errors import DataError, reading, require_file
from data_pipelines.event_gaps import GAP_FIELD, asked_gap
from data_pipelines.movielens_1m import parse
from data_pipelines.sampling import require_share, sampled
from data_pipelines.sources import (
    ITEM,
    ITEM_NAME,
    TIME,
    USER,
    Source,
    chosen_fields,
    ctr_spec,
    next_item_spec,
    require_task,
)
from data_pipelines.splits import PerUser
from data_pipelines.tables import Chunk, Table, read_lines, table_of_rows

RATINGS_FILE = "ratings.dat"
ORDERED_FILE = "ratings_ordered.csv"
MOVIES_FILE = "movies.dat"
USERS_FILE = "users.dat"
ITEM_FIELDS = (MultiValuedField("genres", role="target", max_values=6),)
USER_FIELDS = tuple(CategoricalField(name) for name in ("gender", "age", "occupation", "zip_code"))


LABEL, FILM = "liked", "movie_id"
# The step of the history that says what the user thought of the film.
HISTORY_RATING = CategoricalField("history_rating", role="behavior")
LIKED_FROM = 4


def open_source(
    folder: pathlib.Path,
    *,
    task: str = "next_item",
    item_fields: str | Sequence[str] | None = None,
    user_fields: str | Sequence[str] | None = None,
    share: float = 1.0,
    seed: int = 0,
    history_gap: bool = False,
) -> Source:
    """Opens the ratings, as published or in their order without timestamps.

    Args:
        folder: Where the files are.
        task: `"next_item"`, where every rating counts as an event, as in the published protocols;
            or `"ctr"`: will this user like this film, rate it 4 or 5, given the films that he rated
            before, and how.
        item_fields: `"genres"` to read the films' genres; None for task ctr too.
        user_fields: Which of gender, age, occupation and zip_code to read; None for none, or for
            task ctr all of them.
        share: For task ctr: share of the ratings that become examples; histories hold all.
        seed: For task ctr: of the share.
        history_gap: For task ctr: whether histories have a field of this name, the seconds between
            each rating and the user's rating before it. It needs the ratings as published.
    """
    is_ctr = require_task(task) == "ctr"
    gap = asked_gap(history_gap, task)
    require_share(share)
    ratings = require_file(folder, RATINGS_FILE, ORDERED_FILE)
    default: str | Sequence[str] = "all" if is_ctr else ()
    item_fields = default if item_fields is None else item_fields
    user_fields = default if user_fields is None else user_fields
    of_item = chosen_fields("item_fields", item_fields, ITEM_FIELDS)
    of_user = chosen_fields("user_fields", user_fields, USER_FIELDS)
    users_file = require_file(folder, USERS_FILE) if of_user else None
    with reading(folder):
        has_movies = bool(of_item) or (folder / MOVIES_FILE).is_file()
    movies_file = require_file(folder, MOVIES_FILE) if has_movies else None
    files = tuple(file for file in (ratings, movies_file, users_file) if file)
    # A rank says nothing between users.
    global_time = ratings.name == RATINGS_FILE
    if gap and not global_time:
        raise DataError(
            f"`history_gap` needs the times of {RATINGS_FILE}; ranks have no seconds between them. "
            f"Received: history_gap=True, and {ratings.name}"
        )
    if is_ctr:
        films = movies_table(movies_file) if of_item and movies_file else None
        return Source(
            name="movielens_1m",
            spec=ctr_spec(
                label=LABEL,
                item=CategoricalField(FILM, role="target"),
                item_fields=of_item,
                other_fields=[HISTORY_RATING, *gap, CategoricalField(USER), *of_user],
                vocabularies=[Vocabulary(name, dtype="int64") for name in (FILM, USER)],
            ),
            events=sampled(_labelled(ratings_table(ratings)), share, seed),
            whole=ratings_table(ratings) if share < 1 else None,
            items=_renamed(films, ITEM, FILM) if films else None,
            users=users_table(users_file) if users_file else None,
            behaviors=_labelled(ratings_table(ratings)),
            item=FILM,
            steps_are_items=True,
            gap_field=GAP_FIELD if history_gap else None,
            files=files,
            user_dtype="int64",
            has_time=True,
            global_time=global_time,
            split=PerUser(),
        )
    return Source(
        name="movielens_1m",
        spec=next_item_spec(item_dtype="int64", item_fields=of_item, other_fields=of_user),
        events=ratings_table(ratings),
        items=movies_table(movies_file) if movies_file else None,
        users=users_table(users_file) if users_file else None,
        files=files,
        user_dtype="int64",
        has_time=True,
        global_time=global_time,
        has_item_names=movies_file is not None,
        k_core=5,
    )


def _labelled(ratings: Table) -> Table:
    """Ratings under the names of task ctr, with the label."""

    def read() -> Iterator[Chunk]:
        for chunk in _renamed(ratings, ITEM, FILM).read():
            rating = chunk.column("rating")
            labels = [int(value >= LIKED_FROM) for value in rating]
            texts = [str(value) for value in rating]
            columns = {**chunk.columns, LABEL: labels, HISTORY_RATING.name: texts}
            yield dataclasses.replace(chunk, columns=columns)

    return Table(ratings.place, read)


def _renamed(table: Table, old: str, new: str) -> Table:
    """The table with one column under another name."""

    def read() -> Iterator[Chunk]:
        for chunk in table.read():
            columns = {new if name == old else name: chunk.columns[name] for name in chunk.columns}
            yield dataclasses.replace(chunk, columns=columns)

    return Table(table.place, read)


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
