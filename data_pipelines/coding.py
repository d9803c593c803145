"""Raw values as small integers: codes in the order of first appearance."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import machine_memory
from data_pipelines.arrow_values import ArrowValues
from data_pipelines.errors import DataError

MISSING = -1
# As an index from the end of a look-up table, beside MISSING.
PADDING = -2

_TEXTS = frozenset({str, type(None)})

# What a different value takes in a dict, with its text, roughly.
_BYTES_OF_A_VALUE = 160

# Says in a message where the value of this index stands.
Where = Callable[[int], str]


# What a missing value of text may look like; always there.
_ABSENT = {None: MISSING, "": MISSING}


class _Codes(dict[Any, int]):
    def __missing__(self, key: Any) -> int:
        if type(key) is str:
            # Fails at half of a surrogate pair, which no file of values can hold.
            key.encode()
        code = len(self) - len(_ABSENT)
        self[key] = code
        return code


class ValueIndex:
    """Gives each different value of a column the next code: 0, 1, 2 ...

    Args:
        dtype: `"string"` or `"int64"`: what the values are made into first.
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self._codes = _Codes(_ABSENT)

    def __len__(self) -> int:
        return len(self._codes) - len(_ABSENT)

    @property
    def values(self) -> list[Any]:
        """The values in the order of their codes."""
        return list(self._codes)[len(_ABSENT) :]

    def find(self, values: Sequence[Any], where: Where) -> npt.NDArray[np.int32]:
        """Codes of the values, -1 where one is missing or has none."""
        clean = clean_values(values, self.dtype, where)
        return np.fromiter((self._codes.get(value, MISSING) for value in clean), np.int32)

    def encode(self, values: Sequence[Any], where: Where) -> npt.NDArray[np.int32]:
        """Codes of the values, -1 where one is missing; new values get new codes."""
        is_clean = self.dtype == "string" and _TEXTS.issuperset(map(type, values))
        clean = values if is_clean else clean_values(values, self.dtype, where)
        with as_utf8(clean, where):
            codes = np.fromiter(map(self._codes.__getitem__, clean), np.int32, len(clean))
        if len(self) > MAX_VALUES:
            raise DataError(
                f"{where(int(codes.argmax()))}, is the {len(self):,}th different value of its "
                f"column, and no more than {MAX_VALUES:,} are held in memory: hash a field "
                f"(source: hash), or prepare the data on a larger machine. "
                f"Received: {clean[int(codes.argmax())]!r}"
            )
        return codes


# Different values that may take half of the memory.
MAX_VALUES = machine_memory() // 2 // _BYTES_OF_A_VALUE


@contextlib.contextmanager
def as_utf8(values: Sequence[Any], where: Where) -> Iterator[None]:
    """Turns the failure to encode one of these values as UTF-8 into a DataError that names it."""
    try:
        yield
    except UnicodeEncodeError as error:
        for index, value in enumerate(values):
            if value is not None and value.encode("utf-8", "ignore").decode("utf-8") != value:
                raise DataError(
                    f"{where(index)}, must be text that UTF-8 can hold; half of a surrogate pair "
                    f"is none. Received: {value!r}"
                ) from error
        raise


def clean_values(values: Sequence[Any], dtype: str, where: Where) -> list[Any]:
    """Makes raw values into text or integers, None where one is missing.

    Raises:
        DataError: Where an integer is wanted and the value is none, or bytes are no UTF-8.
    """
    if dtype == "int64":
        return _clean(values, _integer, "an integer", where)
    try:
        return [(value or None) if type(value) is str else _text(value) for value in values]
    except UnicodeDecodeError:
        return _clean(values, _text, "text in UTF-8", where)


def numbers(values: Sequence[Any], where: Where) -> npt.NDArray[np.float64]:
    """Makes raw values into finite numbers, NaN where one is missing.

    Raises:
        DataError: Where a value is neither.
    """
    array = values.numbers() if isinstance(values, ArrowValues) else None
    if array is None:
        try:
            known = [math.nan if value is None or value == "" else value for value in values]
            array = np.array(known, np.float64)
        except (TypeError, ValueError):
            array = np.array(_clean(values, _number, "a number", where), np.float64)
    infinite = np.isinf(array)
    if infinite.any():
        index = int(np.argmax(infinite))
        raise DataError(f"{where(index)}, must be a finite number. Received: {values[index]!r}")
    return array


def _clean(
    values: Sequence[Any], clean: Callable[[Any], Any], wanted: str, where: Where
) -> list[Any]:
    result = []
    for index, value in enumerate(values):
        try:
            result.append(clean(value))
        except (TypeError, ValueError, OverflowError):
            raise DataError(f"{where(index)}, must be {wanted}. Received: {value!r}") from None
    return result


def are_present(values: Sequence[Any], where: Where) -> npt.NDArray[np.bool_]:
    """Which raw values are there; the arguments are those of `Chunk.encode`."""
    return np.fromiter((not is_missing(value) for value in values), bool, len(values))


def is_missing(value: Any) -> bool:
    """Whether a raw value counts as absent: None, empty text or bytes, or not a number."""
    if value is None or value == "" or value == b"":
        return True
    return isinstance(value, float) and math.isnan(value)


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode() or None
    return None if is_missing(value) else str(value)


def _integer(value: Any) -> int | None:
    if type(value) is int:
        number = value
    elif is_missing(value):
        return None
    else:
        number = int(value)
        if isinstance(value, float) and number != value:
            raise ValueError(value)
    if not -(2**63) <= number < 2**63:
        raise OverflowError(value)
    return number


def _number(value: Any) -> float:
    return math.nan if is_missing(value) else float(value)
