"""Step 3: trains the MLP supernet, scores random MLPs, hands on the best."""

from __future__ import annotations

import dataclasses
import gc
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.search import phases
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.group_trials import score_groups
from amer_tf.search.mlp import MlpSupernet
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog
from amer_tf.training.fit import Phase, Progress, steps_per_epoch
from amer_tf.training.fitness import FITNESS
from amer_tf.training.path_scoring import PathScorer

RANDOM = "random mlp"
_SUPERNET, _WEIGHTS = "mlp_supernet", "mlp_supernet_weights"


class MlpSearch:
    """The phases of step 3 (paper, section 2.3), each of which goes on where it was killed.

    Args:
        bench: How models are built, trained and scored.
        clock: Deadlines.
        trials: Where the scores are written and read.
        train: Training split.
        validation: Validation split.
        architecture: Blocks, interactions and shortcut that the MLP belongs to.
        start: Sets weights that the training of the supernet starts from; None for none.
    """

    def __init__(
        self,
        bench: CtrWorkbench,
        clock: PhaseClock,
        trials: TrialLog,
        train: Any,
        validation: Any,
        architecture: Architecture,
        start: Callable[[MlpSupernet], None] | None = None,
    ) -> None:
        self.bench = bench
        self.run: RunFolder = bench.run
        self.settings = bench.settings
        self.clock = clock
        self.trials = trials
        self.train = train
        self.validation = validation
        self.architecture = architecture
        self._start = start
        self._supernet: MlpSupernet | None = None

    def search(self) -> list[tuple[HiddenLayer, ...]]:
        """Runs the phases that are not done yet; gives the MLPs, the best inherited score first."""
        for phase, run_phase in (("mlp", self._train), ("mlp_scoring", self._score)):
            if not self.run.phases().get(phase, {}).get("done"):
                self.clock.deadline(phase)
                run_phase()
        return [architecture.mlp for architecture in self.trials.ranked(RANDOM)]

    def inherited(self, mlp: tuple[HiddenLayer, ...]) -> keras.Model:
        """The model of an MLP with the weights of the supernet."""
        model = self.bench.build(self.architecture_of(mlp))
        self.supernet().inherit(model, mlp)
        return model

    def supernet(self) -> MlpSupernet:
        """The trained supernet."""
        if self._supernet is None:
            supernet = self._make()
            if phases.load_weights(self.run, _WEIGHTS, supernet):
                self._supernet = supernet
            else:  # deleted, as the message on a damaged one says
                self._train()
        assert self._supernet is not None
        return self._supernet

    def forget(self) -> None:
        """Frees the supernet's memory and disk once no model inherits from it any more."""
        self._supernet = None
        self.run.remove_checkpoint(_WEIGHTS)
        gc.collect()

    def architecture_of(self, mlp: tuple[HiddenLayer, ...]) -> Architecture:
        """The whole architecture with this MLP."""
        return dataclasses.replace(self.architecture, mlp=mlp)

    def is_own(self, architecture: Architecture) -> bool:
        """Whether an architecture differs from the given one in its MLP alone."""
        return architecture == self.architecture_of(architecture.mlp)

    def _make(self) -> MlpSupernet:
        settings = self.settings
        keras.utils.set_random_seed(self.bench.seed)
        return MlpSupernet(
            self.bench.spec,
            self.architecture,
            num_layers=settings.mlp_layers,
            max_units=settings.max_units or None,
            embedding_dim=settings.embedding_dim,
            dropout=settings.dropout,
            l2=settings.l2,
            feed=settings.feed,
            seed=self.bench.seed,
        )

    def _train(self) -> None:
        settings = self.settings
        supernet = self._supernet = self._make()
        if self._start is not None:
            self._start(supernet)
        batch_size = self.bench.batch_size
        if settings.feed == "split":
            num_paths = supernet.space.num_paths
            batch_size = num_paths * max(1, batch_size // num_paths)
        num_steps = settings.mlp_epochs * steps_per_epoch(self.train.num_examples, batch_size)
        with PhaseProgress("Training the MLP supernet", 1.0) as bar:

            def after_epoch(progress: Progress) -> bool:
                bar.update(progress.fraction, f"loss {progress.loss:.4f}")
                return False

            phases.train_phase(
                self.run,
                _SUPERNET,
                self.bench.trainer(supernet, settings.mlp_learning_rate, num_steps),
                self.train,
                Phase(
                    epochs=settings.mlp_epochs,
                    batch_size=batch_size,
                    learning_rate=settings.mlp_learning_rate,
                    time_limit=self.clock.training_limit(_SUPERNET, "mlp"),
                    seed=self.bench.seed,
                ),
                on_epoch=after_epoch,
                on_step=lambda: self.clock.keep("mlp"),
            )
        phases.save_weights(self.run, _WEIGHTS, supernet)
        self.clock.finish("mlp")
        self.run.remove_checkpoint(_SUPERNET)

    def _score(self) -> None:
        supernet = self.supernet()
        space = supernet.space
        rows = min(self.settings.mlp_scoring_rows, self.validation.num_examples)
        fitness = FITNESS[self.settings.fitness]
        scorer = PathScorer(
            supernet,
            self.validation.limit(rows, seed=self.bench.seed),
            fitness=fitness,
            calibrate=self.settings.calibration == "platt",
        )

        def score_group(index: int) -> list[dict[str, Any]]:
            group = space.sample_group(np.random.default_rng([self.bench.seed, index]))
            return [
                {
                    "kind": RANDOM,
                    "group": index,
                    "path": path,
                    "score": score.value,
                    "standard_error": score.standard_error,
                    "rows": scorer.num_rows,
                    "architecture": self.architecture_of(mlp).to_dict(),
                }
                for path, (mlp, score) in enumerate(
                    zip(space.decode(group), scorer(group), strict=True)
                )
            ]

        score_groups(
            self.clock,
            self.trials,
            score_group,
            phase="mlp_scoring",
            title="Scoring MLPs",
            text=fitness.text,
            kinds=(RANDOM,),
            num_groups=math.ceil(self.settings.num_mlps / space.num_paths),
            num_paths=space.num_paths,
        )
