"""A small request to show and to warm up with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from amer_tf.export.columns import Column, number_dtype
from amer_tf.features import AnyField, FeatureSpec, NumericField

_LENGTHS = {"batch": 1, "user": 1, "steps": 2, "values": 2, "candidates": 3}


def values(spec: FeatureSpec, columns: Iterable[Column]) -> dict[str, Any]:
    """Nested lists for one user, of values that the vocabularies know."""
    request = {}
    for column in columns:
        assert column.axes is not None
        known = known_values(spec, spec.field(column.name))
        request[column.name] = _nested(known, column.axes)
    return request


def _nested(known: Sequence[Any], axes: tuple[str, ...]) -> Any:
    if not axes:
        return known[0]
    length = _LENGTHS[axes[0]]
    if axes[1:]:
        return [_nested(known, axes[1:])] * length
    return [known[index % len(known)] for index in range(length)]


def known_values(spec: FeatureSpec, field: AnyField) -> Sequence[Any]:
    """Some raw values of a field that its model knows."""
    if isinstance(field, NumericField):
        normalization = field.normalization
        assert normalization.mean is not None
        mean = math.expm1(normalization.mean) if normalization.log else normalization.mean
        is_exact = number_dtype(normalization) == tf.float64
        return [float(f"{mean:.12g}" if is_exact else f"{mean:.4g}")]
    vocabulary = spec.vocabulary(field.name)
    if vocabulary.source == "values":
        return vocabulary.values
    numbers = range(min(max(_LENGTHS.values()), vocabulary.size or 0))
    return numbers if vocabulary.dtype == "int64" else [str(number) for number in numbers]


def features(serialized: bytes) -> dict[str, Any]:
    """The features of a `tf.Example` as a model server takes them in JSON."""
    example = tf.train.Example.FromString(serialized)
    read = {}
    for name, feature in sorted(example.features.feature.items()):
        kind = feature.WhichOneof("kind")
        entries = list(getattr(feature, kind).value)
        if kind == "bytes_list":
            entries = [entry.decode() for entry in entries]
        read[name] = entries[0] if len(entries) == 1 else entries
    return read


def serialize(request: Mapping[str, Any], separators: Mapping[str, str]) -> bytes:
    """The request of one user as a `tf.Example`.

    Args:
        request: As `values` gives it.
        separators: For each column with a set of values for each step, what stands between them.
    """
    example = tf.train.Example()
    for name, (value,) in request.items():
        entries = value if isinstance(value, list) else [value]
        if name in separators:
            entries = [separators[name].join(map(str, entry)) for entry in entries]
        feature = example.features.feature[name]
        if isinstance(entries[0], str):
            feature.bytes_list.value.extend(entry.encode() for entry in entries)
        elif isinstance(entries[0], int):
            feature.int64_list.value.extend(entries)
        else:
            feature.float_list.value.extend(entries)
    return example.SerializeToString(deterministic=True)
