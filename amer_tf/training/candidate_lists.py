"""Reads candidate lists from a file, so that anyone can score a model on lists of their own."""

from __future__ import annotations

import csv
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import NUM_RESERVED_IDS, UNKNOWN_ID
from amer_tf.training.evaluation_batches import EvaluationError, EvaluationSplit
from amer_tf.wording import counted

_USER, _ITEM = "user", "item"


def read_candidates(
    file: str | os.PathLike[str],
    values: Sequence[str | int],
    users: Sequence[Any] | npt.NDArray[Any],
    targets: npt.NDArray[Any],
) -> npt.NDArray[np.int32]:
    """Encodes the lists of a file for `evaluate(candidates=...)`.

    A `.npy` file holds raw item ids `(U, C)`: a row for each user in the split's order, the true
    item first. A `.csv` file holds the same without a header; or it has a header with the columns
    `user`, `item` (the true one) and any number of others, such as `candidate_1` and so on, and
    its rows stand in any order.

    Args:
        file: The file.
        values: Raw ids of the known items; the `n`-th has the encoded id `n + 2`.
        users: Raw ids of the split's users, in its order.
        targets: Encoded true items of these users, `(U,)`.

    Returns:
        int32 array of shape `(U, C)`.

    Raises:
        EvaluationError: Where the file does not fit; the message names the row and the value.
    """
    path = pathlib.Path(file)
    rows, places = _read(path, users)
    if len(rows) != len(users):
        raise EvaluationError(
            f"{path} must hold one row for each of the split's {len(users)} users. "
            f"Received: {counted(len(rows), 'row')}"
        )
    ids = {value: number for number, value in enumerate(values, start=NUM_RESERVED_IDS)}
    integers = len(values) > 0 and not isinstance(values[0], str)
    encoded = np.zeros((len(rows), len(rows[0])), np.int32)
    for number, row in enumerate(rows):
        place = f"{path}, {places[number]}"
        parsed = [_parse(item, integers, place) for item in row]
        encoded[number] = _encode(parsed, ids, int(targets[number]), values, place)
    return encoded


def load_candidates(
    file: str | os.PathLike[str], values: Sequence[str | int], split: EvaluationSplit
) -> npt.NDArray[np.int32]:
    """`read_candidates` for the users and true items of a split."""
    labels = [labels for _, labels in split.batches(1024, candidates=None)]
    present = np.concatenate([np.asarray(label["weight"]) for label in labels]) > 0
    targets = np.concatenate([np.asarray(label["target"]) for label in labels])[present]
    return read_candidates(file, values, split.users, targets)


def _read(
    path: pathlib.Path, users: Sequence[Any] | npt.NDArray[Any]
) -> tuple[list[list[Any]], list[str]]:
    """Raw rows in the order of the users, and how a message names each."""
    try:
        if path.suffix == ".npy":
            return _read_npy(path)
        if path.suffix == ".csv":
            return _read_csv(path, users)
    except OSError as error:
        raise EvaluationError(f"Candidates cannot be read: {error}") from error
    raise EvaluationError(f"Candidates are read from .npy or .csv. Received: {path}")


def _read_npy(path: pathlib.Path) -> tuple[list[list[Any]], list[str]]:
    try:
        array = np.load(path, allow_pickle=False)
    except (EOFError, ValueError) as error:
        raise EvaluationError(
            f"{path} must be a .npy file of integers or texts, written without pickle: {error}"
        ) from error
    if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind not in "iuUS":
        raise EvaluationError(
            f"{path} must hold integers or texts of shape (users, 1 + others). "
            f"Received: shape={array.shape}, dtype={array.dtype}"
        )
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    return array.tolist(), [f"row {number}" for number in range(len(array))]


def _read_csv(
    path: pathlib.Path, users: Sequence[Any] | npt.NDArray[Any]
) -> tuple[list[list[Any]], list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            rows = [(f"line {reader.line_num}", row) for row in reader if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} must be comma-separated UTF-8: {error}") from error
    if not rows:
        raise EvaluationError(f"{path} must hold one row for each user. Received: no rows")
    width = len(rows[0][1])
    for line, row in rows:
        if len(row) != width or width < 2:
            raise EvaluationError(
                f"{path} must have the true item and others in every row, as many in each. "
                f"Received: {counted(len(row), 'column')} in {line}, {width} in {rows[0][0]}"
            )
    header = [name.strip() for name in rows[0][1]]
    if _USER in header and _ITEM in header:
        return _order_by_user(path, header, rows[1:], users)
    return [row for _, row in rows], [line for line, _ in rows]


def _order_by_user(
    path: pathlib.Path,
    header: list[str],
    rows: list[tuple[str, list[str]]],
    users: Sequence[Any] | npt.NDArray[Any],
) -> tuple[list[list[Any]], list[str]]:
    user_column, item_column = header.index(_USER), header.index(_ITEM)
    others = [column for column in range(len(header)) if column not in (user_column, item_column)]
    if not others:
        raise EvaluationError(
            f"{path} must have columns of other candidates beside user and item. Received: {header}"
        )
    known = {str(user) for user in users}
    found: dict[str, tuple[str, list[str]]] = {}
    for line, row in rows:
        user = row[user_column].strip()
        if user not in known:
            raise EvaluationError(
                f"{path}, {line}: users must be of the split. Received: user={user!r}"
            )
        if user in found:
            raise EvaluationError(
                f"{path}, {line}: every user has one row, and {user!r} has another in "
                f"{found[user][0]}"
            )
        found[user] = line, [row[item_column], *(row[column] for column in others)]
    for user in users:
        if str(user) not in found:
            raise EvaluationError(
                f"{path} must hold one row for each of the split's {len(users)} users. "
                f"Received: {counted(len(rows), 'row')}, none for user={user!r}"
            )
    ordered = [found[str(user)] for user in users]
    return [row for _, row in ordered], [line for line, _ in ordered]


def _parse(item: Any, integers: bool, place: str) -> str | int:
    """A raw id as the vocabulary has it."""
    if not integers:
        return str(item).strip()
    try:
        return int(item)
    except ValueError as error:
        raise EvaluationError(
            f"{place}: items of this vocabulary are integers. Received: {item!r}"
        ) from error


def _encode(
    row: list[str | int],
    ids: Mapping[str | int, int],
    target: int,
    values: Sequence[str | int],
    place: str,
) -> list[int]:
    encoded = [ids.get(item, UNKNOWN_ID) for item in row]
    if encoded[0] != target:
        expected = (
            "one that the vocabulary does not know"
            if target < NUM_RESERVED_IDS
            else repr(values[target - NUM_RESERVED_IDS])
        )
        raise EvaluationError(
            f"{place}: the first item must be the user's true item, {expected}. "
            f"Received: {row[0]!r}"
        )
    if len(set(row)) < len(row):
        twice = next(item for number, item in enumerate(row) if item in row[:number])
        raise EvaluationError(f"{place}: candidates must differ. Received twice: {twice!r}")
    if UNKNOWN_ID in encoded[1:]:
        item = row[1 + encoded[1:].index(UNKNOWN_ID)]
        raise EvaluationError(
            f"{place}: candidates must be items of the vocabulary. Received: {item!r}"
        )
    return encoded
