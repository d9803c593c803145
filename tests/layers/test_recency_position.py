import numpy as np
import pytest

from amer_tf.layers import RecencyPositionEmbedding
from tests import helpers
from tests.conformance.descriptions import MASK, STATES


def numbered(max_length: int) -> RecencyPositionEmbedding:
    """A layer of one unit whose vector `n` is `n + 1`."""
    layer = RecencyPositionEmbedding(max_length)
    layer.build((None, None, 1))
    layer.set_weights([np.arange(1.0, max_length + 1)[:, None]])
    return layer


def test_layer_contract():
    helpers.check_layer(
        RecencyPositionEmbedding,
        config={"max_length": 4},
        inputs={"states": STATES, "mask": MASK},
        output_shape=STATES.shape,
        num_weights=1,
    )


@pytest.mark.parametrize(
    ("valid", "expected"),
    [
        ([1, 1, 1, 0], [3.0, 2.0, 1.0, 0.0]),
        ([0, 1, 1, 1], [0.0, 3.0, 2.0, 1.0]),
        ([1, 1, 1, 1], [3.0, 3.0, 2.0, 1.0]),  # clipped at max_length - 1
        ([1, 0, 1, 0], [2.0, 0.0, 1.0, 0.0]),
        ([0, 0, 0, 0], [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_the_newest_valid_step_is_number_zero(valid: list[int], expected: list[float]):
    states = np.zeros((1, 4, 1), "float32")
    embedded = numbered(3)(states, mask=np.array([valid], bool))
    np.testing.assert_array_equal(embedded[0, :, 0], expected)


def test_without_a_mask_every_step_is_valid():
    embedded = numbered(4)(np.ones((1, 3, 1), "float32"))
    np.testing.assert_array_equal(embedded[0, :, 0], [4.0, 3.0, 2.0])


def test_leading_axes():
    layer = helpers.make_layer(
        RecencyPositionEmbedding, {"max_length": 4}, {"states": STATES, "mask": MASK}
    )
    paths = layer(np.stack([STATES, -STATES]), mask=MASK[None])
    np.testing.assert_allclose(paths[1], layer(-STATES, mask=MASK), atol=1e-6)


def test_starts_uniform():
    layer = RecencyPositionEmbedding(100)
    layer.build((None, 5, 20))
    assert 0.049 < np.abs(layer.embeddings).max() <= 0.05


def test_refuses_no_positions():
    with pytest.raises(ValueError, match="positive integer. Received: max_length=0"):
        RecencyPositionEmbedding(0)
