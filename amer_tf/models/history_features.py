"""What an engineer would count in a history by hand, for models that read no sequence.

Letters: `R` rows, `T` steps, `V` values of a set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import FeatureSpec, MultiValuedField, NumericField

# Values of a field that are counted each by itself, where there are no more.
MOST_COUNTED = 32


def history_features(
    spec: FeatureSpec, values: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[np.float32]]:
    """Columns `(R,)` by name.

    The length of the history; for each field of the target, how many steps have its value, or one
    of its values, and how many steps ago the last one was (`T` for never); for each field of few
    values how often each of them comes, as a share of the steps; for each number its mean.

    Args:
        spec: What the model reads and predicts, of task ctr.
        values: Encoded fields: behaviour `(R, T)` or `(R, T, V)`, and the target fields that they
            are the histories of.
    """
    present = _present(spec, values)
    steps = present.shape[1]
    lengths = present.sum(axis=1)
    features: dict[str, Any] = {"history length": lengths}
    for target, behavior in spec.target_to_behavior.items():
        if isinstance(spec.field(target), NumericField):
            continue
        equal = _equal(values[target], values[behavior])
        newest = np.where(equal, np.arange(steps), -1).max(axis=1)
        features[f"{behavior} as {target}"] = equal.sum(axis=1)
        features[f"{behavior} last as {target}"] = np.where(newest < 0, steps, lengths - 1 - newest)
    for field in spec.with_role("behavior"):
        own = values[field.name]
        if isinstance(field, NumericField):
            features[f"{field.name} mean"] = _share((own * present).sum(axis=1), lengths)
        elif spec.vocabulary(field.name).num_rows <= MOST_COUNTED:
            for value in range(1, spec.vocabulary(field.name).num_rows):
                is_value = own == value
                found = is_value.any(axis=2) if isinstance(field, MultiValuedField) else is_value
                features[f"{field.name} is {value}"] = _share(found.sum(axis=1), lengths)
    return {name: np.asarray(column, np.float32) for name, column in features.items()}


def _present(spec: FeatureSpec, values: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Which steps are no padding: booleans `(R, T)`."""
    present: Any = False
    for field in spec.with_role("behavior"):
        own = values[field.name] != 0
        present = present | (own.any(axis=2) if isinstance(field, MultiValuedField) else own)
    return np.asarray(present)


def _equal(target: npt.NDArray[Any], steps: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which steps have the target's value, or one of its values: `(R, T)`."""
    if target.ndim == 1:
        return np.asarray((steps == target[:, None]) & (steps > 1))
    found = np.zeros(steps.shape[:2], bool)
    for number in range(target.shape[1]):
        value = target[:, number, None, None]
        found |= ((steps == value) & (value > 1)).any(axis=2)
    return found


def _share(counts: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(counts / np.maximum(lengths, 1))
