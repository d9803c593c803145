"""AutoCross against NumPy, and saved."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from amer_tf.features import CategoricalField, SpecError
from amer_tf.models import aggregation, autocross, wide_and_deep
from tests import helpers
from tests.models.ctr_contract import (
    HYBRID,
    SPEC,
    batch,
    deep_part,
    dense,
    flat_input,
    linear_part,
    scaled_logit,
)
from tests.search import nets

CROSSES = (("user", "ad"), ("hour", "tags"), ("price", "ad", "user"))
BOUNDARIES = {"price": (-0.4, 0.1, 0.3)}
OPTIONS = {"embedding_dim": 3, "hidden_units": (6, 5)}


def build(**options) -> keras.Model:
    options = {"crosses": CROSSES, "boundaries": BOUNDARIES, **OPTIONS, **options}
    model = autocross.build(SPEC, **options)
    helpers.fix_weights(model)
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return build()


def wide_part(model, inputs):
    """A weight for each combination of values, row after row, where each has one of its own."""
    layer = model.get_layer("amer.crosses")
    table = np.asarray(layer.table)[:, 0]
    bucket = 1 + sum((inputs["price"] >= edge).astype(int) for edge in BOUNDARIES["price"])

    def weight(cross, number):
        assert 0 < number < layer.num_rows[cross]
        return table[layer.offset(cross) + number]

    totals = []
    for row in range(5):
        # Ids outside the vocabulary of 9 rows would be unknown, 1; there are none.
        user, hour, ad = (int(inputs[name][row]) for name in ("user", "hour", "ad"))
        total = weight("price", bucket[row])
        total += weight("user*ad", 1 + (user - 1) + 8 * (ad - 1))
        for tag in inputs["tags"][row]:
            if tag:
                total += weight("hour*tags", 1 + (hour - 1) + 8 * (tag - 1))
        code = (bucket[row] - 1) + 4 * (ad - 1) + 4 * 8 * (user - 1)
        totals.append(total + weight("price*ad*user", 1 + code))
    return np.array(totals)


def test_equals_numpy(model: keras.Model):
    inputs = batch(SPEC)
    hidden = deep_part(model, flat_input(model, inputs))
    deep = dense(model, "amer.output", hidden)[:, 0]
    wide = wide_part(model, inputs)
    assert np.std(wide) > 0.01
    expected = scaled_logit(model, deep, linear_part(model, inputs), wide)
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


def test_a_table_holds_no_more_than_the_buckets():
    model = build(num_buckets=20)
    rows = model.get_layer("amer.crosses").num_rows
    assert rows == {"price": 5, "user*ad": 21, "hour*tags": 21, "price*ad*user": 21}
    assert np.isfinite(np.asarray(model(batch(SPEC)))).all()


def test_saved_and_reloaded(model: keras.Model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch(SPEC)), model(batch(SPEC)))


def test_all_that_is_no_input_has_a_name_of_ours(model: keras.Model):
    inputs = {tensor.name for tensor in model.inputs}
    names = {operation.name for operation in model.operations} - inputs
    assert all(name.startswith("amer.") for name in names), names


def test_without_crosses_it_is_a_wide_and_deep():
    models = [autocross.build(SPEC, **OPTIONS), wide_and_deep.build(SPEC, **OPTIONS)]
    for model in models:
        helpers.fix_weights(model)
    np.testing.assert_array_equal(models[0](batch(SPEC)), models[1](batch(SPEC)))


def test_a_single_cross():
    model = autocross.build(SPEC, crosses=[("user", "ad")], **OPTIONS)
    assert model.get_layer("amer.crosses").num_rows == {"user*ad": 65}
    assert np.isfinite(np.asarray(model(batch(SPEC)))).all()


def test_the_sum_of_a_behaviour_is_one_more_input():
    model = autocross.build(
        HYBRID, crosses=CROSSES[:2], embedding_dim=3, hidden_units=(4,), dropout=0.2, l2=1e-3
    )
    assert set(model.input) == {field.name for field in HYBRID}
    assert aggregation.input_size(model) == aggregation.input_size(build()) + 2 * 3


def test_refuses_what_it_cannot_read():
    with pytest.raises(SpecError, match="AutoCross is a model of task 'ctr'. Received: "):
        autocross.build(nets.next_item_spec())
    spec = dataclasses.replace(
        SPEC, fields=(CategoricalField("user"),), vocabularies=SPEC.vocabularies[:1]
    )
    with pytest.raises(SpecError, match=r"AutoCross needs 2 or more .*Received: \['user'\]"):
        autocross.build(spec)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crosses": [("user",)]}, r"two or more different .*Received: crosses\[0\]=\('user',\)"),
        ({"crosses": [("ad", "hour", "ad")]}, r"crosses\[0\]=\('ad', 'hour', 'ad'\)"),
        ({"crosses": [("user", "colour")]}, "Received: 'colour'"),
        ({"crosses": [("user", "price")]}, "give `boundaries`. Received: 'price'"),
        ({"boundaries": {"user": (0.5,)}}, "of numeric fields. Received: 'user', which is cat"),
        ({"boundaries": {"price": (0.3, 0.1)}}, r"increasing numbers. Received: .*\[0.3, 0.1\]"),
    ],
)
def test_refuses_what_is_no_cross(options, message):
    with pytest.raises(ValueError, match=message):
        autocross.build(SPEC, **options)
