"""Whether the keys of examples meet those of their side tables, and what is said where not."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipelines.errors import DataError
from data_pipelines.tables import Table

# From this share on, keys or rows without a row in the side table may be more than gaps in it.
MANY = 0.05

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Keys:
    """The users or the items that a side table is asked for.

    Args:
        kind: What they are, `"users"` or `"items"`.
        column: The name of their column in the chunks of both tables.
        dtype: `"string"` or `"int64"`: their type.
        values: The different keys.
        asking: The table that they were read from.
    """

    kind: str
    column: str
    dtype: str
    values: Sequence[Any]
    asking: Table


@dataclasses.dataclass
class Meeting:
    """How a side table answered.

    Args:
        keys: What it was asked for.
        table: The side table; None where there is nothing to read.
        is_found: bool `[keys]`: whether it has a row of each.
        num_repeated: Its rows that repeat the key of an earlier one and say something else.
        first_repeated: Where the first of them stands.
        example: A key of the table; None before there is one.
        num_rows: Its rows.
    """

    keys: Keys
    table: Table | None
    is_found: npt.NDArray[np.bool_]
    num_repeated: int = 0
    first_repeated: str = ""
    example: Any = None
    num_rows: int = 0

    def require_any(self, fields: Sequence[str]) -> None:
        """Checks that the table has a row of at least one key.

        Args:
            fields: Names of the fields that are read from it.
        """
        assert self.table is not None
        keys, asking = self.keys, self.keys.asking
        theirs = f"{self.table.place}, column {self.table.name_in_file(keys.column)!r}"
        ours = f"{asking.place}, column {asking.name_in_file(keys.column)!r}"
        if not len(keys.values):
            raise DataError(
                f"At least one row must name one of the {keys.kind}, of which {fields} are read "
                f"from {theirs}: check the column. Received: none in {ours}"
            )
        if not self.num_rows:
            raise DataError(
                f"A table of {keys.kind} must have at least one row: fetch the file again, or "
                f"leave it out together with the fields {fields}, which are read from it. "
                f"Received: no row in {theirs}, and {keys.values[0]!r} in {ours}"
            )
        if not self.is_found.any():
            raise DataError(
                f"At least one of the {keys.kind} of {ours}, must stand in "
                f"{theirs}: check that these are the right columns, and that both write a key "
                "alike, with the same capitals, spaces and leading zeros. "
                f"Received: {self.example!r} there, {keys.values[0]!r} here"
            )

    def warn_of_repeated(self) -> None:
        """Says on the log how many rows do not count, since their key came before."""
        if self.num_repeated:
            assert self.table is not None
            _log.warning(
                "%s: %d rows repeat the key of an earlier row with other values and were left out, "
                "since the first row of a key counts. The first of them: %s. "
                "Keep one row of each of the %s.",
                self.table.place,
                self.num_repeated,
                self.first_repeated,
                self.keys.kind,
            )

    def counts(self, **num_rows_of: npt.NDArray[np.int64]) -> dict[str, int]:
        """What is recorded of this table; nothing where it answered all that it was asked.

        Says on the log where more keys or rows than a few lack their row. A key of no row, such as
        an item that is listed and has no event, is none of them.

        Args:
            **num_rows_of: By what they are, such as `examples`: how many rows there are of each
                key, int64 `[keys]`.
        """
        found: dict[str, int] = {}
        if self.num_repeated:
            found[f"repeated_rows_of_{self.keys.kind}"] = self.num_repeated
        is_used = np.sum(list(num_rows_of.values()), axis=0) > 0
        lacks = ~self.is_found & is_used
        if not lacks.any():
            return found
        name = f"{self.keys.kind}_not_in_their_file"
        found[name] = int(lacks.sum())
        shares, texts = [found[name] / is_used.sum()], []
        for rows, numbers in num_rows_of.items():
            own, whole = int(numbers[lacks].sum()), int(numbers.sum())
            found[f"{rows}_of_{name}"] = own
            shares.append(own / max(whole, 1))
            texts.append(f"{own:,} of {whole:,} {rows}")
        if max(shares) > MANY:
            assert self.table is not None
            _log.warning(
                "%s of %s %s, in %s, have no row in %s, such as %r: nothing is known of them. "
                "Where they should have one, check that both files write a key alike.",
                f"{found[name]:,}",
                f"{is_used.sum():,}",
                self.keys.kind,
                " and ".join(texts),
                self.table.place,
                self.keys.values[int(np.argmax(lacks))],
            )
        return found
