"""What a search of task next_item consists of: its steps, checks, phases and references."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec
from amer_tf.models import components
from amer_tf.search import references, settings
from amer_tf.search.admission import NO_LIMITS, Limits
from amer_tf.search.audit import SEED_OFFSET, AuditClock, audit, final_epochs
from amer_tf.search.audit_plan import Entry, make_plan
from amer_tf.search.behavior_search import PHASE_SHARES, BehaviorSearch
from amer_tf.search.budget import Budget, without
from amer_tf.search.finalists import train_alone
from amer_tf.search.latencies import FOUND, measure_systems
from amer_tf.search.memory_check import require_memory
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.run_result import load_model
from amer_tf.search.settings import Settings
from amer_tf.search.spaces import MOST_HEADS, check_heads
from amer_tf.search.state import MODEL_FILE, RunFolder
from amer_tf.search.trials import TrialLog
from amer_tf.search.workbench import Workbench
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.fit import TrainingError

METRIC = "ndcg@5"
STEPS = ("behavior",)

_log = logging.getLogger(__name__)


class NextItemProgram:
    """Searches, trains and compares for task next_item.

    Args:
        run: The run folder.
        spec: What the model reads and predicts.
        settings: Sizes and rates.
        seed: Seed of every random choice.
        steps: Of `STEPS`.
        limits: What the found model may not exceed.
        options: Of a run of one hand-made system: what it has beside the settings.
    """

    preset = staticmethod(settings.preset)

    def __init__(
        self,
        run: RunFolder,
        spec: FeatureSpec,
        settings: Settings,
        seed: int,
        steps: Sequence[str] = STEPS,
        limits: Limits = NO_LIMITS,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.limits = limits
        self.options = options
        self.run = run
        self.spec = spec
        self.settings = settings
        self.seed = seed

    @property
    def shares(self) -> Mapping[str, float]:
        """What each phase of this run gets of a time limit, in parts of their sum."""
        absent = set()
        if not self.settings.finetune_epochs:
            absent.add("finetuning")
        if not self.settings.final_epochs:
            absent.add("final")
        if not self._trained_networks:
            absent.add("references")
        return without(PHASE_SHARES, absent)

    @staticmethod
    def possible_steps(spec: FeatureSpec) -> tuple[str, ...]:
        """The steps that can be searched for a spec."""
        return STEPS

    @staticmethod
    def num_scored(spec: FeatureSpec, settings: Settings, steps: Sequence[str] = STEPS) -> int:
        """How many architectures the step has scored."""
        return settings.num_architectures

    @staticmethod
    def check(
        spec: FeatureSpec,
        settings: Settings,
        steps: Sequence[str] = STEPS,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Raises where spec and settings do not fit each other."""
        require_memory(spec, settings.embedding_dim)
        check_heads(spec, settings.embedding_dim, options.get("num_heads", MOST_HEADS))

    def require_size(self) -> None:
        """Raises where no model can have as few parameters as it may have; writes nothing."""
        # What is known of the items is not at hand, and only its shape counts.
        catalog = np.zeros(components.catalog_shape(self.spec), "int32")
        BehaviorSearch(self._bench(None, catalog), Budget(None, {}), None, None).require_size()

    def work(
        self, budget: Budget, train: Any, validation: Any, catalog: Any
    ) -> tuple[Architecture, dict[str, Any]]:
        """Runs what is not done yet; gives what was found and its validation metrics."""
        search = self._search(budget, train, validation, catalog)
        search.require()
        # EASE takes much memory for a moment: before anything else does.
        self._compare(self._closed_forms, search, "closed_forms")
        architecture = search.search()
        self._compare(self._networks, search, "references")
        if self.limits.max_latency_ms is not None:
            measure_systems(search.clock, search.trials, self.spec, architecture, self._load)
        return architecture, search.trials.best()["metrics"]

    def _load(self, name: str) -> Any:
        load = functools.partial(load_model, self.run)
        return load(MODEL_FILE) if name == FOUND else references.load(name, load)

    def work_references(
        self, budget: Budget, train: Any, validation: Any, catalog: Any = None
    ) -> None:
        """Trains and scores the references that are not done yet, and nothing else."""
        search = self._search(budget, train, validation, catalog)
        for name in self._closed_forms:
            references.save_fitted(self.run, name, self.spec, train, validation)
        self._compare(self._closed_forms, search, "closed_forms")
        self._compare(self._networks, search, "references")

    @property
    def _closed_forms(self) -> list[str]:
        return [name for name in self.settings.references if name in references.CLOSED_FORMS]

    @property
    def _networks(self) -> list[str]:
        return [name for name in self.settings.references if name in references.NETWORKS]

    @property
    def _trained_networks(self) -> list[str]:
        """Those that can read the data."""
        return [name for name in self._networks if not references.why_left_out(name, self.spec)]

    def _search(self, budget: Budget, train: Any, validation: Any, catalog: Any) -> BehaviorSearch:
        return BehaviorSearch(self._bench(train, catalog), budget, train, validation)

    def audit(
        self,
        budget: Budget,
        train: Any,
        validation: Any,
        catalog: Any,
        found: Architecture,
        number: int,
    ) -> None:
        """Trains architectures alone, as the finalists were; see `audit`."""
        bench, clock = self._bench(train, catalog), AuditClock(self.run, budget)
        trials = TrialLog(self.run)
        epochs = final_epochs(self.run.phases(), self.settings.scratch_epochs)
        trainer = dataclasses.replace(bench, seed=self.seed + SEED_OFFSET)

        def trained(entry: Entry, title: str) -> keras.Model:
            return train_alone(
                trainer,
                clock,
                entry.name,
                lambda: bench.build(entry.architecture, regularised=True),
                train,
                epochs=epochs,
                learning_rate=self.settings.learning_rate,
                time_limit=None,
                title=title,
            )

        audit(
            clock,
            trials,
            make_plan(trials, STEPS, found, Architecture(), number, self.seed),
            number,
            trained,
            lambda model: bench.score(model, validation),
            metric=METRIC,
            measured_by=METRIC,
        )

    def _bench(self, train: Any, catalog: Any) -> Workbench:
        return Workbench(
            run=self.run,
            spec=self.spec,
            settings=self.settings,
            seed=self.seed,
            metric=METRIC,
            catalog=catalog if catalog is not None else getattr(train, "catalog", None),
            limits=self.limits,
        )

    def _compare(self, names: Sequence[str], search: BehaviorSearch, phase: str) -> None:
        """Scores references on the validation split, each once; `phase` records the time."""
        missing = set(names) - {trial.get("name") for trial in self.run.trials()}
        if not missing:
            return
        with PhaseProgress("Scoring the references", len(names)) as bar:
            for index, name in enumerate(names):
                reason = references.why_left_out(name, self.spec)
                if reason is None and name in references.NETWORKS:
                    reason = self._why_too_late(name, search)
                if reason is not None:
                    _log.warning("%s is left out: %s.", name, reason)
                elif name in missing:
                    try:
                        self._score_reference(name, search)
                    except (TrainingError, EvaluationError) as error:
                        search.trials.add_failure("reference", error, name=name)
                self.run.record_phase(phase, **search.clock.now())
                bar.update(index + 1, name)

    def _why_too_late(self, name: str, search: BehaviorSearch) -> str | None:
        search.clock.deadline("references")
        if search.clock.too_late(name, "references"):
            return "the search has used up the time limit"
        return None

    def _num_left(self, name: str) -> int:
        """Networks that share the time that is left, this one among them."""
        return len(self._trained_networks) - self._trained_networks.index(name)

    def _score_reference(self, name: str, search: BehaviorSearch) -> None:
        bench, parameters = search.bench, None
        if name in references.NETWORKS:
            model = references.train_network(
                bench,
                name,
                search.train,
                epochs=self.settings.final_epochs or self.settings.scratch_epochs,
                time_limit=search.clock.training_limit(name, "references", self._num_left(name)),
                on_step=lambda: search.clock.keep("references"),
                options=self.options,
            )
            metrics = bench.score(model, search.validation)
            parameters = int(model.count_params())
            with self.run.staged(references.REFERENCE_FILE.format(name=name)) as file:
                model.save(file)
        else:
            metrics = references.score_closed_form(bench, name, search.train, search.validation)
        self.run.append_trials(
            [
                {
                    "kind": "reference",
                    "name": name,
                    "score": metrics[METRIC],
                    "standard_error": metrics["standard_errors"][METRIC],
                    "users": metrics["count"],
                    "parameters": parameters,
                    "metrics": metrics,
                }
            ]
        )
