"""Labelled rows that are held in memory, as a search of task ctr reads them.

Letters: `R` rows, `B` rows of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from amer_tf.features import FeatureSpec, MultiValuedField

_Split = TypeVar("_Split", bound="ArraySplit")
# Rows of a `tf.data` of single rows that are read at a time.
_ROWS_AT_A_TIME = 4096


class DatasetError(ValueError):
    """A `tf.data` or a table that holds no labelled rows of the spec."""


class ArraySplit:
    """Encoded rows by field name.

    Args:
        inputs: Arrays of shape `(R, ...)`.
        labels: `(R,)` of 0 and 1.
        groups: Integers `(R,)` that tell users apart, negative for none; or None.
    """

    def __init__(
        self,
        inputs: Mapping[str, npt.NDArray[Any]],
        labels: npt.NDArray[Any],
        groups: npt.NDArray[Any] | None = None,
    ) -> None:
        self._inputs = dict(inputs)
        self.labels = np.asarray(labels, np.float32)
        self.groups = groups

    @property
    def num_examples(self) -> int:
        return len(self.labels)

    def field_values(self, name: str, rows: slice | None = None) -> npt.NDArray[Any]:
        """The values of a field, in the order of the rows; of all rows where `rows` is None."""
        values = self._inputs[name]
        return values if rows is None else values[rows]

    def limit(self: _Split, num_examples: int, seed: int = 0) -> _Split:
        """The same split restricted to a fixed random subset of its rows, in their order."""
        generator = np.random.default_rng([seed, self.num_examples])
        size = min(num_examples, self.num_examples)
        numbers = np.sort(generator.choice(self.num_examples, size, replace=False))
        groups = None if self.groups is None else self.groups[numbers]
        return type(self)(self._rows(numbers), self.labels[numbers], groups)

    def _rows(self, numbers: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        return {name: values[numbers] for name, values in self._inputs.items()}


class ArrayTrainingSplit(ArraySplit):
    """Rows to train on, in a new order each epoch."""

    def batches(
        self, batch_size: int, *, seed: int = 0, first_step: int = 0, num_steps: int | None = None
    ) -> Any:
        """Full batches in random order, without end unless `num_steps` is given.

        Each epoch takes every row once; a batch may reach over the end of an epoch. A batch
        depends on the seed and its step only, so that `first_step` goes on exactly.

        Args:
            batch_size: Rows of a batch.
            seed: Seed of the order.
            first_step: Number of the first batch.
            num_steps: Number of batches; None for no end.

        Returns: A `tf.data.Dataset` of `(inputs, label)`, label float32 `[B]`.
        """

        def make() -> Any:
            order, epoch, step = np.zeros(0, np.int64), -1, first_step
            while num_steps is None or step < first_step + num_steps:
                counters = step * batch_size + np.arange(batch_size)
                chosen = np.empty(batch_size, np.int64)
                for number in range(
                    counters[0] // self.num_examples, counters[-1] // self.num_examples + 1
                ):
                    if number != epoch:
                        generator = np.random.default_rng([seed, number])
                        order, epoch = generator.permutation(self.num_examples), number
                    own = counters // self.num_examples == number
                    chosen[own] = order[counters[own] % self.num_examples]
                yield self._rows(chosen), self.labels[chosen]
                step += 1

        return tf.data.Dataset.from_generator(
            make, output_signature=self._signature(batch_size)
        ).prefetch(8)

    def _signature(self, batch_size: int) -> Any:
        inputs = {
            name: tf.TensorSpec((batch_size, *values.shape[1:]), values.dtype)
            for name, values in self._inputs.items()
        }
        return inputs, tf.TensorSpec((batch_size,), tf.float32)


class ArrayEvaluationSplit(ArraySplit):
    """Rows to evaluate on, in their order."""

    def batches(self, batch_size: int) -> Any:
        """All rows once; the last batch is filled up with padding of weight 0.

        Args:
            batch_size: Rows of a batch.

        Returns: A finite `tf.data.Dataset` of `(inputs, label, weight)`, both float32 `[B]`.
        """
        missing = -self.num_examples % batch_size

        def padded(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.pad(values, [(0, missing), *[(0, 0)] * (values.ndim - 1)])

        inputs = {name: padded(values) for name, values in self._inputs.items()}
        weights = padded(np.ones(self.num_examples, np.float32))
        rows = tf.data.Dataset.from_tensor_slices((inputs, padded(self.labels), weights))
        return rows.batch(batch_size, drop_remainder=True).prefetch(8)


def read_dataset(dataset: Any, spec: FeatureSpec) -> tuple[Any, Any, Any]:
    """Inputs, labels and groups of a finite `tf.data` of rows or batches; all is held in memory.

    Args:
        dataset: A `tf.data.Dataset` of `(inputs, label)`: encoded fields by name, as the spec
            says, and where `spec.group` is no field perhaps a column of integers of that name.
        spec: The fitted spec.

    Raises:
        DatasetError: Where it is endless, empty, or not of this form.
    """
    element = dataset.element_spec
    if (
        not isinstance(element, tuple)
        or len(element) != 2
        or not isinstance(element[0], Mapping)
        or not hasattr(element[1], "shape")
    ):
        raise DatasetError(
            "A tf.data of task ctr must hold pairs of inputs by field name, and labels. "
            f"Received: element_spec={element}"
        )
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise DatasetError(
            "A tf.data must end, since all its rows are read once: leave out `repeat()`. "
            "Received: an endless one"
        )
    shapes = _row_shapes(spec)
    _check_element(*element, shapes)
    if element[1].shape.rank == 0:
        try:
            parts = _read_batches(dataset.batch(_ROWS_AT_A_TIME), shapes)
        except tf.errors.InvalidArgumentError:
            # Rows of different shapes are no batch: one by one they tell which element it is.
            parts = _read_batches(dataset.batch(1), shapes)
    else:
        parts = _read_batches(dataset, shapes)
    if not parts:
        raise DatasetError("A tf.data must hold at least one row. Received: none")
    inputs = {
        name: np.concatenate([np.asarray(part[name]) for part, _ in parts]) for name in parts[0][0]
    }
    labels = np.concatenate([np.ravel(label) for _, label in parts])
    groups = None
    if spec.group in inputs:
        is_field = spec.group in [field.name for field in spec.input_fields]
        column = inputs[spec.group] if is_field else inputs.pop(spec.group)
        groups = np.asarray(column, np.int64)
    return inputs, labels, groups


def _read_batches(
    dataset: Any, shapes: Mapping[str, tuple[int, ...]]
) -> list[tuple[dict[str, Any], Any]]:
    """All batches, checked against the shapes of one row."""
    parts = []
    for inputs, label in dataset.as_numpy_iterator():
        parts.append((dict(inputs), label))
        for name in inputs.keys() & shapes.keys():
            expected = (len(label), *shapes[name])
            if inputs[name].shape != expected:
                raise DatasetError(
                    f"{name!r} of a batch of a tf.data must have the shape {expected}. "
                    f"Received: {inputs[name].shape}"
                )
    return parts


def _row_shapes(spec: FeatureSpec) -> dict[str, tuple[int, ...]]:
    """The shape of one row of each field, and of the group."""
    shapes: dict[str, tuple[int, ...]] = {spec.group: ()} if spec.group is not None else {}
    for field in spec.input_fields:
        shape: tuple[int, ...] = (spec.max_length,) if field.role == "behavior" else ()
        if isinstance(field, MultiValuedField):
            shape += (field.max_values,)
        shapes[field.name] = shape
    return shapes


def _check_element(
    inputs: Mapping[str, Any], label: Any, shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Raises where an element is not dense, or not of its shape by what is known beforehand.

    Args:
        inputs: Specs of the inputs.
        label: Spec of the label, whose rank tells rows from batches.
        shapes: The shape of one row of each field.
    """
    for name, spec in [("label", label), *inputs.items()]:
        if not isinstance(spec, tf.TensorSpec):
            raise DatasetError(f"{name!r} of a tf.data must be a dense tensor. Received: {spec}")
    allowed = [tf.TensorShape(shape) for shape in ((), (None,), (None, 1))]
    if not any(label.shape.is_compatible_with(shape) for shape in allowed):
        raise DatasetError(
            "'label' of a tf.data must be a number, or a batch of numbers of shape (batch,). "
            f"Received: {label}"
        )
    axes = () if label.shape.rank == 0 else (None,)
    for name in inputs.keys() & shapes.keys():
        expected = tf.TensorShape((*axes, *shapes[name]))
        if not inputs[name].shape.is_compatible_with(expected):
            rows = "a batch of rows" if axes else "one row"
            raise DatasetError(
                f"{name!r} of a tf.data must have the shape {expected} beside a label of shape "
                f"{label.shape}, which is that of {rows}. Received: {inputs[name]}"
            )
