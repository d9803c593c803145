"""Step 1 of task ctr: trains the supernet, scores sampled blocks, hands on the best."""

from __future__ import annotations

import dataclasses
import functools
import gc
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from amer_tf.architecture import Architecture, Block
from amer_tf.search import phases
from amer_tf.search.ctr_limits import CtrLimits
from amer_tf.search.ctr_recording import record_model
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.final_training import calibrated
from amer_tf.search.group_trials import GroupTrials, score_groups
from amer_tf.search.hybrid_behavior import HybridBehaviorSupernet
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.samplers import make_sampler
from amer_tf.search.spaces import BehaviorSpace, layer_candidates
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import RESCORED, TrialLog
from amer_tf.search.workbench import STEPS_FOR_XLA
from amer_tf.training.fit import Phase, Progress, steps_per_epoch
from amer_tf.training.fitness import FITNESS
from amer_tf.training.path_scoring import PathScorer

PHASE, SCORING, RESCORING = "behavior", "behavior_scoring", "behavior_rescoring"
KINDS = " behavior"
_SUPERNET, _WEIGHTS = "behavior_supernet", "behavior_supernet_weights"
# Of epochs that are as good, up to this part of the score, the last ranks paths best.
_AS_GOOD = 0.002
# States of all paths for a whole batch at once: more do not fit into a CPU's cache.
_SCORING_BATCH = 256


