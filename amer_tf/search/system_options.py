"""What can be set for one hand-made system alone: how it is built, and how it is trained."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from amer_tf.wording import did_you_mean


def build_options(build: Callable[..., Any], shared: Collection[str]) -> dict[str, Any]:
    """Arguments of a system's `build` with their defaults, but for those that all systems share."""
    parameters = inspect.signature(build).parameters
    return {name: each.default for name, each in parameters.items() if name not in shared}


def check_options(system: str, known: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Raises for an option that a system does not have, or a value that it cannot have.

    Args:
        system: Name of the system, for the error.
        known: Its options, by name; of `training` all that it can have.
        options: Those that are to differ.

    Raises:
        ValueError: Where one is wrong.
    """
    for name, value in options.items():
        if name not in known:
            raise ValueError(
                f"{system} has no option of this name; its own are {', '.join(known) or 'none'}. "
                f"{did_you_mean(name, known)}Received: {name!r}"
            )
        if name == "training" and value not in known[name]:
            raise ValueError(
                f"`training` of {system} must be one of {', '.join(known[name])}. "
                f"{did_you_mean(value, known[name])}Received: training={value!r}"
            )
        if name != "training" and not _is_right(name, value, known[name]):
            raise ValueError(
                f"`{name}` of {system} must be {_expected(name, known[name])}. "
                f"Received: {name}={value!r}"
            )


def _expected(name: str, default: Any) -> str:
    """What an option may be, in words that go on from `must be`."""
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, tuple):
        return "one or more whole numbers of at least 1"
    if isinstance(default, float):
        return "a number in [0, 1)" if _is_rate(name) else "a number of at least 0"
    return "a name" if _is_name(name, default) else "a whole number of at least 1"


def _is_right(name: str, value: Any, default: Any) -> bool:
    """Whether an option has a value of its kind: without a layer or a block it is no such system.

    Args:
        name: Of the option.
        value: Its value.
        default: Another one; None where the system finds it by itself.
    """
    if value is None:
        return default is None
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, tuple):
        return isinstance(value, (tuple, list)) and bool(value) and all(map(_is_count, value))
    if isinstance(default, float):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and 0.0 <= value < (1.0 if _is_rate(name) else math.inf)
    return isinstance(value, str) if _is_name(name, default) else _is_count(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_rate(name: str) -> bool:
    return name.endswith(("_rate", "dropout"))


def _is_name(name: str, default: Any) -> bool:
    return isinstance(default, str) or (default is None and name.endswith("_field"))
