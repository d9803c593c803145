"""Models of task ctr in the log: each is scored on the whole validation split, the best is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from amer_tf.architecture import Architecture
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.trials import TrialLog
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.fit import TrainingError

METRIC = "auc"


def record_model(
    bench: CtrWorkbench,
    trials: TrialLog,
    kind: str,
    architecture: Architecture,
    make: Callable[[], keras.Model],
    validation: Any,
) -> None:
    """Makes a model and scores it, unless the log has it; one that diverges is recorded as failed.

    Args:
        bench: Scores the model.
        trials: The log.
        kind: One of `trials.MODEL_KINDS`.
        architecture: What the model is built of.
        make: Makes it.
        validation: Validation split.
    """
    if trials.has(kind, architecture):
        return
    try:
        model = make()
        metrics = bench.score(model, validation)
    except (TrainingError, MetricError) as error:
        trials.add_failure(kind, error, architecture=architecture.to_dict())
    else:
        trials.add_model(kind, architecture, model, metrics, METRIC)
