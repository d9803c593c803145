"""Trains derived models: kept as inherited, fine-tuned, from scratch; and scores them."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec
from amer_tf.models import amer
from amer_tf.models.bert4rec import ClozeNetwork
from amer_tf.models.every_position import EveryPositionNetwork
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search import phases
from amer_tf.search.admission import NO_LIMITS, Limits
from amer_tf.search.settings import Settings
from amer_tf.search.state import RunFolder
from amer_tf.training.fit import Phase, Progress, steps_per_epoch
from amer_tf.training.next_item import OWN_NEGATIVES, NextItemTrainer
from amer_tf.training.next_item_evaluation import NextItemEvaluator
from amer_tf.training.row_sparse_adam import RowSparseAdam

# XLA takes as long to compile a model as to train it for some hundred steps, and TensorFlow keeps
# every program until the process ends.
STEPS_FOR_XLA = 500


class Training(NamedTuple):
    """How a network learns.

    Attributes:
        network: Gives its queries in training.
        ask: What the batches ask for, see `data_pipelines.training_split`.
    """

    network: Callable[[keras.Model, FeatureSpec], keras.Model]
    ask: str


# The items after a random cut, the next item at each step, each event by itself, hidden events.
TRAININGS = {
    "cut": Training(NextItemNetwork, "cut"),
    "every_position": Training(EveryPositionNetwork, "every_position"),
    "each_event": Training(NextItemNetwork, "each_event"),
    "cloze": Training(ClozeNetwork, "every_position"),
}


@dataclasses.dataclass(frozen=True)
class Workbench:
    """What every derived model of a run is built, trained and scored with.

    Args:
        run: The run folder.
        spec: What the models read and predict.
        settings: Sizes and rates.
        seed: Seed of every random choice.
        metric: Validation metric that ranks the models.
        catalog: What is known of each item.
        limits: What the found model may not exceed.
    """

    run: RunFolder
    spec: FeatureSpec
    settings: Settings
    seed: int
    metric: str
    catalog: Any = None
    limits: Limits = NO_LIMITS

    @property
    def num_items(self) -> int:
        """Rows of the item vocabulary."""
        return self.spec.vocabulary(self.spec.item_field).num_rows

    def trainer(
        self,
        network: keras.Model,
        learning_rate: float,
        *,
        jit_compile: bool = True,
        loss: str | None = None,
        num_negatives: int | None = None,
        negative_weights: Any = None,
    ) -> NextItemTrainer:
        """A compiled trainer of a network, with loss and negatives of the settings or others."""
        trainer = NextItemTrainer(
            network,
            self.num_items,
            loss=loss or self.settings.loss,
            num_negatives=num_negatives or self.settings.num_negatives,
            negative_weights=negative_weights,
            seed=self.seed,
        )
        trainer.compile(optimizer=RowSparseAdam(learning_rate), jit_compile=jit_compile)
        return trainer

    @property
    def drop_event(self) -> float:
        """Rate of dropping events, of which none may be missing where each step asks."""
        return self.settings.drop_event if self.settings.training == "cut" else 0.0

    def data_options(
        self, training: str, loss: str | None = None, num_negatives: int | None = None
    ) -> dict[str, Any]:
        """Options of the training batches, for loss and negatives of the settings or others."""
        has_own = (loss or self.settings.loss) in OWN_NEGATIVES
        own = (num_negatives or self.settings.num_negatives) if has_own else 1
        return {
            "num_positives": self.settings.num_positives,
            "num_negatives": own,
            "ask": TRAININGS[training].ask,
        }

    def build(self, architecture: Architecture, *, regularised: bool) -> keras.Model:
        """The derived model, regularised as training from scratch or as the supernet is."""
        settings = self.settings
        return amer.build(
            self.spec,
            architecture,
            embedding_dim=settings.embedding_dim,
            dropout=settings.dropout if regularised else settings.supernet_dropout,
            drop_operation=settings.drop_operation if regularised else 0.0,
            drop_event=self.drop_event,
            l2=settings.l2,
            catalog=self.catalog,
        )

    def train(
        self,
        name: str,
        build: Callable[[], keras.Model],
        split: Any,
        *,
        epochs: int,
        learning_rate: float,
        time_limit: float | None,
        on_epoch: Callable[[Progress], bool] | None = None,
        on_step: Callable[[], None] | None = None,
        training: str | None = None,
        loss: str | None = None,
        num_negatives: int | None = None,
        negative_weights: Any = None,
    ) -> keras.Model:
        """Builds a model from the run's seed and trains it, resuming the phase `name`.

        Args:
            name: Name of the phase and of its checkpoint.
            build: Makes the model; weights that it does not set come from the run's seed.
            split: Training split.
            epochs: Most epochs.
            learning_rate: Peak of the schedule.
            time_limit: Seconds over all attempts, or None.
            on_epoch: As in `training.fit.fit`.
            on_step: As in `training.fit.fit`.
            training: One of `TRAININGS`; None for that of the settings.
            loss: One of `NextItemTrainer`; None for that of the settings.
            num_negatives: As in `Settings`; None for that of the settings.
            negative_weights: As in `NextItemTrainer`.
        """
        training = training or self.settings.training
        keras.utils.set_random_seed(self.seed)
        model = build()
        batch_size = min(self.settings.batch_size, split.num_examples)
        num_steps = epochs * steps_per_epoch(split.num_examples, batch_size)
        phases.train_phase(
            self.run,
            name,
            self.trainer(
                TRAININGS[training].network(model, self.spec),
                learning_rate,
                jit_compile=num_steps >= STEPS_FOR_XLA,
                loss=loss,
                num_negatives=num_negatives,
                negative_weights=negative_weights,
            ),
            split,
            Phase(
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                time_limit=time_limit,
                seed=self.seed,
            ),
            on_epoch=on_epoch,
            on_step=on_step,
            options=self.data_options(training, loss, num_negatives),
        )
        return model

    def score(self, model: keras.Model, split: Any) -> dict[str, Any]:
        """Metrics of a model on a whole split, with frozen uniform negatives."""
        # One pass over a split is shorter than an XLA compilation, and TensorFlow keeps every
        # program that XLA has compiled until the process ends.
        evaluator = NextItemEvaluator(
            NextItemNetwork(model, self.spec), self.num_items, jit_compile=False
        )
        result = evaluator.evaluate(
            split, num_negatives=self.settings.validation_negatives, seed=self.seed
        )
        # A traced function keeps its model alive in a cycle; many models follow each other.
        gc.collect()
        return result
