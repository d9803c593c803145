"""Builds, trains and scores the models of a run of task ctr, all in one way."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable
from typing import Any

import keras

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.features import FeatureSpec
from amer_tf.models import amer
from amer_tf.search.admission import NO_LIMITS, Limits
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.state import RunFolder
from amer_tf.search.workbench import STEPS_FOR_XLA
from amer_tf.training.ctr import CtrEvaluator, CtrTrainer
from amer_tf.training.row_sparse_adam import RowSparseAdam

_SMALLEST_BATCH = 64


@dataclasses.dataclass(frozen=True)
class CtrWorkbench:
    """What every model of a run is built, trained and scored with.

    Args:
        run: The run folder.
        spec: What the models read and predict.
        settings: Sizes and rates.
        seed: Seed of every random choice.
        num_examples: Training rows.
        prior_precision: Precision of the Gaussian prior of the embeddings, of those in `settings`.
        limits: What the found model may not exceed.
    """

    run: RunFolder
    spec: FeatureSpec
    settings: CtrSettings
    seed: int
    num_examples: int
    prior_precision: float = 0.0
    limits: Limits = NO_LIMITS

    @property
    def batch_size(self) -> int:
        """Rows of a step: fewer than the settings say where there are few."""
        few = max(_SMALLEST_BATCH, self.num_examples // self.settings.epoch_steps)
        return min(self.settings.batch_size, few, self.num_examples)

    @property
    def predefined_mlp(self) -> tuple[HiddenLayer, ...]:
        """The MLP of step 2, and of the result where step 3 is left out."""
        return tuple(HiddenLayer("relu", units=units) for units in self.settings.hidden_units)

    @property
    def history_match(self) -> str:
        """Whether the found models read matches of the target in the history."""
        return self.settings.history_match if self.spec.target_to_behavior else "none"

    @property
    def frame(self) -> Architecture:
        """The model before anything is found: the predefined MLP, no blocks, no interactions."""
        return Architecture(
            mlp=self.predefined_mlp,
            shortcut=self.settings.shortcut,
            interactions_in_mlp=self.settings.interactions_in_mlp == "yes",
            history_match=self.history_match,
        )

    def trainer(
        self,
        network: keras.Model,
        learning_rate: float,
        num_steps: int,
        optimizer: Callable[..., RowSparseAdam] = RowSparseAdam,
    ) -> CtrTrainer:
        """A compiled trainer of a network for about so many steps, with this kind of optimizer."""
        trainer = CtrTrainer(network)
        made = optimizer(
            learning_rate,
            embedding_rate_factor=self.settings.embedding_rate_factor,
            row_l2=self.prior_precision / self.num_examples,
        )
        trainer.compile(optimizer=made, jit_compile=num_steps >= STEPS_FOR_XLA)
        return trainer

    def build(self, architecture: Architecture) -> keras.Model:
        """The derived model of an architecture."""
        settings = self.settings
        return amer.build(
            self.spec,
            architecture,
            embedding_dim=settings.embedding_dim,
            dropout=settings.dropout,
            l2=settings.l2,
        )

    def score(self, model: keras.Model, split: Any) -> dict[str, Any]:
        """AUC, log loss, GAUC and calibration of a model on a whole split."""
        result = CtrEvaluator(model).evaluate(split)
        # A traced function keeps its model alive in a cycle; many models follow each other.
        gc.collect()
        return result
