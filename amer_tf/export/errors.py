"""The one error of this room."""

from __future__ import annotations


class ExportError(ValueError):
    """A model that cannot be exported, or a folder that cannot be written."""
