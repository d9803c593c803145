"""AutoCross against NumPy."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import pytest

from amer_tf.features import SpecError
from amer_tf.models import autocross, wide_and_deep
from tests import helpers
from tests.models.ctr_contract import (
    NUMBERS,
    ONE_FIELD,
    SPEC,
    TableContract,
    batch,
    deep_part,
    flat_input,
    linear_part,
    output,
    scaled_logit,
)

CROSSES = (("user", "ad"), ("hour", "tags"), ("price", "ad", "user"))
BOUNDARIES = {"price": (-0.4, 0.1, 0.3)}
OPTIONS = {"embedding_dim": 3, "hidden_units": (6, 5)}


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


class TestAutoCross(TableContract):
    system, title = autocross, "AutoCross"
    options: ClassVar[dict[str, Any]] = {
        **TableContract.options,
        "crosses": CROSSES,
        "boundaries": BOUNDARIES,
    }

    def expected(self, model, inputs):
        deep = output(model, deep_part(model, flat_input(model, inputs)))
        wide = wide_part(model, inputs)
        assert np.std(wide) > 0.01
        return scaled_logit(model, deep, linear_part(model, inputs), wide)

    def test_refuses_fewer_fields_than_it_needs(self):
        """Numbers count: they are crossed by their buckets."""
        user = dataclasses.replace(ONE_FIELD, fields=ONE_FIELD.fields[:1])
        for spec, name in ((user, "user"), (NUMBERS, "price")):
            message = rf"AutoCross needs 2 or more profile, .*Received: \['{name}'\]"
            with pytest.raises(SpecError, match=message):
                autocross.build(spec)
        assert autocross.build(ONE_FIELD).output.shape == (None,)


def test_a_table_holds_no_more_than_the_buckets():
    model = autocross.build(SPEC, crosses=CROSSES, boundaries=BOUNDARIES, num_buckets=20, **OPTIONS)
    rows = model.get_layer("amer.crosses").num_rows
    assert rows == {"price": 5, "user*ad": 21, "hour*tags": 21, "price*ad*user": 21}
    assert np.isfinite(np.asarray(model(batch(SPEC)))).all()


def test_without_crosses_it_is_a_wide_and_deep():
    models = [autocross.build(SPEC, **OPTIONS), wide_and_deep.build(SPEC, **OPTIONS)]
    for model in models:
        helpers.fix_weights(model)
    np.testing.assert_array_equal(models[0](batch(SPEC)), models[1](batch(SPEC)))


def test_a_single_cross():
    model = autocross.build(SPEC, crosses=[("user", "ad")], **OPTIONS)
    assert model.get_layer("amer.crosses").num_rows == {"user*ad": 65}
    assert np.isfinite(np.asarray(model(batch(SPEC)))).all()


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
