"""Flags of the form `--flag=name=value`, given again and again."""

from __future__ import annotations

from collections.abc import Sequence

from amer_tf.cli.errors import UsageError


def assignments(flag: str, texts: Sequence[str]) -> dict[str, str]:
    """Values by name; of a name that comes twice the last one counts, as with flags.

    Args:
        flag: Name of the flag.
        texts: What it was given, `name=value` each.

    Raises:
        UsageError: Where a text is no assignment.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise UsageError(
                f"--{flag} must be written as --{flag}=name=value. Received: --{flag}={text}"
            )
        values[name] = value
    return values
