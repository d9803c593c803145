"""What one system of a comparison has of its own beside the settings of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from amer_tf.compare.systems import System
from amer_tf.search.reference_run import known_options
from amer_tf.search.settings_base import BaseSettings, parse_value
from amer_tf.search.system_options import check_options
from amer_tf.wording import did_you_mean


class OwnSettings(NamedTuple):
    """What differs for one system.

    Attributes:
        changed: Settings that all systems have, with other values.
        options: Arguments of its `build`, and how it is trained; see `reference_run.known_options`.
    """

    changed: dict[str, Any]
    options: dict[str, Any]


def divide(
    system: System, task: str, settings: BaseSettings, values: Mapping[str, Any]
) -> OwnSettings:
    """Which of the values are settings, and which options of the system alone.

    Raises:
        ValueError: Where a name is neither, or a value is wrong.
    """
    options = {} if system.is_searched else known_options(task, system.kind)
    fields = {field.name for field in dataclasses.fields(settings)} - {"references"}
    unknown = [name for name in values if name not in options and name not in fields]
    if unknown:
        own = f"; options of its own: {', '.join(options)}" if options else ""
        raise ValueError(
            f"{system.name} has no setting of this name{own}; settings of all systems: "
            f"{', '.join(sorted(fields))}. {did_you_mean(unknown[:1], [*options, *fields])}"
            f"Received: {system.name}.{unknown[0]}"
        )
    found = OwnSettings(
        {name: value for name, value in values.items() if name not in options},
        {name: value for name, value in values.items() if name in options},
    )
    check_options(system.name, options, found.options)
    settings.replace(**found.changed)
    return found


def parse(
    system: System, task: str, settings: BaseSettings, texts: Mapping[str, str]
) -> dict[str, Any]:
    """Values of a system's own settings that were given as text.

    Raises:
        ValueError: Where a text is no value of its setting.
    """
    options = {} if system.is_searched else known_options(task, system.kind)
    defaults = {
        **{field.name: field.default for field in dataclasses.fields(settings)},
        **{name: _example(name, default) for name, default in options.items()},
    }
    return {name: parse_value(name, text, defaults.get(name)) for name, text in texts.items()}


def _example(name: str, default: Any) -> Any:
    """A value of the kind that an option has: many have None as default."""
    if name == "training":
        return ""
    if default is None:
        return "" if name.endswith("_field") else 1
    return default
