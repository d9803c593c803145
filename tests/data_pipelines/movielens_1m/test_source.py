from __future__ import annotations

import math
import pathlib

import numpy as np
import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.movielens_1m import parse
from data_pipelines.movielens_1m.movielens_1m_dataset_builder import Builder
from data_pipelines.movielens_1m.source import open_source
from data_pipelines.sources import TIME
from tests.data_pipelines.tfds_harness import build


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    """Three users, six films, as published, in the order of film ids and not of time."""
    folder = tmp_path / "source"
    folder.mkdir()
    ratings = [f"{user}::{film}::4::{900 - film}\n" for user in (1, 2, 3) for film in range(1, 7)]
    (folder / "ratings.dat").write_text("".join(ratings))
    (folder / "movies.dat").write_text(
        "".join(f"{film}::Amélie {film} (2001)::Comedy|Drama\n" for film in range(1, 7)),
        encoding="latin-1",
    )
    (folder / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n3::M::25::15::1\n")
    return folder


def test_published_files(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare(
        "movielens_1m",
        source,
        tmp_path / "data",
        k_core=2,
        item_fields="genres",
        user_fields=["gender", "age"],
    )
    assert (counts["users"], counts["items"], counts["events"]) == (3, 6, 18)
    data = data_pipelines.load(tmp_path / "data")
    assert [field.name for field in data.spec.input_fields] == ["history_item_id", "gender", "age"]
    assert data.item_names["3"] == "Amélie 3 (2001)"
    assert data.catalog is not None
    assert data.catalog[2:].tolist() == [[2, 3, 0, 0, 0, 0]] * 6
    [(inputs, labels)] = data.test.batches(3, candidates=None)
    films = data.spec.vocabulary("item_id").values
    # The newest rating is that of film 1.
    assert [films[target - 2] for target in labels["target"].numpy()] == [1, 1, 1]
    assert inputs["gender"].numpy().tolist() == [3, 2, 2]


def test_by_time_needs_timestamps(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    data_pipelines.prepare(
        "movielens_1m",
        source,
        tmp_path / "data",
        k_core=0,
        split={"kind": "by_time", "train_until": 896, "validation_until": 898},
    )
    (source / "ratings.dat").unlink()
    (source / "ratings_ordered.csv").write_text("user,item,rating,rank\n1,2,3,1\n1,3,3,2\n")
    with pytest.raises(DataError, match="times that can be compared between users"):
        data_pipelines.prepare(
            "movielens_1m", source, tmp_path / "ordered", split="by_time", k_core=0
        )


def test_published_counts(shared_data: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare(
        "movielens_1m",
        shared_data / "movielens_1m",
        tmp_path / "data",
        item_fields="all",
        user_fields="all",
    )
    assert (counts["users"], counts["items"], counts["events"]) == (6_040, 3_416, 999_611)
    data = data_pipelines.load(tmp_path / "data")
    assert data.spec.vocabulary("genres").size == 18
    assert data.spec.vocabulary("gender").size == 2
    assert data.item_names["1"] == "Toy Story (1995)"
    # Every film in the catalog has a genre.
    assert data.catalog is not None
    assert (data.catalog[2:, 0] >= 2).all()


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("ratings.dat", "1::2::3", r"ratings.dat, line 2, must be UserID::MovieID::Rating::Time"),
        ("ratings.dat", "1::x::3::4", r"ratings.dat, line 2, must be four integers. Received: \["),
        ("movies.dat", "1::Toy Story", "movies.dat, line 2, must be MovieID::Title::Genres"),
        ("movies.dat", "x::Toy Story::Drama", "line 2, must start with an integer. Received: 'x'"),
        ("users.dat", "1::F", "users.dat, line 2, must be UserID::Gender::Age"),
    ],
)
def test_wrong_lines(
    source: pathlib.Path, tmp_path: pathlib.Path, file: str, line: str, message: str
) -> None:
    first = (source / file).read_text(encoding="latin-1").split("\n")[0]
    (source / file).write_text(f"{first}\n{line}\n", encoding="latin-1")
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare(
            "movielens_1m",
            source,
            tmp_path / "data",
            k_core=0,
            item_fields="all",
            user_fields="all",
            split={"kind": "by_time", "train_until": 898, "validation_until": 899},
        )


def test_ordered_ratings_after_their_header() -> None:
    lines = ["user,item,rating,rank\r\n", "1,5,4,1\r\n"]
    assert list(parse.parse_ordered_ratings(lines, "x")) == [(1, 5, 4, 1)]


@pytest.mark.parametrize(
    ("config", "number", "first"),
    [
        ("ratings", 18, {"user_id": 1, "item_id": 1, "rating": 4, "timestamp": 899}),
        ("users", 3, {"user_id": 1, "gender": b"F", "age": b"1", "occupation": b"10"}),
        ("movies", 6, {"item_id": 1, "title": "Amélie 1 (2001)".encode()}),
    ],
)
def test_builder(
    source: pathlib.Path, tmp_path: pathlib.Path, config: str, number: int, first: dict[str, object]
) -> None:
    _, examples = build(Builder, tmp_path / "out", source, config=config)
    assert len(examples) == number
    assert {name: examples[0][name] for name in first} == first


def test_a_share_of_the_ratings_with_whole_histories(source: pathlib.Path) -> None:
    opened = open_source(source, task="ctr", share=0.5, seed=1)
    assert opened.behaviors is not None
    histories, events = (list(table.read()) for table in (opened.behaviors, opened.events))
    assert sum(map(len, histories)) == 18
    assert 4 < sum(map(len, events)) < 14


def many_ratings(folder: pathlib.Path) -> None:
    """User `u` rates `100 u` films, one a second, user after user and newest first."""
    lines = [
        f"{user}::{1 + time % 6}::{1 + time % 5}::{1000 * user + time}\n"
        for user in (1, 2, 3)
        for time in reversed(range(100 * user))
    ]
    (folder / "ratings.dat").write_text("".join(lines))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_share_leaves_each_rating_in_its_part(
    source: pathlib.Path, tmp_path: pathlib.Path, seed: int
) -> None:
    many_ratings(source)
    split = {"kind": "per_user", "train_share": 0.5, "validation_share": 0.2}
    data_pipelines.prepare(
        "movielens_1m", source, tmp_path / "data", task="ctr", share=0.5, seed=seed, split=split
    )
    data = data_pipelines.load(tmp_path / "data")
    times: dict[int, list[list[int]]] = {user: [[], [], []] for user in (1, 2, 3)}
    for chunk in open_source(source, task="ctr", share=0.5, seed=seed).events.read():
        for user, moment in zip(chunk.column("user_id"), chunk.column(TIME), strict=True):
            # Of ten ratings of the user five train, two validate and three test.
            place = (moment - 1000 * user) / (100 * user)
            times[user][(place >= 0.5) + (place >= 0.7)].append(moment)
    for part, split_of in enumerate((data.train, data.validation, data.test)):
        # Users are numbered as they come.
        of_user = [len(times[user][part]) for user in (1, 2, 3)]
        assert np.bincount(split_of.groups, minlength=3).tolist() == of_user


def test_a_share_by_time_is_cut_at_the_shares(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    many_ratings(source)
    counts = data_pipelines.prepare(
        "movielens_1m", source, tmp_path / "data", task="ctr", share=0.5, split="by_time"
    )
    rows = counts["rows"]
    assert 200 < rows < 400
    # Of rows that all have a time of their own the fewest that are no less than 80 and 90 in 100.
    trained, seen = -(-8 * rows // 10), -(-9 * rows // 10)
    found = [counts[f"{name}_examples"] for name in ("train", "validation", "test")]
    assert found == [trained, seen - trained, rows - seen]


@pytest.mark.parametrize("share", [0, 1.5, True, "half"])
def test_a_share_that_is_none(source: pathlib.Path, tmp_path: pathlib.Path, share: object) -> None:
    with pytest.raises(DataError, match="`share` must be more than 0 and at most 1. Received"):
        data_pipelines.prepare("movielens_1m", source, tmp_path / "d", task="ctr", share=share)


def test_gaps_between_ratings(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    many_ratings(source)
    data_pipelines.prepare(
        "movielens_1m", source, tmp_path / "data", task="ctr", history_gap=True, max_length=3
    )
    spec = data_pipelines.load(tmp_path / "data").spec
    names = [field.name for field in spec.with_role("behavior")]
    assert names == ["history_movie_id", "history_genres", "history_rating", "history_gap"]
    # All ratings come a second after another; a constant becomes the middle of its range.
    normalization = spec.field("history_gap").normalization  # type: ignore[union-attr]
    assert (normalization.low + normalization.high) / 2 == pytest.approx(math.log1p(1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"history_gap": True}, "an option of task ctr, .*history_gap=True, task='next_item'"),
        ({"task": "ctr", "history_gap": "yes"}, "must be true or false. Received: history_gap='y"),
    ],
)
def test_gaps_that_cannot_be(
    source: pathlib.Path, tmp_path: pathlib.Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        data_pipelines.prepare("movielens_1m", source, tmp_path / "data", **options)


def test_ranks_have_no_gaps(source: pathlib.Path) -> None:
    (source / "ratings.dat").unlink()
    (source / "ratings_ordered.csv").write_text("user,item,rating,rank\n1,2,3,1\n1,3,3,2\n")
    with pytest.raises(DataError, match="needs the times of ratings.dat.*ratings_ordered.csv"):
        open_source(source, task="ctr", history_gap=True)


def test_hybrid_data(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    lines = [line.strip().split("::") for line in (source / "ratings.dat").open()]
    # User 2 rates film f with f - 1 stars, the first with one.
    rated = [
        "::".join([user, film, str(max(1, int(film) - 1)) if user == "2" else stars, time])
        for user, film, stars, time in lines
    ]
    (source / "ratings.dat").write_text("\n".join(rated) + "\n")
    counts = data_pipelines.prepare(
        "movielens_1m", source, tmp_path / "data", task="ctr",
        split={"kind": "per_user", "train_share": 0.6, "validation_share": 0.2},
    )  # fmt: skip
    # Of each user's six ratings the first four, the next and the last.
    assert [counts[f"{name}_examples"] for name in ("train", "validation", "test")] == [12, 3, 3]
    data = data_pipelines.load(tmp_path / "data")
    [(inputs, label, _)] = data.test.batches(3)
    films = data.spec.vocabulary("movie_id").read_values()
    stars = data.spec.vocabulary("history_rating").read_values()
    # The newest is film 1, of which training knows nothing; before it came 6, 5, 4, 3, 2.
    assert inputs["movie_id"].numpy().tolist() == [1, 1, 1]
    history = inputs["history_movie_id"].numpy()[1, :5]
    assert [films[number - 2] if number > 1 else None for number in history] == [6, 5, 4, 3, None]
    ratings = inputs["history_rating"].numpy()[1, :5]
    # What is thought of the last film of training is part of no history of training.
    assert [stars[number - 2] if number > 1 else None for number in ratings] == [
        "5", "4", "3", None, None,
    ]  # fmt: skip
    assert label.numpy().tolist() == [1, 0, 1]
    assert data.validation.labels.tolist() == [1, 0, 1]
    assert inputs["history_genres"].shape == (3, 50, 6)
    assert (inputs["history_genres"].numpy()[:, :5, 0] == 2).all()
    assert (inputs["history_genres"].numpy()[:, 5:] == 0).all()
    assert inputs["gender"].numpy().tolist() == [3, 2, 2]
