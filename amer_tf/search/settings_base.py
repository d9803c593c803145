"""What the settings of every task share: checks, copies with changes, values as text."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

_Settings = TypeVar("_Settings", bound="BaseSettings")


@dataclasses.dataclass(frozen=True)
class BaseSettings:
    """Numbers and names, each checked by its default: whole numbers, numbers, choices, lists.

    Subclasses are frozen dataclasses whose fields all have defaults.
    """

    # Texts that a field must be one of.
    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # Lists of different names, and what those are among; other lists hold numbers.
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # Numbers in [0, 1).
    RATES: ClassVar[tuple[str, ...]] = ()
    # All other numbers are positive, or at least 1 where they are whole.
    MAY_BE_ZERO: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, tuple):
                object.__setattr__(self, field.name, tuple(value))
                whole = any(isinstance(each, int) for each in field.default)
                self._require_list(field.name, tuple(value), whole=whole)
            elif field.name in self.CHOICES:
                self._require_choice(field.name, value)
            else:
                self._require_number(field.name, value, whole=isinstance(field.default, int))

    def to_dict(self) -> dict[str, Any]:
        plain = dataclasses.asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in plain.items()
        }

    def replace(self: _Settings, **changes: Any) -> _Settings:
        """A copy with some values changed."""
        known = {field.name for field in dataclasses.fields(self)}
        for name in changes:
            if name not in known:
                raise ValueError(
                    f"There is no setting of this name; known are {', '.join(sorted(known))}. "
                    f"Received: {name!r}"
                )
        return dataclasses.replace(self, **changes)

    def with_text(self: _Settings, changes: Mapping[str, str]) -> _Settings:
        """A copy with some values changed, given as text as on the command line."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return self.replace(
            **{name: parse_value(name, text, defaults.get(name)) for name, text in changes.items()}
        )

    def _require_choice(self, name: str, value: object) -> None:
        if value not in self.CHOICES[name]:
            raise ValueError(
                f"`{name}` must be one of {', '.join(self.CHOICES[name])}. "
                f"Received: {name}={value!r}"
            )

    def _require_list(self, name: str, values: tuple[Any, ...], *, whole: bool) -> None:
        if name in self.NAMES:
            known = self.NAMES[name]
            if set(values) - set(known) or len(set(values)) < len(values):
                raise ValueError(
                    f"`{name}` must be different names among {', '.join(known)}. "
                    f"Received: {name}={values!r}"
                )
            return
        least = 0 if name in self.MAY_BE_ZERO else 1
        if not values or not all(_is_number(each, whole) and each >= least for each in values):
            raise ValueError(
                f"`{name}` must be one or more {'whole ' * whole}numbers of at least {least}. "
                f"Received: {name}={values!r}"
            )

    def _require_number(self, name: str, value: Any, *, whole: bool) -> None:
        right = _is_number(value, whole)
        if name in self.RATES:
            expected, right = "a number in [0, 1)", right and 0.0 <= value < 1.0
        elif name in self.MAY_BE_ZERO:
            expected, right = f"a {'whole ' * whole}number of at least 0", right and value >= 0
        elif whole:
            expected, right = "a whole number of at least 1", right and value >= 1
        else:
            expected, right = "a positive number", right and value > 0
        if not right:
            raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")


def _is_number(value: Any, whole: bool) -> bool:
    right = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    return right and abs(value) <= sys.float_info.max  # not so: NaN, infinite, huge integers


def parse_value(name: str, text: str, default: Any) -> Any:
    """The value that a text stands for, of the kind of the default.

    Raises:
        ValueError: Where it stands for none.
    """
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ValueError(f"`{name}` must be true or false. Received: {name}={text!r}")
        return text == "true"
    kind = type(default[0]) if isinstance(default, tuple) and default else type(default)
    parts = [part for part in text.split(",") if part] if isinstance(default, tuple) else [text]
    if kind in (int, float):
        try:
            values = [kind(part) for part in parts]
        except ValueError as error:
            what = "whole number" if kind is int else "number"
            raise ValueError(f"`{name}` must be a {what}. Received: {name}={text!r}") from error
    else:
        values = list(parts)
    return tuple(values) if isinstance(default, tuple) else values[0]
