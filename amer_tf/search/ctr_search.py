"""The steps of task ctr one after another, and the final training of what they found."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.search import ctr_behavior_search, ctr_references
from amer_tf.search.budget import Budget, without
from amer_tf.search.ctr_behavior_search import CtrBehaviorSearch
from amer_tf.search.ctr_limits import CtrLimits
from amer_tf.search.ctr_recording import record_model
from amer_tf.search.ctr_tuning import FOUND, choose_number, choose_prior
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.final_training import calibrated, train_final
from amer_tf.search.interaction_search import InteractionSearch
from amer_tf.search.mlp import MlpSupernet
from amer_tf.search.mlp_search import MlpSearch
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.trials import TrialLog
from amer_tf.search.tuning import Tuner

_log = logging.getLogger(__name__)

STEPS = ("behavior", "interaction", "mlp")
PLAIN = ctr_references.PLAIN
# What each phase may use of a time limit.
PHASE_SHARES = {
    "prior": 0.05,
    "interaction": 0.28,
    "tuning": 0.05,
    "mlp": 0.10,
    "mlp_scoring": 0.03,
    "rescoring": 0.03,
    "finetuning": 0.07,
    "scratch": 0.17,
    "references": 0.22,
}
# The same with step 1, whose result has more models beside it.
HYBRID_PHASE_SHARES = {
    "prior": 0.05,
    ctr_behavior_search.PHASE: 0.20,
    ctr_behavior_search.SCORING: 0.05,
    ctr_behavior_search.RESCORING: 0.03,
    "interaction": 0.14,
    "tuning": 0.04,
    "mlp": 0.07,
    "mlp_scoring": 0.02,
    "rescoring": 0.02,
    "finetuning": 0.05,
    "scratch": 0.18,
    "references": 0.15,
}


def phase_shares(steps: Sequence[str], *, has_references: bool) -> dict[str, float]:
    """What each phase of a run gets of a time limit, in parts of their sum.

    Args:
        steps: Which of `STEPS` it searches.
        has_references: Whether hand-made systems are trained beside the result.
    """
    absent: set[str] = set()
    if "interaction" not in steps:
        absent |= {"interaction"}
    if "mlp" not in steps:
        absent |= {"mlp", "mlp_scoring", "rescoring"}
    # See `CtrSearch.search`: what was found before the MLP is tuned, what inherits is fine-tuned.
    if not {"behavior", "interaction"} & set(steps):
        absent |= {"tuning"}
    if not {"behavior", "mlp"} & set(steps):
        absent |= {"finetuning"}
    if not has_references:
        absent |= {"references"}
    return without(HYBRID_PHASE_SHARES if "behavior" in steps else PHASE_SHARES, absent)


class CtrSearch:
    """All phases of a search of task ctr, each of which goes on where it was killed.

    Args:
        bench: How models are built, trained and scored; priors are chosen here.
        budget: The time that is left.
        train: Training split.
        validation: Validation split.
        steps: Which of `STEPS` to search; the predefined MLP stands in for step 3, no interaction
            for step 2, pooling and attention over the raw behaviour for step 1.
    """

    def __init__(
        self,
        bench: CtrWorkbench,
        budget: Budget,
        train: Any,
        validation: Any,
        steps: Sequence[str] = STEPS[1:],
    ) -> None:
        self.bench = bench
        self.run = bench.run
        self.settings = bench.settings
        self.clock = PhaseClock(bench.run, budget)
        self.trials = TrialLog(bench.run)
        self.limits = CtrLimits(bench, self.clock, self.trials, steps)
        self.train = train
        self.validation = validation
        self.steps = tuple(steps)
        self.tuner = Tuner(self.clock, self.trials, train, validation)
        # With the prior of the plain network, from which that of others is looked for.
        self.plain_bench = bench

    def search(self) -> Architecture:
        """Runs all phases that are not done yet; the best model stands in the run folder.

        Raises:
            RunError: Where no model can be within the limits; nothing was trained then.
        """
        self.limits.require()
        self._choose_plain_prior()
        behavior: CtrBehaviorSearch | None = None
        stacks: list[tuple[Block, ...]] = [()]
        if "behavior" in self.steps:
            behavior = CtrBehaviorSearch(
                self.bench, self.clock, self.trials, self.train, self.validation, self.limits
            )
            stacks = behavior.search()
        interactions: Sequence[tuple[str, ...]] = ()
        if "interaction" in self.steps:
            interactions = InteractionSearch(
                self.bench, self.clock, self.trials, self.train, self.validation
            ).search()
        predefined = dataclasses.replace(self.bench.frame, interactions=tuple(interactions))
        predefined = self.limits.with_fewer_interactions(predefined, stacks)
        predefined = self.limits.with_fitting_mlp(predefined)
        trained = None
        if interactions or behavior is not None:
            predefined, trained = self._tune(predefined)
        found = self._use_inherited(predefined, behavior, stacks)
        # Without what each step has found: that is what it must be better than.
        finalists = [
            found,
            dataclasses.replace(found, blocks=()),
            dataclasses.replace(found, mlp=predefined.mlp),
            *(dataclasses.replace(found, blocks=blocks) for blocks in stacks[1:]),
        ]
        different = list({each.to_json(): each for each in finalists}.values())
        self._train_from_scratch(self.limits.finalists(different), {predefined.to_json(): trained})
        return Architecture.from_dict(self.trials.best()["architecture"])

    def _choose_plain_prior(self) -> None:
        """The prior of a plain DNN: that of step 2, and where the others' is looked for first."""
        self.clock.deadline("prior")
        self.bench = self.plain_bench = choose_prior(
            self.tuner,
            self.bench,
            PLAIN,
            lambda bench: ctr_references.build(bench, PLAIN),
            phase="prior",
            keep=PLAIN in self.settings.references,
        ).bench
        self.clock.finish("prior")

    def _tune(self, predefined: Architecture) -> tuple[Architecture, str | None]:
        """The prior of what was found, and how many of the interactions it takes.

        Returns: The architecture, and the name of its training where that was all.
        """
        self.clock.deadline("tuning")
        prior = choose_prior(
            self.tuner, self.bench, FOUND, lambda bench: bench.build(predefined), phase="tuning"
        )
        self.bench, loss = prior.bench, prior.answer and prior.answer.loss
        tuned, trained = choose_number(self.tuner, self.bench, FOUND, predefined, "tuning", loss)
        if tuned == predefined:
            trained = trained or prior.training
        elif prior.training is not None:
            self.run.remove_checkpoint(prior.training)
        self.clock.finish("tuning")
        return tuned, trained

    def _use_inherited(
        self,
        predefined: Architecture,
        behavior: CtrBehaviorSearch | None,
        stacks: Sequence[tuple[Block, ...]],
    ) -> Architecture:
        """Searches the MLP, and trains what was found on from the supernets' weights.

        Returns: The best MLP, where it is searched, with the first blocks that are within the
            limits.
        """
        search: MlpSearch | None = None
        if "mlp" not in self.steps:
            found = self.limits.with_blocks(predefined, stacks)
        else:
            start = None if behavior is None else functools.partial(_start, behavior)
            search = MlpSearch(
                self.bench,
                self.clock,
                self.trials,
                self.train,
                self.validation,
                predefined,
                start=start,
            )
            found = self._search_mlp(search, stacks)
        if search is not None or behavior is not None:
            inherited = functools.partial(self._combined, found, behavior, search)
            if behavior is not None:
                self._record(
                    "inherited",
                    found,
                    lambda: calibrated(self.bench, inherited(), self.validation),
                )
            if not self.clock.too_late("finetuning_0", "finetuning"):
                rate = self.settings.finetune_learning_rate
                self._train("fine-tuned", found, inherited, rate, "finetuning_0")
            self.clock.finish("finetuning")
        if search is not None:
            search.forget()
        if behavior is not None:
            behavior.forget()
        return found

    def _combined(
        self,
        found: Architecture,
        behavior: CtrBehaviorSearch | None,
        search: MlpSearch | None,
    ) -> keras.Model:
        """The model of what was found, each part with the weights of the supernet that found it.

        What reads the batch comes from step 3 where it was searched: there it started from step
        1's, so that blocks and MLP were trained on about the same embeddings.
        """
        model = self.bench.build(found)
        if search is None:
            assert behavior is not None
            behavior.supernet().inherit(model, found)
            return model
        search.supernet().inherit(model, found.mlp)
        if behavior is not None:
            behavior.supernet().inherit_blocks(model, found)
            behavior.rest()
        return model

    def _search_mlp(self, search: MlpSearch, stacks: Sequence[tuple[Block, ...]]) -> Architecture:
        """The best MLP by its inherited score, with the first blocks that leave room for one."""
        mlps = list(map(search.architecture_of, search.search()))
        blocks, ranked = self.limits.mlps(mlps, stacks, self.settings.num_rescored)
        self._score_again(search, ranked)
        known = [each for each in self.trials.ranked("inherited") if search.is_own(each)]
        best = known[0] if known else search.architecture_of(ranked[0])
        return dataclasses.replace(best, blocks=blocks)

    def _score_again(self, search: MlpSearch, chosen: Sequence[tuple[HiddenLayer, ...]]) -> None:
        if self.run.phases().get("rescoring", {}).get("done"):
            return
        self.clock.deadline("rescoring")
        with PhaseProgress("Scoring the best again", len(chosen)) as bar:
            for index, mlp in enumerate(chosen):
                architecture = search.architecture_of(mlp)
                self._record(
                    "inherited", architecture, functools.partial(self._inherited, search, mlp)
                )
                bar.update(index + 1)
                self.run.record_phase("rescoring", **self.clock.now())
                if self.clock.is_over("rescoring"):
                    break
        self.clock.finish("rescoring")

    def _inherited(self, search: MlpSearch, mlp: tuple[HiddenLayer, ...]) -> keras.Model:
        return calibrated(self.bench, search.inherited(mlp), self.validation)

    def _train_from_scratch(
        self, finalists: Sequence[Architecture], trained: Mapping[str, str | None]
    ) -> None:
        """Trains and scores architectures, each with its part of the time, at least the first.

        Half-trained ones would tell nothing, and take the time of the hand-made systems.

        Args:
            finalists: The architectures.
            trained: For some of them, as JSON, the name of a training that has done so already.
        """
        num_left_out = 0
        for index, architecture in enumerate(finalists):
            name = trained.get(architecture.to_json()) or f"scratch_{index}"
            is_open = not self.trials.has("scratch", architecture)
            if index and is_open and self.clock.too_late(name, "scratch"):
                num_left_out += 1
                continue
            self._train(
                "scratch",
                architecture,
                functools.partial(self.bench.build, architecture),
                self.settings.learning_rate,
                name,
                len(finalists) - index,
            )
        for name in filter(None, trained.values()):
            self.run.remove_checkpoint(name)
        if num_left_out:
            _log.warning(
                "%d of %d final trainings are left out: the time limit leaves none for them. With "
                "a longer one they would show what each step has gained.",
                num_left_out,
                len(finalists),
            )
        self.clock.finish("scratch", num_left_out=num_left_out)

    def _train(
        self,
        kind: str,
        architecture: Architecture,
        build: Callable[[], keras.Model],
        learning_rate: float,
        name: str,
        parts: int = 1,
    ) -> None:
        """Trains an architecture to its end in one way, and scores it."""
        phase = {"fine-tuned": "finetuning"}.get(kind, kind)
        if not self.trials.has(kind, architecture):
            self.clock.deadline(phase)

            def trained() -> keras.Model:
                return train_final(
                    self.bench,
                    self.clock,
                    name,
                    build,
                    self.train,
                    self.validation,
                    learning_rate=learning_rate,
                    time_limit=self.clock.training_limit(name, phase, parts),
                    title=f"Final training, {kind}",
                )

            self._record(kind, architecture, trained)
            self.run.remove_checkpoint(name)

    def _record(
        self, kind: str, architecture: Architecture, make: Callable[[], keras.Model]
    ) -> None:
        """Makes a model and scores it on the whole validation split; the best so far is kept."""
        record_model(self.bench, self.trials, kind, architecture, make, self.validation)


def _start(behavior: CtrBehaviorSearch, supernet: MlpSupernet) -> None:
    """What reads the batch starts from step 1's: the embeddings have one meaning in both."""
    behavior.supernet().start(supernet.stem)
    behavior.rest()
