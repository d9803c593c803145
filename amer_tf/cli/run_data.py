"""The link between a run and the data that it was made on, which the library does not know."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import data_pipelines
from amer_tf.cli.console import say
from amer_tf.cli.errors import UsageError
from amer_tf.search.run_error import RunError
from amer_tf.search.run_result import RunResult, is_comparison
from amer_tf.search.search_data import spec_digest
from amer_tf.search.state import RunFolder
from data_pipelines import DATASETS, PreparedData
from data_pipelines.datasets import PACKAGED
from data_pipelines.folder import HEAD_FILE, read_head

DATA_FILE = "data.json"


def require_apart(flag: str, folder: str) -> None:
    """Raises where what is to be written would be written into a data folder.

    Args:
        flag: Name of the flag that says where to.
        folder: Its value.

    Raises:
        UsageError: Where `amer prepare` wrote that folder.
    """
    try:
        head = json.loads((pathlib.Path(folder) / HEAD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    # A run has a file of the same name, which says what its data are.
    if isinstance(head, dict) and "files" in head:
        raise UsageError(
            f"--{flag} must be another folder than those of data, and there are data that "
            f"`amer prepare` wrote: choose a new one. Received: --{flag}={folder}"
        )


def record(run: RunFolder, data: PreparedData) -> None:
    """Writes into the run folder which data it is made on, or checks that they are the same.

    Raises:
        RunError: Where the run was started on other data.
    """
    described = describe(data)
    found = run.read_json(DATA_FILE)
    if found is not None and found.get("digest") != described["digest"]:
        raise RunError(
            f"{run.path} holds a {run.KIND} on other data: {found.get('data_dir')}, digest "
            f"{found.get('digest')}. Resume it with its own data, or use a new {run.PLACE}. "
            f"Received: data_dir={described['data_dir']!r}, digest {described['digest']}"
        )
    run.write_json(DATA_FILE, described)


def load(result: RunResult, data_dir: str | None) -> PreparedData:
    """The data of a run.

    Args:
        result: The finished run.
        data_dir: The data folder; None takes the one that `record` wrote down, for a run of a
            comparison that of the comparison.

    Raises:
        UsageError: Where the run does not say and `data_dir` is not given.
        RunError: Where the data folder has another spec than the run.
    """
    recorded = _recorded(result.run)
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


def _recorded(run: RunFolder) -> dict[str, Any]:
    """What `record` wrote down of a run, or of the comparison that it is part of."""
    found = run.read_json(DATA_FILE)
    comparison = run.path.resolve().parent.parent
    if found is None and is_comparison(RunFolder(comparison, read_only=True)):
        found = RunFolder(comparison, read_only=True).read_json(DATA_FILE)
    return found or {}


def describe(data: PreparedData) -> dict[str, Any]:
    """Which data these are: where, what, how many, their checksum, and how they were made."""
    folder = pathlib.Path(data.folder).resolve()
    head = read_head(folder)
    description = whole_description(head, data.spec.max_length)
    return {
        "data_dir": str(folder),
        "dataset": head["dataset"],
        "split": head["split"],
        "counts": data.counts,
        # The head holds the checksums of all other files.
        "digest": hashlib.sha256((folder / HEAD_FILE).read_bytes()).hexdigest()[:16],
        "prepare": prepare_command(head, data.spec.max_length, folder),
        **({"description": description} if description else {}),
    }


def whole_description(head: dict[str, Any], max_length: int) -> dict[str, Any] | None:
    """The description of a user's own table, with what was an option or a default written out.

    Args:
        head: The head of a data folder.
        max_length: Of the spec.

    Returns: What a description file would say; None for a data set that is known by its name.
    """
    recipe = head.get("recipe") or {}
    # A description must say its files, and no data set has such an option.
    if "files" not in recipe:
        return None
    names = ("k_core", "item_vocabulary", "user_id_field") if head["task"] == "next_item" else ()
    own = {name: head[name] for name in names if name in head}
    given = {"max_length": max_length, "split": head["split"], **own}
    return {**recipe, **given}


def prepare_command(head: dict[str, Any], max_length: int, folder: pathlib.Path) -> list[str]:
    """The words of the command line that makes a data folder anew.

    Where the source files lie is not known, and has capitals in its place; so has the file of a
    description, whose content `whole_description` gives.

    Args:
        head: The head of the folder.
        max_length: Of the spec.
        folder: The folder.

    Returns: The words; none where the head does not tell the options.
    """
    name, recipe = head["dataset"], head.get("recipe")
    if recipe is None:
        return []
    is_described = whole_description(head, max_length) is not None
    if not is_described and name not in DATASETS:
        return []
    command = ["amer", "prepare", f"--dataset={'DESCRIPTION_FILE' if is_described else name}"]
    if is_described or name not in PACKAGED:
        command.append("--source_dir=SOURCE_DIR")
    command += [f"--data_dir={folder}", f"--max_length={max_length}"]
    command.append(f"--split={json.dumps(head['split'])}")
    if is_described:
        options = {"bad_rows": recipe["format"]["bad_rows"]} if _says_bad_rows(recipe) else {}
    else:
        options = dict(recipe)
    if head["task"] == "next_item":
        command.append(f"--k_core={head['k_core']}")
        options |= {
            name: head[name] for name in ("item_vocabulary", "user_id_field") if name in head
        }
    return command + [f"--option={key}={_text(value)}" for key, value in options.items()]


def _says_bad_rows(recipe: dict[str, Any]) -> bool:
    return isinstance(recipe.get("format"), dict) and "bad_rows" in recipe["format"]


def _text(value: Any) -> str:
    """A value as `--option` takes it: JSON, or text that is none."""
    try:
        json.loads(value)
    except TypeError:
        return json.dumps(value)
    except ValueError:
        return str(value)
    return json.dumps(value)
