"""Whether a data set fits the spec: names, types, shapes and ids, seen on one batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from amer_tf.features import FeatureSpec, MultiValuedField, NumericField

# Examples that are looked at.
_ROWS = 256


class SplitError(ValueError):
    """A split that is empty or of another data set than the spec."""


def check_splits(spec: FeatureSpec, train: Any, validation: Any, test: Any = None) -> None:
    """Raises where a split is empty, of another data set, or has rows of one class alone.

    Args:
        spec: The fitted spec.
        train: Training split.
        validation: Validation split.
        test: Test split, where it counts.

    Raises:
        SplitError: The message names the split and the field.
    """
    held_out = {"validation": validation, **({} if test is None else {"test": test})}
    if spec.task == "ctr":
        for name, split in {"training": train, **held_out}.items():
            check_table_split(name, spec, split)
        return
    check_training_split(spec, train)
    for name, split in held_out.items():
        check_evaluation_split(name, spec, split)


def check_training_split(spec: FeatureSpec, split: Any) -> None:
    """Raises where the split is empty or of another data set.

    Raises:
        SplitError: The message names the field.
    """
    _require_examples("training", split)
    inputs, labels = next(iter(split.batches(min(_ROWS, split.num_examples))))
    _check_inputs("training", spec, inputs)
    _check_ids("training", spec, spec.item_field, labels["positives"])


def check_evaluation_split(name: str, spec: FeatureSpec, split: Any) -> None:
    """Raises where the split is empty or of another data set.

    Raises:
        SplitError: The message names the field.
    """
    _require_examples(name, split)
    rows = min(_ROWS, split.num_examples)
    inputs, labels = next(iter(split.batches(rows, candidates=None)))
    _check_inputs(name, spec, inputs)
    _check_ids(name, spec, spec.item_field, labels["target"])


def check_table_split(name: str, spec: FeatureSpec, split: Any) -> None:
    """Raises where a split of labelled rows is empty, of one class, or of another data set.

    Raises:
        SplitError: The message names the field.
    """
    _require_examples(name, split)
    inputs, labels, *_ = next(iter(split.batches(min(_ROWS, split.num_examples))))
    _check_inputs(name, spec, inputs)
    labels = np.asarray(split.labels)
    if not np.isin(labels, (0, 1)).all() or len(np.unique(labels)) < 2:
        raise SplitError(
            f"The {name} split must have both labels, 0 and 1. "
            f"Received: {np.unique(labels)[:5].tolist()}"
        )


def _require_examples(name: str, split: Any) -> None:
    if split.num_examples == 0:
        raise SplitError(
            f"The {name} split has no examples: there is nothing to learn from. "
            "Received: num_examples=0"
        )


def _check_inputs(name: str, spec: FeatureSpec, inputs: dict[str, Any]) -> None:
    fields = {field.name: field for field in spec.input_fields}
    if set(inputs) != set(fields):
        raise SplitError(
            f"The {name} split is of another data set than the spec, which reads "
            f"{sorted(fields)}. Received: {sorted(inputs)}"
        )
    for field in fields.values():
        values = np.asarray(inputs[field.name])
        shape: tuple[int, ...] = (spec.max_length,) if field.role == "behavior" else ()
        if isinstance(field, MultiValuedField):
            shape += (field.max_values,)
        numeric = isinstance(field, NumericField)
        if values.shape[1:] != shape or (values.dtype.kind == "f") != numeric:
            raise SplitError(
                f"{field.name!r} of the {name} split must hold {'numbers' if numeric else 'ids'} "
                f"of shape {shape}, as the spec says. Received: {values.dtype} of shape "
                f"{values.shape[1:]}"
            )
        if not numeric:
            _check_ids(name, spec, field.name, values)


def _check_ids(name: str, spec: FeatureSpec, field: str, ids: Any) -> None:
    num_rows = spec.vocabulary(field).num_rows
    values = np.ravel(ids)
    wrong = values[(values < 0) | (values >= num_rows)]
    if len(wrong):
        raise SplitError(
            f"{field!r} of the {name} split must hold ids below {num_rows}, the rows of its "
            f"vocabulary: it is of another data set. Received: {wrong[0]}"
        )
