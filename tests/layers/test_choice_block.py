import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.layers import ACTIVATION_FUNCTIONS, LAYER_FACTORIES, ChoiceBlock, ResidualBlock
from tests import helpers
from tests.conformance.descriptions import MASK, NAMES, PATHS, STATES, TARGET

NORMS = ("layer_norm", "none")


def residual_block_of(block: ChoiceBlock, norm: str, name: str, activation: str) -> ResidualBlock:
    """The derived block of one path, with the weights of the choice block."""
    derived = ResidualBlock(norm, name, activation)
    derived(STATES, MASK, TARGET)
    if name != "zero":
        derived.operation.set_weights(block.candidate(name).get_weights())
    if derived.normalization is not None:
        derived.normalization.set_weights(block.normalization.get_weights())
    return derived


def test_layer_contract():
    helpers.check_layer(
        ChoiceBlock,
        config={"layers": ["conv_3", "bi_gru", "zero"], "dropout": 0.1},
        inputs={
            "states": np.stack([STATES] * 3),
            "mask": MASK[None],
            "norm_choice": np.eye(2, dtype="float32")[[0, 1, 0]],
            "activation_choice": np.eye(4, dtype="float32")[[1, 2, 3]],
        },
        output_shape=(3, *STATES.shape),
        num_weights=8,
        static_batch=True,
    )


@pytest.mark.parametrize("activation", ACTIVATION_FUNCTIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_every_slot_equals_the_derived_block(norm: str, activation: str):
    block = helpers.make_layer(ChoiceBlock, {"layers": NAMES}, PATHS)
    choice = {
        "norm_choice": np.tile(np.eye(2)[NORMS.index(norm)], (len(NAMES), 1)),
        "activation_choice": np.tile(
            np.eye(4)[list(ACTIVATION_FUNCTIONS).index(activation)], (len(NAMES), 1)
        ),
    }
    outputs = np.asarray(block(**{**PATHS, **choice}))
    for slot, name in enumerate(NAMES):
        derived = residual_block_of(block, norm, name, activation)
        expected = derived(PATHS["states"][slot], PATHS["mask"][slot], PATHS["target"][slot])
        np.testing.assert_allclose(outputs[slot], expected, atol=1e-5, err_msg=name)


def test_choices_differ_from_slot_to_slot():
    block = helpers.make_layer(ChoiceBlock, {"layers": NAMES}, PATHS)
    outputs = np.asarray(block(**PATHS))
    for slot, name in enumerate(NAMES):
        norm = NORMS[PATHS["norm_choice"][slot].argmax()]
        activation = list(ACTIVATION_FUNCTIONS)[PATHS["activation_choice"][slot].argmax()]
        derived = residual_block_of(block, norm, name, activation)
        expected = derived(PATHS["states"][slot], PATHS["mask"][slot], PATHS["target"][slot])
        np.testing.assert_allclose(outputs[slot], expected, atol=1e-5, err_msg=name)


def test_one_mask_and_one_target_serve_all_slots():
    block = helpers.make_layer(ChoiceBlock, {"layers": NAMES}, PATHS)
    shared = {**PATHS, "mask": MASK[None], "target": TARGET[None]}
    repeated = {
        **PATHS,
        "mask": np.repeat(MASK[None], len(NAMES), axis=0),
        "target": np.repeat(TARGET[None], len(NAMES), axis=0),
    }
    np.testing.assert_array_equal(block(**shared), block(**repeated))


def test_the_zero_slot_is_unchanged_even_in_training():
    block = helpers.make_layer(ChoiceBlock, {"layers": NAMES, "dropout": 0.5}, PATHS)
    outputs = np.asarray(block(**PATHS, training=True))
    slot = NAMES.index("zero")
    np.testing.assert_array_equal(outputs[slot], PATHS["states"][slot])
    assert np.all(outputs[0][~MASK] == 0)


def test_dropout_drops_in_training_only():
    block = helpers.make_layer(
        ChoiceBlock,
        {"layers": ["conv_1"], "dropout": 0.5},
        {
            "states": STATES[None],
            "mask": MASK[None],
            "norm_choice": np.eye(2)[:1],
            "activation_choice": np.eye(4)[3:],
        },
    )
    arguments = (STATES[None], MASK[None], np.eye(2)[:1], np.eye(4)[3:])
    operation = np.asarray(block(*arguments)) - STATES
    added = np.asarray(block(*arguments, training=True)) - STATES
    kept = np.abs(added) > 0
    assert 0.35 < kept[:, MASK].mean() < 0.65
    np.testing.assert_allclose(added[kept], 2 * operation[kept], atol=1e-5)


def test_every_weight_receives_a_gradient_that_is_not_zero():
    block = helpers.make_layer(ChoiceBlock, {"layers": NAMES}, PATHS)
    weights = [weight.value for weight in block.trainable_weights]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(block(**PATHS) ** 2)
    for weight, gradient in zip(block.trainable_weights, tape.gradient(loss, weights), strict=True):
        assert np.abs(gradient).max() > 0, weight.path


def test_choices_are_arguments_of_a_compiled_function():
    # One trace serves every choice: nothing of it may stand in a Python attribute.
    block = helpers.make_layer(ChoiceBlock, {"layers": NAMES}, PATHS)
    traces = []

    @tf.function
    def compute(norm_choice, activation_choice):
        traces.append(1)
        choice = {"norm_choice": norm_choice, "activation_choice": activation_choice}
        return block(**{**PATHS, **choice})

    for shift in range(2):
        choice = {
            "norm_choice": np.roll(PATHS["norm_choice"], shift, axis=1),
            "activation_choice": np.roll(PATHS["activation_choice"], shift, axis=1),
        }
        actual = compute(*(tf.constant(value) for value in choice.values()))
        np.testing.assert_allclose(actual, block(**{**PATHS, **choice}), atol=1e-5)
    assert len(traces) == 1


def test_a_candidate_is_found_by_its_name():
    block = ChoiceBlock(NAMES)
    for name in NAMES:
        assert isinstance(block.candidate(name), type(LAYER_FACTORIES[name]()))
        assert block.candidate(name).name == name
    with pytest.raises(ValueError, match="must be one of conv_1, zero. Received: layer='conv_3'"):
        ChoiceBlock(["conv_1", "zero"]).candidate("conv_3")


@pytest.mark.parametrize("names", [[], ["conv_1", "conv_1"]])
def test_refuses_names_that_are_not_different(names: list[str]):
    with pytest.raises(ValueError, match="one or more different names. Received: layers="):
        ChoiceBlock(names)


def test_refuses_an_unknown_name():
    with pytest.raises(ValueError, match="`layer` must be one of conv_1, .* layer='lstm'"):
        ChoiceBlock(["lstm"])


def test_refuses_a_dropout_out_of_range():
    with pytest.raises(ValueError, match=r"must be in \[0, 1\). Received: dropout=1"):
        ChoiceBlock(["conv_1"], dropout=1)


def test_refuses_another_number_of_slots():
    with pytest.raises(ValueError, match="each of 2 candidates .* Received: states_shape="):
        ChoiceBlock(["conv_1", "zero"]).build((3, 4, 6, 8))


def test_mixed_precision_keeps_the_weights_float32():
    block = ChoiceBlock(NAMES, dtype="mixed_float16")
    block(**PATHS)
    assert {keras.backend.standardize_dtype(weight.dtype) for weight in block.weights} == {
        "float32"
    }
