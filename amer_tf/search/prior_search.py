"""How strongly embeddings are drawn to zero: tried on a plain network, before all else."""

from __future__ import annotations

import dataclasses
import gc
from typing import Any

import keras

from amer_tf.architecture import Architecture
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.final_training import train_final
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.trials import FAILED, TrialLog
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.fit import TrainingError

PHASE = KIND = "prior"
_TRAINING = "prior_{precision:g}"


def choose_prior(
    bench: CtrWorkbench, clock: PhaseClock, trials: TrialLog, train: Any, validation: Any
) -> CtrWorkbench:
    """The workbench with the precision under which a plain DNN predicts best.

    The precision that is right is a property of the fields, and hardly depends on the number of
    rows or on what lies above the embeddings. So a network of the predefined MLP, which is also
    the plainest reference, is trained with each on a part of the rows. Goes on where it was
    killed.

    Args:
        bench: Rates, sizes, and the precisions to try.
        clock: Deadlines.
        trials: Where the losses are written and read.
        train: Training split.
        validation: Validation split.
    """
    precisions = bench.settings.prior_precisions
    if len(precisions) == 1:
        return dataclasses.replace(bench, prior_precision=precisions[0])
    if not bench.run.phases().get(PHASE, {}).get("done"):
        part = train.limit(min(bench.settings.prior_rows, train.num_examples), seed=bench.seed)
        clock.deadline(PHASE)
        for index, precision in enumerate(precisions):
            if _loss(trials, precision) is None:
                name = _TRAINING.format(precision=precision)
                if clock.too_late(name, PHASE) and trials.of(KIND):
                    break
                limit = clock.training_limit(name, PHASE, len(precisions) - index)
                _try(bench, clock, trials, precision, part, validation, limit)
        clock.finish(PHASE)
    losses = {precision: _loss(trials, precision) for precision in precisions}
    known = {precision: loss for precision, loss in losses.items() if loss is not None}
    if not known:
        raise TrainingError(
            f"A plain network could not be trained. {trials.of(FAILED)[-1]['reason']} "
            f"Received: prior_precisions={precisions}"
        )
    return dataclasses.replace(bench, prior_precision=min(known, key=lambda each: known[each]))


def _loss(trials: TrialLog, precision: float) -> float | None:
    """The loss under a precision, or None where it is not known."""
    for trial in trials.of(KIND):
        if trial["prior_precision"] == precision:
            return -float(trial["score"])
    return None


def _try(
    bench: CtrWorkbench,
    clock: PhaseClock,
    trials: TrialLog,
    precision: float,
    part: Any,
    validation: Any,
    time_limit: float | None,
) -> None:
    """Trains and scores the plain network under one precision."""
    tried = dataclasses.replace(bench, prior_precision=precision, num_examples=part.num_examples)
    name = _TRAINING.format(precision=precision)

    def build() -> keras.Model:
        return tried.build(Architecture(mlp=tried.predefined_mlp))

    try:
        model = train_final(
            tried,
            clock,
            name,
            build,
            part,
            validation,
            learning_rate=bench.settings.learning_rate,
            time_limit=time_limit,
            title=f"Trying the prior precision {precision:g}",
        )
        metrics = tried.score(model, validation)
    except (TrainingError, MetricError) as error:
        trials.add_failure(KIND, error, prior_precision=precision)
    else:
        bench.run.append_trials(
            [
                {
                    "kind": KIND,
                    "prior_precision": precision,
                    "score": -metrics["log_loss"],
                    "standard_error": metrics["standard_errors"]["log_loss"],
                    "rows": metrics["count"],
                    "training_rows": part.num_examples,
                    "metrics": metrics,
                }
            ]
        )
    bench.run.remove_checkpoint(name)
    gc.collect()
