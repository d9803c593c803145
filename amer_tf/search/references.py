"""Hand-made systems beside the result: same data, same users, same candidates, same budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from amer_tf.features import FeatureSpec
from amer_tf.models.ease import Ease
from amer_tf.models.popularity import Popularity
from amer_tf.search.workbench import Workbench
from amer_tf.training.evaluation_batches import events_before
from amer_tf.training.next_item_evaluation import evaluate_scores

REFERENCE_FILE = "reference_{name}.keras"
CLOSED_FORMS = ("popularity", "ease")
# Its time grows with the third power of the items, its memory with the second.
MAX_EASE_ITEMS = 20_000


def why_left_out(name: str, spec: FeatureSpec) -> str | None:
    """Why a reference cannot be fitted to data of this size, or None where it can."""
    num_items = spec.vocabulary(spec.item_field).num_rows
    if name == "ease" and num_items > MAX_EASE_ITEMS:
        size = 4 * num_items**2 / 2**30
        return (
            f"EASE is left out: its matrix of all pairs of {num_items:,} items takes {size:.1f} GB "
            f"and long to invert; the most are {MAX_EASE_ITEMS:,} items"
        )
    return None


def fit_closed_form(name: str, spec: FeatureSpec, train: Any, split: Any) -> Popularity | Ease:
    """POP, fitted on the training events, or EASE, fitted on all events before a split's examples.

    EASE has no other way to learn of the newest event than to be fitted with it.
    """
    num_items = spec.vocabulary(spec.item_field).num_rows
    if name == "ease":
        return Ease().fit(events_before(split, spec.history_field), num_items)
    return Popularity().fit(train.interactions(), num_items)


def score_closed_form(bench: Workbench, name: str, train: Any, split: Any) -> dict[str, Any]:
    """Metrics of POP or EASE, with frozen uniform negatives."""
    system = fit_closed_form(name, bench.spec, train, split)
    return evaluate_scores(
        system.scores,
        split,
        history_field=bench.spec.history_field,
        num_items=bench.num_items,
        num_negatives=bench.settings.validation_negatives,
        seed=bench.seed,
    )


def train_transformer(
    bench: Workbench,
    train: Any,
    *,
    epochs: int,
    time_limit: float | None,
    on_step: Callable[[], None] | None = None,
) -> keras.Model:
    """The transformer, with the loss, the rate and the epochs of the final model."""
    return bench.train(
        "transformer",
        bench.build_transformer,
        train,
        epochs=epochs,
        learning_rate=bench.settings.learning_rate,
        time_limit=time_limit,
        on_step=on_step,
        every_position=bench.settings.transformer_training == "every_position",
    )
