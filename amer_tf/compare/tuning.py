"""Which settings to try next for one system, from what was tried before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from amer_tf.compare.systems import System
from amer_tf.search import ctr_references, references
from amer_tf.search.settings_base import BaseSettings
from amer_tf.search.state import RunFolder

TUNING_FILE = "tuning.json"

# Appendix D of the paper, but for the sizes of task ctr, of which it names 4, 5 and 40: attention
# of 4 heads does not divide 5.
LEARNING_RATES = (1e-3, 1e-4, 3e-5, 1e-5)
CHOICES: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "next_item": {
        "learning_rate": LEARNING_RATES,
        "l2": (1e-3, 1e-4, 1e-5, 1e-6),
        "dropout": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
        "embedding_dim": (64, 96, 128, 160, 192),
    },
    "ctr": {
        "learning_rate": LEARNING_RATES,
        "l2": (1e-3, 1e-4, 1e-5, 1e-6),
        "dropout": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
        "embedding_dim": (4, 8, 16, 40),
    },
}
# Systems that read none of those have settings of their own; POP has none.
OWN_CHOICES: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "lightgbm": {
        "trees_learning_rate": (0.02, 0.05, 0.1, 0.2),
        "trees_leaves": (15, 31, 63, 127, 255),
        "trees_leaf_rows": (10, 20, 50, 100, 200),
    },
    "ease": {"ease_l2": (30.0, 100.0, 200.0, 300.0, 500.0, 1000.0)},
    "popularity": {},
}
# What no search reads; other hand-made systems have lists of what they read.
_OF_REFERENCES = frozenset(
    {
        *(setting for values in OWN_CHOICES.values() for setting in values),
        *("cross_buckets", "gate_epochs"),
    }
)


class Trial(NamedTuple):
    """Settings that were tried.

    Attributes:
        changed: The settings that differ from the preset's.
        score: The validation score; None of a training that failed.
        reason: Why it failed.
    """

    changed: dict[str, Any]
    score: float | None
    reason: str | None = None


def choices(
    system: System,
    task: str,
    given: Mapping[str, Sequence[float]],
    own: Collection[str] = (),
) -> dict[str, Sequence[float]]:
    """The values that a system chooses from; none where it reads no setting.

    Args:
        system: The system.
        task: Of the data.
        given: Values by setting, in place of the defaults of that setting alone. A system that
            does not read it keeps what it has, so that all are tuned alike.
        own: What the system has of its own, which stays as it is.
    """
    defaults = OWN_CHOICES.get(system.kind, CHOICES[task])
    return {
        setting: values
        for setting, values in {**defaults, **given}.items()
        if reads(system, task, setting) and setting not in own
    }


def reads(system: System, task: str, setting: str) -> bool:
    """Whether a setting says something of a system: an LR has no hidden layers to drop."""
    if system.is_searched:
        return setting not in _OF_REFERENCES
    room: Any = ctr_references if task == "ctr" else references
    return setting in room.readable_settings(system.kind)


def check_given(
    given: Mapping[str, Sequence[float]],
    systems: Mapping[System, Collection[str]],
    task: str,
    settings: BaseSettings,
) -> None:
    """Raises where values to choose from are of no setting, or none that could be tuned.

    Args:
        given: Values by setting.
        systems: The systems, and what each has of its own.
        task: Of the data.
        settings: Those of all systems.

    Raises:
        ValueError: Where a setting is no number, or nothing that is compared can be tuned by it.
    """
    for name, values in given.items():
        if isinstance(getattr(settings, name, 0), (tuple, str)):
            raise ValueError(
                f"`tuning_choices` must be of settings that are one number. Received: {name!r}"
            )
        if not values:
            raise ValueError(f"`tuning_choices` must have values for {name}. Received: {name}=()")
        # Says which settings there are.
        settings.replace(**{name: getattr(settings, name, None)})
        readers = [system for system in systems if reads(system, task, name)]
        names = ", ".join(system.name for system in readers or systems)
        if not readers:
            raise ValueError(
                "`tuning_choices` must be of settings that one of the systems reads, and none of "
                f"{names} reads this one. Received: {name!r}"
            )
        if all(name in systems[system] for system in readers):
            raise ValueError(
                "`tuning_choices` must be of settings that are not fixed for every system that "
                f"reads them, as this one is for {names}. Received: {name!r}"
            )


def write(run: RunFolder, trials: Mapping[str, Sequence[Trial]]) -> None:
    """Writes the trials of all systems, by name, into the folder of a comparison."""
    content = {name: [trial._asdict() for trial in known] for name, known in trials.items()}
    run.write_json(TUNING_FILE, content)


def read(run: RunFolder) -> dict[str, list[Trial]]:
    """The trials that `write` wrote down; none where nothing was tuned.

    Raises:
        RunError: Where the file is damaged.
    """
    content = run.read_json(TUNING_FILE) or {}
    return {
        name: [
            # Older ones do not say why they failed.
            Trial(**{"reason": None if trial["score"] is not None else _unknown(number), **trial})
            for number, trial in enumerate(known)
        ]
        for name, known in content.items()
    }


def _unknown(number: int) -> str:
    return f"see record.json in its folder trial_{number}"


def import_optuna() -> Any:
    """The package, which is no requirement of the library.

    Raises:
        ImportError: Where it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ImportError(
            "Tuning needs the package optuna: pip install 'amer_tf[tune]', or leave tuning out."
        ) from error
    return optuna


def propose(
    choices: Mapping[str, Sequence[float]], trials: Sequence[Trial], seed: int
) -> dict[str, Any]:
    """The settings to try next: at first those of the preset, then what Optuna's TPE asks for.

    The same trials and seed give the same answer, so that a killed comparison goes on as an
    undisturbed one.

    Args:
        choices: Values to choose from, by name of the setting.
        trials: All trials so far, the first with the preset's settings.
        seed: Seed of the sampler.
    """
    if not trials:
        return {}
    optuna = import_optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = {
        name: optuna.distributions.CategoricalDistribution(tuple(values))
        for name, values in choices.items()
    }
    sampler = optuna.samplers.TPESampler(seed=seed + len(trials))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in trials[1:]:
        # One of an older version may have changed what the system has of its own.
        if set(trial.changed) != set(spaces):
            continue
        state = optuna.trial.TrialState
        study.add_trial(
            optuna.trial.create_trial(
                params=trial.changed,
                distributions=spaces,
                value=trial.score,
                state=state.FAIL if trial.score is None else state.COMPLETE,
            )
        )
    return dict(study.ask(spaces).params)


def best(trials: Sequence[Trial]) -> int | None:
    """The place of the trial with the best score, of equals the first; None where all failed."""
    scored = [place for place, trial in enumerate(trials) if trial.score is not None]
    return max(scored, key=lambda place: trials[place].score or 0.0, default=None)
