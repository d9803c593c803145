"""Steps 2 and 3 one after another, and the final training of what they found."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.search.budget import Budget
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.final_training import train_final
from amer_tf.search.interaction_search import InteractionSearch
from amer_tf.search.mlp_search import MlpSearch
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.prior_search import choose_prior
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.trials import TrialLog
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.fit import TrainingError

STEPS = ("interaction", "mlp")
METRIC = "auc"
# What each phase may use of a time limit.
PHASE_SHARES = {
    "prior": 0.05,
    "interaction": 0.35,
    "mlp": 0.12,
    "mlp_scoring": 0.04,
    "rescoring": 0.04,
    "finetuning": 0.10,
    "scratch": 0.20,
    "references": 0.10,
}


class CtrSearch:
    """All phases of a search of task ctr, each of which goes on where it was killed.

    Args:
        bench: How models are built, trained and scored; the prior is chosen first.
        budget: The time that is left.
        train: Training split.
        validation: Validation split.
        steps: Which of `STEPS` to search; the predefined MLP stands in for step 3, no interaction
            for step 2.
    """

    def __init__(
        self,
        bench: CtrWorkbench,
        budget: Budget,
        train: Any,
        validation: Any,
        steps: Sequence[str] = STEPS,
    ) -> None:
        self.bench = bench
        self.run = bench.run
        self.settings = bench.settings
        self.clock = PhaseClock(bench.run, budget)
        self.trials = TrialLog(bench.run)
        self.train = train
        self.validation = validation
        self.steps = tuple(steps)

    def search(self) -> Architecture:
        """Runs all phases that are not done yet; the best model stands in the run folder."""
        self.bench = choose_prior(self.bench, self.clock, self.trials, self.train, self.validation)
        interactions: Sequence[tuple[str, ...]] = ()
        if "interaction" in self.steps:
            interactions = InteractionSearch(
                self.bench, self.clock, self.trials, self.train, self.validation
            ).search()
        predefined = Architecture(
            interactions=tuple(interactions),
            mlp=self.bench.predefined_mlp,
            shortcut=self.settings.shortcut,
        )
        finalists = [predefined]
        if "mlp" in self.steps:
            found = self._search_mlp(predefined)
            # The predefined MLP is what the found one must be better than.
            finalists = [found] if found == predefined else [found, predefined]
        self._train_from_scratch(finalists)
        return Architecture.from_dict(self.trials.best()["architecture"])

    def _search_mlp(self, predefined: Architecture) -> Architecture:
        """The architecture with the best MLP, whose inherited weights are scored and trained on."""
        search = MlpSearch(
            self.bench, self.clock, self.trials, self.train, self.validation, predefined
        )
        ranked = search.search()
        self._score_again(search, ranked[: self.settings.num_rescored])
        [best, *_] = self.trials.ranked("inherited") or [search.architecture_of(ranked[0])]
        self._train(
            "fine-tuned",
            best,
            lambda: search.inherited(best.mlp),
            self.settings.finetune_learning_rate,
        )
        self.clock.finish("finetuning")
        search.forget()
        return best

    def _score_again(self, search: MlpSearch, chosen: Sequence[tuple[HiddenLayer, ...]]) -> None:
        if self.run.phases().get("rescoring", {}).get("done"):
            return
        self.clock.deadline("rescoring")
        with PhaseProgress("Scoring the best again", len(chosen)) as bar:
            for index, mlp in enumerate(chosen):
                architecture = search.architecture_of(mlp)
                if not self.trials.has("inherited", architecture):
                    make = functools.partial(search.inherited, mlp)
                    self._record("inherited", architecture, make)
                bar.update(index + 1)
                self.run.record_phase("rescoring", **self.clock.now())
                if self.clock.is_over("rescoring"):
                    break
        self.clock.finish("rescoring")

    def _train_from_scratch(self, finalists: Sequence[Architecture]) -> None:
        """Trains and scores architectures, each with its part of the time."""
        for index, architecture in enumerate(finalists):
            self._train(
                "scratch",
                architecture,
                functools.partial(self.bench.build, architecture),
                self.settings.learning_rate,
                index,
                len(finalists) - index,
            )
        self.clock.finish("scratch")

    def _train(
        self,
        kind: str,
        architecture: Architecture,
        build: Callable[[], keras.Model],
        learning_rate: float,
        index: int = 0,
        parts: int = 1,
    ) -> None:
        """Trains an architecture to its end in one way, and scores it."""
        phase = {"fine-tuned": "finetuning"}.get(kind, kind)
        if not self.trials.has(kind, architecture):
            self.clock.deadline(phase)
            name = f"{phase}_{index}"

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
        try:
            model = make()
            metrics = self.bench.score(model, self.validation)
        except (TrainingError, MetricError) as error:
            self.trials.add_failure(kind, error, architecture=architecture.to_dict())
        else:
            self.trials.add_model(kind, architecture, model, metrics, METRIC)
