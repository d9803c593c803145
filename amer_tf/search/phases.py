"""What the phases of a step share: the trainer, its checkpoints, resume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from amer_tf.search.state import RunError, RunFolder
from amer_tf.training.fit import Phase, Progress, TrainSplit, fit


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
        epoch, step, seconds, fraction, loss = map(float, arrays.pop("progress"))
        resume = Progress(int(epoch), int(step), seconds, fraction, loss)
        restore(trainer, arrays, name)

    def after_epoch(progress: Progress) -> bool:
        stop = on_epoch(progress) if on_epoch is not None else False
        if stop:
            # Else a run that is killed right now would train on.
            progress = progress._replace(fraction=1.0)
        run.save_arrays(name, {**snapshot(trainer), "progress": np.array(progress, "float64")})
        run.record_phase(name, epoch=progress.epoch, seconds=progress.seconds, loss=progress.loss)
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


def save_weights(run: RunFolder, name: str, model: keras.Model) -> None:
    """Writes the weights of a model as the checkpoint `name`."""
    arrays = {
        f"{index}:{variable.path}": keras.ops.convert_to_numpy(variable)
        for index, variable in enumerate(model.weights)
    }
    run.save_arrays(name, arrays)


def load_weights(run: RunFolder, name: str, model: keras.Model) -> bool:
    """Sets what `save_weights` wrote; whether the checkpoint is there."""
    arrays = run.load_arrays(name)
    if arrays is None:
        return False
    for variable, value in zip(model.weights, arrays.values(), strict=True):
        variable.assign(value)
    return True


def snapshot(trainer: keras.Model) -> dict[str, Any]:
    """All variables of a trainer and its optimizer, by position and name.

    They are arrays only once they are written, one at a time: tables may be large.
    """
    return {
        f"{index}:{variable.path}": variable for index, variable in enumerate(_variables(trainer))
    }


def restore(trainer: keras.Model, arrays: dict[str, Any], name: str) -> None:
    """Sets what `snapshot` took.

    Raises:
        RunError: Where the checkpoint is of another model.
    """
    variables = _variables(trainer)
    values = list(arrays.values())
    shapes = [tuple(variable.shape) for variable in variables]
    if [tuple(value.shape) for value in values] != shapes:
        raise RunError(
            f"The checkpoint of phase {name!r} is of another model: delete it or use a new "
            f"`run_dir`. Received: {len(values)} arrays for {len(variables)} variables"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _variables(trainer: keras.Model) -> list[Any]:
    return [*trainer.variables, *trainer.optimizer.variables]
