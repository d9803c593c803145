"""Which settings to try next for one system, from what was tried before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from amer_tf.compare.systems import System
from amer_tf.search import ctr_references

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


class Trial(NamedTuple):
    """Settings that were tried.

    Attributes:
        changed: The settings that differ from the preset's.
        score: The validation score; None of a training that failed.
    """

    changed: dict[str, Any]
    score: float | None


def choices(
    system: System, task: str, known: Mapping[str, Sequence[float]]
) -> dict[str, Sequence[float]]:
    """The values that a system chooses from; none where it reads no setting.

    Args:
        system: The system.
        task: Of the data.
        known: Values by setting; those of a system that has its own stand in their place.
    """
    own = OWN_CHOICES.get(system.kind)
    if own is not None:
        return {setting: known.get(setting, values) for setting, values in own.items()}
    foreign = {setting for values in OWN_CHOICES.values() for setting in values}
    if task == "ctr" and not system.is_searched:
        # An LR has neither hidden layers to drop nor embeddings.
        foreign |= set(CHOICES[task]) - ctr_references.readable_settings(system.kind)
    return {setting: values for setting, values in known.items() if setting not in foreign}


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
