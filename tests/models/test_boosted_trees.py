"""LightGBM on encoded splits of every kind of field."""

from __future__ import annotations

import types
from itertools import count

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    NumericField,
    SpecError,
    Vocabulary,
)
from amer_tf.models import boosted_trees
from amer_tf.models.boosted_trees import BoostedTrees
from tests.search import nets

pytest.importorskip("lightgbm")

SIZE = 3000


class Split:
    """Columns of one split; the label follows a number, a category and a set."""

    def __init__(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.groups = None
        self.columns = {
            "user": generator.integers(2, 9, SIZE),
            "price": generator.normal(size=SIZE).astype("float32"),
            "tags": generator.integers(0, 5, (SIZE, 2)),
        }
        has_tag = (self.columns["tags"] == 3).any(axis=1)
        logits = 2.0 * np.isin(self.columns["user"], (3, 6)) + self.columns["price"] + 2.0 * has_tag
        self.labels = (generator.random(SIZE) < 1 / (1 + np.exp(1.5 - logits))).astype("float32")
        self.best = roc_auc_score(self.labels, logits)

    def field_values(self, name: str) -> np.ndarray:
        return self.columns[name]


@pytest.fixture(scope="module")
def spec() -> FeatureSpec:
    return FeatureSpec(
        fields=(
            MultiValuedField("tags", "target", max_values=2),
            CategoricalField("user"),
            NumericField("price", "context"),
        ),
        vocabularies=(
            Vocabulary("tags", "integer", "int64", size=3),
            Vocabulary("user", "integer", "int64", size=7),
        ),
        label="click",
    )


@pytest.fixture(scope="module")
def model(spec) -> BoostedTrees:
    return BoostedTrees(spec, patience=10).fit(Split(0), Split(1))


def test_learns_from_every_kind_of_field(model):
    split = Split(2)
    assert roc_auc_score(split.labels, model.logits(split)) > split.best - 0.02
    # Early stopping, long before the most trees.
    assert 5 < model.num_trees < 200


def test_the_same_again(spec, model):
    again = BoostedTrees(spec, patience=10).fit(Split(0), Split(1))
    np.testing.assert_array_equal(again.logits(Split(2)), model.logits(Split(2)))


def test_a_time_limit(spec, model, monkeypatch):
    # A tree takes a second.
    monkeypatch.setattr(boosted_trees, "time", types.SimpleNamespace(monotonic=count().__next__))
    few = BoostedTrees(spec, patience=10).fit(Split(0), Split(1), time_limit=5.0)
    assert few.num_trees == 5
    # The best trees so far are kept, as they are where the loss no longer falls.
    long = BoostedTrees(spec, patience=10**6).fit(Split(0), Split(1), time_limit=model.num_trees)
    np.testing.assert_array_equal(long.logits(Split(2)), model.logits(Split(2)))
    late = BoostedTrees(spec).fit(Split(0), Split(1), time_limit=0.0)
    assert late.num_trees == 1


def test_saved_as_text(spec, model):
    again = BoostedTrees.from_text(spec, model.text)
    np.testing.assert_allclose(again.logits(Split(2)), model.logits(Split(2)), rtol=1e-6)


def test_scaled_leaves(spec, model):
    scaled = BoostedTrees.from_text(spec, model.text)
    scaled.calibrate(0.5, -1.0)
    expected = 0.5 * model.logits(Split(2)) - 1.0
    np.testing.assert_allclose(scaled.logits(Split(2)), expected, atol=1e-5)
    again = BoostedTrees.from_text(spec, scaled.text)
    np.testing.assert_allclose(again.logits(Split(2)), expected, atol=1e-5)


def test_refuses_another_task_and_no_training(spec):
    with pytest.raises(SpecError, match="LightGBM is a model of task 'ctr'. Received: .*next_item"):
        BoostedTrees(nets.next_item_spec())
    with pytest.raises(ValueError, match="`fit` must be called before `logits`"):
        BoostedTrees(spec).logits(Split(0))


class HistorySplit:
    """The label follows whether the target stands in the history, which no field says alone."""

    groups = None

    def __init__(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.columns = {
            "ad": generator.integers(2, 12, SIZE),
            "seen": generator.integers(0, 12, (SIZE, 5)),
        }
        logits = 3.0 * (self.columns["seen"] == self.columns["ad"][:, None]).any(axis=1) - 1.0
        self.labels = (generator.random(SIZE) < 1 / (1 + np.exp(-logits))).astype("float32")
        self.best = roc_auc_score(self.labels, logits)
        self.num_examples = SIZE

    def field_values(self, name: str, rows: slice = slice(None)) -> np.ndarray:
        return self.columns[name][rows]


def test_histories_are_read_by_hand_made_columns(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(boosted_trees, "_ROWS_AT_A_TIME", 1000)
    spec = FeatureSpec(
        fields=(CategoricalField("ad", "target"), CategoricalField("seen", "behavior", "ad")),
        vocabularies=(Vocabulary("ad", "integer", "int64", size=10),),
        label="click",
        max_length=5,
        target_to_behavior={"ad": "seen"},
    )
    model = BoostedTrees(spec).fit(HistorySplit(0), HistorySplit(1))
    test = HistorySplit(2)
    assert roc_auc_score(test.labels, model.logits(test)) > test.best - 0.02
    assert test.best > 0.75
