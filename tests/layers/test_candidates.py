import keras
import numpy as np
import pytest

from amer_tf import architecture
from amer_tf.layers import ACTIVATION_FUNCTIONS, LAYER_FACTORIES, ResidualBlock, make_layer
from amer_tf.layers.candidates import NORM_NAMES
from tests import helpers
from tests.conformance.descriptions import BATCH, MASK, STATES, STEPS, TARGET, UNITS

LENGTHS = MASK.sum(axis=1)
# Padded steps hold noise: a candidate must not read it.
NOISY = np.where(MASK[..., None], STATES, 3.0).astype("float32")
every_candidate = pytest.mark.parametrize("name", LAYER_FACTORIES)


def call(layer: keras.layers.Layer, states: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if type(layer).__name__ == "TargetAttention":
        return np.asarray(layer(states, TARGET[: len(states)], states_mask=mask))
    return np.asarray(layer(states, mask=mask))


def fixed_layer(name: str) -> keras.layers.Layer:
    layer = make_layer(name)
    call(layer, STATES, MASK)
    helpers.fix_weights(layer)
    return layer


def test_names_are_those_of_an_architecture():
    assert tuple(LAYER_FACTORIES) == architecture.LAYERS
    assert tuple(ACTIVATION_FUNCTIONS) == architecture.ACTIVATIONS
    assert NORM_NAMES == architecture.NORMS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conv_1", {"kernel_size": 1, "dilation_rate": 1}),
        ("conv_3", {"kernel_size": 3, "dilation_rate": 1}),
        ("dilated_conv_3", {"kernel_size": 3, "dilation_rate": 2}),
        ("dilated_conv_5", {"kernel_size": 5, "dilation_rate": 2}),
        ("dilated_conv_7", {"kernel_size": 7, "dilation_rate": 2}),
        ("average_pool_3", {"mode": "average", "size": 3}),
        ("max_pool_3", {"mode": "max", "size": 3}),
        ("self_attention_2", {"num_heads": 2}),
        ("self_attention_4", {"num_heads": 4}),
    ],
)
def test_a_name_says_what_the_layer_is(name: str, expected: dict[str, object]):
    config = make_layer(name).get_config()
    assert {key: config[key] for key in expected} == expected


def test_a_layer_takes_a_name_and_a_dtype():
    layer = make_layer("bi_gru", name="first", dtype="mixed_float16")
    assert (layer.name, layer.compute_dtype) == ("first", "float16")


def test_an_unknown_layer_is_named():
    with pytest.raises(ValueError, match="`layer` must be one of conv_1, .* layer='conv_9'"):
        make_layer("conv_9")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", [0.0, 0.0, 2.0]),
        ("gelu", [-0.158655, 0.0, 1.954500]),
        ("swish", [-0.268941, 0.0, 1.761594]),
        ("identity", [-1.0, 0.0, 2.0]),
    ],
)
def test_activations(name: str, expected: list[float]):
    numbers = np.array([-1.0, 0.0, 2.0], "float32")
    np.testing.assert_allclose(ACTIVATION_FUNCTIONS[name](numbers), expected, atol=1e-5)


@every_candidate
@pytest.mark.parametrize(("before", "after"), [(0, 4), (4, 0), (3, 2)])
def test_padding_changes_nothing(name: str, before: int, after: int):
    layer = fixed_layer(name)
    expected = call(layer, NOISY, MASK)
    np.testing.assert_array_equal(expected[~MASK], 0.0)
    states = np.pad(NOISY, [(0, 0), (before, after), (0, 0)], constant_values=5.0)
    actual = call(layer, states, np.pad(MASK, [(0, 0), (before, after)]))
    np.testing.assert_allclose(actual[:, before : before + STEPS], expected, atol=2e-6)
    np.testing.assert_array_equal(np.delete(actual, range(before, before + STEPS), axis=1), 0.0)


@every_candidate
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one step: as meant
def test_a_row_equals_its_history_alone(name: str):
    """What stands in the batch beside a history, and how long that is, changes nothing."""
    layer = fixed_layer(name)
    together = call(layer, NOISY, MASK)
    for row in range(BATCH - 1):
        length = LENGTHS[row]
        target = TARGET[row : row + 1]
        states, mask = STATES[row : row + 1, :length], np.ones((1, length), bool)
        if name == "target_attention":
            alone = layer(states, target, states_mask=mask)
        else:
            alone = layer(states, mask=mask)
        np.testing.assert_allclose(together[row : row + 1, :length], alone, atol=2e-6)


@every_candidate
def test_a_stack_of_two_blocks_keeps_padding_out(name: str):
    blocks = [ResidualBlock("layer_norm", name, "gelu") for _ in range(2)]

    def run(states: np.ndarray, mask: np.ndarray) -> np.ndarray:
        for block in blocks:
            states = block(states, mask, TARGET)
        return np.asarray(states)

    run(STATES, MASK)
    for block in blocks:
        helpers.fix_weights(block)
    expected = run(STATES, MASK)
    padding = [(0, 0), (2, 5), (0, 0)]
    actual = run(np.pad(STATES, padding), np.pad(MASK, padding[:2]))
    np.testing.assert_allclose(actual[:, 2 : 2 + STEPS], expected, atol=5e-6)
    np.testing.assert_array_equal(expected[~MASK], 0.0)
    assert np.all(np.isfinite(expected))
    assert expected.shape == (BATCH, STEPS, UNITS)


@every_candidate
@pytest.mark.parametrize("side", [1, -1], ids=["right_padded", "left_padded"])
def test_causal_a_step_is_what_it_was_when_it_was_the_newest(name: str, side: int):
    layer = make_layer(name, causal=True)
    states, mask = NOISY[:, ::side], MASK[:, ::side]
    call(layer, states, mask)
    helpers.fix_weights(layer)
    whole = call(layer, states, mask)
    for step in range(1, STEPS):
        until = call(layer, states[:, : step + 1], mask[:, : step + 1])
        np.testing.assert_allclose(whole[:, step], until[:, -1], atol=1e-5)


def test_not_causal_a_step_sees_newer_ones():
    mixing = [
        name for name in LAYER_FACTORIES if name not in ("conv_1", "target_attention", "zero")
    ]
    for name in mixing:
        layer = fixed_layer(name)
        whole, until = call(layer, STATES, MASK), call(layer, STATES[:, :3], MASK[:, :3])
        assert np.abs(whole[0, 2] - until[0, 2]).max() > 1e-3, name
