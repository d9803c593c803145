"""Vocabularies: the known values of categorical columns and the ids that they get."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Sequence

from amer_tf.spec_checks import (
    SpecError,
    first_duplicate,
    require_choice,
    require_count,
    require_list,
    require_name,
)

PADDING_ID = 0
UNKNOWN_ID = 1
NUM_RESERVED_IDS = 2

VOCABULARY_SOURCES = ("values", "file", "fit", "hash", "integer")
DTYPES = ("string", "int64")

# Batches carry ids as int32.
MAX_SIZE = 2**31 - 1 - NUM_RESERVED_IDS
_INTEGER = re.compile(r"-?[0-9]+")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The values of a categorical column and their ids; fields that name it share embeddings.

    Id 0 is padding, id 1 every unknown value, and the known values follow from id 2 on.

    Args:
        name: Name by which fields refer to it.
        source: `"values"` (listed here), `"file"` (one value a line), `"fit"` (found in the
            training split when the data are prepared; becomes `"values"` or `"file"`),
            `"hash"` (a stable hash into `size` buckets), `"integer"` (ids 0 ... `size` - 1).
        dtype: `"string"` or `"int64"`: the type of the raw column.
        values: The known values in the order of their ids, for `"values"`. A text has no line
            break: values stand one a line in files.
        file: Path of the values, for `"file"`.
        size: Number of known values, buckets or integer ids; None until fitted.
        min_count: For `"fit"`: rarer values are unknown.
        max_size: For `"fit"`: only the most frequent `max_size` values are known.
    """

    name: str
    source: str = "fit"
    dtype: str = "string"
    values: tuple[str | int, ...] = ()
    file: str | None = None
    size: int | None = None
    min_count: int = 1
    max_size: int | None = None

    def __post_init__(self) -> None:
        require_name("A vocabulary's name", self.name)
        place = f"vocabularies[{self.name!r}]"
        require_choice(f"{place}.source", self.source, VOCABULARY_SOURCES)
        require_choice(f"{place}.dtype", self.dtype, DTYPES)
        require_count(f"{place}.min_count", self.min_count)
        if self.max_size is not None:
            require_count(f"{place}.max_size", self.max_size)
        object.__setattr__(self, "values", require_list(f"{place}.values", self.values))
        self._check_file(place)
        if self.source == "values":
            self._check_values(place)
        elif self.values:
            raise SpecError(
                f"{place} lists values, so its source must be 'values'. Received: {self.source!r}"
            )
        if self.source in ("hash", "integer", "file"):
            require_count(f"{place}.size", self.size, maximum=MAX_SIZE)
        if self.source == "integer" and self.dtype != "int64":
            raise SpecError(
                f"{place}.dtype must be 'int64' for source 'integer'. Received: {self.dtype!r}"
            )
        if self.source == "fit" and self.size is not None:
            raise SpecError(f"{place}.size is found by fitting. Received: {self.size!r}")

    def _check_file(self, place: str) -> None:
        if self.file is not None and (not isinstance(self.file, str) or not self.file):
            raise SpecError(f"{place}.file must be a non-empty text. Received: {self.file!r}")
        if (self.source == "file") != (self.file is not None):
            raise SpecError(
                f"{place} takes `file` with source 'file' and only then. "
                f"Received: source={self.source!r}, file={self.file!r}"
            )

    def _check_values(self, place: str) -> None:
        if not self.values:
            raise SpecError(f"{place}.values must hold at least one value. Received: ()")
        check = _is_line if self.dtype == "string" else _is_int64
        for value in self.values:
            if not check(value):
                expected = (
                    "texts without line breaks" if self.dtype == "string" else "64-bit integers"
                )
                raise SpecError(
                    f"{place}.values must all be {expected} for dtype {self.dtype!r}. "
                    f"Received: {value!r}"
                )
        _require_different(f"{place}.values", self.values)
        if self.size not in (None, len(self.values)):
            raise SpecError(
                f"{place}.size must be the number of values, {len(self.values)}. "
                f"Received: {self.size!r}"
            )
        object.__setattr__(self, "size", len(self.values))

    @property
    def num_rows(self) -> int:
        """Rows of the embedding table: padding, unknown and the known values."""
        if self.size is None:
            raise SpecError(
                f"vocabularies[{self.name!r}] has not been fitted: prepare the data first, or "
                "fit the spec to a table by data_pipelines.fit_spec. "
                f"Received: source={self.source!r}"
            )
        return self.size + NUM_RESERVED_IDS

    def read_values(self) -> Sequence[str | int]:
        """The known values in the order of their ids, for every source that has a list of them."""
        if self.source == "values":
            return self.values
        if self.source == "integer":
            return range(self.num_rows - NUM_RESERVED_IDS)
        if self.source != "file":
            raise SpecError(
                f"vocabularies[{self.name!r}] has no list of values. "
                f"Received: source={self.source!r}"
            )
        assert self.file is not None
        place = f"The file of vocabularies[{self.name!r}]"
        try:
            text = pathlib.Path(self.file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"{place} cannot be read: {error}. Received: {self.file}") from error
        lines = text.split("\n")[:-1]
        if len(lines) != self.size or not text.endswith("\n"):
            raise SpecError(
                f"{place} must have {self.size} lines and end with a line break: it is truncated "
                f"or of other data. Received: {len(lines)} lines in {self.file}"
            )
        _require_different(place, lines)
        if self.dtype == "string":
            return tuple(lines)
        for line in lines:
            if not _INTEGER.fullmatch(line) or not _is_int64(int(line)):
                raise SpecError(
                    f"{place} must hold 64-bit integers. Received: {line!r} in {self.file}"
                )
        return tuple(int(line) for line in lines)


def _is_line(value: object) -> bool:
    # Half of a surrogate pair is a str, but no UTF-8 text.
    return (
        type(value) is str
        and "\n" not in value
        and "\r" not in value
        and (value.isascii() or value.encode("utf-8", "ignore").decode("utf-8") == value)
    )


def _is_int64(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _require_different(place: str, values: tuple[str | int, ...] | list[str]) -> None:
    twice = first_duplicate(values)
    if twice is not None:
        raise SpecError(f"{place} must differ. Received twice: {twice!r}")
