"""POP and EASE as Keras models give the scores of those on the host, exported too."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.export import export
from amer_tf.features import SpecError
from amer_tf.models import closed_forms
from amer_tf.models.ease import Ease
from amer_tf.models.popularity import Popularity
from tests.models.ctr_contract import SPEC as CTR_SPEC
from tests.models.next_item_contract import HISTORIES, NUM_ITEMS, make_spec

SPEC = make_spec(country=True)
_RANDOM = np.random.default_rng(0)
EVENTS = _RANDOM.integers(0, 40, size=400), _RANDOM.integers(1, NUM_ITEMS, size=400)
# Repeated, unknown and no events.
ASKED = np.concatenate([HISTORIES, [[5, 1, 5, 1, 0, 0], [0] * 6]]).astype("int32")


def made(name: str) -> tuple[Any, keras.Model]:
    """A system on the host, and its model."""
    if name == "popularity":
        popularity = Popularity().fit(EVENTS, NUM_ITEMS)
        return popularity, closed_forms.build_popularity(SPEC, popularity.counts)
    ease = Ease(l2=5.0).fit(EVENTS, NUM_ITEMS)
    return ease, closed_forms.build_ease(SPEC, ease.weights)


every_system = pytest.mark.parametrize("name", ["popularity", "ease"])


@every_system
def test_scores_are_those_of_the_host(name, tmp_path):
    system, model = made(name)
    expected = system.scores(ASKED)
    items = np.tile(np.arange(NUM_ITEMS)[::-1], (len(ASKED), 1)).astype("int32")
    inputs = {
        "history_item_id": ASKED,
        "country": np.full(len(ASKED), 2, "int32"),
        "item_id": items,
    }
    np.testing.assert_allclose(model(inputs), expected[:, ::-1], rtol=1e-5, atol=1e-6)
    assert len(np.unique(expected[1])) > 5
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))


@every_system
def test_all_that_is_no_input_has_a_name_of_ours(name):
    _, model = made(name)
    inputs = {tensor.name for tensor in model.inputs}
    assert inputs == {"history_item_id", "country", "item_id"}
    names = {operation.name for operation in model.operations} - inputs
    assert all(each.startswith("amer.") for each in names), names


@every_system
def test_exported(name, tmp_path):
    system, model = made(name)
    folder = export(model, SPEC, name, tmp_path / "1")
    signatures = tf.saved_model.load(str(folder)).signatures
    expected = system.scores(ASKED)[:, 2:]  # raw ids count from 0
    request = {
        "history_item_id": tf.constant(np.where(ASKED > 1, ASKED - 2, -1), tf.int64),
        "country": tf.constant([0] * len(ASKED), tf.int64),
    }
    num_known = NUM_ITEMS - 2
    every = tf.constant([list(range(num_known))] * len(ASKED), tf.int64)
    scores = signatures["serving_default"](**request, item_id=every)["scores"]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)
    answer = signatures["recommend"](
        **request, k=tf.constant(num_known), exclude_seen=tf.constant(False)
    )
    best = np.asarray(answer["item_id"])
    np.testing.assert_array_equal(np.sort(best), every)
    in_order = np.take_along_axis(expected, best, axis=1)
    np.testing.assert_allclose(answer["score"], in_order, rtol=1e-5, atol=1e-6)
    assert (np.diff(np.asarray(answer["score"])) <= 0).all()
    facts = (folder / "README.md").read_text()
    assert ("weights of all pairs of items, in the SavedModel: 0.0 MB" in facts) == (name == "ease")


def test_refuse_another_task():
    with pytest.raises(SpecError, match="POP is a model of task 'next_item'"):
        closed_forms.build_popularity(CTR_SPEC, np.zeros(9))
    with pytest.raises(SpecError, match="EASE is a model of task 'next_item'"):
        closed_forms.build_ease(CTR_SPEC, np.zeros((7, 7)))
