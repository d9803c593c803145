"""Flags of the form `--flag=name=value`, given again and again."""

from __future__ import annotations

from collections.abc import Sequence

from amer_tf.cli.errors import UsageError


def assignments(flag: str, texts: Sequence[str]) -> dict[str, str]:
    """Values by name.

    Args:
        flag: Name of the flag.
        texts: What it was given, `name=value` each.

    Raises:
        UsageError: Where a text is no assignment, or a name comes twice.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise UsageError(
                f"--{flag} must be written as --{flag}=name=value. Received: --{flag}={text}"
            )
        if name in values:
            raise UsageError(
                f"--{flag} must name each option once. Received: {name}={values[name]} and "
                f"{name}={value}"
            )
        values[name] = value
    return values
