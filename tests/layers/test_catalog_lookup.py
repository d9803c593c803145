import keras
import numpy as np
import pytest

from amer_tf.layers import CatalogLookup
from tests import helpers
from tests.conformance.descriptions import ITEM_IDS, TABLE

CONFIG = {"columns": {"brand": [0, 1], "tags": [1, 2]}, "num_items": 5}


def test_layer_contract():
    helpers.check_layer(
        CatalogLookup,
        config={**CONFIG, "table": TABLE},
        inputs={"item_ids": ITEM_IDS},
        output_shape={"brand": (4, 3), "tags": (4, 3, 2)},
        num_weights=1,
        not_in_config=["table"],
        gradient=False,
    )


def test_values_by_hand():
    found = CatalogLookup(**CONFIG, table=TABLE)(np.array([2, 0, 4]))
    np.testing.assert_array_equal(found["brand"], [2, 0, 4])
    np.testing.assert_array_equal(found["tags"], [[3, 4], [0, 0], [2, 0]])
    assert keras.backend.standardize_dtype(found["tags"].dtype) == "int32"


def test_ids_outside_the_table_read_the_unknown_item():
    found = CatalogLookup(**CONFIG, table=TABLE)(np.array([5, -1, 10**6]))
    np.testing.assert_array_equal(found["tags"], [[1, 0]] * 3)


def test_the_table_is_saved_with_the_weights_and_not_in_the_config(tmp_path):
    layer = CatalogLookup(**CONFIG)
    layer.set_table(TABLE)
    assert "table" not in layer.get_config()
    inputs = keras.Input((3,), dtype="int32")
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(ITEM_IDS)["tags"], layer(ITEM_IDS)["tags"])
    assert np.asarray(loaded(ITEM_IDS)["tags"]).any()


def test_the_table_is_not_trained():
    assert CatalogLookup(**CONFIG).trainable_weights == []


def test_refuses_a_table_of_another_shape():
    with pytest.raises(ValueError, match=r"the shape \(5, 3\). Received: table.shape=\(4, 3\)"):
        CatalogLookup(**CONFIG, table=TABLE[:4])


def test_refuses_a_table_of_fractions():
    with pytest.raises(ValueError, match="must hold integers. Received: table.dtype=float32"):
        CatalogLookup(**CONFIG, table=TABLE.astype("float32"))


@pytest.mark.parametrize("place", [[-1, 1], [0, 0], [1]])
def test_refuses_a_place_that_is_none(place: list[int]):
    with pytest.raises(ValueError, match=r"must give each field a start .*columns\['a'\]="):
        CatalogLookup({"a": place}, num_items=5)


def test_refuses_a_table_without_an_unknown_item():
    with pytest.raises(ValueError, match="at least 2. Received: num_items=1"):
        CatalogLookup({"a": [0, 1]}, num_items=1)
