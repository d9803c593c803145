"""The file formats of MovieLens-1M: `::` between cells, Latin-1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from data_pipelines.errors import DataError

ENCODING = "latin-1"


def _cells(
    lines: Iterable[str], place: str, names: tuple[str, ...], separator: str = "::"
) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = line.rstrip("\r\n").split(separator)
        if len(cells) != len(names):
            raise DataError(
                f"{place}, line {number}, must be {separator.join(names)}: it may be cut off. "
                f"Received: {line[:80]!r}"
            )
        yield number, cells


def parse_ratings(lines: Iterable[str], place: str) -> Iterator[tuple[int, int, int, int]]:
    """Lines of `ratings.dat` as (user, film, rating, seconds since 1970)."""
    names = ("UserID", "MovieID", "Rating", "Timestamp")
    for number, cells in _cells(lines, place, names):
        yield _integers(cells, place, number)


def parse_ordered_ratings(lines: Iterable[str], place: str) -> Iterator[tuple[int, int, int, int]]:
    """Lines of `ratings_ordered.csv` after its header as (user, film, rating, rank in time)."""
    names = ("user", "item", "rating", "rank")
    for number, cells in _cells(lines, place, names, ","):
        if cells == list(names):
            continue
        yield _integers(cells, place, number)


def _integers(cells: list[str], place: str, number: int) -> tuple[int, int, int, int]:
    try:
        user, film, rating, time = map(int, cells)
    except ValueError:
        raise DataError(
            f"{place}, line {number}, must be four integers. Received: {cells}"
        ) from None
    return user, film, rating, time


def parse_movies(lines: Iterable[str], place: str) -> Iterator[tuple[int, str, list[str]]]:
    """Lines of `movies.dat` as (film, title, genres)."""
    for number, (film, title, genres) in _cells(lines, place, ("MovieID", "Title", "Genres")):
        yield _identifier(film, place, number), title, genres.split("|")


def parse_users(lines: Iterable[str], place: str) -> Iterator[tuple[int, str, str, str, str]]:
    """Lines of `users.dat` as (user, gender, age, occupation, zip code)."""
    names = ("UserID", "Gender", "Age", "Occupation", "Zip-code")
    for number, (user, gender, age, occupation, zip_code) in _cells(lines, place, names):
        yield _identifier(user, place, number), gender, age, occupation, zip_code


def _identifier(text: str, place: str, number: int) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(
            f"{place}, line {number}, must start with an integer. Received: {text!r}"
        ) from None
