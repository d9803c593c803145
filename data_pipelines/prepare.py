"""Source files to a data folder: the one function behind `amer prepare`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import logging
import os
import pathlib
import zlib
from typing import Any

from data_pipelines import splits
from data_pipelines.errors import DataError, reading, writing
from data_pipelines.folder import HEAD_FILE, read_head, replacing, write_head
from data_pipelines.next_item import prepare_next_item
from data_pipelines.sources import ITEM_VOCABULARIES, Source

DATASETS = ("amazon_beauty",)
_FINGERPRINT_BYTES = 1 << 20

_log = logging.getLogger(__name__)


def prepare(
    dataset: str,
    source_dir: str | os.PathLike[str],
    data_dir: str | os.PathLike[str],
    **options: Any,
) -> dict[str, Any]:
    """Encodes a data set once, so that training never touches its source files again.

    Everything is written to a temporary folder beside `data_dir` and renamed at the end: what
    bears the name is whole. A killed run leaves nothing under that name, and the same command
    starts over and gives the same bytes. Where `data_dir` already holds the same data prepared
    with the same options, nothing is done.

    Args:
        dataset: Name of a data set, one of `DATASETS`.
        source_dir: Folder of the source files.
        data_dir: Folder that is made; must not exist, or be empty, or hold the same data.
        **options: `split` (an instance of a class of `splits`), `k_core`, `item_vocabulary`,
            `max_length`, and what the data set's own `open_source` takes.

    Returns: The counts, as plain numbers.

    Raises:
        DataError: Where the source, an option or the folder cannot be used.
    """
    target = pathlib.Path(data_dir)
    source = open_source(dataset, pathlib.Path(source_dir), options)
    request = {
        "dataset": source.name,
        "task": source.spec.task,
        "split": splits.describe(source.split),
        "k_core": source.k_core,
        "item_vocabulary": source.item_vocabulary,
        "options": {key: value for key, value in sorted(options.items()) if key != "split"},
        "sources": [_fingerprint(file) for file in source.files],
    }
    if target.is_dir() and any(target.iterdir()):
        return _already_prepared(target, request)
    with replacing(target) as folder:
        scratch = folder / "scratch"
        with writing(folder):
            scratch.mkdir()
        counts = prepare_next_item(source, folder, scratch)
        with writing(folder):
            for entry in scratch.iterdir():
                entry.unlink()
            scratch.rmdir()
        write_head(folder, {**request, "counts": counts})
    _log.info("Prepared %s in %s: %s", source.name, target, counts)
    return counts


def open_source(dataset: str, source_dir: pathlib.Path, options: dict[str, Any]) -> Source:
    """Opens a data set and applies the options that all have in common."""
    if dataset not in DATASETS:
        raise DataError(
            f"`dataset` must be one of {', '.join(DATASETS)}. Received: dataset={dataset!r}"
        )
    opener = importlib.import_module(f"data_pipelines.{dataset}.source").open_source
    own = list(inspect.signature(opener).parameters)[1:]
    common = ["split", "k_core", "item_vocabulary"]
    unknown = [key for key in options if key not in own + common]
    if unknown:
        raise DataError(
            f"Options of {dataset} must be among {', '.join(own + common)}. Received: {unknown}"
        )
    source: Source = opener(
        source_dir, **{key: value for key, value in options.items() if key in own}
    )
    source = dataclasses.replace(
        source, **{key: value for key, value in options.items() if key in common}
    )
    if source.item_vocabulary not in ITEM_VOCABULARIES:
        raise DataError(
            f"`item_vocabulary` must be one of {', '.join(ITEM_VOCABULARIES)}. "
            f"Received: item_vocabulary={source.item_vocabulary!r}"
        )
    if type(source.k_core) is not int or source.k_core < 0:
        raise DataError(
            f"`k_core` must be an integer of at least 0. Received: k_core={source.k_core!r}"
        )
    return source


def _fingerprint(file: pathlib.Path) -> dict[str, Any]:
    with reading(file), file.open("rb") as stream:
        head = stream.read(_FINGERPRINT_BYTES)
        size = os.fstat(stream.fileno()).st_size
    return {"name": file.name, "bytes": size, "head_checksum": zlib.crc32(head)}


def _already_prepared(folder: pathlib.Path, request: dict[str, Any]) -> dict[str, Any]:
    if not (folder / HEAD_FILE).is_file():
        raise DataError(
            "`data_dir` must not exist or be empty: choose another folder. "
            f"Received: data_dir={str(folder)!r}, which holds other files"
        )
    head = read_head(folder)
    differing = [key for key, value in request.items() if head.get(key) != value]
    if differing:
        raise DataError(
            "`data_dir` holds data that were prepared otherwise: remove it or choose another "
            f"folder. Received: data_dir={str(folder)!r}, which differs in {differing}"
        )
    _log.info("%s is already prepared: %s", folder, head["counts"])
    return head["counts"]
