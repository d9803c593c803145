"""What a search of task ctr consists of: its steps, checks, phases and references."""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras

from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec, SpecError
from amer_tf.models import aggregation
from amer_tf.models.boosted_trees import BoostedTrees
from amer_tf.search import ctr_references, ctr_settings
from amer_tf.search.admission import NO_LIMITS, Limits
from amer_tf.search.audit import SEED_OFFSET, AuditClock, audit, final_epochs
from amer_tf.search.audit_findings import cut_at
from amer_tf.search.audit_plan import Entry, make_plan
from amer_tf.search.budget import Budget
from amer_tf.search.ctr_limits import CtrLimits
from amer_tf.search.ctr_recording import METRIC
from amer_tf.search.ctr_search import STEPS, CtrSearch, phase_shares
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.ctr_tuning import choose_prior, chosen_prior
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.final_training import train_final
from amer_tf.search.latencies import FOUND, measure_systems
from amer_tf.search.memory_check import require_memory
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.reference_options import find_options
from amer_tf.search.run_result import load_model
from amer_tf.search.spaces import InteractionSpace, check_heads
from amer_tf.search.state import MODEL_FILE, RunFolder
from amer_tf.search.trials import TrialLog
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.fit import TrainingError
from amer_tf.training.platt_scaling import fit_platt_scaling

_log = logging.getLogger(__name__)


