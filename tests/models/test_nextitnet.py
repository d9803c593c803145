"""NextItNet: values by NumPy, causality, learning, and the contract of every system."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.models import nextitnet
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from tests.models.next_item_contract import (
    HISTORIES,
    UNITS,
    CausalContract,
    embed,
    layer_norm,
    make_spec,
    train_on_walks,
    weights,
)


def relu(values):
    return np.maximum(values, 0.0)


class TestContract(CausalContract):
    system = nextitnet

    def expected(self, model, history):
        states = embed(model, history)
        for index, dilation in enumerate((1, 2, 1, 2, 2)):

            def part(name, index=index):
                return weights(model, f"block_{index}.{name}")

            narrow, bias = part("narrow")
            hidden = relu(layer_norm(states, *part("narrow_normalization"))) @ narrow + bias
            hidden = relu(layer_norm(hidden, *part("convolution_normalization")))
            kernel, bias = part("convolution")
            taps = kernel.reshape(3, UNITS // 2, UNITS // 2)
            convolved = np.tile(bias, (len(states), 1))
            for step in range(len(states)):
                for tap in range(3):
                    source = step - (2 - tap) * dilation
                    if source >= 0:
                        convolved[step] += hidden[source] @ taps[tap]
            hidden = relu(layer_norm(convolved, *part("wide_normalization")))
            wide, bias = part("wide")
            states = states + hidden @ wide + bias
        return states[-1]


@pytest.mark.slow
@pytest.mark.parametrize("every_position", [False, True])
def test_learns_the_successor(every_position):
    spec = make_spec()
    model = nextitnet.build(spec, embedding_dim=16, dropout=0.1)
    network = (EveryPositionNetwork if every_position else NextItemNetwork)(model, spec)
    assert train_on_walks(network, every_position=every_position) > 0.95


def test_dropout_in_training_alone():
    model = nextitnet.build(make_spec(), embedding_dim=UNITS, dropout=0.5)
    query = keras.Model(model.inputs[0], model.get_layer("amer.query").output)
    np.testing.assert_array_equal(query(HISTORIES), query(HISTORIES))
    assert np.abs(np.asarray(query(HISTORIES, training=True) - query(HISTORIES))).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dilations": ()}, r"a number for each block.*dilations=\(\)"),
        ({"dilations": (1, 0)}, "`dilation_rate` must be a positive.*dilation_rate=0"),
        ({"kernel_size": 0}, "`kernel_size` must be a positive.*kernel_size=0"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        nextitnet.build(make_spec(), embedding_dim=UNITS, **arguments)
