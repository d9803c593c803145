import itertools

import keras
import numpy as np
import pytest

from amer_tf.layers import ACTIVATION_FUNCTIONS, LAYER_FACTORIES, ResidualBlock
from tests import helpers
from tests.conformance.descriptions import MASK, STATES, TARGET, UNITS

INPUTS = {"states": STATES, "mask": MASK}


def test_layer_contract():
    helpers.check_layer(
        ResidualBlock,
        config={
            "norm": "layer_norm",
            "layer": "conv_3",
            "activation": "swish",
            "dropout": 0.2,
            "drop_operation": 0.1,
        },
        inputs=INPUTS,
        output_shape=STATES.shape,
        num_weights=4,
    )


@pytest.mark.parametrize("activation", ACTIVATION_FUNCTIONS)
@pytest.mark.parametrize("norm", ["layer_norm", "none"])
def test_equation_3(norm: str, activation: str):
    block = helpers.make_layer(
        ResidualBlock, {"norm": norm, "layer": "conv_1", "activation": activation}, INPUTS
    )
    hidden = STATES.astype("float64")
    if norm == "layer_norm":
        gamma, beta = block.normalization.get_weights()
        hidden = hidden - hidden.mean(axis=-1, keepdims=True)
        hidden = hidden / np.sqrt(hidden.var(axis=-1, keepdims=True) + 1e-6) * gamma + beta
    kernel, bias = block.operation.get_weights()
    hidden = hidden @ kernel + bias
    hidden = np.asarray(ACTIVATION_FUNCTIONS[activation](hidden.astype("float32")))
    expected = STATES + hidden * MASK[..., None]
    np.testing.assert_allclose(block(**INPUTS), expected, atol=1e-5)


def test_zero_gives_the_states_unchanged_and_has_no_weights():
    block = ResidualBlock("layer_norm", "zero", "gelu", dropout=0.5, drop_operation=0.5)
    np.testing.assert_array_equal(block(STATES, MASK, training=True), STATES)
    assert block.weights == []


def test_saves_in_a_functional_model_with_every_layer(tmp_path):
    states, mask = keras.Input(STATES.shape[1:]), keras.Input(MASK.shape[1:], dtype="bool")
    target = keras.Input((UNITS,))
    hidden = states
    choices = itertools.cycle(itertools.product(("layer_norm", "none"), ACTIVATION_FUNCTIONS))
    for name, (norm, activation) in zip(LAYER_FACTORIES, choices, strict=False):
        hidden = ResidualBlock(norm, name, activation, 0.1, 0.1)(hidden, mask, target)
    model = keras.Model([states, mask, target], hidden)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    arguments = [STATES, MASK, TARGET]
    np.testing.assert_array_equal(loaded(arguments), model(arguments))


def test_drop_operation_drops_whole_examples_and_scales_the_others():
    config = {"norm": "none", "layer": "conv_1", "activation": "identity"}
    block = helpers.make_layer(ResidualBlock, {**config, "drop_operation": 0.25}, INPUTS)
    states, mask = np.repeat(STATES[:1], 2000, axis=0), np.repeat(MASK[:1], 2000, axis=0)
    operation = np.asarray(block(STATES[:1], MASK[:1])) - STATES[:1]
    added = np.asarray(block(states, mask, training=True)) - states
    dropped = np.all(added == 0, axis=(1, 2))
    assert dropped.mean() == pytest.approx(0.25, abs=0.04)
    expected = np.broadcast_to(operation / 0.75, added[~dropped].shape)
    np.testing.assert_allclose(added[~dropped], expected, atol=1e-5)


def test_dropout_drops_single_numbers_of_the_operation_only():
    config = {"norm": "none", "layer": "conv_1", "activation": "identity", "dropout": 0.5}
    block = helpers.make_layer(ResidualBlock, config, INPUTS)
    states, mask = np.repeat(STATES[:1], 50, axis=0), np.repeat(MASK[:1], 50, axis=0)
    operation = np.asarray(block(states, mask)) - states
    added = np.asarray(block(states, mask, training=True)) - states
    kept = added != 0
    assert kept.mean() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(added[kept], 2 * operation[kept], atol=1e-5)


@pytest.mark.parametrize("training", [False, None])
def test_nothing_is_dropped_outside_training(training: bool | None):
    config = {"norm": "none", "layer": "conv_3", "activation": "relu"}
    block = helpers.make_layer(ResidualBlock, config, INPUTS)
    dropping = ResidualBlock(**config, dropout=0.9, drop_operation=0.9)
    dropping.build(STATES.shape)
    dropping.set_weights(block.get_weights())
    np.testing.assert_array_equal(dropping(STATES, MASK, training=training), block(**INPUTS))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"norm": "batch"}, "`norm` must be one of layer_norm, none. Received: norm='batch'"),
        ({"layer": "lstm"}, "`layer` must be one of conv_1, .* Received: layer='lstm'"),
        ({"activation": "tanh"}, "`activation` must be one of relu, .* activation='tanh'"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\). Received: dropout=1.0"),
        ({"drop_operation": -0.1}, r"`drop_operation` must be in \[0, 1\). .*=-0.1"),
    ],
)
def test_refuses_a_wrong_argument(config: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        ResidualBlock(**{"norm": "none", "layer": "conv_1", "activation": "relu", **config})


def test_attention_from_the_target_needs_one():
    block = ResidualBlock("none", "target_attention", "identity")
    with pytest.raises(ValueError, match="needs a `target`. Received: target=None"):
        block(STATES, MASK)
