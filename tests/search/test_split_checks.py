from __future__ import annotations

import dataclasses
import types

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.features import CategoricalField, MultiValuedField, NumericField
from amer_tf.search.split_checks import SplitError, check_evaluation_split, check_training_split
from tests.search import nets


def split(inputs, labels, num_examples=4):
    """A split of which one batch is known."""
    batches = tf.data.Dataset.from_tensors((inputs, labels))
    return types.SimpleNamespace(
        num_examples=num_examples, batches=lambda batch_size, **options: batches
    )


SPEC = nets.next_item_spec(profile=True)
INPUTS = nets.batch(SPEC, 4)
TARGETS = np.array([2, 3, 51, 0], "int32")


def check(spec, inputs, targets=TARGETS):
    check_training_split(spec, split(inputs, {"positives": targets[:, None]}))
    check_evaluation_split("validation", spec, split(inputs, {"target": targets}))


def test_what_fits():
    check(SPEC, INPUTS)


def test_prepared_data_fit(data):
    check_training_split(data.spec, data.train)
    check_evaluation_split("validation", data.spec, data.validation)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"city": None}, r"training split is of another data set.*\['city', 'history_item_id'\]"),
        ({"age": np.ones(4, "int32")}, r"Received: \['age', 'city', 'history_item_id'\]"),
        (
            {"history_item_id": INPUTS["history_item_id"][:, :5]},
            r"'history_item_id' of the training split must hold ids of shape \(7,\).*int32 of .*5",
        ),
        ({"city": np.ones(4, "float32")}, r"'city' .* must hold ids of shape \(\).*float32"),
        ({"city": np.array([1, 2, 6, 3])}, "'city' .* ids below 6, .*another data set.*: 6"),
        (
            {"history_item_id": np.full((4, nets.STEPS), 52)},
            "'history_item_id' .* ids below 52, .*Received: 52",
        ),
        ({"city": np.array([1, -2, 2, 3])}, "'city' .* ids below 6.*Received: -2"),
    ],
)
def test_inputs_of_another_data_set(changes, message):
    inputs = {**INPUTS, **changes}
    inputs = {name: values for name, values in inputs.items() if values is not None}
    with pytest.raises(SplitError, match=message):
        check_training_split(SPEC, split(inputs, {"positives": TARGETS[:, None]}))
    with pytest.raises(SplitError, match=message.replace("training", "validation")):
        check_evaluation_split("validation", SPEC, split(inputs, {"target": TARGETS}))


def test_targets_of_another_data_set():
    with pytest.raises(SplitError, match="'item_id' of the training split .* below 52.*: 52"):
        check_training_split(SPEC, split(INPUTS, {"positives": np.array([[3], [52]])}))
    with pytest.raises(SplitError, match="'item_id' of the validation split .* below 52.*: 70"):
        check_evaluation_split("validation", SPEC, split(INPUTS, {"target": np.array([70, 3])}))


def test_empty_splits():
    empty = split(INPUTS, {}, num_examples=0)
    with pytest.raises(SplitError, match="The training split has no examples.*num_examples=0"):
        check_training_split(SPEC, empty)
    with pytest.raises(SplitError, match="The validation split has no examples.*num_examples=0"):
        check_evaluation_split("validation", SPEC, empty)


def test_fields_of_every_kind():
    spec = dataclasses.replace(
        SPEC,
        fields=(
            *SPEC.fields,
            NumericField("price", "behavior"),
            NumericField("age", "profile"),
            MultiValuedField("likes", "profile", "item_id", max_values=2),
            CategoricalField("device", "context", "city"),
        ),
    )
    inputs = {
        **INPUTS,
        "price": np.ones((4, nets.STEPS), "float32"),
        "age": np.ones(4, "float32"),
        "likes": np.ones((4, 2), "int32"),
        "device": np.ones(4, "int32"),
    }
    check(spec, inputs)
    with pytest.raises(SplitError, match=r"'age' .* must hold numbers of shape \(\).*int32"):
        check(spec, {**inputs, "age": np.ones(4, "int32")})
    with pytest.raises(SplitError, match=r"'likes' .* ids of shape \(2,\).*of shape \(3,\)"):
        check(spec, {**inputs, "likes": np.ones((4, 3), "int32")})