class CtrProgram:
    """Searches, trains and compares for task ctr.

    Args:
        run: The run folder.
        spec: What the model reads and predicts.
        settings: Sizes and rates.
        seed: Seed of every random choice.
        steps: Of `STEPS`.
        limits: What the found model may not exceed.
        options: Of a run of one hand-made system: what it has beside the settings.
    """

    preset = staticmethod(ctr_settings.preset)

    def __init__(
        self,
        run: RunFolder,
        spec: FeatureSpec,
        settings: CtrSettings,
        seed: int,
        steps: Sequence[str] = STEPS[1:],
        limits: Limits = NO_LIMITS,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.limits = limits
        self.options = options
        self.run = run
        self.spec = spec
        self.seed = seed
        self.steps = tuple(steps)
        if spec.with_role("behavior"):
            # One predefined MLP in all steps and systems, so that they can be compared, whatever
            # is searched, and so that a result without step 3 can take over the weights of step
            # 1's.
            settings = settings.replace(hidden_units=settings.behavior_units)
        self.settings = settings
        self.references = ctr_references.fitting(settings.references, spec)

    @property
    def shares(self) -> Mapping[str, float]:
        """What each phase of this run gets of a time limit, in parts of their sum."""
        return phase_shares(self.steps, has_references=bool(self.references))

    @staticmethod
    def possible_steps(spec: FeatureSpec) -> tuple[str, ...]:
        """The steps that can be searched for a spec: the first reads a behaviour."""
        return STEPS if spec.with_role("behavior") else STEPS[1:]

    @staticmethod
    def num_scored(
        spec: FeatureSpec, settings: CtrSettings, steps: Sequence[str] = STEPS[1:]
    ) -> int:
        """How many architectures each step scores that an audit may look into.

        Of interactions there may be too few, which the audit of several steps passes over; they
        count where nothing else is searched.
        """
        numbers = {"behavior": settings.num_behaviors, "mlp": settings.num_mlps}
        known = [numbers[step] for step in steps if step in numbers]
        if known:
            return min(known)
        fields = aggregation.interaction_fields(spec)
        number = InteractionSpace(fields, settings.max_order or None).count(settings.rounds)
        return min(number, settings.num_screened or number)

    @staticmethod
    def check(
        spec: FeatureSpec,
        settings: CtrSettings,
        steps: Sequence[str] = STEPS[1:],
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Raises where a step has nothing to search, a package is missing, or memory too small."""
        ctr_references.check(settings, spec, options)
        crossed = ctr_references.num_crossed(settings, spec)
        require_memory(spec, settings.embedding_dim, crossed)
        fields = aggregation.interaction_fields(spec)
        # A hand-made system alone may read numbers alone: `why_left_out` says which may not.
        if steps and not fields:
            raise SpecError(
                "A search of task ctr needs a categorical or a multi-valued field. "
                f"Received: {[field.name for field in spec.fields]}, all of them numeric"
            )
        if "interaction" in steps:
            InteractionSpace(fields, settings.max_order or None)
        if "behavior" in steps:
            _ = spec.history_field
            check_heads(spec, settings.embedding_dim)

    def require_size(self) -> None:
        """Raises where no model can have as few parameters as it may have; writes nothing."""
        clock, trials = PhaseClock(self.run, Budget(None, {})), TrialLog(self.run)
        CtrLimits(self._bench(), clock, trials, self.steps).require_size()

    def work(
        self, budget: Budget, train: Any, validation: Any, catalog: Any = None
    ) -> tuple[Architecture, dict[str, Any]]:
        """Runs what is not done yet; gives what was found and its validation metrics."""
        search = self._search(budget, train, validation)
        architecture = search.search()
        self._compare(search, may_leave_out=True)
        if self.limits.max_latency_ms is not None:
            measure_systems(search.clock, search.trials, self.spec, architecture, self._load)
        return architecture, search.trials.best()["metrics"]

    def work_references(
        self, budget: Budget, train: Any, validation: Any, catalog: Any = None
    ) -> None:
        """Trains and scores the references that are not done yet, and nothing else."""
        self._compare(self._search(budget, train, validation))

    def _load(self, name: str) -> Any:
        load = functools.partial(load_model, self.run)
        if name == FOUND:
            return load(MODEL_FILE)
        return ctr_references.load(self.run, name, self.spec, load)

    def _search(self, budget: Budget, train: Any, validation: Any) -> CtrSearch:
        return CtrSearch(self._bench(train.num_examples), budget, train, validation, self.steps)

    def _compare(self, search: CtrSearch, *, may_leave_out: bool = False) -> None:
        """Scores references on the validation split, each once.

        Args:
            search: What trained the result.
            may_leave_out: Whether those are left out that the time limit leaves no time for. Trees
                come first, which need the least.
        """
        known = {trial.get("name") for trial in self.run.trials()}
        names = sorted(self.references, key=lambda name: name != ctr_references.TREES)
        left_out = []
        for index, name in enumerate(names):
            left = names[index:]
            if name not in known:
                search.clock.deadline("references")
                if may_leave_out and search.clock.too_late(_training_of(name), "references"):
                    _log.warning("%s is left out: the search has used up the time limit.", name)
                    left_out.append(name)
                    continue
                self._score_reference(name, search, 2 * len(left) - (ctr_references.TREES in left))
            self.run.record_phase("references", **search.clock.now())
        if left_out:
            self.run.record_phase("references", left_out=left_out)
        phases = self.run.phases()
        cut = {name: cut_at(phases, name) for name in names}
        short = [f"{name} after {number}" for name, number in cut.items() if number is not None]
        if short:
            _log.warning(
                "The time limit ended trainings of systems made by hand (epochs, or trees): %s. "
                "Trained to their end they may be better.",
                ", ".join(short),
            )

    def audit(
        self,
        budget: Budget,
        train: Any,
        validation: Any,
        catalog: Any,
        found: Architecture,
        number: int,
    ) -> None:
        """Trains architectures alone, as the result was; see `audit`."""
        clock, trials = AuditClock(self.run, budget), TrialLog(self.run)
        bench = chosen_prior(self._bench(train.num_examples), trials)
        epochs = final_epochs(self.run.phases(), self.settings.final_epochs)
        trainer = dataclasses.replace(
            bench,
            seed=self.seed + SEED_OFFSET,
            settings=self.settings.replace(final_epochs=epochs),
        )

        def trained(entry: Entry, title: str) -> keras.Model:
            return train_final(
                trainer,
                clock,
                entry.name,
                lambda: bench.build(entry.architecture),
                train,
                validation,
                learning_rate=self.settings.learning_rate,
                time_limit=None,
                title=title,
            )

        fields = aggregation.interaction_fields(self.spec)
        audit(
            clock,
            trials,
            make_plan(trials, self.steps, found, bench.frame, number, self.seed, fields),
            number,
            trained,
            lambda model: bench.score(model, validation),
            metric=METRIC,
            measured_by=self.settings.fitness,
        )

    def _bench(self, num_examples: int = 0) -> CtrWorkbench:
        """The workbench for so many training rows; those matter for training alone."""
        return CtrWorkbench(
            self.run, self.spec, self.settings, self.seed, num_examples, limits=self.limits
        )

    def _score_reference(self, name: str, search: CtrSearch, parts: int) -> None:
        """Trains a hand-made system as the result is trained, and scores it.

        Args:
            name: Of the system.
            search: What trained the result.
            parts: What the time that is left is divided by: LightGBM has one part, a network as
                much for its tuning as for its training.
        """
        training = _training_of(name)
        try:
            if name == ctr_references.TREES:
                model: Any = BoostedTrees(
                    self.spec,
                    seed=self.seed,
                    learning_rate=self.settings.trees_learning_rate,
                    num_leaves=self.settings.trees_leaves,
                    leaf_rows=self.settings.trees_leaf_rows,
                )
                limit = search.clock.training_limit(training, "references", parts)
                start = time.monotonic()
                model.fit(search.train, search.validation, limit)
                self.run.record_phase(
                    training, seconds=time.monotonic() - start, trees=model.num_trees
                )
                if self.settings.calibration == "platt":
                    logits = model.logits(search.validation)
                    model.calibrate(*fit_platt_scaling(search.validation.labels, logits))
            else:
                trials = len(self.settings.prior_precisions)
                found = find_options(search.plain_bench, search.clock, name, search.train, parts)
                options = {**found, **self.options}
                prior = choose_prior(
                    search.tuner,
                    search.plain_bench,
                    name,
                    lambda bench: ctr_references.build(bench, name, options),
                    phase="references",
                    later_trainings=(parts - 1) * trials,
                )
                training = prior.training or training
                model = train_final(
                    prior.bench,
                    search.clock,
                    training,
                    lambda: ctr_references.build(prior.bench, name, options),
                    search.train,
                    search.validation,
                    learning_rate=self.settings.learning_rate,
                    time_limit=search.clock.training_limit(training, "references", parts - 1),
                    title=f"Training the reference {name}",
                )
            metrics = ctr_references.evaluate(model, search.validation)
        except (TrainingError, MetricError) as error:
            search.trials.add_failure("reference", error, name=name)
            return
        ctr_references.save(self.run, name, model)
        self.run.append_trials(
            [
                {
                    "kind": "reference",
                    "name": name,
                    "score": metrics[METRIC],
                    "standard_error": metrics["standard_errors"][METRIC],
                    "rows": metrics["count"],
                    "parameters": ctr_references.size(model),
                    "metrics": metrics,
                }
            ]
        )
        self.run.remove_checkpoint(training)


def _training_of(name: str) -> str:
    """Name of the training of a hand-made system."""
    return f"reference_{name}"
