"""Batches of a table of labelled examples (task `"ctr"`)."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from amer_tf.features import FeatureSpec
from data_pipelines.dealing import GROUP, LABEL
from data_pipelines.example_rows import ExampleRows
from data_pipelines.feeding import dataset_of_steps, shuffled_examples
from data_pipelines.permutation import random_subset
from data_pipelines.row_layout import MISSING_SUFFIX, Column

_Split = TypeVar("_Split", bound="TableSplit")


class TableSplit:
    """Rows of one split, mapped from a file; `B` rows of a batch, `T` steps.

    Inputs go by field name: int32 `[B]` for a categorical field, `[B, max_values]` for a
    multi-valued one, float32 `[B]` for a numeric one, each `[B, T, ...]` for behaviour. With
    `missing_flags` they also have for each numeric field a float32 `<field>_missing`, which is 1
    where the number was missing.

    Args:
        spec: The fitted spec.
        rows: The encoded rows.
        numbers: int64 numbers of the rows that are taken, or None for all.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        rows: ExampleRows,
        numbers: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self._spec = spec
        self._rows = rows
        self._numbers = numbers

    @property
    def num_examples(self) -> int:
        return len(self._rows if self._numbers is None else self._numbers)

    @property
    def labels(self) -> npt.NDArray[np.float32]:
        """float32 `[examples]`, in the order of the rows."""
        return self._rows.column(LABEL, self._numbers)

    @property
    def groups(self) -> npt.NDArray[np.int32] | None:
        """int32 `[examples]`: a number for each user, -1 where none is said; or None."""
        return None if self._spec.group is None else self._rows.column(GROUP, self._numbers)

    def field_values(self, name: str, rows: slice | None = None) -> npt.NDArray[Any]:
        """The values of a field, in the order of the rows: `[examples]`, sets `[examples, V]`.

        Args:
            name: The field.
            rows: Which rows; None for all.
        """
        numbers = self._numbers
        if rows is not None:
            numbers = np.arange(self.num_examples)[rows] if numbers is None else numbers[rows]
        return self._rows.column(self._spec.field(name).name, numbers)

    def limit(self: _Split, num_examples: int, seed: int = 0) -> _Split:
        """The same split restricted to a fixed random subset of its rows, in their order."""
        numbers = random_subset(num_examples, self.num_examples, seed)
        if self._numbers is not None:
            numbers = self._numbers[numbers]
        return type(self)(self._spec, self._rows, numbers)

    def take(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Encoded rows `[B, width]` of these numbers."""
        return self._rows.take(numbers if self._numbers is None else self._numbers[numbers])

    def decoder(self, missing_flags: bool) -> Any:
        """A TensorFlow function from encoded rows, transposed, to `(inputs, label)`.

        Splitting `[width, B]` shares memory; splitting `[B, width]` copies number by number.
        """
        import tensorflow as tf

        columns = self._rows.layout.columns
        wanted = {LABEL, *(field.name for field in self._spec.fields)}
        if missing_flags:
            wanted |= {name + MISSING_SUFFIX for name in wanted}

        def values(column: Column, part: Any) -> Any:
            size = part.shape[1]
            part = tf.reshape(tf.transpose(part) if column.shape else part, (size, *column.shape))
            return tf.bitcast(part, tf.float32) if column.dtype == "float32" else part

        def decode(transposed: Any) -> Any:
            parts = tf.split(transposed, [column.width for column in columns], axis=0)
            inputs = {
                column.name: values(column, part)
                for column, part in zip(columns, parts, strict=True)
                if column.name in wanted
            }
            label = inputs.pop(LABEL)
            return inputs, label

        return decode


class TableTrainingSplit(TableSplit):
    """Rows to train on, in a new order each epoch."""

    def batches(
        self,
        batch_size: int,
        *,
        seed: int = 0,
        first_step: int = 0,
        num_steps: int | None = None,
        missing_flags: bool = False,
    ) -> Any:
        """Full batches in random order, without end unless `num_steps` is given.

        Each epoch takes every row once; a batch may reach over the end of an epoch. A batch
        depends on the seed and its step only, so that `first_step` goes on exactly.

        Args:
            batch_size: Rows of a batch.
            seed: Seed of the order.
            first_step: Number of the first batch.
            num_steps: Number of batches; None for no end.
            missing_flags: Whether inputs have a flag beside each number.

        Returns: A `tf.data.Dataset` of `(inputs, label)`, label float32 `[B]`.
        """
        make = functools.partial(self._make, batch_size, seed)
        decode = self.decoder(missing_flags)
        return dataset_of_steps(make, first_step, num_steps, finish=decode, parallel=2)

    def _make(self, batch_size: int, seed: int, step: int) -> npt.NDArray[np.int32]:
        rows = self.take(shuffled_examples(step, batch_size, self.num_examples, seed)[1])
        return np.ascontiguousarray(rows.T)


class TableEvaluationSplit(TableSplit):
    """Rows to evaluate on, in their order."""

    def batches(
        self,
        batch_size: int,
        *,
        limit: int | None = None,
        seed: int = 0,
        missing_flags: bool = False,
    ) -> Any:
        """All rows once; the last batch is filled up with padding of weight 0.

        Args:
            batch_size: Rows of a batch.
            limit: If given, only a fixed random subset of so many rows.
            seed: Seed of that subset.
            missing_flags: Whether inputs have a flag beside each number.

        Returns: A finite `tf.data.Dataset` of `(inputs, label, weight)`, both float32 `[B]`.
        """
        split = self if limit is None else self.limit(limit, seed)
        num_steps = -(-split.num_examples // batch_size)
        decode = self.decoder(missing_flags)
        return dataset_of_steps(
            functools.partial(split._make, batch_size),
            0,
            num_steps,
            finish=lambda made: (*decode(made[0]), made[1]),
        )

    def _make(
        self, batch_size: int, step: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        numbers = step * batch_size + np.arange(batch_size)
        present = numbers < self.num_examples
        rows = self.take(np.minimum(numbers, self.num_examples - 1))
        return np.ascontiguousarray((rows * present[:, None]).T), present.astype(np.float32)
