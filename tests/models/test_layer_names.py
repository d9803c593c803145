"""A column may have any name that a field can have: no layer of ours bears it."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import Architecture, Block
from amer_tf.export import export
from amer_tf.features import CategoricalField, MultiValuedField, NumericField, SpecError
from amer_tf.models import amer, transformer
from amer_tf.models.components import layer_name
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from tests.search import nets

ARCHITECTURE = Architecture(
    blocks=(Block("layer_norm", "conv_3", "relu"), Block("none", "self_attention_2", "gelu"))
)
# What parts of models are called, and what Keras calls a layer or an operation without a name.
WORDS = (
    *("amer", "transformer", "model", "functional", "stem", "item_side", "input_layer", "inputs"),
    *("query", "query_normalization", "scores", "item_vector", "embedding", "catalog", "recency"),
    *("block_0", "block_1", "block_0_attention", "normalization", "newest", "empty_history"),
    *("behavior", "behavior_dropout", "event_dropout", "pooled", "side", "user", "mask", "states"),
    *("dense", "dot", "add", "concatenate", "reshape", "expand_dims", "not_equal", "identity"),
    *("sum_pooling", "last_pooling", "multi_hot_pooling", "padding_mask", "repeat_vector"),
)
NUMBERS = ("price", "number", "column")
SETS = ("likes", "pooling", "values")


def with_columns():
    """A spec with a column of each of the names, and of every kind."""
    base = nets.next_item_spec(attributes=True)
    fields = [
        CategoricalField(name, ("profile", "context")[index % 2], "attribute")
        for index, name in enumerate(WORDS)
    ]
    for name, role in zip(NUMBERS, ("behavior", "profile", "context"), strict=True):
        fields.append(NumericField(name, role))
    for name, role in zip(SETS, ("behavior", "profile", "context"), strict=True):
        fields.append(MultiValuedField(name, role, "attribute", max_values=2, combiner="mean"))
    return dataclasses.replace(base, fields=(*base.fields, *fields))


SPEC = with_columns()


def batch(num_users=22):
    generator = np.random.default_rng(0)
    inputs = nets.batch(SPEC, num_users)
    for field in SPEC.input_fields:
        shape = (num_users, nets.STEPS) if field.role == "behavior" else (num_users,)
        if field.name in NUMBERS:
            inputs[field.name] = generator.normal(size=shape).astype("float32")
        elif field.name != "history_item_id":
            shape += (2,) if field.name in SETS else ()
            inputs[field.name] = generator.integers(0, 11, size=shape).astype("int32")
    return inputs


def build(kind):
    options = {"embedding_dim": 8, "catalog": nets.catalog(), "dropout": 0.3}
    if kind == "amer":
        return amer.build(SPEC, ARCHITECTURE, drop_event=0.1, **options)
    return transformer.build(SPEC, **options)


def test_a_field_cannot_have_the_name_of_a_layer():
    assert layer_name("query") == "amer.query"
    assert layer_name("block_0", "attention") == "amer.block_0.attention"
    with pytest.raises(SpecError, match="letters, digits and underscores"):
        CategoricalField(layer_name("query"), "profile")


@pytest.mark.parametrize("kind", ["amer", "transformer", "every_position", "supernet"])
def test_all_that_is_no_input_has_a_name_of_ours(kind):
    if kind == "supernet":
        supernet = nets.supernet(SPEC, drop_event=0.1)
        models = [supernet.stem, supernet.item_side]
    elif kind == "every_position":
        models = [EveryPositionNetwork(build("transformer"), SPEC)._step_queries]
    else:
        models = [build(kind)]
    for model in models:
        inputs = {tensor.name for tensor in model.inputs}
        names = {operation.name for operation in model.operations} - inputs
        assert all(name.startswith("amer.") for name in names), names


@pytest.mark.parametrize("kind", ["amer", "transformer"])
def test_saved_and_reloaded(kind, tmp_path):
    model, inputs = build(kind), batch()
    inputs["item_id"] = np.random.default_rng(1).integers(2, 52, size=(22, 3)).astype("int32")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(inputs), model(inputs))
    assert [weight.path for weight in again.weights] == [weight.path for weight in model.weights]
    for name in ("query", "side", "number", "pooling"):
        other = {**inputs, name: np.roll(inputs[name], 1, axis=0)}
        assert np.abs(np.asarray(again(other)) - model(inputs)).max() > 1e-6, name


def test_derived_equals_path():
    supernet, inputs = nets.supernet(SPEC), batch()
    model = amer.build(SPEC, ARCHITECTURE, embedding_dim=8, catalog=nets.catalog())
    supernet.inherit(model, ARCHITECTURE)
    network = NextItemNetwork(model, SPEC)
    np.testing.assert_allclose(
        network.query(inputs), supernet.path_query(inputs, ARCHITECTURE), atol=1e-5
    )
    group = supernet.space.sample_group(np.random.default_rng(0))
    assert np.isfinite(supernet(inputs, group)).all()
    # Nothing of the derived model is left as it was drawn.
    items = np.arange(2, 12, dtype="int32")
    np.testing.assert_array_equal(network.item_vectors(items), supernet.item_vectors(items))


@pytest.mark.slow
def test_exported(tmp_path):
    fields = tuple(
        dataclasses.replace(
            field,
            normalization=dataclasses.replace(field.normalization, low=0.0, high=1.0, mean=0.0),
        )
        if isinstance(field, NumericField)
        else field
        for field in SPEC.fields
    )
    spec = dataclasses.replace(SPEC, fields=fields)
    model = build("amer")
    loaded = tf.saved_model.load(str(export(model, spec, ARCHITECTURE, tmp_path / "1", top_k=3)))
    history = np.array([[3, 1, 4]])
    scored = loaded.signatures["serving_default"]
    inputs = {
        name: tf.zeros([0] * given.shape.rank, given.dtype)
        for name, given in scored.structured_input_signature[1].items()
    }
    assert {*WORDS, *NUMBERS, *SETS} < set(inputs)
    inputs |= {"history_item_id": tf.constant(history), "item_id": tf.constant([[5, 6]], tf.int64)}
    before = scored(**inputs)["scores"].numpy()
    inputs["query"] = tf.constant([7], tf.int64)
    assert np.abs(scored(**inputs)["scores"].numpy() - before).max() > 1e-6
