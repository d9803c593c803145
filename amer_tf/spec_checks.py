"""What the parts of a FeatureSpec share: the error, and checks that name the place and value."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar, cast

from amer_tf.wording import did_you_mean

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_Entry = TypeVar("_Entry", bound=Hashable)


class SpecError(ValueError):
    """A FeatureSpec that is wrong in itself or does not fit the data."""


def require_name(place: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SpecError(
            f"{place} must be a letter followed by letters, digits and underscores. "
            f"Received: {name!r}"
        )


def require_choice(place: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SpecError(
            f"{place} must be one of {', '.join(choices)}. {did_you_mean(value, choices)}"
            f"Received: {value!r}"
        )


def require_count(place: str, value: object, minimum: int = 1, maximum: int | None = None) -> None:
    # `type`, not `isinstance`: True is an int.
    if type(value) is not int or value < minimum:
        raise SpecError(f"{place} must be an integer of at least {minimum}. Received: {value!r}")
    if maximum is not None and value > maximum:
        raise SpecError(f"{place} must be at most {maximum}. Received: {value!r}")


def require_flag(place: str, value: object) -> None:
    if type(value) is not bool:
        raise SpecError(f"{place} must be true or false. Received: {value!r}")


def require_number(place: str, value: object) -> None:
    # `math.isfinite` fails at an integer that is larger than every float.
    if type(value) not in (int, float) or not abs(cast(float, value)) <= sys.float_info.max:
        raise SpecError(f"{place} must be a finite number. Received: {value!r}")


def require_list(place: str, value: object) -> tuple[Any, ...]:
    """The entries of a list. A text, which Python would take letter by letter, is none."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise SpecError(f"{place} must be a list. Received: {value!r}")
    return tuple(value)


def require_object(place: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError(f"{place} must be an object. Received: {value!r}")
    return value


def first_duplicate(entries: Iterable[_Entry]) -> _Entry | None:
    """The first entry that stands a second time, or None; linear in the number of entries."""
    seen: set[_Entry] = set()
    for entry in entries:
        if entry in seen:
            return entry
        seen.add(entry)
    return None


def construct(kind: type[Any], place: str, arguments: object, *, say_place: bool = False) -> Any:
    """Makes the dataclass `kind` of a JSON object, refusing unknown and missing keys.

    Args:
        kind: The dataclass.
        place: Where the object stands, for messages.
        arguments: The object.
        say_place: Whether messages of the dataclass lack the place, and get it here.
    """
    arguments = require_object(place, arguments)
    entries = dataclasses.fields(kind)
    known = [entry.name for entry in entries]
    unknown = [key for key in arguments if key not in known]
    if unknown:
        raise SpecError(
            f"{did_you_mean(unknown, known)}{place} has unknown keys; known are {known}. "
            f"Received: {unknown}"
        )
    missing = [
        entry.name
        for entry in entries
        if entry.default is dataclasses.MISSING
        and entry.default_factory is dataclasses.MISSING
        and entry.name not in arguments
    ]
    if missing:
        raise SpecError(f"{place} lacks {missing}. Received: {dict(arguments)!r}")
    try:
        return kind(**arguments)
    except SpecError as error:
        if not say_place:
            raise
        raise SpecError(f"{place} is wrong: {error}") from error


def to_plain(entry: Any) -> dict[str, Any]:
    """A dataclass of plain values as a JSON object; unlike `asdict` it copies no long tuple."""
    return {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
