"""What the phases of a step share: the trainer, its checkpoints, resume."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder
from amer_tf.training.fit import Phase, Progress, TrainSplit, fit
from amer_tf.training.variable_blocks import assign


def train_phase(
    run: RunFolder,
    name: str,
    trainer: keras.Model,
    split: TrainSplit,
    phase: Phase,
    *,
    on_epoch: Callable[[Progress], bool] | None = None,
    on_step: Callable[[], None] | None = None,
    options: dict[str, Any] | None = None,
) -> Progress:
    """Trains a phase, with a checkpoint after every epoch from which it goes on when killed.

    The phase's record in the run folder says where it stands; a phase that is done leaves its
    last checkpoint until the caller removes it.
    """
    trainer.optimizer.build(trainer.trainable_variables)
    resume = None
    arrays = run.load_arrays(name)
    if arrays is not None:
        epoch, step, seconds, fraction, loss = map(float, arrays["progress"])
        resume = Progress(int(epoch), int(step), seconds, fraction, loss)
        restore(trainer, arrays, name)

    def after_epoch(progress: Progress) -> bool:
        stop = on_epoch(progress) if on_epoch is not None else False
        if stop:
            # Else a run that is killed right now would train on.
            progress = progress._replace(fraction=1.0)
        # The record first: what a checkpoint stands for is in it, whenever the run is killed.
        run.record_phase(
            name,
            epoch=progress.epoch,
            seconds=progress.seconds,
            loss=progress.loss,
            losses=losses_until(run, name, progress.epoch, progress.loss),
        )
        run.save_arrays(name, {**snapshot(trainer), "progress": np.array(progress, "float64")})
        return stop

    return fit(
        trainer,
        split,
        phase,
        on_epoch=after_epoch,
        on_step=on_step,
        resume=resume,
        options=options,
    )


def losses_until(run: RunFolder, name: str, epoch: int, loss: float) -> list[float]:
    """Mean training loss of each epoch of a phase so far, without what a killed attempt lost.

    Args:
        run: The run folder.
        name: Name of the phase.
        epoch: Number of the last epoch, from 1.
        loss: Its loss.
    """
    before: list[float] = run.phases().get(name, {}).get("losses", [])
    return [*before[: epoch - 1], loss]


def save_weights(run: RunFolder, name: str, model: keras.Model) -> None:
    """Writes the weights of a model as the checkpoint `name`."""
    run.save_arrays(name, _by_position(model.weights))


def load_weights(run: RunFolder, name: str, model: keras.Model) -> bool:
    """Sets what `save_weights` wrote; whether the checkpoint is there."""
    arrays = run.load_arrays(name)
    if arrays is None:
        return False
    _set(model.weights, arrays, name)
    return True


def snapshot(trainer: keras.Model) -> dict[str, Any]:
    """All variables of a trainer and its optimizer, by position and name."""
    return _by_position(_variables(trainer))


def restore(trainer: keras.Model, arrays: Mapping[str, Any], name: str) -> None:
    """Sets what `snapshot` took; other arrays may stand beside it.

    Raises:
        RunError: Where the checkpoint is of another model.
    """
    _set(_variables(trainer), arrays, name)


def _variables(trainer: keras.Model) -> list[Any]:
    return [*trainer.variables, *trainer.optimizer.variables]


def _by_position(variables: Sequence[Any]) -> dict[str, Any]:
    return {f"{index}:{variable.path}": variable for index, variable in enumerate(variables)}


def _set(variables: Sequence[Any], arrays: Mapping[str, Any], name: str) -> None:
    """Sets variables to what stands under their positions."""
    keys = [key for key in arrays if key.partition(":")[0].isdecimal()]
    if len(keys) != len(variables):
        raise _other_model(name, f"{len(keys)} arrays for {len(variables)} variables")
    for variable, key in zip(variables, keys, strict=True):
        value = arrays[key]
        if value.shape != tuple(variable.shape):
            raise _other_model(name, f"{value.shape} for {variable.path}: {tuple(variable.shape)}")
        assign([variable], [value])


def _other_model(name: str, received: str) -> RunError:
    return RunError(
        f"The checkpoint of phase {name!r} is of another model: delete it or use a new `run_dir`. "
        f"Received: {received}"
    )
