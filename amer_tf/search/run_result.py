"""What every finished run has in its folder, whether it is a search or a hand-made system alone."""

from __future__ import annotations

import os
import pathlib
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from amer_tf.features import SPEC_FILE, FeatureSpec
from amer_tf.search.run_error import RunError
from amer_tf.search.state import CONFIG_FILE, METRICS_FILE, RunFolder


class RunResult:
    """A finished run; everything in it stands in the run folder.

    Args:
        run: The folder of a finished run.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.spec = FeatureSpec.load(run.path)
        self.metrics: dict[str, Any] = run.read_json(METRICS_FILE) or {}
        self.config: dict[str, Any] = run.read_json(CONFIG_FILE) or {}

    def load_model(self, name: str) -> keras.Model:
        """A model that the run has saved."""
        return load_model(self.run, name)

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.config["seed"])

    def record_evaluation(
        self,
        split: str,
        results: Mapping[str, Any],
        references: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Adds results to the run's `metrics.json`, beside those of other splits and modes.

        Args:
            split: Name of the split.
            results: Metrics by mode of the candidates.
            references: What `evaluate_references` gave for the split.
        """
        own = self.metrics.setdefault("evaluate", {})
        own[split] = {**own.get(split, {}), **results}
        for name, found in (references or {}).items():
            others = self.metrics.setdefault("references", {}).setdefault(name, {})
            others[split] = {**others.get(split, {}), **found}
        self.run.write_json(METRICS_FILE, self.metrics)


def open_finished(
    run_dir: str | os.PathLike[str], files: Sequence[str], *, command: str
) -> RunFolder:
    """The folder of a finished run, to be looked at.

    Args:
        run_dir: The folder.
        files: What it must have beside its configuration, metrics and spec.
        command: What goes on with a run that has not finished.

    Raises:
        RunError: Where there is no run, it has not finished, or a file is gone.
    """
    folder = pathlib.Path(run_dir)
    if not (folder / CONFIG_FILE).is_file():
        raise RunError(f"There is no run in this folder. Received: run_dir={str(folder)!r}")
    if not (folder / METRICS_FILE).is_file():
        raise RunError(
            f"The run has not finished: {METRICS_FILE} is not there. Run the same {command} "
            f"again, it goes on where it was. Received: run_dir={str(folder)!r}"
        )
    for name in (*files, SPEC_FILE):
        if not (folder / name).is_file():
            raise RunError(
                f"{name} of the finished run is gone: run it again in a new `run_dir`. "
                f"Received: run_dir={str(folder)!r}"
            )
    return RunFolder(folder, read_only=True)


def hand_made_system(run: RunFolder) -> str | None:
    """Name of the hand-made system that a run has trained alone; None of any other folder.

    The configuration of a search says which steps, and that of a comparison which systems.
    """
    config = run.read_json(CONFIG_FILE) or {}
    names = config.get("settings", {}).get("references", ())
    return None if "steps" in config or is_comparison(run) or len(names) != 1 else str(names[0])


def is_comparison(run: RunFolder) -> bool:
    """Whether a folder is that of a comparison; its runs have folders of their own in it."""
    config = run.read_json(CONFIG_FILE) or {}
    lists = [config.get(name) for name in ("systems", "seeds")]
    return all(isinstance(found, list) and len(found) > 0 for found in lists)


def require_no_comparison(run: RunFolder) -> None:
    """Raises where a folder is that of a comparison, and not of one of its runs.

    Raises:
        RunError: The message names the folder of a run.
    """
    if is_comparison(run):
        config = run.read_json(CONFIG_FILE) or {}
        first = run.path / config["systems"][0] / f"seed_{config['seeds'][0]}"
        raise RunError(
            "This folder must hold one run, and holds a comparison: choose the folder of one of "
            f"its runs, such as {first}. Received: run_dir={str(run.path)!r}"
        )


def require_search(run: RunFolder) -> None:
    """Raises where a folder holds a run, and that is no search.

    Raises:
        RunError: The message says what it is, and what takes it.
    """
    require_no_comparison(run)
    name = hand_made_system(run)
    if name is not None:
        raise RunError(
            f"This folder must hold a search, and holds the hand-made system {name} alone, which "
            "`amer export` and `amer evaluate` take (in Python `ReferenceResult.load`): choose "
            f"another `run_dir`. Received: run_dir={str(run.path)!r}"
        )


def load_model(run: RunFolder, name: str) -> keras.Model:
    """A model that a run has saved.

    Raises:
        RunError: Where the file is gone or damaged.
    """
    file = run.path / name
    try:
        return keras.models.load_model(file)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise RunError(
            f"{file} cannot be read: {error}. It is damaged: run it again in a new `run_dir`."
        ) from error
