"""Hand-made systems beside the result: same data, same users, same candidates, same budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from amer_tf.models.ease import Ease
from amer_tf.models.popularity import Popularity
from amer_tf.search.finalists import Workbench
from amer_tf.training.evaluation_batches import events_before
from amer_tf.training.fit import Progress
from amer_tf.training.next_item_evaluation import evaluate_scores

REFERENCE_FILE = "reference_{name}.keras"


def score_closed_form(bench: Workbench, name: str, train: Any, split: Any, **options: Any) -> Any:
    """Metrics of POP, fitted on the training events, or EASE, fitted on all before the examples.

    EASE has no other way to learn of the newest event than to be fitted with it.
    """
    if name == "ease":
        system: Any = Ease().fit(events_before(split, bench.spec.history_field), bench.num_items)
    else:
        system = Popularity().fit(train.interactions(), bench.num_items)
    return evaluate_scores(
        system.scores,
        split,
        history_field=bench.spec.history_field,
        **{"seed": bench.seed, **options},
    )


def train_transformer(
    bench: Workbench,
    train: Any,
    *,
    epochs: int,
    time_limit: float | None,
    on_epoch: Callable[[Progress], bool] | None = None,
) -> keras.Model:
    """The transformer, with the loss, the rate and the epochs of the final model."""
    return bench.train(
        "transformer",
        bench.build_transformer,
        train,
        epochs=epochs,
        learning_rate=bench.settings.learning_rate,
        time_limit=time_limit,
        on_epoch=on_epoch,
    )
