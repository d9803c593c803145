"""The run folder: atomic files, an append-only log of trials, checkpoints, phases."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, ClassVar

from amer_tf.features import VOCABULARY_FOLDER, FeatureSpec
from amer_tf.files import temporary_path
from amer_tf.search.array_files import StoredArrays, write_arrays
from amer_tf.search.run_error import RunError

CONFIG_FILE = "config.json"
PHASES_FILE = "phases.json"
TRIALS_FILE = "trials.jsonl"
ARCHITECTURE_FILE = "architecture.json"
METRICS_FILE = "metrics.json"
SPLITS_FILE = "splits.json"
MODEL_FILE = "model.keras"
CHECKPOINT_FOLDER = "checkpoints"
_LOCK_FILE = ".lock"
_NEXT_MODEL = "next-model-{trials}.keras"


class RunFolder:
    """One run on disk. Killed at any moment, the same command goes on from here.

    Args:
        path: The folder; it is made where it is not there.
        read_only: Whether the run is only looked at: nothing is made, changed or tidied up.

    Raises:
        RunError: Where the folder cannot be made or written to.
    """

    # What messages say: what it holds, who works in it, its name, how it was given, and what to do
    # where a file is damaged.
    KIND: ClassVar[str] = "run"
    WORK: ClassVar[str] = "search"
    NAME: ClassVar[str] = "run folder"
    PLACE: ClassVar[str] = "`run_dir`"
    ARGUMENT: ClassVar[str] = "run_dir"
    CURE: ClassVar[str] = "use a new `run_dir`, or delete its folder to begin anew"

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool = False) -> None:
        self.path = pathlib.Path(path)
        if read_only:
            return
        try:
            (self.path / CHECKPOINT_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"The {self.NAME} cannot be made: {error}. Choose another {self.PLACE} or free it. "
                f"Received: {self._received}"
            ) from error
        if not os.access(self.path, os.W_OK):
            raise RunError(
                f"The {self.NAME} cannot be written to; choose another {self.PLACE} or change its "
                f"rights. Received: {self._received}"
            )

    @property
    def _received(self) -> str:
        """How the folder was given, for messages."""
        return f"{self.ARGUMENT}={str(self.path)!r}"

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """The time in which one search changes the run; it begins where a killed one left off.

        Raises:
            RunError: Where another search is at work in the folder.
        """
        file = self.path / _LOCK_FILE
        with contextlib.ExitStack() as stack:
            try:
                _lock(stack.enter_context(file.open("wb")))
            except BlockingIOError:
                raise RunError(
                    f"Another {self.WORK} is at work in this {self.NAME}: wait for it, or use a "
                    f"new {self.PLACE}. Received: {self._received}"
                ) from None
            except OSError as error:
                raise RunError(
                    f"The {self.NAME} cannot be locked against other processes: {error}. Free it, "
                    f"or use a {self.PLACE} elsewhere. Received: {self._received}"
                ) from error
            self._tidy_up()
            yield
            file.unlink()

    def _tidy_up(self) -> None:
        """Undoes what a killed run left half-done."""
        for name in (".", CHECKPOINT_FOLDER, VOCABULARY_FOLDER):
            for leftover in (self.path / name).glob(".tmp-*"):
                leftover.unlink(missing_ok=True)
        file = self.path / TRIALS_FILE
        if file.exists():
            content = file.read_bytes()
            complete = content.rfind(b"\n") + 1
            if complete < len(content):
                os.truncate(file, complete)
        self._settle_next_model()

    @contextlib.contextmanager
    def staged(self, name: str) -> Iterator[pathlib.Path]:
        """A temporary path to write to, which becomes `name` when the block ends well.

        Raises:
            RunError: Where the disk refuses; what stood there before still stands.
        """
        target = self.path / name
        # Keras chooses the format by the suffix, so the temporary name keeps it.
        temporary = temporary_path(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(target)
        except OSError as error:
            raise RunError(
                f"{target} cannot be written: {error}. Free the disk or the folder, then run the "
                "same command again: it goes on from the last complete file."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def write(self, name: str, save: Callable[[IO[bytes]], None]) -> None:
        """Writes a file whole or not at all.

        Raises:
            RunError: Where the disk refuses; what stood there before still stands.
        """
        with self.staged(name) as temporary, temporary.open("wb") as stream:
            save(stream)

    def write_json(self, name: str, data: Any) -> None:
        self.write(name, lambda stream: _write_text(stream, json.dumps(data, indent=2)))

    def read_json(self, name: str) -> dict[str, Any] | None:
        """The content of a JSON file, or None where it is not there."""
        file = self.path / name
        if not file.exists():
            return None
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise ValueError(f"expected a JSON object, received {_short(content)}")
        except (OSError, ValueError) as error:
            raise RunError(
                f"{file} cannot be read: {error}. It is damaged: {self.CURE}."
            ) from error
        return content

    def save_spec(self, spec: FeatureSpec) -> None:
        """Writes what the run's models read and predict, with its vocabularies.

        Raises:
            RunError: Where the disk refuses.
        """
        try:
            spec.save(self.path)
        except OSError as error:
            raise RunError(
                f"The spec cannot be written: {error}. Free the disk or the folder, then run the "
                f"same command again. Received: {self._received}"
            ) from error

    def claim(self, config: Mapping[str, Any]) -> None:
        """Records the configuration, or checks that the run found here has the same one.

        Raises:
            RunError: Where it has another.
        """
        self.require_same(CONFIG_FILE, config, "configuration")

    def require_same(self, name: str, values: Mapping[str, Any], what: str) -> None:
        """Writes a JSON file, or checks that the one found here has the same values.

        Args:
            name: Of the file.
            values: What is to be in it.
            what: What it is about, for the message.

        Raises:
            RunError: Where a value is another.
        """
        wanted = json.loads(json.dumps(values))
        found = self.read_json(name)
        if found is None:
            self.write_json(name, wanted)
            return
        before, now = _flat(found), _flat(wanted)
        for key in sorted(set(before) | set(now)):
            if before.get(key) != now.get(key):
                raise RunError(
                    f"{self.path} holds a {self.KIND} with another {key}: "
                    f"{_short(before.get(key))}. Resume it with the {what} it was started with, "
                    f"or use a new {self.PLACE}. Received: {key}={_short(now.get(key))}"
                )

    def phases(self) -> dict[str, Any]:
        """What is known of each phase: `done`, `seconds` and its own results."""
        return self.read_json(PHASES_FILE) or {}

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
        """The trials in the log, but for a line that is still being written."""
        file = self.path / TRIALS_FILE
        if not file.exists():
            return []
        content = file.read_bytes()
        try:
            return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]
        except ValueError as error:
            raise RunError(
                f"{file} has a damaged line: {error}. To mend it {self.CURE}."
            ) from error

    def append_best_trial(
        self, trial: dict[str, Any], save: Callable[[pathlib.Path], None]
    ) -> None:
        """Adds a trial to the log and makes its model the one of the run, or neither.

        The model waits under a name that says how many trials came before it. Whenever the run
        is killed, the log then tells whether the trial has arrived.

        Args:
            trial: The trial.
            save: Writes the model to the path it is given.
        """
        with self.staged(_NEXT_MODEL.format(trials=len(self.trials()))) as temporary:
            save(temporary)
        self.append_trials([trial])
        self._settle_next_model()

    def _settle_next_model(self) -> None:
        for file in self.path.glob(_NEXT_MODEL.format(trials="*")):
            trials_before = int(file.stem.rpartition("-")[2])
            if len(self.trials()) > trials_before:
                file.replace(self.path / MODEL_FILE)
            else:
                file.unlink()

    def save_arrays(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Writes a checkpoint of named arrays and Keras variables."""
        self.write(
            f"{CHECKPOINT_FOLDER}/{name}.npz",
            lambda stream: write_arrays(stream, arrays),
        )

    def load_arrays(self, name: str) -> StoredArrays | None:
        """The arrays of a checkpoint, or None where it is not there.

        Raises:
            RunError: Where the file is truncated or damaged.
        """
        file = self.path / CHECKPOINT_FOLDER / f"{name}.npz"
        return StoredArrays(file) if file.exists() else None

    def remove_checkpoint(self, name: str) -> None:
        """Deletes a checkpoint that is no longer needed."""
        (self.path / CHECKPOINT_FOLDER / f"{name}.npz").unlink(missing_ok=True)

    def remove_checkpoints(self) -> None:
        """Deletes all that are left, also those that a killed run came not to delete."""
        for file in (self.path / CHECKPOINT_FOLDER).glob("*.npz"):
            file.unlink(missing_ok=True)


def _lock(stream: IO[bytes]) -> None:
    """Locks a file until it is closed, or its process ends in whatever way."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock: two searches in one folder are not told apart.
        return
    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write_text(stream: IO[bytes], text: str) -> None:
    stream.write(text.encode())


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of nested objects under dotted keys, so that a difference is named exactly."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": part for inner, part in _flat(value).items()})
        else:
            flat[key] = value
    return flat


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