class CtrBehaviorSearch:
    """The phases of step 1 (paper, section 2.3), each of which goes on where it was killed.

    Args:
        bench: How models are built, trained and scored.
        clock: Deadlines.
        trials: Where the scores are written and read.
        train: Training split.
        validation: Validation split.
        limits: What blocks may have, and leave to the later steps.
    """

    def __init__(
        self,
        bench: CtrWorkbench,
        clock: PhaseClock,
        trials: TrialLog,
        train: Any,
        validation: Any,
        limits: CtrLimits,
    ) -> None:
        self.bench = bench
        self.run: RunFolder = bench.run
        self.settings = bench.settings
        self.clock = clock
        self.trials = trials
        self.limits = limits
        self.train = train
        self.validation = validation
        self.space = BehaviorSpace(
            num_blocks=self.settings.num_blocks, layers=layer_candidates(bench.spec)
        )
        self._num_groups = math.ceil(self.settings.num_behaviors / self.space.num_paths)
        self.groups = GroupTrials(
            trials,
            make_sampler(self.settings.sampler, self.space, bench.seed, self._num_groups),
            KINDS,
            lambda architecture: not limits.is_too_large(architecture),
        )
        self._supernet: HybridBehaviorSupernet | None = None

    def search(self) -> list[tuple[Block, ...]]:
        """Runs the phases that are not done yet; gives the finalists' blocks, the best first."""
        for phase, run_phase in ((PHASE, self._train), (SCORING, self._score)):
            if not self.run.phases().get(phase, {}).get("done"):
                self.clock.deadline(phase)
                run_phase()
        chosen = self.limits.stacks(self.groups.ranked(), self.settings.num_rescored)
        if not self.run.phases().get(RESCORING, {}).get("done"):
            self.clock.deadline(RESCORING)
            self._score_again(chosen)
        self.rest()
        known = {self.architecture_of(blocks).to_json() for blocks in chosen}
        scored = self.trials.ranked("inherited", RESCORED)
        ranked = [each for each in scored if each.to_json() in known]
        # Where none could be scored again, by the scores that they have.
        best = [each.blocks for each in ranked] or chosen
        return best[: self.settings.num_finalists]

    def architecture_of(self, blocks: tuple[Block, ...]) -> Architecture:
        """The model of step 1: blocks, the predefined MLP, and no interactions."""
        return dataclasses.replace(self.bench.frame, blocks=blocks)

    def inherited(self, architecture: Architecture) -> keras.Model:
        """The model of an architecture with the predefined MLP and the weights of the supernet."""
        model = self.bench.build(architecture)
        self.supernet().inherit(model, architecture)
        return model

    def supernet(self) -> HybridBehaviorSupernet:
        """The trained supernet."""
        if self._supernet is None:
            supernet = self._make()
            if phases.load_weights(self.run, _WEIGHTS, supernet):
                self._supernet = supernet
            else:  # deleted, as the message on a damaged one says
                self._train()
        assert self._supernet is not None
        return self._supernet

    def rest(self) -> None:
        """Frees the supernet's memory until it is asked for again."""
        self._supernet = None
        gc.collect()

    def forget(self) -> None:
        """Frees the supernet's memory and disk once no model inherits from it any more."""
        self.rest()
        self.run.remove_checkpoint(_WEIGHTS)

    # Supernet -----------------------------------------------------------------------------------

    def _make(self) -> HybridBehaviorSupernet:
        settings = self.settings
        keras.utils.set_random_seed(self.bench.seed)
        return HybridBehaviorSupernet(
            self.bench.spec,
            self.space,
            hidden_units=settings.hidden_units,
            shortcut=settings.shortcut,
            history_match=self.bench.history_match,
            embedding_dim=settings.embedding_dim,
            dropout=settings.dropout,
            l2=settings.l2,
            feed=settings.feed,
            seed=self.bench.seed,
        )

    def _train(self) -> None:
        settings, num_paths = self.settings, self.space.num_paths
        supernet = self._supernet = self._make()
        batch_size = self.bench.batch_size
        if settings.feed == "split":
            batch_size = num_paths * max(1, batch_size // num_paths)
        num_steps = settings.behavior_epochs * steps_per_epoch(self.train.num_examples, batch_size)
        scorer = self._scorer(settings.behavior_convergence_rows, settings.behavior_epochs)
        curve: list[float] = self.run.phases().get(PHASE, {}).get("curve", [])
        text = FITNESS[settings.fitness].text

        def after_epoch(progress: Progress) -> bool:
            del curve[progress.epoch - 1 :]  # what a killed attempt had scored after its checkpoint
            mean = float(np.mean([score.value for score in scorer(self.groups.propose(0))]))
            curve.append(mean)
            best = max(curve)
            if mean >= best - _AS_GOOD * abs(best):
                phases.save_weights(self.run, _WEIGHTS, supernet)
            self.run.record_phase(PHASE, curve=list(curve), **self.clock.now())
            bar.update(progress.fraction, f"loss {progress.loss:.4f}, paths have {text(mean)}")
            # The schedule ends the phase; the best epoch is kept.
            return False

        with PhaseProgress("Training the behaviour supernet", 1.0) as bar:
            phases.train_phase(
                self.run,
                _SUPERNET,
                self.bench.trainer(supernet, settings.behavior_learning_rate, num_steps),
                self.train,
                Phase(
                    epochs=settings.behavior_epochs,
                    batch_size=batch_size,
                    learning_rate=settings.behavior_learning_rate,
                    time_limit=self.clock.training_limit(_SUPERNET, PHASE),
                    seed=self.bench.seed,
                ),
                on_epoch=after_epoch,
                on_step=lambda: self.clock.keep(PHASE),
            )
        phases.load_weights(self.run, _WEIGHTS, supernet)
        self.clock.finish(PHASE)
        self.run.remove_checkpoint(_SUPERNET)

    # Scoring ------------------------------------------------------------------------------------

    def _scorer(self, rows: int, num_groups: int) -> PathScorer:
        """What scores groups, compiled by XLA where there are many calls to make."""
        rows = min(rows, self.validation.num_examples)
        calls = num_groups * math.ceil(rows / _SCORING_BATCH)
        return PathScorer(
            self.supernet(),
            self.validation.limit(rows, seed=self.bench.seed),
            fitness=FITNESS[self.settings.fitness],
            batch_rows=_SCORING_BATCH,
            calibrate=self.settings.calibration == "platt",
            jit_compile=calls >= STEPS_FOR_XLA,
        )

    def _score(self) -> None:
        scorer = self._scorer(self.settings.behavior_scoring_rows, self._num_groups)

        def score_group(index: int) -> list[dict[str, Any]]:
            group = self.groups.propose(index)
            architectures = [self.architecture_of(each.blocks) for each in self.space.decode(group)]
            return self.groups.of_group(index, architectures, scorer(group), rows=scorer.num_rows)

        score_groups(
            self.clock,
            self.trials,
            score_group,
            phase=SCORING,
            title="Scoring blocks",
            text=FITNESS[self.settings.fitness].text,
            kinds=self.groups.kinds,
            num_groups=self._num_groups,
            num_paths=self.space.num_paths,
        )

    def _score_again(self, chosen: Sequence[tuple[Block, ...]]) -> None:
        with PhaseProgress("Scoring the best blocks again", len(chosen)) as bar:
            for index, architecture in enumerate(map(self.architecture_of, chosen)):
                # Admitted beside a smaller MLP than it has here, it may be no result itself.
                is_admitted = self.limits.admission.admits(architecture)
                record_model(
                    self.bench,
                    self.trials,
                    "inherited" if is_admitted else RESCORED,
                    architecture,
                    functools.partial(self._calibrated, architecture),
                    self.validation,
                )
                bar.update(index + 1)
                self.run.record_phase(RESCORING, **self.clock.now())
                if index + 1 >= self.settings.num_finalists and self.clock.is_over(RESCORING):
                    break
        self.clock.finish(RESCORING)

    def _calibrated(self, architecture: Architecture) -> keras.Model:
        return calibrated(self.bench, self.inherited(architecture), self.validation)
