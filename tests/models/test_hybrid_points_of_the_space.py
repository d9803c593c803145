"""DIEN and DSIN as points of the space of stage 1 (AMER, appendix A.1).

The paper says that both "can be approximated by sequences of layer operations": DIEN by {Bi-GRU,
attention from target, Bi-GRU}, DSIN, "if neglecting the session division", by {4-head attention,
1 x 1 conv, Bi-GRU}. These are other functions than the systems themselves (`models.dien`,
`models.dsin`), so no values are compared: what is tested is that the points lie in the space that
is searched, that the models can be built and run, and that they do what the sequences say.
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from amer_tf.architecture import Architecture, ArchitectureError, Block, HiddenLayer
from amer_tf.models import amer
from amer_tf.search.spaces import BehaviorSpace, layer_candidates
from tests import helpers
from tests.models.ctr_contract import HYBRID, batch

POINTS = {
    "DIEN": ("bi_gru", "target_attention", "bi_gru"),
    "DSIN": ("self_attention_4", "conv_1", "bi_gru"),
}
MLP = (HiddenLayer("relu", units=6), HiddenLayer("relu", units=5))
every_point = pytest.mark.parametrize("names", POINTS.values(), ids=POINTS)


def architecture(names, norm="none", activation="identity", **options):
    blocks = tuple(Block(norm, name, activation) for name in names)
    return Architecture(blocks=blocks, mlp=MLP, **options)


def build(point, spec=HYBRID):
    keras.utils.set_random_seed(0)
    model = amer.build(spec, point, embedding_dim=4)
    helpers.fix_weights(model)
    return model


@every_point
@pytest.mark.parametrize("norm", ["none", "layer_norm"])
@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_the_space_encodes_and_decodes_it(names, norm: str, activation: str):
    space = BehaviorSpace(num_blocks=3, layers=layer_candidates(HYBRID))
    point = dataclasses.replace(architecture(names, norm, activation), mlp=())
    space.validate(point)
    group = space.encode([point])
    assert [space.layers[choice] for choice in group.layers[:, 0]] == list(names)
    assert space.decode(group) == [point]
    assert Architecture.from_json(point.to_json()) == point


@every_point
def test_the_six_blocks_of_the_search_hold_it(names):
    space = BehaviorSpace(layers=layer_candidates(HYBRID))
    point = dataclasses.replace(architecture((*names, "zero", "zero", "zero")), mlp=())
    space.validate(point)
    assert space.decode(space.encode([point])) == [point.canonical()]


def test_dien_needs_a_target():
    no_target = dataclasses.replace(HYBRID, target_to_behavior={})
    space = BehaviorSpace(num_blocks=3, layers=layer_candidates(no_target))
    with pytest.raises(ArchitectureError, match=r"blocks\[1\].layer must be one of"):
        space.validate(architecture(POINTS["DIEN"]))
    space.validate(architecture(POINTS["DSIN"]))
    with pytest.raises(ArchitectureError, match=r"blocks\[1\]\.layer 'target_attention' needs a"):
        build(architecture(POINTS["DIEN"]), no_target)


@every_point
def test_built_and_run(names, tmp_path):
    model, inputs = build(architecture(names)), batch(HYBRID)
    layers = [model.get_layer(f"amer.block_{index}") for index in range(3)]
    assert tuple(layer.layer for layer in layers) == names
    logits = np.asarray(model(inputs))
    assert logits.shape == (5,)
    assert np.isfinite(logits).all()
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(inputs), logits)


@every_point
def test_zero_blocks_are_no_blocks(names):
    inputs = batch(HYBRID)
    three, six = (build(architecture((*names, *skipped))) for skipped in ((), ("zero",) * 3))
    np.testing.assert_allclose(six(inputs), three(inputs), rtol=1e-6)


@every_point
def test_the_behaviour_is_read_block_by_block(names):
    """The states behind the last block, layer after layer, each with its residual (equation 3)."""
    model, inputs = build(architecture(names)), batch(HYBRID)
    blocks = [model.get_layer(f"amer.block_{index}") for index in range(3)]
    tensors = keras.tree.flatten([blocks[0].input, *(block.output for block in blocks)])
    values = keras.Model(model.inputs, tensors)(inputs)
    states, outputs = np.asarray(values[0]), values[-3:]
    mask = inputs["ad_history"] > 0
    for block, expected in zip(blocks, outputs, strict=True):
        if block.layer == "target_attention":
            target = keras.Model(model.inputs, model.get_layer("amer.target_projection").output)
            moved = block.operation(states, target(inputs), states_mask=mask)
        else:
            moved = block.operation(states, mask=mask)
        states = np.asarray(moved) + states
        np.testing.assert_allclose(expected, states, rtol=1e-5, atol=1e-6)
