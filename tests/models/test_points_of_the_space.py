"""Hand-made systems as points of the search space (paper, Appendix A.1), and where they agree.

The space has no causal layers: a NextItNet or SASRec in it sees the steps on both sides. Where one
of them looks back only, as at the newest step, the same weights give the same values.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf import layers
from amer_tf.architecture import Architecture, Block
from amer_tf.models import amer, bert4rec, nextitnet, transformer
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search.spaces import BehaviorSpace, layer_candidates
from tests import helpers
from tests.conformance.descriptions import MASK, STATES
from tests.models.next_item_contract import HISTORIES, UNITS, make_spec

NOTHING = Block("none", "zero", "identity")
# A block of SASRec and of BERT4Rec is attention and, point by point, a hidden layer.
POINTS = {
    "nextitnet": (
        *(
            Block("layer_norm", "conv_3" if dilation == 1 else "dilated_conv_3", "relu")
            for dilation in nextitnet.DILATIONS
        ),
        NOTHING,
    ),
    "sasrec": (
        Block("layer_norm", "self_attention_2", "identity"),
        Block("layer_norm", "conv_1", "relu"),
        Block("layer_norm", "self_attention_2", "identity"),
        Block("layer_norm", "conv_1", "relu"),
        NOTHING,
        NOTHING,
    ),
    "bert4rec": (
        Block("none", "self_attention_4", "identity"),
        Block("layer_norm", "conv_1", "gelu"),
        Block("layer_norm", "self_attention_4", "identity"),
        Block("layer_norm", "conv_1", "gelu"),
        NOTHING,
        NOTHING,
    ),
    "gru4rec": (Block("none", "bi_gru", "identity"), *[NOTHING] * 5),
}


@pytest.mark.parametrize("name", POINTS)
def test_is_a_point_of_the_space(name):
    spec, architecture = make_spec(), Architecture(blocks=POINTS[name])
    space = BehaviorSpace(layers=layer_candidates(spec))
    space.validate(architecture)
    (decoded,) = space.decode(space.encode([architecture]))
    assert decoded == architecture.canonical()
    model = amer.build(spec, architecture, embedding_dim=UNITS)
    helpers.fix_weights(model)
    queries = np.asarray(NextItemNetwork(model, spec).query({"history_item_id": HISTORIES}))
    assert queries.shape == (4, UNITS)
    assert np.isfinite(queries).all()


def blocks_of(model, weights_of_blocks):
    """Sets the weights of a model's blocks."""
    for index, weights in enumerate(weights_of_blocks):
        model.get_layer(f"amer.block_{index}").set_weights(weights)


def test_sasrec_at_the_newest_step_of_its_first_block():
    # The newest step attends to all of them, causal or not. With an output layer that changes
    # nothing, SASRec's feed-forward network is a 1x1 convolution.
    spec = make_spec()
    sasrec = transformer.build(spec, embedding_dim=UNITS, num_blocks=1)
    helpers.fix_weights(sasrec)
    sasrec.get_layer("amer.block_0.output").set_weights([np.eye(UNITS), np.zeros(UNITS)])
    point = amer.build(spec, Architecture(blocks=POINTS["sasrec"][:2]), embedding_dim=UNITS)
    for name in ("amer.embedding", "amer.recency"):
        point.get_layer(name).set_weights(sasrec.get_layer(name).get_weights())

    def of(name):
        return sasrec.get_layer(f"amer.block_0.{name}").get_weights()

    query, query_bias, key, key_bias, value, value_bias, output, output_bias = of("attention")
    kernel = np.concatenate([part.reshape(UNITS, UNITS) for part in (query, key, value)], axis=1)
    bias = np.concatenate([part.ravel() for part in (query_bias, key_bias, value_bias)])
    attention = [kernel, bias, output.reshape(UNITS, UNITS), output_bias]
    blocks_of(
        point,
        [
            [*of("attention_normalization"), *attention],
            [*of("feed_forward_normalization"), *of("hidden")],
        ],
    )
    before = keras.Model(sasrec.inputs[0], sasrec.get_layer("amer.block_0.feed_forward_sum").output)
    newest = (HISTORIES > 0).sum(axis=1) - 1
    expected = np.asarray(before(HISTORIES))[np.arange(4), newest]
    found = keras.Model(point.inputs[0], point.get_layer("amer.newest").output)(HISTORIES)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_bert4rec_s_attention_and_hidden_layer():
    # Of its hidden layer, four times as wide, the 1x1 convolution is the first quarter.
    model = bert4rec.build(make_spec(), embedding_dim=UNITS)
    helpers.fix_weights(model, 1.0)

    def of(name):
        return model.get_layer(f"amer.block_0.{name}")

    first, second = (
        layers.ResidualBlock(block.norm, block.layer, block.activation)
        for block in POINTS["bert4rec"][:2]
    )
    attended = first(STATES, MASK)
    first.set_weights(of("attention").get_weights())
    attended = np.asarray(first(STATES, MASK))
    np.testing.assert_array_equal(attended, STATES + of("attention")(STATES, mask=MASK))
    second(attended, MASK)
    kernel, bias = of("hidden").get_weights()
    second.set_weights(
        [*of("attention_normalization").get_weights(), kernel[:, :UNITS], bias[:UNITS]]
    )
    hidden = of("hidden")(of("attention_normalization")(attended, mask=MASK))[..., :UNITS]
    added = np.asarray(second(attended, MASK)) - attended
    np.testing.assert_allclose(added[MASK], np.asarray(hidden)[MASK], rtol=1e-4, atol=1e-5)


def test_nextitnet_s_causal_convolution():
    # A window of 5 to both sides holds the causal one of 3: its taps ahead are zero.
    normalization = layers.MaskedLayerNormalization()
    causal = helpers.make_layer(
        layers.SequenceConvolution,
        {"kernel_size": 3, "dilation_rate": 2, "causal": True},
        {"states": STATES},
    )
    block = layers.ResidualBlock("layer_norm", "dilated_conv_5", "relu")
    block(STATES, MASK)
    helpers.fix_weights(block)
    gamma, beta = block.get_weights()[:2]
    kernel, bias = causal.get_weights()
    ahead = np.zeros((2 * kernel.shape[1], kernel.shape[1]))
    block.set_weights([gamma, beta, np.concatenate([kernel, ahead]), bias])
    normalization.build(STATES.shape)
    normalization.set_weights([gamma, beta])
    convolved = np.asarray(causal(normalization(STATES, mask=MASK), mask=MASK))
    expected = STATES + np.maximum(convolved, 0.0)
    np.testing.assert_allclose(block(STATES, MASK), expected, rtol=1e-5, atol=1e-6)


def test_nextitnet_is_causal_and_its_point_is_not():
    spec = make_spec()
    point = amer.build(spec, Architecture(blocks=POINTS["nextitnet"][:1]), embedding_dim=UNITS)
    helpers.fix_weights(point)
    system = nextitnet.build(spec, embedding_dim=UNITS)
    helpers.fix_weights(system)
    later = HISTORIES.copy()
    later[1, 4] = 17
    for model, layer, moves in (
        (point, "amer.block_0", True),
        (system, "amer.causal_states", False),
    ):
        states = keras.Model(model.inputs[0], model.get_layer(layer).output)
        moved = np.abs(np.asarray(states(later) - states(HISTORIES)))[1, :4].max()
        assert (moved > 1e-4) == moves
