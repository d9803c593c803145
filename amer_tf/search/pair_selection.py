"""AutoFIS's first stage: which pairs of fields a DeepFM should keep."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np

from amer_tf.models import autofis
from amer_tf.search import phases
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.training.fit import Phase, Progress, steps_per_epoch
from amer_tf.training.grda import GatedAdam, c_for
from amer_tf.wording import counted

# As the authors have them. In a few hundred steps of small batches some useless gates pick up noise
# enough to stay open, but at lower rates useful ones close too. Frappe, 45 pairs, 400 steps: 15
# pairs are left at a rate of 1, 8 at .3 (and a share of .3), 1 at .1; trained for 40 epochs, the
# validation log loss is .2222 with the 15 and .2248 with the 8.
GATE_RATE, MU = 1.0, 0.8
# After this share of the steps a gate without a gradient is closed. With the authors' `c` that is
# after 7,063 steps of 2,000 rows, less than half of an epoch of their data.
_CLOSING_SHARE = 0.4


def select(
    bench: CtrWorkbench, clock: PhaseClock, name: str, train: Any, time_limit: float | None
) -> dict[str, Any]:
    """Trains the gated network; gives the pairs whose gate is open, and how far.

    Weights and gates are trained on the same rows in the same steps. A training that the time
    limit ends early has closed fewer gates.

    Reference: Liu et al., "AutoFIS", 2020, section 3.2.

    Args:
        bench: Rates and sizes.
        clock: Keeps the time that is used.
        name: Name of the training and of its checkpoint, from which it goes on when killed.
        train: Training split.
        time_limit: Seconds over all attempts, or None.

    Returns: Options of `models.autofis.build`, the pairs with the largest weights first.

    Raises:
        TrainingError: Where the loss is not finite.
    """
    settings = bench.settings
    keras.utils.set_random_seed(bench.seed)
    model = autofis.build_gated(
        bench.spec,
        embedding_dim=settings.embedding_dim,
        hidden_units=settings.hidden_units,
        dropout=settings.dropout,
        l2=settings.l2,
    )
    gates = model.get_layer(autofis.GATES).kernel
    steps = settings.gate_epochs * steps_per_epoch(train.num_examples, bench.batch_size)
    optimizer = functools.partial(
        GatedAdam,
        gates=(gates.path,),
        gate_rate=GATE_RATE,
        c=c_for(autofis.FIRST_GATE, _CLOSING_SHARE * steps, GATE_RATE, MU),
        mu=MU,
    )
    pairs = autofis.field_pairs(bench.spec)
    with PhaseProgress(f"Selecting among {counted(len(pairs), 'pair')}", 1.0) as bar:

        def after_epoch(progress: Progress) -> bool:
            left = int(np.count_nonzero(keras.ops.convert_to_numpy(gates)))
            bar.update(progress.fraction, f"loss {progress.loss:.4f}, {counted(left, 'pair')}")
            return False

        phases.train_phase(
            bench.run,
            name,
            bench.trainer(model, settings.learning_rate, steps, optimizer),
            train,
            Phase(
                epochs=settings.gate_epochs,
                batch_size=bench.batch_size,
                learning_rate=settings.learning_rate,
                time_limit=time_limit,
                seed=bench.seed,
            ),
            on_epoch=after_epoch,
            on_step=lambda: clock.keep(name),
        )
    weights = keras.ops.convert_to_numpy(gates)[:, 0]
    order = [index for index in np.argsort(-np.abs(weights), kind="stable") if weights[index]]
    return {
        "pairs": [list(pairs[index]) for index in order],
        "attention": [float(weights[index]) for index in order],
    }
