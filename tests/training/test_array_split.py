from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.training.array_split import (
    ArrayEvaluationSplit,
    ArrayTrainingSplit,
    DatasetError,
    read_dataset,
)
from tests.training.test_ctr import SPEC

ROWS = 23
INPUTS = {
    "a": np.arange(ROWS, dtype=np.int32) % 8,
    "b": np.arange(ROWS, dtype=np.int32) % 7,
    "x": np.linspace(-1, 1, ROWS, dtype=np.float32),
    "steps": np.arange(2 * ROWS, dtype=np.int32).reshape(ROWS, 2),
}
LABELS = (np.arange(ROWS) % 3 == 0).astype(np.float32)
GROUPS = np.arange(ROWS) % 5


def test_an_epoch_takes_every_row_once_and_goes_on_exactly():
    split = ArrayTrainingSplit(INPUTS, LABELS, GROUPS)
    found = list(split.batches(5, seed=2, num_steps=23))
    rows = np.concatenate([inputs["steps"].numpy()[:, 0] // 2 for inputs, _ in found])
    for epoch in range(5):
        assert sorted(rows[epoch * ROWS : (epoch + 1) * ROWS]) == list(range(ROWS))
    assert (rows[:ROWS] != rows[ROWS : 2 * ROWS]).any()
    labels = np.concatenate([label.numpy() for _, label in found])
    np.testing.assert_array_equal(labels, LABELS[rows])
    later = list(split.batches(5, seed=2, first_step=9, num_steps=3))
    for (inputs, _), (expected, _) in zip(later, found[9:12], strict=True):
        np.testing.assert_array_equal(inputs["steps"], expected["steps"])
    others = next(iter(split.batches(5, seed=3)))[0]["steps"]
    assert (others.numpy() != found[0][0]["steps"].numpy()).any()
    assert len(list(split.batches(50, num_steps=2))) == 2


def test_evaluation_in_order_with_padding():
    split = ArrayEvaluationSplit(INPUTS, LABELS)
    found = list(split.batches(10))
    weights = np.concatenate([weight.numpy() for *_, weight in found])
    np.testing.assert_array_equal(weights, [1] * 23 + [0] * 7)
    values = np.concatenate([inputs["x"].numpy() for inputs, *_ in found])
    np.testing.assert_array_equal(values[:ROWS], INPUTS["x"])
    assert (values[ROWS:] == 0).all()
    assert split.groups is None


def test_a_part_of_the_rows():
    split = ArrayEvaluationSplit(INPUTS, LABELS, GROUPS)
    part = split.limit(9, seed=1)
    assert isinstance(part, ArrayEvaluationSplit)
    rows = part.field_values("steps")[:, 0] // 2
    assert len(rows) == part.num_examples == 9
    assert sorted(rows) == rows.tolist()
    np.testing.assert_array_equal(part.labels, LABELS[rows])
    np.testing.assert_array_equal(part.groups, GROUPS[rows])
    np.testing.assert_array_equal(split.limit(9, seed=1).field_values("x"), part.field_values("x"))
    assert split.limit(99).num_examples == ROWS


@pytest.mark.parametrize("batch", [None, 4])
def test_reads_rows_or_batches_of_a_dataset(batch):
    inputs = {name: INPUTS[name] for name in ("a", "b", "x")} | {"user": GROUPS}
    dataset = tf.data.Dataset.from_tensor_slices((inputs, LABELS))
    found, labels, groups = read_dataset(dataset.batch(batch) if batch else dataset, SPEC)
    assert sorted(found) == ["a", "b", "x"]
    for name, values in found.items():
        np.testing.assert_array_equal(values, INPUTS[name])
        assert values.dtype == INPUTS[name].dtype
    np.testing.assert_array_equal(labels, LABELS)
    np.testing.assert_array_equal(groups, GROUPS)
    without = dataset.map(lambda inputs, label: ({"a": inputs["a"]}, label))
    assert read_dataset(without, SPEC)[2] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda dataset: dataset.repeat(), "must end, .* leave out `repeat"),
        (lambda dataset: dataset.take(0), "at least one row. Received: none"),
        (lambda dataset: dataset.map(lambda inputs, label: inputs), "must hold pairs of inputs"),
        (lambda dataset: dataset.map(lambda inputs, label: (label, label)), "pairs of inputs"),
        (lambda dataset: dataset.map(lambda inputs, label: (inputs, label, label)), "hold pairs"),
        (
            lambda dataset: dataset.map(lambda inputs, label: ({"a": inputs["a"]}, [label])),
            r"'a' of a tf.data must have the shape \(None,\) beside a label of shape \(1,\), "
            r"which .* a batch of rows. Received: TensorSpec\(shape=\(\)",
        ),
        (
            lambda dataset: dataset.map(lambda inputs, label: ({"a": [inputs["a"]]}, label)),
            r"'a' of a tf.data must have the shape \(\) .* one row. Received: .*shape=\(1,\)",
        ),
        (
            lambda dataset: dataset.batch(4).map(
                lambda inputs, label: (inputs, tf.stack([label, label], axis=1))
            ),
            r"'label' of a tf.data must be a number, or a batch .*Received: .*shape=\(None, 2\)",
        ),
        (
            lambda dataset: dataset.batch(4).map(
                lambda inputs, label: (
                    {"a": tf.RaggedTensor.from_row_lengths(inputs["a"], [1, 3])},
                    label,
                )
            ),
            "'a' of a tf.data must be a dense tensor. Received: RaggedTensorSpec",
        ),
        (
            lambda dataset: dataset.batch(4).map(
                lambda inputs, label: ({"a": inputs["a"][:2]}, label)
            ),
            r"'a' of a batch of a tf.data must have the shape \(4,\). Received: \(2,\)",
        ),
    ],
)
def test_refuses_other_datasets(change, message):
    dataset = tf.data.Dataset.from_tensor_slices((INPUTS, LABELS))
    with pytest.raises(DatasetError, match=message):
        read_dataset(change(dataset), SPEC)


def test_rows_of_different_shapes_name_the_element():
    signature = ({"a": tf.TensorSpec(None, tf.int32)}, tf.TensorSpec((), tf.float32))
    rows = [({"a": 3}, 0.0), ({"a": [3, 4]}, 1.0)]
    dataset = tf.data.Dataset.from_generator(lambda: iter(rows), output_signature=signature)
    message = r"'a' of a batch of a tf.data must have the shape \(1,\). Received: \(1, 2\)"
    with pytest.raises(DatasetError, match=message):
        read_dataset(dataset, SPEC)
