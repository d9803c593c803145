from __future__ import annotations

import gzip
import json
import pathlib

import numpy as np
import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.amazon_beauty.amazon_beauty_dataset_builder import Builder
from tests.data_pipelines.conftest import small_sequences, write_beauty
from tests.data_pipelines.tfds_harness import build


def write_reviews(folder: pathlib.Path) -> pathlib.Path:
    """The small sequences as reviews, newest first."""
    reviews = [
        {"reviewerID": f"A{user}", "asin": f"B{item}", "unixReviewTime": 1000 + step}
        for user, items in enumerate(small_sequences(), 1)
        for step, item in enumerate(items)
    ]
    folder.mkdir()
    with gzip.open(folder / "reviews_Beauty_5.json.gz", "wt") as stream:
        stream.writelines(json.dumps(review) + "\n" for review in reversed(reviews))
    return folder


@pytest.mark.slow
def test_the_counts_of_the_paper(shared_data: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare(
        "amazon_beauty", shared_data / "amazon_beauty", tmp_path / "data", item_fields="all"
    )
    assert (counts["users"], counts["items"], counts["events"]) == (22_363, 12_101, 198_502)
    assert (counts["min"], counts["max"], counts["mean"]) == (5, 204, 8.876)
    assert counts["known_items"] == 12_101

    data = data_pipelines.load(tmp_path / "data")
    assert data.spec.max_length == 15
    assert data.catalog is not None
    assert data.catalog.shape == (12_103, 8)
    assert (data.catalog[2:, 0] >= 2).all()

    # Popularity as a recommender: the figures of the data's own PROVENANCE.md.
    popularity = data.train.item_counts()
    hits = 0.0
    for _, labels in data.test.batches(1024):
        scores = popularity[labels["candidates"].numpy()]
        better = (scores[:, 1:] > scores[:, :1]).sum(axis=1)
        hits += float(((better < 5) * labels["weight"].numpy()).sum())
    np.testing.assert_allclose(hits / data.test.num_examples, 0.171, atol=0.015)


def test_a_user_that_utf8_cannot_hold(tmp_path: pathlib.Path) -> None:
    review = {"reviewerID": "A\ud83d", "asin": "B", "unixReviewTime": 1}
    (tmp_path / "reviews_Beauty.json").write_text(json.dumps(review) + "\n")
    with pytest.raises(
        DataError, match=r"reviews_Beauty.json, column 'user_id', row 1, must be text .*'A\\ud83d'"
    ):
        data_pipelines.prepare("amazon_beauty", tmp_path, tmp_path / "data")


def test_reviews_give_the_same_sequences(tmp_path: pathlib.Path) -> None:
    folders = {
        "sequences": write_beauty(tmp_path / "sequences", small_sequences()),
        "reviews": write_reviews(tmp_path / "reviews"),
    }
    histories = {}
    for name, source in folders.items():
        data_pipelines.prepare("amazon_beauty", source, tmp_path / f"{name}_data", k_core=0)
        data = data_pipelines.load(tmp_path / f"{name}_data")
        values = [str(v).lstrip("B") for v in data.spec.vocabulary("item_id").read_values()]
        raw = [str(user).lstrip("A") for user in data.train._store.raw_users()]
        users, items = data.train.interactions()
        events = [(raw[u], values[i - 2]) for u, i in zip(users.tolist(), items, strict=True)]
        histories[name] = {
            user: [item for other, item in events if other == user] for user in sorted(set(raw))
        }
    assert histories["sequences"] == histories["reviews"]


def test_reviews_have_no_attributes(tmp_path: pathlib.Path) -> None:
    source = write_reviews(tmp_path / "reviews")
    with pytest.raises(DataError, match="`source_dir` must hold Beauty.txt. Received: "):
        data_pipelines.prepare("amazon_beauty", source, tmp_path / "data", item_fields="all")


def test_truncated_reviews(tmp_path: pathlib.Path) -> None:
    source = write_reviews(tmp_path / "reviews")
    file = source / "reviews_Beauty_5.json.gz"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"cannot be read: .*truncated.*reviews_Beauty_5.json.gz"):
        data_pipelines.prepare("amazon_beauty", source, tmp_path / "data")


def test_builder(tmp_path: pathlib.Path) -> None:
    source = write_beauty(tmp_path / "sequences", small_sequences())
    _, examples = build(Builder, tmp_path / "out", source, config="sequences")
    expected = [
        {"user_id": user, "item_id": item}
        for user, items in enumerate(small_sequences(), 1)
        for item in items
    ]
    assert examples == expected
    source = write_reviews(tmp_path / "reviews")
    _, examples = build(Builder, tmp_path / "out", source, config="reviews")
    assert len(examples) == len(expected)
    last = small_sequences()[0][0]
    assert examples[-1] == {
        "user_id": b"A1",
        "item_id": f"B{last}".encode(),
        "timestamp": 1000,
    }
