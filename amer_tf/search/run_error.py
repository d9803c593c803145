"""The error of a run folder."""

from __future__ import annotations


class RunError(ValueError):
    """A run folder that cannot be used; the message says what to do."""
