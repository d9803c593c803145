"""The plain DNN against NumPy, and against the model of the same architecture."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.features import SpecError
from amer_tf.models import amer, dnn
from tests import helpers
from tests.models.test_ctr import (
    HYBRID,
    SPEC,
    batch,
    behavior_states,
    deep_part,
    dense,
    embeddings,
    flat_input,
    scaled_logit,
)
from tests.search import nets


def test_is_the_model_of_an_mlp_alone():
    keras.utils.set_random_seed(0)
    model = dnn.build(SPEC, embedding_dim=3, hidden_units=(6, 5))
    keras.utils.set_random_seed(0)
    mlp = (HiddenLayer("relu", units=6), HiddenLayer("relu", units=5))
    same = amer.build(SPEC, Architecture(mlp=mlp), embedding_dim=3)
    np.testing.assert_array_equal(model(batch(SPEC)), same(batch(SPEC)))


def test_a_behaviour_is_summed():
    model = dnn.build(HYBRID, embedding_dim=3, hidden_units=(6, 5))
    helpers.fix_weights(model)
    inputs = batch(HYBRID)
    states = behavior_states(model, inputs)
    flat = np.concatenate(
        [flat_input(embeddings(model, inputs), inputs), states.sum(axis=1)], axis=1
    )
    expected = scaled_logit(model, dense(model, "amer.output", deep_part(model, flat))[:, 0])
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_refuses_another_task():
    with pytest.raises(SpecError, match="DNN is a model of task 'ctr'. Received: .*next_item"):
        dnn.build(nets.next_item_spec())
