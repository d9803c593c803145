"""AmerSearch: the arguments of a search, its budget, its folder, resume."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import amer_tf
from amer_tf.features import FeatureSpec
from amer_tf.search.admission import Limits, claim
from amer_tf.search.audit import PHASE as AUDIT
from amer_tf.search.audit import is_audited, share_of
from amer_tf.search.audit_plan import num_trainings
from amer_tf.search.budget import Budget, parse_duration
from amer_tf.search.ctr_program import CtrProgram
from amer_tf.search.environment import environment
from amer_tf.search.next_item_program import NextItemProgram
from amer_tf.search.rank_correlation import LEAST_PAIRS
from amer_tf.search.result import SearchResult
from amer_tf.search.run_result import require_search
from amer_tf.search.search_data import as_splits, fingerprint, spec_digest
from amer_tf.search.settings_base import BaseSettings
from amer_tf.search.split_checks import check_splits
from amer_tf.search.state import (
    ARCHITECTURE_FILE,
    CONFIG_FILE,
    METRICS_FILE,
    SPLITS_FILE,
    RunFolder,
)
from amer_tf.wording import did_you_mean

PROGRAMS: dict[str, Any] = {"next_item": NextItemProgram, "ctr": CtrProgram}
DEFAULT_PRESET = "standard"
# Keras takes seeds below 2**32, and phases add small numbers to the run's.
MAX_SEED = 2**31


class AmerSearch:
    """Searches for the network of a recommender, trains it and compares it with references.

    Paper, section 2.3. Killed at any moment, the same call goes on where it was; with budgets in
    epochs and counts it ends with what an undisturbed run ends with.

    Args:
        spec: What the model reads and predicts, fitted.
        run_dir: Folder of the run.
        steps: What to search: `("behavior",)` for task next_item, of `("behavior", "interaction",
            "mlp")` for task ctr, in this order; None for all that the spec allows: `behavior` needs
            behaviour fields.
        preset: `"quick"`, `"standard"` or `"paper"`: see `amer_tf.search.settings` (next_item) and
            `amer_tf.search.ctr_settings` (ctr); None for `"standard"`.
        time_limit: Such as `"20m"`, or seconds; None for none. The presets' epochs and counts
            hold beside it: whichever ends first.
        seed: Seed of every random choice.
        settings: What is to differ from the preset, by name, such as `{"references": ("dnn",
            "lightgbm"), "mlp_epochs": 20}`: see `amer search --list_settings`; or in place of a
            preset all of them, `Settings` or `CtrSettings`.
        max_params: Most parameters of the found model, embeddings included; None for any number.
        max_latency_ms: Most milliseconds of a call of the exported model, for one row as for 256,
            on this machine; None for any time. Architectures over a limit are left out before they
            are trained. Both can be changed until something was chosen within them: an unfinished
            run that a limit stopped goes on with another.
        audit: Of how many architectures the score of each searched step is checked once the search
            is done: they are trained alone, from new weights; see `SearchResult.audit`. 0 for
            none. What the search finds does not depend on it, and a finished run can be audited
            later by the same arguments and this one. Under a time limit it has a share for each
            architecture, half of that of the final trainings, for a finished run on top; what it
            comes not to it goes on with when the same is asked again.

    Raises:
        ValueError: Where an argument is wrong.
        ExportError: Where a numeric field is not fitted, or a field has a name that no SavedModel
            could have.
        RunError: Where the run folder cannot be used, or holds a run of other arguments.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        run_dir: str | os.PathLike[str],
        *,
        steps: Sequence[str] | None = None,
        preset: str | None = None,
        time_limit: str | float | None = None,
        seed: int = 0,
        settings: BaseSettings | Mapping[str, Any] | None = None,
        max_params: int | None = None,
        max_latency_ms: float | None = None,
        audit: int = 0,
    ) -> None:
        program = PROGRAMS[spec.task]
        possible = program.possible_steps(spec)
        steps = possible if steps is None else tuple(steps)
        if not steps or steps != tuple(name for name in possible if name in steps):
            without = "" if spec.with_role("behavior") else " without behavior fields"
            raise ValueError(
                f"`steps` must be among {possible} for task {spec.task!r}{without}, in this "
                f"order. {did_you_mean(steps, possible)}Received: steps={steps!r}"
            )
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < MAX_SEED:
            raise ValueError(
                f"`seed` must be an integer of at least 0 and below {MAX_SEED}. "
                f"Received: seed={seed!r}"
            )
        chosen = _choose_settings(spec, preset, settings)
        self.spec = spec
        self.seed = seed
        self.settings: Any = chosen
        _check_exportable(spec)
        program.check(spec, self.settings, steps)
        check_audit(audit, program.num_scored(spec, self.settings, steps))
        self.audit = audit
        self.steps = steps
        self.time_limit = None if time_limit is None else parse_duration(time_limit)
        limits = Limits(max_params, max_latency_ms)
        if max_params is not None:
            _require_size(program, run_dir, (spec, self.settings, seed, steps, limits))
        self.run = RunFolder(run_dir)
        require_search(self.run)
        self._program = program(self.run, spec, self.settings, seed, steps, limits)
        claim(
            self.run,
            {
                "version": amer_tf.__version__,
                "steps": list(steps),
                "seed": seed,
                "time_limit": self.time_limit,
                "settings": self.settings.to_dict(),
                "spec": spec_digest(spec),
            },
            limits,
        )
        self.run.save_spec(spec)

    def fit(self, train: Any, validation: Any = None, catalog: Any = None) -> SearchResult:
        """Searches, trains and compares.

        Args:
            train: Training split, or all that `data_pipelines.load` gives, with the validation
                split, or the folder that it reads, once `data_pipelines` is imported; for task ctr
                also a `tf.data`, or a table of raw columns: see `search_data.as_splits`.
            validation: Validation split, or the like.
            catalog: What is known of each item, `(item rows, columns)`; None takes the training
                split's.

        Raises:
            SplitError: Where a split is empty or does not fit the spec.
            RunError: Where the run folder cannot be used, holds a run on other data, or another
                search is at work in it.
        """
        train, validation = as_splits(self.spec, train, validation)
        check_splits(self.spec, train, validation)
        self.run.require_same(SPLITS_FILE, fingerprint(self.spec, train, validation), "data")
        is_searched = (self.run.path / METRICS_FILE).exists()
        if is_searched and (not self.audit or is_audited(self.run.phases(), self.audit)):
            return SearchResult.load(self.run.path)
        with self.run.at_work():
            budget = self._budget(is_searched)
            if not is_searched:
                self._work(budget, train, validation, catalog)
            if self.audit:
                self._audit(budget, train, validation, catalog)
        return SearchResult.load(self.run.path)

    def _budget(self, is_searched: bool) -> Budget:
        """The time that is left; an audit of a finished search has its share of the limit anew."""
        # What the search took is known exactly only when it has ended.
        known = [float((self.run.read_json(METRICS_FILE) or {}).get("seconds", 0.0))]
        used = max(known + [phase.get("used", 0.0) for phase in self.run.phases().values()])
        limit, shares = self.time_limit, dict(self._program.shares)
        if self.audit:
            shares[AUDIT] = share_of(num_trainings(self.steps, self.audit), shares)
            if is_searched and limit is not None:
                limit = used + limit * shares[AUDIT] / sum(shares.values())
        return Budget(limit, shares, used)

    def _audit(self, budget: Budget, train: Any, validation: Any, catalog: Any) -> None:
        result = SearchResult.load(self.run.path)
        self._program.audit(budget, train, validation, catalog, result.architecture, self.audit)
        seconds = budget.used - float(result.metrics["seconds"])
        self.run.write_json(METRICS_FILE, {**result.metrics, "audit_seconds": seconds})

    def _work(self, budget: Budget, train: Any, validation: Any, catalog: Any) -> None:
        architecture, metrics = self._program.work(budget, train, validation, catalog)
        self.run.write_json(ARCHITECTURE_FILE, architecture.to_dict())
        self.run.remove_checkpoints()
        self.run.write_json(
            METRICS_FILE,
            {"validation": metrics, "seconds": budget.used, "environment": environment()},
        )


