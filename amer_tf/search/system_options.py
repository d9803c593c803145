"""What can be set for one hand-made system alone: how it is built, and how it is trained."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from amer_tf.wording import did_you_mean


def build_options(build: Callable[..., Any], shared: Collection[str]) -> dict[str, Any]:
    """Arguments of a system's `build` with their defaults, but for those that all systems share."""
    parameters = inspect.signature(build).parameters
    return {name: each.default for name, each in parameters.items() if name not in shared}


def check_options(system: str, known: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Raises for an option that a system does not have, or a training that it cannot have.

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
