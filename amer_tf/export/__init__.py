"""SavedModels that take raw columns, for model servers."""

from __future__ import annotations

from amer_tf.export.errors import ExportError
from amer_tf.export.saved_model import export

__all__ = ["ExportError", "export"]
