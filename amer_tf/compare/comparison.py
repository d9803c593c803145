"""Trains any systems on one data set over several seeds, and puts them side by side."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import amer_tf
from amer_tf.compare import growth, job, own_settings, processes, systems, tuning
from amer_tf.compare.folder import RESULTS_FILE, ComparisonFolder, JobFolder
from amer_tf.compare.job import Job
from amer_tf.compare.measuring import Candidates
from amer_tf.compare.own_settings import OwnSettings
from amer_tf.compare.result import ComparisonResult
from amer_tf.compare.systems import System
from amer_tf.search.budget import parse_duration
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.search_data import fingerprint, spec_digest
from amer_tf.search.searcher import MAX_SEED, PROGRAMS, check_audit
from amer_tf.search.settings_base import BaseSettings
from amer_tf.search.split_checks import check_splits
from amer_tf.search.state import SPLITS_FILE

# In the folder of a trial: the settings that it was started with.
PROPOSAL_FILE = "proposal.json"


class Comparison:
    """Compares AMER with hand-made systems: same data, rows, recipe and budget for all.

    Paper, section 3: Tables 1 to 4, over 4 runs. Each system is trained once for each seed, in a
    process and a run folder of its own, and measured once on the test split. Killed at any moment,
    the same call goes on where it was; it tries those once more whose process died, or that had no
    disk or memory left. Asked for with more systems or seeds, it trains those alone. A script calls
    `work` under `if __name__ == "__main__":`, since each process imports it.

    Args:
        load_data: Gives the data, as `functools.partial(data_pipelines.load, folder)` does. It is
            called in each process.
        folder: Folder of the comparison.
        names: The systems: `"amer"` for all steps that the data allow, `"amer-12"` for some, or
            hand-made ones by name; see `amer_tf.compare.systems`. With a label behind it, as in
            `"amer-2@fm"`, a system can stand there again, as a variant.
        seeds: Seeds of the trainings.
        preset: As in `AmerSearch`.
        settings: Settings in place of the preset's.
        own: Of systems by name what differs for them alone: settings, or options of a hand-made
            system as in `amer_tf.search.reference_run.known_options`.
        time_limit: As in `AmerSearch`, for each training of each system.
        candidates: Among which items the true one is ranked (task next_item).
        tuning_trials: Trainings of each system, with the first seed, from which its settings are
            chosen by the validation split: learning rate, L2, dropout and embedding size, first
            those of the preset, then what Optuna proposes. 0 for none.
        tuning_choices: Values to choose from by setting, for the systems that read it, in place of
            the defaults of that setting alone: `tuning.CHOICES`, and for LightGBM and EASE, which
            read none of those, `tuning.OWN_CHOICES`. What a system has of its own is not tuned.
        audit: Of how many architectures of each step of each search the scores are checked, with
            the first seed; as in `AmerSearch`, and also of a comparison that has finished.
        workers: Processes at a time, which share the cores; 0 trains in this process.

    Raises:
        ValueError: Where an argument is wrong, or a system cannot read the data.
        RunError: Where the folder cannot be used, or holds another comparison, or one that has a
            system or seed more.
        DataError: Where there are fewer items than negatives are wanted.
        SplitError: Where a split is empty, or has rows of one class alone.
    """

    def __init__(
        self,
        load_data: Callable[[], Any],
        folder: str | os.PathLike[str],
        names: Sequence[str],
        *,
        seeds: Sequence[int] = (0, 1, 2, 3),
        preset: str = "standard",
        settings: BaseSettings | None = None,
        own: Mapping[str, Mapping[str, Any]] | None = None,
        time_limit: str | float | None = None,
        candidates: Candidates | None = None,
        tuning_trials: int = 0,
        tuning_choices: Mapping[str, Sequence[float]] | None = None,
        audit: int = 0,
        workers: int = 1,
    ) -> None:
        data = load_data()
        self.spec = data.spec
        self.systems = systems.choose(names, self.spec)
        program = PROGRAMS[self.spec.task]
        self.settings: Any = settings or program.preset(preset, self.spec)
        self.seeds = _checked_seeds(seeds)
        self.time_limit = None if time_limit is None else parse_duration(time_limit)
        self.candidates = candidates or Candidates()
        self.tuning_trials = _checked_number("tuning_trials", tuning_trials)
        self.audit = _checked_number("audit", audit)
        self.workers = _checked_number("workers", workers)
        if tuning_choices is not None and self.tuning_trials < 2:
            raise ValueError(
                "`tuning_choices` needs 2 trials or more, of which the first has the settings as "
                f"they are. Received: tuning_trials={tuning_trials}"
            )
        self.choices = dict(tuning_choices or {})
        self._load_data = load_data
        own = {systems.full_name(name, self.spec): own_of for name, own_of in (own or {}).items()}
        self._own = self._divided(own)
        self._check_settings()
        check_splits(self.spec, data.train, data.validation, data.test)
        if self.spec.task == "next_item":
            self.candidates.check(data.test)
        self.run = ComparisonFolder(folder)
        self._config = {
            "version": amer_tf.__version__,
            "systems": [system.name for system in self.systems],
            "seeds": list(self.seeds),
            "time_limit": self.time_limit,
            "settings": self.settings.to_dict(),
            "candidates": dataclasses.asdict(self.candidates),
            "tuning_trials": self.tuning_trials,
            **(
                {"tuning_choices": {**tuning.CHOICES[self.spec.task], **self.choices}}
                if self.tuning_trials
                else {}
            ),
            **({"own": own} if own else {}),
            "spec": spec_digest(self.spec),
        }
        growth.claim(self.run, self._config)
        known = fingerprint(self.spec, data.train, data.validation, data.test)
        self.run.require_same(SPLITS_FILE, known, "data")
        self.spec.save(self.run.path)

    def work(self) -> ComparisonResult:
        """Trains and measures what is not done yet."""
        with self.run.at_work():
            growth.record(self.run, self._config)
            tuned = self._tune() if self.tuning_trials else {}
            jobs = [
                self._job(system, seed, tuned.get(system.name))
                for seed in self.seeds
                for system in self.systems
            ]
            self._train("Training the systems", jobs, write=lambda: self._write(jobs))
            self._measure_latencies(jobs)
            self._write(jobs)
        return ComparisonResult(self.run.path)

    def _check_settings(self) -> None:
        """Raises where settings do not fit the data or a package is missing, before any work."""
        program = PROGRAMS[self.spec.task]
        if self.tuning_trials > 1:
            try:
                tuning.import_optuna()
            except ImportError as error:
                raise ValueError(f"{error} Received: tuning_trials={self.tuning_trials}") from error
        fixed = {system: self._fixed(system) for system in self.systems}
        tuning.check_given(self.choices, fixed, self.spec.task, self.settings)
        if self.audit and not any(system.is_searched for system in self.systems):
            raise ValueError(
                "`audit` checks searches, and none of the systems is searched: "
                f"{', '.join(system.name for system in self.systems)}. Compare {systems.WHOLE} "
                f"with them, or leave it out. Received: audit={self.audit}"
            )
        for system in self.systems:
            references = () if system.is_searched else (system.kind,)
            for changed in [{}, *self._possible_changes(system)]:
                settings = self._settings_of(system, changed).replace(references=references)
                program.check(self.spec, settings, system.steps, self._own[system.name].options)
                if system.is_searched:
                    num_scored = program.num_scored(self.spec, settings, system.steps)
                    check_audit(self.audit, num_scored)

    def _possible_changes(self, system: System) -> list[dict[str, Any]]:
        """Each value of each setting that may be tried for a system."""
        if self.tuning_trials < 2:
            return []
        choices = self._choices(system).items()
        return [{name: value} for name, values in choices for value in values]

    def _divided(self, own: Mapping[str, Mapping[str, Any]]) -> dict[str, OwnSettings]:
        """What each system has of its own.

        Raises:
            ValueError: Where a name is none of the systems, or a setting is wrong.
        """
        unknown = set(own) - {system.name for system in self.systems}
        if unknown:
            raise ValueError(
                "Settings of one system must be of one that is compared: "
                f"{', '.join(system.name for system in self.systems)}. "
                f"Received: {', '.join(sorted(unknown))}"
            )
        return {
            system.name: own_settings.divide(
                system, self.spec.task, self.settings, own.get(system.name, {})
            )
            for system in self.systems
        }

    def _choices(self, system: System) -> dict[str, Sequence[float]]:
        """What tuning may try for a system."""
        return tuning.choices(system, self.spec.task, self.choices, self._fixed(system))

    def _fixed(self, system: System) -> set[str]:
        """The settings that a system has of its own, which tuning leaves alone."""
        changed, options = self._own[system.name]
        # Its own rate of dropout is not the one that all share.
        own_rate = {"dropout"} if changed.get("reference_dropout") == "own" else set()
        return {*changed, *options, *own_rate}

    def _settings_of(self, system: System, changed: Mapping[str, Any]) -> Any:
        """The settings of a system, with what tuning has changed."""
        return self._changed({**self._own[system.name].changed, **changed})

    def _changed(self, changed: Mapping[str, Any]) -> Any:
        settings = self.settings.replace(**changed)
        if "dropout" in changed and self.spec.task == "next_item":
            settings = settings.replace(reference_dropout="shared")
        return settings

    def _job(self, system: System, seed: int, tuned: Job | None = None) -> Job:
        """The training of a system that counts; the best of its trials is one of them."""
        audit = self.audit if system.is_searched and seed == self.seeds[0] else 0
        if tuned is not None and tuned.seed == seed:
            return dataclasses.replace(tuned, audit=audit, is_trial=False)
        return Job(
            system,
            seed,
            self._settings_of(system, {}) if tuned is None else tuned.settings,
            self.run.path / system.name / f"seed_{seed}",
            options=self._own[system.name].options,
            time_limit=self.time_limit,
            candidates=self.candidates,
            changed={} if tuned is None else tuned.changed,
            audit=audit,
            workers=self.workers,
        )

    def _tune(self) -> dict[str, Job]:
        """Of each system the trial that is best by its validation score."""
        tried: dict[str, list[Job]] = {system.name: [] for system in self.systems}
        trials: dict[str, list[tuning.Trial]] = {name: [] for name in tried}
        for number in range(self.tuning_trials):
            jobs = [
                self._trial(system, number, trials[system.name])
                for system in self.systems
                # What has no settings is as it is.
                if number == 0 or self._choices(system)
            ]
            self._train(f"Tuning, trial {number + 1} of {self.tuning_trials}", jobs)
            for each in jobs:
                tried[each.system.name].append(each)
                trials[each.system.name].append(each.outcome())
        tuning.write(self.run, trials)
        # Where all have failed, the first one's failure stands: it would only fail again.
        best = {name: tuning.best(known) or 0 for name, known in trials.items()}
        return {name: tried[name][place] for name, place in best.items()}

    def _trial(self, system: System, number: int, trials: Sequence[tuning.Trial]) -> Job:
        folder = self.run.path / system.name / f"trial_{number}"
        changed = self._proposal(system, folder, trials)
        return Job(
            system,
            self.seeds[0],
            self._settings_of(system, changed),
            folder,
            options=self._own[system.name].options,
            time_limit=self.time_limit,
            candidates=self.candidates,
            changed=changed,
            is_trial=True,
            workers=self.workers,
        )

    def _proposal(
        self, system: System, folder: pathlib.Path, trials: Sequence[tuning.Trial]
    ) -> dict[str, Any]:
        """What a trial changes: as it was started, where it has been.

        A trial that died ends with another score when it is tried again, after which others would
        be proposed than those that were trained since.
        """
        known: dict[str, Any] | None = JobFolder(folder, read_only=True).read_json(PROPOSAL_FILE)
        if known is None:
            known = tuning.propose(self._choices(system), trials, self.seeds[0])
            JobFolder(folder).write_json(PROPOSAL_FILE, known)
        return known

    def _train(
        self, title: str, jobs: Sequence[Job], write: Callable[[], None] = lambda: None
    ) -> None:
        """Does the jobs that are not done yet, and once more those that died."""
        left = [each for each in jobs if each.is_open]
        if not left:
            return
        done = len(jobs) - len(left)
        with PhaseProgress(title, len(jobs)) as bar:

            def on_begin(index: int) -> None:
                bar.say(f"{left[index].title} has begun; its progress is in {left[index].log}")

            calls = self._calls(job.train, left)
            for index, death in processes.run(calls, self.workers, on_begin):
                if death is not None:
                    left[index].record_failure(f"{death}; see {self._place(left[index].log)}")
                done += 1
                bar.update(done, job.sentence(left[index]))
                write()

    def _measure_latencies(self, jobs: Sequence[Job]) -> None:
        """Of the first training of each system, one at a time with nothing beside it."""
        first: dict[System, Job] = {}
        for each in jobs:
            record = each.record()
            if record is not None and not job.failed(record):
                first.setdefault(each.system, each)
        left = [each for each in first.values() if not each.has_latency]
        if not left:
            return
        with PhaseProgress("Measuring latencies", len(left)) as bar:
            calls = self._calls(job.measure_latency, left)
            for index, death in processes.run(calls, min(1, self.workers)):
                if death is not None:
                    left[index].record_latency(
                        {"reason": f"{death}; see {self._place(left[index].log)}"}
                    )
                bar.update(index + 1, left[index].system.name)

    def _place(self, file: pathlib.Path) -> str:
        """Where a file is in the folder of the comparison."""
        return str(file.relative_to(self.run.path))

    def _calls(self, function: Callable[..., None], jobs: Sequence[Job]) -> list[processes.Call]:
        return [processes.Call(function, (each, self._load_data), each.log) for each in jobs]

    def _write(self, jobs: Sequence[Job]) -> None:
        """Writes the results so far, a line for each training."""
        order = [system.name for system in self.systems]
        done = sorted(
            (each for each in jobs if each.record() is not None),
            key=lambda each: (order.index(each.system.name), each.seed),
        )
        lines = "".join(json.dumps(each.line(self.run.path)) + "\n" for each in done)
        with self.run.staged(RESULTS_FILE) as file:
            file.write_text(lines, encoding="utf-8")


def _checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    seeds = tuple(seeds)
    whole = all(type(seed) is int and 0 <= seed < MAX_SEED for seed in seeds)
    if not seeds or not whole or len(set(seeds)) < len(seeds):
        raise ValueError(
            "`seeds` must be one or more different integers of at least 0 and below "
            f"{MAX_SEED}. Received: seeds={seeds!r}"
        )
    return seeds


def _checked_number(name: str, value: int) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"`{name}` must be a whole number of at least 0. Received: {name}={value}")
    return value