def check_audit(audit: int, num_scored: int) -> None:
    """Raises where so many architectures cannot be audited.

    Args:
        audit: The argument of the search.
        num_scored: How many every step can have scored.
    """
    if (
        not isinstance(audit, int)
        or isinstance(audit, bool)
        or (audit != 0 and audit < LEAST_PAIRS)
    ):
        raise ValueError(
            f"`audit` must be 0 or a whole number of at least {LEAST_PAIRS}: of fewer not even a "
            f"perfect ranking could be told from chance. Received: audit={audit!r}"
        )
    if audit > num_scored:
        raise ValueError(
            f"`audit` must be at most {num_scored}: with these data and settings one of the steps "
            f"has no more architectures scored. Received: audit={audit}"
        )


def _choose_settings(
    spec: FeatureSpec, preset: str | None, settings: BaseSettings | Mapping[str, Any] | None
) -> BaseSettings:
    """The settings of a preset with changes, or those that were given whole."""
    own: BaseSettings = PROGRAMS[spec.task].preset(preset or DEFAULT_PRESET, spec)
    if settings is None or isinstance(settings, Mapping):
        return own.replace(**(settings or {}))
    if type(settings) is not type(own):
        raise ValueError(
            f"`settings` must be changes by name, or {type(own).__name__} for task {spec.task!r}. "
            f"Received: settings={settings!r}"
        )
    if preset is not None:
        raise ValueError(
            f"`preset` says nothing beside whole `settings`: give its name and the changes, as in "
            f"`preset={preset!r}, settings={{'embedding_dim': 8}}`, or leave it out. "
            f"Received: preset={preset!r}, settings={settings!r}"
        )
    return settings


def _require_size(
    program: Any, run_dir: str | os.PathLike[str], arguments: tuple[Any, ...]
) -> None:
    """Raises where no model can have as few parameters as it may have.

    A new folder is not made then, and one that is there stays as it is.
    """
    run, limits = RunFolder(run_dir, read_only=True), arguments[-1]
    known = run.read_json(CONFIG_FILE) or {}
    # A run that was begun with this limit has been checked.
    if known.get("max_params") != limits.max_params:
        program(run, *arguments).require_size()


def _check_exportable(spec: FeatureSpec) -> None:
    """Raises at the start of a search what would otherwise come at its end."""
    from amer_tf.export.checks import require_fitted
    from amer_tf.export.columns import check_field_names

    require_fitted(spec)
    check_field_names(spec)
