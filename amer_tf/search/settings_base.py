"""What the settings of every task share: checks, copies with changes, values as text."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from amer_tf.wording import did_you_mean

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
            if isinstance(field.default, tuple):
                object.__setattr__(self, field.name, tuple(getattr(self, field.name)))
            value = getattr(self, field.name)
            if not self._is_right(field, value):
                near = did_you_mean(value, self._choices(field.name))
                raise ValueError(
                    f"`{field.name}` must be {self.expected(field.name)}. {near}"
                    f"Received: {field.name}={value!r}"
                )

    @classmethod
    def expected(cls, name: str) -> str:
        """What a setting may be, in words that go on from `must be`."""
        default = cls._default(name)
        whole = "whole " if _is_whole(default) else ""
        if name in cls.NAMES:
            return f"different names among {', '.join(cls.NAMES[name])}"
        if name in cls.CHOICES:
            return f"one of {', '.join(cls.CHOICES[name])}"
        if isinstance(default, tuple):
            return f"one or more {whole}numbers of at least {int(name not in cls.MAY_BE_ZERO)}"
        if name in cls.RATES:
            return "a number in [0, 1)"
        if name in cls.MAY_BE_ZERO:
            return f"a {whole}number of at least 0"
        return "a whole number of at least 1" if whole else "a positive number"

    @classmethod
    def meanings(cls) -> dict[str, str]:
        """What each setting means, by name: the section `Args` of the docstring of its class."""
        lines = (inspect.getdoc(cls) or "").partition("Args:\n")[2].splitlines()
        found: dict[str, str] = {}
        name = None
        for line in lines:
            entry = re.fullmatch(r" {4}(\w+): (.+)", line)
            if entry:
                name = entry[1]
                found[name] = entry[2]
            elif name is not None and line.startswith(" " * 8):
                found[name] += f" {line.strip()}"
            else:
                break
        return found

    @classmethod
    def _default(cls, name: str) -> Any:
        [default] = [field.default for field in dataclasses.fields(cls) if field.name == name]
        return default

    @classmethod
    def _choices(cls, name: str) -> tuple[str, ...]:
        """The texts that a setting, or an entry of one, must be one of; none of a number."""
        return (*cls.CHOICES.get(name, ()), *cls.NAMES.get(name, ()))

    def _is_right(self, field: dataclasses.Field[Any], value: Any) -> bool:
        name, whole = field.name, _is_whole(field.default)
        if name in self.NAMES:
            return set(value) <= set(self.NAMES[name]) and len(set(value)) == len(value)
        if name in self.CHOICES:
            return value in self.CHOICES[name]
        if isinstance(value, tuple):
            least = 0 if name in self.MAY_BE_ZERO else 1
            return bool(value) and all(_is_number(each, whole) and each >= least for each in value)
        if not _is_number(value, whole):
            return False
        if name in self.RATES:
            return bool(0.0 <= value < 1.0)
        if name in self.MAY_BE_ZERO:
            return bool(value >= 0)
        return bool(value >= 1 if whole else value > 0)

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
                    f"{did_you_mean(name, known)}Received: {name!r}"
                )
        return dataclasses.replace(self, **changes)

    def with_text(self: _Settings, changes: Mapping[str, str]) -> _Settings:
        """A copy with some values changed, given as text as on the command line."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return self.replace(
            **{name: parse_value(name, text, defaults.get(name)) for name, text in changes.items()}
        )


def _is_whole(default: Any) -> bool:
    """Whether a default, or an entry of it, is a whole number."""
    entries = default if isinstance(default, tuple) else (default,)
    return any(isinstance(entry, int) for entry in entries)


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
