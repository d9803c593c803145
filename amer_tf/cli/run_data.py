"""The link between a run and the data that it was made on, which the library does not know."""

from __future__ import annotations

import hashlib
import pathlib
from typing import Any

import data_pipelines
from amer_tf.cli.console import say
from amer_tf.cli.errors import UsageError
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from amer_tf.search.searcher import spec_digest
from amer_tf.search.state import RunFolder
from data_pipelines import PreparedData
from data_pipelines.folder import HEAD_FILE, read_head

DATA_FILE = "data.json"


def record(run: RunFolder, data: PreparedData) -> None:
    """Writes into the run folder which data it is made on, or checks that they are the same.

    Raises:
        RunError: Where the run was started on other data.
    """
    described = describe(data)
    found = run.read_json(DATA_FILE)
    if found is not None and found.get("digest") != described["digest"]:
        raise RunError(
            f"{run.path} holds a run on other data: {found.get('data_dir')}, digest "
            f"{found.get('digest')}. Resume it with its own data, or use a new `run_dir`. "
            f"Received: data_dir={described['data_dir']!r}, digest {described['digest']}"
        )
    run.write_json(DATA_FILE, described)


def load(result: SearchResult, data_dir: str | None) -> PreparedData:
    """The data of a run.

    Args:
        result: The finished run.
        data_dir: The data folder; None takes the one that `record` wrote down.

    Raises:
        UsageError: Where the run does not say and `data_dir` is not given.
        RunError: Where the data folder has another spec than the run.
    """
    recorded = result.run.read_json(DATA_FILE) or {}
    folder = data_dir or recorded.get("data_dir")
    if folder is None:
        raise UsageError(
            f"{result.run.path} does not say which data it was made on: give --data_dir"
        )
    data = data_pipelines.load(folder)
    if spec_digest(data.spec) != result.config["spec"]:
        raise RunError(
            "The data folder must have the spec that the run was made with: it is of another data "
            "set, or was prepared otherwise. "
            f"Received: data_dir={str(folder)!r}, run_dir={str(result.run.path)!r}"
        )
    if recorded and describe(data)["digest"] != recorded["digest"]:
        say(f"Warning: {folder} is not as it was when the run was made, though its spec is.")
    return data


def describe(data: PreparedData) -> dict[str, Any]:
    """Which data these are: where, what, how many, and their checksum."""
    folder = pathlib.Path(data.folder).resolve()
    head = read_head(folder)
    return {
        "data_dir": str(folder),
        "dataset": head["dataset"],
        "split": head["split"],
        "counts": data.counts,
        # The head holds the checksums of all other files.
        "digest": hashlib.sha256((folder / HEAD_FILE).read_bytes()).hexdigest()[:16],
    }
