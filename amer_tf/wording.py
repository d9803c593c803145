"""How messages are worded: numbers, alone and with a noun, and what a misspelt name may mean."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# From here on the digits before the point can no longer be counted at a glance.
_HUGE = 1e6


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """So many of something: `1 tree`, `1,200 trees`.

    Args:
        number: How many.
        noun: What, in the singular.
        plural: The same in the plural; None takes the noun with an `s`.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def number_text(value: float, digits: int = 4) -> str:
    """A number as people read it: `0.1234`, but `1.235e+06` and `1.2e-07`.

    Args:
        value: The number.
        digits: Digits after the point, of a number that they can show.
    """
    size = abs(value)
    if size >= _HUGE:
        return f"{value:.4g}"
    if 0.0 < size < 0.5 * 10.0**-digits:
        return f"{value:.2g}"
    return f"{value:.{digits}f}"


def did_you_mean(names: object, known: Iterable[str]) -> str:
    """The sentence `Did you mean X? `, with the space behind it; empty where nothing is near.

    Args:
        names: What was given: a name, or several, of which the known ones are passed over.
        known: The names that there are.
    """
    given = [names] if isinstance(names, str) else names
    if not isinstance(given, Iterable):
        return ""
    known = list(dict.fromkeys(known))
    lower = {name.lower(): name for name in reversed(known)}
    near = [
        lower[found]
        for name in given
        if isinstance(name, str) and name not in known
        for found in difflib.get_close_matches(name.lower(), lower, n=1)
    ]
    return f"Did you mean {', '.join(dict.fromkeys(near))}? " if near else ""
