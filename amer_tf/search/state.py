"""The run folder: atomic files, an append-only log of trials, checkpoints, phases."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

import numpy as np

CONFIG_FILE = "config.json"
PHASES_FILE = "phases.json"
TRIALS_FILE = "trials.jsonl"
ARCHITECTURE_FILE = "architecture.json"
METRICS_FILE = "metrics.json"
MODEL_FILE = "model.keras"
CHECKPOINT_FOLDER = "checkpoints"


class RunError(ValueError):
    """A run folder that cannot be used; the message says what to do."""


class RunFolder:
    """One run on disk. Killed at any moment, the same command goes on from here.

    Args:
        path: The folder; it is made where it is not there.

    Raises:
        RunError: Where the folder cannot be made or written to.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        try:
            (self.path / CHECKPOINT_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"The run folder cannot be made: {error}. Choose another `run_dir` or free it. "
                f"Received: run_dir={str(self.path)!r}"
            ) from error
        if not os.access(self.path, os.W_OK):
            raise RunError(
                "The run folder cannot be written to; choose another `run_dir` or change its "
                f"rights. Received: run_dir={str(self.path)!r}"
            )
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        for folder in (self.path, self.path / CHECKPOINT_FOLDER):
            for leftover in folder.glob(".tmp-*"):
                leftover.unlink(missing_ok=True)

    def write(self, name: str, save: Callable[[IO[bytes]], None]) -> None:
        """Writes a file whole or not at all.

        Raises:
            RunError: Where the disk refuses; what stood there before still stands.
        """
        target = self.path / name
        temporary = None
        try:
            handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=target.parent)
            with os.fdopen(handle, "wb") as stream:
                save(stream)
                stream.flush()
                os.fsync(stream.fileno())
            pathlib.Path(temporary).replace(target)
        except OSError as error:
            raise RunError(
                f"{target} cannot be written: {error}. Free the disk or the folder, then run the "
                "same command again: it goes on from the last complete file."
            ) from error
        finally:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    pathlib.Path(temporary).unlink(missing_ok=True)

    def write_json(self, name: str, data: Any) -> None:
        self.write(name, lambda stream: _write_text(stream, json.dumps(data, indent=2)))

    def read_json(self, name: str) -> Any:
        """The content of a JSON file, or None where it is not there."""
        file = self.path / name
        if not file.exists():
            return None
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(
                f"{file} cannot be read: {error}. It is damaged: use a new `run_dir`."
            ) from error

    def claim(self, config: Mapping[str, Any]) -> None:
        """Records the configuration, or checks that the run found here has the same one."""
        found = self.read_json(CONFIG_FILE)
        wanted = json.loads(json.dumps(config))
        if found is None:
            self.write_json(CONFIG_FILE, wanted)
            return
        for key in sorted(set(found) | set(wanted)):
            if found.get(key) != wanted.get(key):
                raise RunError(
                    f"{self.path} holds a run with another {key}: {_short(found.get(key))}. Resume "
                    "it with the configuration it was started with, or use a new `run_dir`. "
                    f"Received: {key}={_short(wanted.get(key))}"
                )

    def phases(self) -> dict[str, Any]:
        """What is known of each phase: `done`, `seconds` and its own results."""
        phases = self.read_json(PHASES_FILE)
        return {} if phases is None else dict(phases)

    def record_phase(self, name: str, **values: Any) -> None:
        """Merges values into the record of a phase."""
        phases = self.phases()
        phases[name] = {**phases.get(name, {}), **values}
        self.write_json(PHASES_FILE, phases)

    def append_trials(self, trials: list[dict[str, Any]]) -> None:
        """Adds one line a trial to the log."""
        lines = "".join(json.dumps(trial) + "\n" for trial in trials)
        file = self.path / TRIALS_FILE
        try:
            with file.open("ab") as stream:
                stream.write(lines.encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise RunError(
                f"{file} cannot be written: {error}. Free the disk or the folder, then run the "
                "same command again."
            ) from error

    def trials(self) -> list[dict[str, Any]]:
        """The trials in the log. A line that a killed run left half-written is cut off."""
        file = self.path / TRIALS_FILE
        if not file.exists():
            return []
        content = file.read_bytes()
        complete = content[: content.rfind(b"\n") + 1]
        if len(complete) < len(content):
            with file.open("r+b") as stream:
                stream.truncate(len(complete))
        try:
            return [json.loads(line) for line in complete.splitlines()]
        except ValueError as error:
            raise RunError(f"{file} has a damaged line: {error}. Use a new `run_dir`.") from error

    def save_arrays(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Writes a checkpoint of named arrays."""
        data = {key: np.asarray(value) for key, value in arrays.items()}
        self.write(
            f"{CHECKPOINT_FOLDER}/{name}.npz",
            lambda stream: np.savez(stream, **data),  # type: ignore[arg-type]
        )

    def load_arrays(self, name: str) -> dict[str, Any] | None:
        """Reads a checkpoint, or None where it is not there.

        Raises:
            RunError: Where the file is truncated or damaged.
        """
        file = self.path / CHECKPOINT_FOLDER / f"{name}.npz"
        if not file.exists():
            return None
        try:
            with np.load(file) as archive:
                return {key: archive[key] for key in archive.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise RunError(
                f"{file} is truncated or damaged: {error}. Delete it to train this phase again."
            ) from error

    def remove_checkpoint(self, name: str) -> None:
        """Deletes a checkpoint that is no longer needed."""
        (self.path / CHECKPOINT_FOLDER / f"{name}.npz").unlink(missing_ok=True)

    @contextlib.contextmanager
    def staged(self, name: str) -> Iterator[pathlib.Path]:
        """A temporary path to write to, which becomes `name` when the block ends well."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # Keras chooses the format by the suffix, so the temporary name keeps it.
        temporary = target.with_name(f".tmp-{os.getpid()}-{target.name}")
        try:
            yield temporary
            temporary.replace(target)
        except OSError as error:
            raise RunError(
                f"{target} cannot be written: {error}. Free the disk or the folder, then run the "
                "same command again."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)


def _write_text(stream: IO[bytes], text: str) -> None:
    stream.write(text.encode())


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
