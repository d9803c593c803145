"""How long an exported model takes to answer."""

from __future__ import annotations

import functools
import os
import pathlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from amer_tf.export.example_requests import known_values
from amer_tf.features import FeatureSpec, MultiValuedField

ROWS = (1, 256)
# What is no column: how many items are wanted, and which.
_OTHERS = {"k": 10, "exclude_seen": True}
_WARM_UPS = 3
# Calls until so many seconds have gone by, and no fewer than this.
_SECONDS, _FEWEST_CALLS = 1.0, 20


def measure_latency(folder: str | os.PathLike[str], rows: Sequence[int] = ROWS) -> dict[int, float]:
    """Milliseconds of a call, the median of a second's calls.

    Asked is `serving_default` (task ctr) or `recommend` (next_item).

    Every row has a history of `max_length` steps, the longest that counts.

    Args:
        folder: What `export` wrote.
        rows: Rows of a request, each measured by itself.

    Returns: Milliseconds by the number of rows.
    """
    path = pathlib.Path(folder)
    spec = FeatureSpec.load(path)
    name = "recommend" if spec.task == "next_item" else "serving_default"
    signature = tf.saved_model.load(str(path)).signatures[name]
    wanted = signature.structured_input_signature[1]
    found = {}
    for size in rows:
        request = {
            field.name: tf.constant(_values(spec, field, size), wanted[field.name].dtype)
            for field in spec.input_fields
        }
        request |= {key: tf.constant(value) for key, value in _OTHERS.items() if key in wanted}
        found[size] = time_calls(functools.partial(signature, **request))
    return found


def time_calls(call: Callable[[], Any]) -> float:
    """Milliseconds of a call, the median of a second's calls."""
    for _ in range(_WARM_UPS):
        call()
    seconds: list[float] = []
    while sum(seconds) < _SECONDS or len(seconds) < _FEWEST_CALLS:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds)


def _values(spec: FeatureSpec, field: Any, rows: int) -> Any:
    """Known values of a field for each row and step."""
    shape: tuple[int, ...] = (rows,)
    if field.role == "behavior":
        shape += (spec.max_length,)
    if isinstance(field, MultiValuedField):
        shape += (field.max_values,)
    known = known_values(spec, field)
    numbers = np.arange(np.prod(shape)).reshape(shape) % len(known)
    return np.array(list(known), object)[numbers].tolist()
