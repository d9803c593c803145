"""Final training of a model of task ctr, resumable at every epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from amer_tf.models import aggregation
from amer_tf.search import phases
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.training import binary_metrics
from amer_tf.training.ctr import CtrEvaluator
from amer_tf.training.fit import steps_per_epoch
from amer_tf.training.plateau_fit import (
    KeptWeights,
    PlateauPhase,
    PlateauProgress,
    fit_until_plateau,
)
from amer_tf.training.platt_scaling import Scaling, fit_platt_scaling

_BEST, _AVERAGE = "best:", "average:"


def train_final(
    bench: CtrWorkbench,
    clock: PhaseClock,
    name: str,
    build: Callable[[], keras.Model],
    train: Any,
    validation: Any,
    *,
    learning_rate: float,
    time_limit: float | None,
    title: str,
) -> keras.Model:
    """Trains a model until its validation loss stops falling; gives it with its best weights.

    With `calibration="platt"` its logits are scaled to fit the validation split, at each epoch for
    the loss, and at the end for good: a network goes on learning to rank when it has begun to be
    too sure, and would be stopped too early.

    Args:
        bench: Rates and sizes.
        clock: Keeps the time that is used.
        name: Name of the training and of its checkpoint.
        build: Makes the model; weights that it does not set come from the run's seed.
        train: Training split.
        validation: Validation split, whose log loss decides.
        learning_rate: The rate before any cut.
        time_limit: Seconds over all attempts, or None.
        title: What people who watch are told.
    """
    settings, run = bench.settings, bench.run
    keras.utils.set_random_seed(bench.seed)
    model = build()
    batch_size = bench.batch_size
    num_steps = settings.final_epochs * steps_per_epoch(train.num_examples, batch_size)
    trainer = bench.trainer(model, learning_rate, num_steps)
    trainer.optimizer.build(trainer.trainable_variables)
    resume, kept = _load(bench, name, trainer)
    evaluator, labels = CtrEvaluator(model), validation.labels

    def validation_loss() -> float:
        logits = evaluator.logits(validation)
        scaling = _scaling(bench, labels, logits)
        return float(binary_metrics.log_losses(labels, scaling(logits)).mean())

    with PhaseProgress(title, settings.final_epochs) as bar:

        def after_epoch(progress: PlateauProgress, kept: KeptWeights) -> None:
            arrays = {
                **phases.snapshot(trainer),
                **{f"{_BEST}{index}": value for index, value in enumerate(kept.best)},
                **{f"{_AVERAGE}{index}": value for index, value in enumerate(kept.average or ())},
                "losses": np.array(progress.losses),
                "forced_cuts": np.array(progress.forced_cuts, np.int64),
                "progress": np.array([progress.seconds, progress.train_loss, progress.is_over]),
            }
            epoch = len(progress.losses)
            run.record_phase(
                name,
                epoch=epoch,
                seconds=progress.seconds,
                curve=progress.losses,
                losses=phases.losses_until(run, name, epoch, progress.train_loss),
            )
            run.save_arrays(name, arrays)
            bar.update(
                epoch,
                f"loss {progress.train_loss:.4f}, validation {progress.losses[-1]:.4f}, best "
                f"{min(progress.losses):.4f}",
            )

        fit_until_plateau(
            trainer,
            train,
            PlateauPhase(
                epochs=settings.final_epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                patience=settings.patience,
                chance=binary_metrics.entropy(labels),
                max_cuts=settings.max_cuts,
                averaging=settings.averaging,
                time_limit=time_limit,
                seed=bench.seed,
            ),
            validation_loss,
            on_epoch=after_epoch,
            on_step=lambda: clock.keep(name),
            resume=resume,
            kept=kept,
        )
    aggregation.calibrate(model, *_scaling(bench, labels, evaluator.logits(validation)))
    return model


def calibrated(bench: CtrWorkbench, model: keras.Model, validation: Any) -> keras.Model:
    """The model, its logits scaled to fit the validation split where the settings say so."""
    logits = CtrEvaluator(model).logits(validation)
    aggregation.calibrate(model, *_scaling(bench, validation.labels, logits))
    return model


def _scaling(bench: CtrWorkbench, labels: Any, logits: Any) -> Scaling:
    if bench.settings.calibration == "none":
        return Scaling()
    return fit_platt_scaling(labels, logits)


def _load(
    bench: CtrWorkbench, name: str, trainer: keras.Model
) -> tuple[PlateauProgress | None, KeptWeights | None]:
    """Restores the checkpoint of an earlier attempt, if there is one."""
    arrays = bench.run.load_arrays(name)
    if arrays is None:
        return None, None
    seconds, train_loss, is_over = map(float, arrays["progress"])
    losses = tuple(map(float, arrays["losses"]))
    forced_cuts = tuple(map(int, arrays["forced_cuts"]))
    phases.restore(trainer, arrays, name)
    best, average = (
        [arrays[key] for key in arrays if key.startswith(prefix)] for prefix in (_BEST, _AVERAGE)
    )
    progress = PlateauProgress(losses, seconds, train_loss, bool(is_over), forced_cuts)
    return progress, KeptWeights(best, average or None)
