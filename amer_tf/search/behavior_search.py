"""Step 1: trains the supernet, scores sampled architectures, hands on the finalists."""

from __future__ import annotations

import gc
import math
from typing import Any

import keras
import numpy as np

from amer_tf.architecture import Architecture, Block
from amer_tf.search import phases
from amer_tf.search.admission import Admission
from amer_tf.search.behavior import BehaviorSupernet
from amer_tf.search.budget import Budget
from amer_tf.search.finalists import Finalists
from amer_tf.search.group_trials import GroupTrials, score_groups
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.samplers import make_sampler
from amer_tf.search.spaces import BehaviorSpace
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog
from amer_tf.search.workbench import Workbench
from amer_tf.training.fit import Phase, Progress
from amer_tf.training.group_scoring import Compiled, GroupScorer

# What each phase may use of a time limit.
PHASE_SHARES = {
    "supernet": 0.30,
    "scoring": 0.06,
    "rescoring": 0.03,
    "finetuning": 0.03,
    "scratch": 0.40,
    "final": 0.02,
    "references": 0.16,
}
_SUPERNET = "supernet"
_BEST_SUPERNET = "supernet_best"
_AS_GOOD = 0.98
_SKIPPED = Block("none", "zero", "identity")


class BehaviorSearch:
    """The phases of step 1 (paper, section 2.3), each of which goes on where it was killed.

    Args:
        bench: How derived models are built, trained and scored.
        budget: The time that is left.
        train: Training split.
        validation: Validation split.
    """

    def __init__(self, bench: Workbench, budget: Budget, train: Any, validation: Any) -> None:
        self.bench = bench
        self.run: RunFolder = bench.run
        self.settings = bench.settings
        self.clock = PhaseClock(bench.run, budget)
        self.trials = TrialLog(bench.run)
        self.admission = Admission(
            bench.spec, self.trials, bench.limits, self._build_unregularised, self.clock
        )
        self.finalists = Finalists(bench, self.clock, self.trials, train, validation)
        self.train = train
        self.validation = validation
        self.space = BehaviorSpace(
            num_blocks=self.settings.num_blocks,
            causal=self.settings.training == "every_position",
        )
        self._num_groups = math.ceil(self.settings.num_architectures / self.space.num_paths)
        self.groups = GroupTrials(
            self.trials,
            make_sampler(self.settings.sampler, self.space, bench.seed, self._num_groups),
            may_breed=lambda architecture: not self.admission.is_too_large(architecture),
        )
        self._supernet: BehaviorSupernet | None = None
        self._compiled: Compiled | None = None

    def search(self) -> Architecture:
        """Runs all phases that are not done yet; the best model stands in the run folder."""
        for phase, run_phase in (
            ("supernet", self._train_supernet),
            ("scoring", self._score_architectures),
            ("rescoring", self._score_again),
            ("finetuning", self._fine_tune),
            ("scratch", self.finalists.train_from_scratch),
            ("final", self.finalists.train_best_longer),
        ):
            if not self.run.phases().get(phase, {}).get("done"):
                # The settings may leave a phase nothing to do, and then it has no share. What is
                # scored again is chosen first, which may take a while.
                if phase in self.clock.budget.shares and phase != "rescoring":
                    self.clock.deadline(phase)
                run_phase()
        return Architecture.from_dict(self.trials.best()["architecture"])

    def require(self) -> None:
        """Raises where no model of the search can be within the limits.

        Raises:
            RunError: It says which limit, and how small and fast a model can be.
        """
        self.admission.require(self._smallest)

    def require_size(self) -> None:
        """Raises where no model of the search can have as few parameters as it may have.

        Raises:
            RunError: It says how small a model can be.
        """
        self.admission.require_size(self._smallest)

    @property
    def _smallest(self) -> Architecture:
        """All blocks skipped: what there is where nothing that was sampled is within the limits."""
        return Architecture(blocks=(_SKIPPED,) * self.space.num_blocks, causal=self.space.causal)

    # Supernet -----------------------------------------------------------------------------------

    def _make_supernet(self) -> BehaviorSupernet:
        keras.utils.set_random_seed(self.bench.seed)
        return BehaviorSupernet(
            self.bench.spec,
            self.space,
            embedding_dim=self.settings.embedding_dim,
            dropout=self.settings.supernet_dropout,
            drop_event=self.bench.drop_event,
            l2=self.settings.l2,
            catalog=self.bench.catalog,
            feed=self.settings.feed,
            seed=self.bench.seed,
        )

    def _train_supernet(self) -> None:
        settings, space = self.settings, self.space
        supernet = self._supernet = self._make_supernet()
        trainer = self.bench.trainer(supernet, settings.supernet_learning_rate)
        batch_size = min(settings.batch_size, self.train.num_examples)
        if settings.feed == "split":
            batch_size = space.num_paths * max(1, batch_size // space.num_paths)
        scorer = self._scorer(supernet, settings.convergence_users)
        curve: list[float] = self.run.phases().get("supernet", {}).get("curve", [])
        limit = self.clock.training_limit(_SUPERNET, "supernet")

        def after_epoch(progress: Progress) -> bool:
            del curve[progress.epoch - 1 :]  # what a killed attempt had scored after its checkpoint
            mean = float(np.mean([score.value for score in scorer(self.groups.propose(0))]))
            curve.append(mean)
            # Of epochs that are as good, the later ranks paths better: its rate is lower.
            if mean >= _AS_GOOD * max(curve):
                phases.save_weights(self.run, _BEST_SUPERNET, supernet)
            self.run.record_phase("supernet", curve=list(curve), **self.clock.now())
            bar.update(progress.fraction, f"mean {self.bench.metric} of paths {mean:.4f}")
            # The schedule ends the phase; this ends it when more training makes all paths worse.
            return len(curve) - int(np.argmax(curve)) > settings.patience

        with PhaseProgress("Training the supernet", 1.0) as bar:
            progress = phases.train_phase(
                self.run,
                _SUPERNET,
                trainer,
                self.train,
                Phase(
                    epochs=settings.supernet_epochs,
                    batch_size=batch_size,
                    learning_rate=settings.supernet_learning_rate,
                    time_limit=limit,
                    seed=self.bench.seed,
                ),
                on_epoch=after_epoch,
                on_step=lambda: self.clock.keep("supernet"),
                options=self.bench.data_options(settings.training),
            )
        phases.load_weights(self.run, _BEST_SUPERNET, supernet)
        self.clock.finish(
            "supernet",
            epochs=progress.epoch,
            steps=progress.step,
            seconds_per_epoch=progress.seconds / progress.epoch,
        )
        self.run.remove_checkpoint(_SUPERNET)

    def supernet(self) -> BehaviorSupernet:
        """The supernet with the weights of its best epoch."""
        if self._supernet is None:
            supernet = self._make_supernet()
            if phases.load_weights(self.run, _BEST_SUPERNET, supernet):
                self._supernet = supernet
            else:  # deleted, as the message on a damaged one says
                self._train_supernet()
        assert self._supernet is not None
        return self._supernet

    def _scorer(self, supernet: BehaviorSupernet, num_users: int) -> GroupScorer:
        split = self.validation
        if num_users < split.num_examples:
            split = split.limit(num_users, seed=self.bench.seed)
        scorer = GroupScorer(
            supernet,
            split,
            metric=self.bench.metric,
            num_negatives=self.settings.validation_negatives,
            seed=self.bench.seed,
            compiled=self._compiled,
        )
        self._compiled = scorer.compiled
        return scorer

    # Scoring ------------------------------------------------------------------------------------

    def _score_architectures(self) -> None:
        scorer = self._scorer(self.supernet(), self.settings.scoring_users)

        def score_group(index: int) -> list[dict[str, Any]]:
            group = self.groups.propose(index)
            return self.groups.of_group(
                index, self.space.decode(group), scorer(group), users=scorer.num_users
            )

        score_groups(
            self.clock,
            self.trials,
            score_group,
            phase="scoring",
            title="Scoring architectures",
            text=lambda score: f"{self.bench.metric} {score:.4f}",
            kinds=self.groups.kinds,
            num_groups=self._num_groups,
            num_paths=self.space.num_paths,
        )

    def _score_again(self) -> None:
        ranked = self.groups.ranked()
        admitted = self.admission.within(ranked, self.settings.num_rescored)
        self.admission.note_ranking("blocks", "stacks of blocks", ranked, admitted)
        chosen = admitted or [self._smallest]
        self.clock.deadline("rescoring")
        with PhaseProgress("Scoring the best again", len(chosen)) as bar:
            for index, architecture in enumerate(chosen):
                start = self.clock.budget.used
                if not self.trials.has("inherited", architecture):
                    self.finalists.record("inherited", architecture, self._inherited)
                    seconds = self.clock.budget.used - start
                    self.run.record_phase("rescoring", seconds_per_model=seconds)
                bar.update(index + 1, self.finalists.best_note())
                self.run.record_phase("rescoring", **self.clock.now())
                if index + 1 >= self.settings.num_finalists and self.clock.is_over("rescoring"):
                    break
        self.clock.finish("rescoring")

    def _inherited(self, architecture: Architecture) -> keras.Model:
        model = self._build_unregularised(architecture)
        self.supernet().inherit(model, architecture)
        return model

    def _build_unregularised(self, architecture: Architecture) -> keras.Model:
        return self.bench.build(architecture, regularised=False)

    def _fine_tune(self) -> None:
        self.finalists.fine_tune(self._inherited)
        self.run.remove_checkpoint(_BEST_SUPERNET)
        self._supernet = self._compiled = None
        gc.collect()
