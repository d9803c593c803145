"""Source files to a data folder: the one function behind `amer prepare`."""

from __future__ import annotations

import json
import logging
import os
import pathlib
import shutil
import zlib
from typing import Any

from data_pipelines import splits
from data_pipelines.ctr_table import prepare_ctr_table
from data_pipelines.datasets import open_source
from data_pipelines.errors import DataError, reading, writing
from data_pipelines.folder import HEAD_FILE, read_head, replacing, write_head
from data_pipelines.next_item import prepare_next_item
from data_pipelines.sources import Source

_BLOCK_BYTES = 1 << 16

_log = logging.getLogger(__name__)


def prepare(
    dataset: str | os.PathLike[str],
    source_dir: str | os.PathLike[str] | None,
    data_dir: str | os.PathLike[str],
    **options: Any,
) -> dict[str, Any]:
    """Encodes a data set once, so that training never touches its source files again.

    Everything is written to a temporary folder beside `data_dir` and renamed at the end: what
    bears the name is whole. A killed run leaves nothing under that name, and the same command
    starts over and gives the same bytes. Where `data_dir` already holds the same data prepared
    with the same options, nothing is done.

    Args:
        dataset: Name of a data set, one of `DATASETS`, or path of a description file.
        source_dir: Folder of the source files; None for a data set that is a Python package, and
            for the folder of the description file.
        data_dir: Folder that is made; must not exist, or be empty, or hold the same data.
        **options: What the data set's own `open_source` takes, and for all: `max_length`,
            `split` (`"leave_one_out"`, `"by_time"`, `"random"`, `"by_column"`, or a mapping with
            that as `kind` and the split's arguments, see `splits`), `k_core` (fewest events of a
            user and of an item; 0 for no filter), `item_vocabulary` (`"catalog"` or `"train"`)
            and `user_id_field` (whether the user's id is a profile field, task next_item).

    Returns: The counts, as plain numbers; they are kept in `data_dir` too.

    Raises:
        DataError: Where the source, an option or the folder cannot be used.
    """
    target = pathlib.Path(data_dir).resolve()
    source = open_source(dataset, None if source_dir is None else pathlib.Path(source_dir), options)
    request = _request(source)
    with reading(target):
        is_taken = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if is_taken:
        return _already_prepared(target, request)
    with replacing(target) as folder:
        scratch = folder / "scratch"
        with writing(folder):
            scratch.mkdir()
        task = prepare_next_item if source.spec.task == "next_item" else prepare_ctr_table
        counts = task(source, folder, scratch)
        with writing(folder):
            shutil.rmtree(scratch)
        write_head(folder, {**request, "counts": counts})
    _log.info("Prepared %s in %s.", source.name, target)
    for name, meaning in (
        (
            "users_without_train_example",
            "users have fewer than two training events and do not train",
        ),
        ("unknown_validation_targets", "validation examples ask for an item that training lacks"),
        ("unknown_test_targets", "test examples ask for an item that training lacks"),
        ("examples_without_user", "examples lack the user: each is one of an unknown user"),
        ("examples_without_item", "examples lack the item: nothing is known of it"),
        ("events_without_item", "events lack the item: they are no steps and were left out"),
        ("events_without_user", "events of the log lack the user and were left out"),
    ):
        if counts.get(name):
            _log.warning("%d %s.", counts[name], meaning)
    return counts


def _request(source: Source) -> dict[str, Any]:
    """What decides the contents of the folder."""
    return {
        "dataset": source.name,
        "task": source.spec.task,
        "split": splits.describe(source.split),
        "k_core": source.k_core,
        "item_vocabulary": source.item_vocabulary,
        **({"user_id_field": True} if source.user_id_field else {}),
        "recipe": dict(source.recipe),
        "unfitted_spec": zlib.crc32(json.dumps(source.spec.to_dict(), sort_keys=True).encode()),
        "sources": [_fingerprint(file) for file in source.files],
    }


def _fingerprint(file: pathlib.Path) -> dict[str, Any]:
    """What tells a source file from another.

    All of its bytes count: a file may change behind its start, keep its size, and be given its old
    time stamp again. At more than a gigabyte a second that is little beside the parsing.
    """
    size = checksum = 0
    with reading(file), file.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            size += len(block)
            checksum = zlib.crc32(block, checksum)
    return {"name": file.name, "bytes": size, "checksum": checksum}


def _already_prepared(folder: pathlib.Path, request: dict[str, Any]) -> dict[str, Any]:
    with reading(folder):
        is_ours = (folder / HEAD_FILE).is_file()
    if not is_ours:
        raise DataError(
            "`data_dir` must not exist or be empty: choose another folder. "
            f"Received: data_dir={str(folder)!r}, which holds something else"
        )
    try:
        head = read_head(folder)
    except DataError as error:
        raise DataError(
            "`data_dir` holds data that cannot be used: remove it and run the same command again. "
            f"{error}"
        ) from error
    differing = _differing(head, request)
    if differing:
        raise DataError(
            "`data_dir` holds data that were prepared otherwise: remove it or choose another "
            f"folder. Received: data_dir={str(folder)!r}, which differs in {differing}"
        )
    _log.info("%s holds these data already: nothing is done.", folder)
    return dict(head["counts"])


def _differing(head: dict[str, Any], request: dict[str, Any]) -> list[str]:
    """Names of what differs; those inside the recipe are the ones that the user has written."""
    known, wanted = head.get("recipe", {}), request["recipe"]
    inside = [key for key in {**known, **wanted} if known.get(key) != wanted.get(key)]
    others = [key for key in request if key != "recipe" and head.get(key) != request[key]]
    return list(dict.fromkeys(others + inside))
