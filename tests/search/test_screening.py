from __future__ import annotations

import itertools

import numpy as np
import pytest

from amer_tf.search.screening import Screening


def table(rows: int, seed: int = 0, sizes=(4, 5, 6, 30)):
    generator = np.random.default_rng(seed)
    return {f"f{n}": generator.integers(2, 2 + size, rows) for n, size in enumerate(sizes)}


def draw(logits, seed: int = 1):
    generator = np.random.default_rng(seed)
    return (generator.random(len(logits)) < 1 / (1 + np.exp(-logits))).astype("float32")


def test_score_by_pairs_of_rows():
    """The sums over cells are those over pairs of rows."""
    ids = table(60)
    screening = Screening(ids, draw(np.zeros(60)))
    residuals = screening._residuals
    both = ids["f0"] * 100 + ids["f1"]
    statistic = variance = 0.0
    for i, j in itertools.permutations(range(60), 2):
        if both[i] == both[j]:
            statistic += residuals[i] * residuals[j]
            variance += 2 * residuals[i] ** 2 * residuals[j] ** 2
    [score] = screening.scores([("f0", "f1")])
    assert score == pytest.approx(statistic / np.sqrt(variance))
    assert screening.scores([("f1", "f0")])[0] == pytest.approx(score)


def test_nothing_scores_as_nothing():
    groups = list(itertools.combinations(("f0", "f1", "f2", "f3"), 2))
    scores = np.array(
        [
            Screening(table(2000, seed), draw(np.zeros(2000), seed)).scores(groups)
            for seed in range(60)
        ]
    )
    assert -3 < scores.mean() < 0.3
    assert 0.6 < scores.std() < 1.4
    assert scores.max() < 4


def test_effects_of_single_fields_do_not_show():
    ids = table(20_000)
    logits = 1.0 * (ids["f0"] - 3.5) + np.sin(ids["f3"])
    groups = list(itertools.combinations(ids, 2))
    assert np.abs(Screening(ids, draw(logits)).scores(groups)).max() < 5


def test_finds_a_pair_and_does_not_mistake_what_contains_it():
    ids = table(20_000)
    logits = np.where((ids["f0"] + ids["f1"]) % 2, 1.0, -1.0)
    screening = Screening(ids, draw(logits))
    groups = list(itertools.combinations(ids, 2))
    scores = dict(zip(groups, screening.scores(groups), strict=True))
    assert scores["f0", "f1"] > 100
    assert max(score for group, score in scores.items() if group != ("f0", "f1")) < 6
    [larger] = screening.scores([("f0", "f1", "f2")])
    assert larger < 5


def test_finds_three_fields_whose_pairs_say_nothing():
    ids = table(20_000)
    logits = np.where((ids["f0"] + ids["f1"] + ids["f2"]) % 2, 1.0, -1.0)
    screening = Screening(ids, draw(logits))
    groups = list(itertools.combinations(ids, 3))
    scores = dict(zip(groups, screening.scores(groups), strict=True))
    assert scores["f0", "f1", "f2"] > 50
    assert max(score for group, score in scores.items() if group != ("f0", "f1", "f2")) < 6


def test_labels_that_never_differ_score_zero():
    assert Screening(table(50), np.ones(50)).scores([("f0", "f1")])[0] == 0


def test_sets_of_values():
    generator = np.random.default_rng(0)
    tags = generator.integers(2, 6, (20_000, 2))
    other = generator.integers(2, 5, 20_000)
    logits = np.where((tags.sum(axis=1) + other) % 2, 1.0, -1.0)
    ids = {"tags": tags, "other": other, "noise": generator.integers(2, 9, 20_000)}
    screening = Screening(ids, draw(logits))
    scores = screening.scores([("other", "tags"), ("noise", "tags"), ("noise", "other")])
    assert scores[0] > 50
    assert scores[1:].max() < 6
    turned = Screening({**ids, "tags": tags[:, ::-1]}, draw(logits))
    assert turned.scores([("other", "tags")])[0] == pytest.approx(scores[0])


def test_a_field_that_another_one_fixes_adds_nothing():
    """A country goes with its user: with few rows a cell, the pair's effect must not pass over."""
    generator = np.random.default_rng(0)
    user, item = generator.integers(0, 150, (2, 60_000))
    chances = generator.choice([0.1, 0.6], (150, 150))[user, item]
    ids = {"user": user, "item": item, "country": user % 7}
    screening = Screening(ids, generator.random(len(user)) < chances)
    pair, triple = screening.scores([("item", "user"), ("country", "item", "user")])
    assert pair > 50
    assert triple < 0.1 * pair
