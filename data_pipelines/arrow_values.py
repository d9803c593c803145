"""Values of an Arrow array, which become Python's only where they are asked for."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class DateSeconds(list[Any]):
    """Dates or moments of an Arrow column as seconds since 1970 (UTC), None where one is null."""


class ArrowValues(Sequence[Any]):
    """The values of an Arrow array as a sequence, None where one is null.

    Args:
        array: A `pyarrow.Array`.
    """

    def __init__(self, array: Any) -> None:
        self._array = array

    @functools.cached_property
    def _values(self) -> list[Any]:
        return list(self._array.to_pylist())

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def numbers(self) -> npt.NDArray[np.float64] | None:
        """The values as numbers, NaN where a text is empty or a value null, without Python's.

        Returns: float64, or None where Arrow does not take all of them for numbers, which Python
            may do: it has more ways to write one.
        """
        import pyarrow
        from pyarrow import compute

        array = self._array
        try:
            if pyarrow.types.is_string(array.type):
                array = compute.if_else(compute.equal(array, ""), None, array)
            numbers = array.cast(pyarrow.float64())
        except pyarrow.ArrowException:
            return None
        return np.asarray(numbers.to_numpy(zero_copy_only=False), np.float64)
