import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.layers import FusedEmbedding
from tests import helpers
from tests.conformance.descriptions import DESCRIPTIONS

CONFIG = {
    "num_rows": {"item": 4, "brand": 3},
    "fields": {"history": "item", "target": "item", "brand": "brand"},
    "embedding_dim": 2,
}


def numbered(**config: object) -> FusedEmbedding:
    """A layer whose row `n` is `(n, -n)`."""
    layer = FusedEmbedding(**{**CONFIG, **config})
    rows = np.arange(7.0)
    layer.set_weights([np.stack([rows, -rows], axis=1)])
    return layer


def test_layer_contract():
    case = DESCRIPTIONS["FusedEmbedding"]
    helpers.check_layer(
        **case.arguments(), output_shape=case.output_shape, num_weights=case.num_weights
    )


def test_values_by_hand():
    # Brand 2 is row 4 + 2; padding is zero though row 0 and row 4 are not.
    layer = numbered()
    embedded = layer(
        {"history": np.array([[3, 2, 0]]), "target": np.array([3]), "brand": np.array([[2, 0]])}
    )
    np.testing.assert_array_equal(embedded["history"], [[[3, -3], [2, -2], [0, 0]]])
    np.testing.assert_array_equal(embedded["target"], [[3, -3]])
    np.testing.assert_array_equal(embedded["brand"], [[[6, -6], [0, 0]]])


def test_ids_outside_a_vocabulary_read_its_unknown_row():
    embedded = numbered()({"target": np.array([4, -1, 99]), "brand": np.array([3, -5, 2**31 - 1])})
    np.testing.assert_array_equal(embedded["target"][:, 0], [1, 1, 1])
    np.testing.assert_array_equal(embedded["brand"][:, 0], [5, 5, 5])


def test_a_subset_of_the_fields_and_other_shapes():
    layer = numbered()
    assert layer({"brand": np.zeros((2, 3, 4), int)})["brand"].shape == (2, 3, 4, 2)
    # Negatives that the batch shares: the first axes differ, the shapes are known.
    embedded = layer({"target": np.array([2, 3]), "history": np.array([[1], [2], [3]])})
    np.testing.assert_array_equal(embedded["history"][:, 0, 0], [1, 2, 3])
    np.testing.assert_array_equal(embedded["target"][:, 0], [2, 3])
    np.testing.assert_array_equal(layer({"target": np.array(3)})["target"], [3, -3])


def test_shared_vocabularies_share_rows():
    layer = FusedEmbedding(**CONFIG)
    embedded = layer({"history": np.array([2, 3]), "target": np.array([2, 3])})
    np.testing.assert_array_equal(embedded["history"], embedded["target"])
    assert layer.table.shape == (7, 2)
    assert (layer.offset("item"), layer.offset("brand")) == (0, 4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_the_gradient_holds_the_gathered_rows_alone(dtype: str):
    layer = FusedEmbedding(**CONFIG, l2=0.1, dtype=dtype)

    @tf.function
    def gradient(inputs):
        with tf.GradientTape() as tape:
            outputs = layer(inputs)
            loss = sum(tf.reduce_sum(tf.cast(value, "float32")) for value in outputs.values())
            loss += sum(layer.losses)
        slices = tape.gradient(loss, layer.table.value)
        assert isinstance(slices, tf.IndexedSlices)
        return slices

    inputs = {"history": tf.constant([[3, 0], [2, 3]]), "brand": tf.constant([2, 1])}
    slices = gradient(inputs)
    assert slices.values.shape == (6, 2)
    assert set(slices.indices.numpy()) == {3, 0, 2, 6, 5}
    dense = tf.convert_to_tensor(slices).numpy()
    table = layer.get_weights()[0]
    # Each look-up adds 1, and 0.1 times the row over the batch of 2; padding adds nothing.
    counts = np.array([0, 0, 1, 2, 0, 1, 1])[:, None]
    np.testing.assert_allclose(dense, counts * (1 + 0.1 * table / 2), rtol=1e-5)


def test_l2_of_the_gathered_rows():
    # Rows 3 and 2, then padding, each twice its square: (2 * 9 + 2 * 4) * 0.5 / 2 / batch 1.
    layer = numbered(l2=0.5)
    layer({"history": np.array([[3, 2, 0]])})
    np.testing.assert_allclose(layer.losses, [6.5])
    layer = numbered(l2=0.0)
    layer({"history": np.array([[3, 2, 0]])})
    assert layer.losses == []


def test_one_gather_whatever_the_number_of_fields():
    layer = FusedEmbedding(**CONFIG)
    inputs = {name: tf.constant([[1, 2]]) for name in CONFIG["fields"]}
    graph = tf.function(lambda arguments: layer(arguments)).get_concrete_function(inputs).graph
    gathers = [operation for operation in graph.get_operations() if "Gather" in operation.type]
    assert len(gathers) == 1


def test_symbolic_batch():
    inputs = {
        "history": keras.Input((3,), dtype="int32"),
        "target": keras.Input((), dtype="int32"),
    }
    outputs = FusedEmbedding(**CONFIG)(inputs)
    assert {name: value.shape for name, value in outputs.items()} == {
        "history": (None, 3, 2),
        "target": (None, 2),
    }


def test_starts_uniform():
    layer = FusedEmbedding({"item": 1000}, {"item": "item"}, 8)
    assert 0.0499 < np.abs(layer.table).max() <= 0.05


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_rows": {"item": 1, "brand": 3}}, r"at least 2. Received: num_rows\['item'\]=1"),
        ({"fields": {"a": "x"}}, r"vocabularies of `num_rows` \(item, brand\). .*\['a'\]='x'"),
        ({"embedding_dim": 0}, "positive integer. Received: embedding_dim=0"),
        ({"l2": -1.0}, "`l2` must not be negative. Received: l2=-1.0"),
    ],
)
def test_refuses_a_wrong_argument(config: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        FusedEmbedding(**{**CONFIG, **config})


@pytest.mark.parametrize("inputs", [{}, {"colour": np.array([1])}])
def test_refuses_unknown_fields(inputs: dict[str, np.ndarray]):
    with pytest.raises(ValueError, match="one or more of the fields history, target, brand"):
        FusedEmbedding(**CONFIG)(inputs)


def test_an_unknown_vocabulary_is_named():
    with pytest.raises(ValueError, match="must be one of item, brand. Received: vocabulary='x'"):
        FusedEmbedding(**CONFIG).offset("x")


@pytest.mark.parametrize("order", ["a bcd ef", "bcd ef a", "ef a bcd"])
def test_calls_of_one_model_may_have_more_and_fewer_fields(order):
    # Keras 3.13 and newer take all calls to have as many outputs as `output` names.
    layer = FusedEmbedding({"item": 7}, dict.fromkeys("abcdef", "item"), 2)
    inputs = {name: keras.Input((), dtype="int32", name=name) for name in "abcdef"}
    outputs = {}
    for names in order.split():
        outputs.update(layer({name: inputs[name] for name in names}))
    assert len(layer.output) == 3
    ids = {name: np.array([number], "int32") for number, name in enumerate("abcdef")}
    found = keras.Model(inputs, outputs)(ids)
    helpers.assert_equal(found, layer(ids))


def test_a_layer_that_was_never_called_has_no_output():
    with pytest.raises(AttributeError, match="has never been called"):
        _ = FusedEmbedding(**CONFIG).output
