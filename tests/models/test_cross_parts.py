from __future__ import annotations

import pytest

from amer_tf.models import components, cross_parts
from tests.models.ctr_contract import HYBRID, SPEC


def test_numbers_and_sets_can_be_crossed_but_no_behaviour():
    assert cross_parts.crossable_fields(HYBRID) == ("user", "hour", "price", "ad", "tags")
    assert cross_parts.num_combinations(SPEC, ("user", "ad")) == 1
    assert cross_parts.num_combinations(SPEC, ("user", "tags")) == 2


def test_the_rows_of_a_cross_are_those_of_its_vocabularies():
    layer = cross_parts.make_cross(SPEC, ("user", "price"), {"price": [-0.5, 0.0, 0.5]}, 1000)
    assert layer.num_rows == {"user": 9, "price": 5}
    assert layer.num_numbers == 1 + 8 * 4
    assert layer.name == "amer.cross.user.price"
    assert cross_parts.make_cross(SPEC, ("user", "ad"), {}, 10).num_numbers == 11


def test_refuses_fields_that_cannot_be_crossed():
    with pytest.raises(ValueError, match=r"'price', 'ad', 'tags'\]. Received: 'ad_history'"):
        cross_parts.make_cross(HYBRID, ("user", "ad_history"), {}, 10)
    with pytest.raises(ValueError, match=r"give `boundaries`. Received: 'price' in a cross"):
        cross_parts.make_cross(SPEC, ("user", "price"), {}, 10)


def test_nothing_to_add_without_crosses():
    inputs = components.make_inputs(SPEC)
    assert cross_parts.crossed_part(SPEC, inputs, (), {}, 10, 0.0) is None
