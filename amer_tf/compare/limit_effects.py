"""What a time limit has done to runs: trainings it ended or left out, and runs longer than it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from amer_tf.compare.systems import kind_of
from amer_tf.report import words
from amer_tf.report.cut_short import after
from amer_tf.search.audit import is_cut_short
from amer_tf.search.settings_base import BaseSettings
from amer_tf.search.trials import FAILED

# How many times the limit a run may take before the verdict has a word on it.
BEYOND = 1.1
_TRIALS = ("prior_precision", "num_interactions")
# Trainings by the beginnings of their names; any other is that of a hand-made system.
_NAMES = {
    "supernet": "the supernet",
    "behavior_supernet": "the behaviour supernet",
    "interaction_round": "the search of interactions",
    "mlp_supernet": "the MLP supernet",
    "finetuning": "fine-tuning",
    "scratch": "training from new weights",
    "final": "the longer training",
    "options": "the search of its own",
    **dict.fromkeys(_TRIALS, "a trial of a setting"),
}
# The setting that says how many epochs they have; that of all others is `final_epochs`.
_EPOCHS = {
    "supernet": "supernet_epochs",
    "behavior_supernet": "behavior_epochs",
    "interaction_round": "round_epochs",
    "mlp_supernet": "mlp_epochs",
    "finetuning": "finetune_epochs",
    "scratch": "scratch_epochs",
    "options": "gate_epochs",
}


def limit_effects(
    settings: BaseSettings,
    phases: Mapping[str, Mapping[str, Any]],
    trials: Sequence[Mapping[str, Any]],
    steps: Sequence[str],
    seconds: float,
    limit: float | None,
) -> dict[str, Any]:
    """What a time limit has done to one run, read off its folder.

    Args:
        settings: Its settings.
        phases: The record of its phases.
        trials: Its log.
        steps: What was searched; nothing in the run of a hand-made system.
        seconds: What it took.
        limit: What it might have taken, or None.

    Returns: `cut`, the epochs (of LightGBM the trees) after which a training was ended, by its
        name; `left_out`, the number of final trainings that had no time left, by kind; and
        `seconds_over`, what the run took beyond the limit. None of them where there is nothing.
    """
    if limit is None:
        return {}
    cut = {
        name: int(phase.get("trees", phase.get("epoch", 0)))
        for name, phase in phases.items()
        if {"limit", "seconds"} <= set(phase)
        and is_cut_short(phase)
        and phase.get("epoch", 0) < _most_epochs(name, settings)
    }
    found = {
        "cut": cut,
        "left_out": _left_out(settings, phases, trials, steps) if steps else {},
        "seconds_over": round(max(0.0, seconds - limit), 3),
    }
    return {name: value for name, value in found.items() if value}


def _most_epochs(name: str, settings: Any) -> int:
    for start, setting in _EPOCHS.items():
        if name.startswith(start) and hasattr(settings, setting):
            return int(getattr(settings, setting))
    return int(settings.final_epochs or settings.scratch_epochs)


def _left_out(
    settings: Any,
    phases: Mapping[str, Mapping[str, Any]],
    trials: Sequence[Mapping[str, Any]],
    steps: Sequence[str],
) -> dict[str, int]:
    """How many final trainings of a search have not begun, by kind."""
    if hasattr(settings, "scratch_epochs"):
        expected = _of_next_item(settings, trials)
        found = {
            kind: sum("limit" not in phases.get(name, {}) for name in names)
            for kind, names in expected.items()
        }
    else:
        tunes = bool({"behavior", "mlp"} & set(steps))
        found = {
            "finetuning": int(tunes and "limit" not in phases.get("finetuning_0", {})),
            "scratch": int(phases.get("scratch", {}).get("num_left_out", 0)),
        }
    return {kind: number for kind, number in found.items() if number}


def _of_next_item(settings: Any, trials: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The final trainings that the settings ask for."""
    number = min(settings.num_finalists, sum(trial["kind"] == "inherited" for trial in trials))
    failed = sum(trial["kind"] == FAILED and trial.get("of") == "scratch" for trial in trials)
    return {
        "finetuning": [f"finetuning_{index}" for index in range(number)]
        if settings.finetune_epochs
        else [],
        "scratch": [f"scratch_{index}" for index in range(number)],
        # Where all of those failed there is none to train longer.
        "final": ["final"] if settings.final_epochs and failed < number else [],
    }


def effects_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The same, of a line of the results; older lines know of hand-made systems alone."""
    if "cut_after" in record:
        return {"cut": {f"reference_{kind_of(record['system'])}": record["cut_after"]}}
    return dict(record.get("limit", {}))


def reservations(
    systems: Mapping[str, Sequence[Mapping[str, Any]]], limit: float | None
) -> list[str]:
    """What is to be said of the time limit beside who is first.

    Args:
        systems: Records of the runs by the label of their system.
        limit: Seconds that each run might take, or None.
    """
    effects = {label: list(map(effects_of, records)) for label, records in systems.items()}
    cut = [label for label, own in effects.items() if any(map(_is_cut, own))]
    sentences = []
    if cut:
        sentences.append(
            f"The time limit ended trainings of {', '.join(cut)}: to their end they may be better."
        )
    left_out = [
        f"{label} ({', '.join(kinds)})"
        for label, own in effects.items()
        if (kinds := _named(kind for each in own for kind in each.get("left_out", {})))
    ]
    if left_out:
        sentences.append(
            f"The time limit left no time for final trainings of {', '.join(left_out)}."
        )
    over = {
        label: most
        for label, own in effects.items()
        if (most := max(map(_over, own), default=0.0)) > (BEYOND - 1.0) * (limit or 0.0)
    }
    if over and limit is not None:
        parts = [f"{label} by {words.duration(most)}" for label, most in over.items()]
        sentences.append(
            f"Runs exceeded the limit of {words.duration(limit)}: {', '.join(parts)} at most."
        )
    return sentences


def details(systems: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[str, int, str]]:
    """Of each run that the limit has changed: its system, its seed, and in which way."""
    return [
        (label, record["seed"], text)
        for label, records in systems.items()
        for record in records
        if (text := _described(kind_of(record["system"]), effects_of(record)))
    ]


def _described(system: str, effects: Mapping[str, Any]) -> str:
    parts = [
        f"{_name(name) or 'its training'} was ended after {after(system, number)}"
        for name, number in effects.get("cut", {}).items()
    ]
    parts += [
        f"{_name(kind)} was left out" + (f" {number} times" if number > 1 else "")
        for kind, number in effects.get("left_out", {}).items()
    ]
    if _over(effects):
        parts.append(f"{words.duration(_over(effects))} longer than the limit")
    return "; ".join(dict.fromkeys(parts))


def _is_cut(effects: Mapping[str, Any]) -> bool:
    """Whether more was ended than what tries a setting."""
    return any(not name.startswith(_TRIALS) for name in effects.get("cut", {}))


def _over(effects: Mapping[str, Any]) -> float:
    return float(effects.get("seconds_over", 0.0))


def _named(trainings: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for each in trainings if (name := _name(each))))


def _name(training: str) -> str | None:
    """What a training is called; None of a hand-made system's own."""
    return next((name for start, name in _NAMES.items() if training.startswith(start)), None)
