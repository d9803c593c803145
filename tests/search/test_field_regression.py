"""Regression of one field against plain loops, and contests of made fields."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amer_tf.search import field_regression
from amer_tf.search.field_regression import FieldRegression, contest, fit, fit_together
from amer_tf.training.fitness import FITNESS

LOG_LOSS = FITNESS["log_loss"]


class Rows:
    """Cells of features by name."""

    def __init__(self, labels, columns, logits=0.0):
        self.labels = np.asarray(labels, np.float64)
        self.logits = np.full(len(labels), float(logits))
        self._columns = columns
        self.asked = []

    def cells(self, feature, rows):
        self.asked.append((feature, len(self.labels[rows])))
        return self._columns[feature[0]][rows]

    def num_cells(self, feature):
        return 1 + max(int(column.max()) for column in self._columns.values())


def by_hand(num_cells, batches):
    """Weights after mini-batches of `(cells, labels, offsets)`, one row after another."""
    weights, squares = [0.0] * num_cells, [0.0] * num_cells
    for cells, labels, offsets in batches:
        slopes = {}
        for row, label, offset in zip(cells, labels, offsets, strict=True):
            logit = offset + sum(weights[cell] for cell in row)
            for cell in row:
                if cell:
                    residual = label - 1 / (1 + math.exp(-logit))
                    slopes[cell] = slopes.get(cell, 0.0) + residual
        for cell, slope in slopes.items():
            squares[cell] += slope**2
            weights[cell] += 0.1 * slope / math.sqrt(squares[cell])
    return weights


def draw(num_rows, num_values=1, num_cells=6, seed=0):
    generator = np.random.default_rng(seed)
    cells = generator.integers(0, num_cells, (num_rows, num_values)).astype(np.int32)
    return cells, (generator.random(num_rows) < 0.4).astype(float), generator.normal(size=num_rows)


@pytest.mark.parametrize("num_values", [1, 3])
def test_steps_by_hand(num_values: int):
    regression, batches = FieldRegression(6), []
    for seed in range(3):
        batches.append(draw(40, num_values, seed=seed))
        regression.train(*batches[-1])
    expected = by_hand(6, batches)
    np.testing.assert_allclose(regression.weights, expected, rtol=1e-9)
    assert regression.weights[0] == 0.0
    cells = batches[0][0]
    logits = [sum(expected[cell] for cell in row) for row in cells]
    np.testing.assert_allclose(regression.logits(cells), logits, rtol=1e-9)


def test_rows_are_gone_through_again_where_they_end(monkeypatch):
    monkeypatch.setattr(field_regression, "BATCH", 16)
    cells, labels, _ = draw(40)
    part = Rows(labels, {"a": cells}, logits=-0.5)
    regression = fit(("a",), part, 64)
    order = [np.arange(start, start + 16) % 40 for start in (0, 16, 32, 48)]
    batches = [(cells[rows], labels[rows], np.full(16, -0.5)) for rows in order]
    np.testing.assert_allclose(regression.weights, by_hand(6, batches), rtol=1e-9)


def made(num_rows, useful, seed):
    """Five fields of which the useful ones say much of the label."""
    generator = np.random.default_rng(seed)
    columns = {name: generator.integers(1, 5, (num_rows, 1)).astype(np.int32) for name in "abcde"}
    logits = sum(
        strength * np.where(columns[name][:, 0] % 2, 1.0, -1.0) for name, strength in useful.items()
    )
    labels = generator.random(num_rows) < 1 / (1 + np.exp(-logits))
    return Rows(labels, columns)


@pytest.mark.parametrize("fitness", ["log_loss", "auc"])
def test_the_most_useful_wins(fitness: str):
    useful = {"b": 0.3, "d": 0.8}
    train, validation = made(3000, useful, 0), made(1000, useful, 1)
    won = contest([(name,) for name in "abcde"], train, validation, FITNESS[fitness])
    assert won is not None
    assert won.feature == ("d",)
    # Its weights are about the logits of its values.
    np.testing.assert_allclose(won.regression.weights[1:5], [0.8, -0.8, 0.8, -0.8], atol=0.25)


def test_what_is_chosen_already_counts():
    useful = {"b": 0.6, "d": 0.8}
    parts = [made(size, useful, seed) for size, seed in ((3000, 0), (1000, 1))]
    for part in parts:
        part.logits = 0.8 * np.where(part.cells(("d",), slice(None))[:, 0] % 2, 1.0, -1.0)
    won = contest([(name,) for name in "abcde"], *parts, LOG_LOSS)
    assert won is not None
    assert won.feature == ("b",)


def test_the_better_half_sees_twice_the_rows(monkeypatch):
    monkeypatch.setattr(field_regression, "SMALLEST_BLOCK", 1)
    monkeypatch.setattr(field_regression, "BATCH", 8)
    train, validation = made(800, {"d": 0.8}, 0), made(400, {"d": 0.8}, 1)
    contest([(name,) for name in "abcde"], train, validation, LOG_LOSS)
    # Three rounds: seven blocks of 800 / 7, rounded up to whole batches: 120 rows.
    sizes = [size for _, size in train.asked]
    assert sizes == [120] * 5 + [360] * 3 + [800] * 2  # 840 rows, so 40 of them twice
    assert {size for _, size in validation.asked} == {400}


def test_one_feature_alone_is_trained():
    train, validation = made(600, {"d": 0.8}, 0), made(300, {"d": 0.8}, 1)
    won = contest([("d",)], train, validation, LOG_LOSS)
    assert won is not None
    expected = fit(("d",), train, 4096).weights
    np.testing.assert_array_equal(won.regression.weights, expected)


def test_no_winner_where_the_time_is_over():
    train, validation = made(600, {"d": 0.8}, 0), made(300, {"d": 0.8}, 1)
    asked = iter([False, False, False, True])
    features = [(name,) for name in "abcde"]
    assert contest(features, train, validation, LOG_LOSS, is_over=lambda: next(asked)) is None


def test_fields_together_share_what_they_say():
    useful = {"b": 0.6, "d": 0.8}
    train, validation = made(4000, useful, 0), made(1000, useful, 1)
    before = LOG_LOSS.score(validation.labels, validation.logits).value
    fit_together([("a",), ("b",), ("d",)], train, validation, LOG_LOSS)
    cells = {name: validation.cells((name,), slice(None))[:, 0] for name in "bd"}
    true = sum(useful[name] * np.where(cells[name] % 2, 1.0, -1.0) for name in "bd")
    after, best = (
        LOG_LOSS.score(validation.labels, logits).value for logits in (validation.logits, true)
    )
    assert after - before > 0.9 * (best - before)
    assert len(train.logits) == 4000


def test_nothing_is_learned_where_it_only_overfits():
    generator = np.random.default_rng(0)
    parts = [
        Rows(generator.random(size) < 0.5, {"a": np.arange(1, size + 1, dtype=np.int32)[:, None]})
        for size in (400, 400)
    ]
    parts[1]._columns = parts[0]._columns
    fit_together([("a",)], *parts, LOG_LOSS)
    gain = LOG_LOSS.gain(parts[1].labels, parts[1].logits, np.zeros(400))
    assert gain.value >= -0.02
