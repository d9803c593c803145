"""What a comparison was made with: data, seeds, settings, limits, tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amer_tf.compare.command import changed_settings
from amer_tf.compare.result import ComparisonResult
from amer_tf.report import words
from amer_tf.report.reproduce import text_of
from amer_tf.wording import counted

ONLY_PYTHON = (
    "Only Python can ask for it again, by `amer_tf.compare.Comparison`: its seeds are not in a "
    "row, or its negatives were drawn with another seed than 0."
)
_UNKNOWN = "not recorded"


def facts(result: ComparisonResult, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What holds for all runs: names and values for people.

    Args:
        result: The comparison.
        data: What is known of the data, as in the `data.json` of a run folder.
    """
    config = result.config
    preset, changes = changed_settings(result)
    found = [
        ("Data set", str(data.get("dataset", _UNKNOWN))),
        ("Data", str(data.get("data_dir", _UNKNOWN))),
        ("Checksum of the data", str(data.get("digest", _UNKNOWN))),
        ("Seeds", ", ".join(map(str, config["seeds"]))),
        ("Preset", preset),
        ("Settings that differ from the preset", _assignments(changes) or "none"),
        ("Time limit of a run", limit_text(result)),
    ]
    if result.spec.task == "next_item":
        candidates = config["candidates"]
        modes = ", ".join(words.MODES[mode] for mode in candidates["modes"])
        frozen = counted(candidates["num_negatives"], "frozen negative")
        found.append(
            ("Candidates", f"{modes}; {frozen} of a user, drawn with seed {candidates['seed']}")
        )
    found.append(("Tuning", _tuning(result)))
    if result.num_workers:
        found.append(("Runs at a time", str(result.num_workers)))
    return [*found, ("Version of amer_tf", str(config.get("version", _UNKNOWN)))]


def own_settings(result: ComparisonResult) -> dict[str, str]:
    """What some systems have of their own, by their labels."""
    own = result.config.get("own", {})
    return {words.system(name): _assignments(settings) for name, settings in own.items()}


def chosen_settings(result: ComparisonResult) -> dict[str, str]:
    """What tuning has chosen for each system, by their labels; nothing where it was not asked."""
    if not result.config["tuning_trials"]:
        return {}
    return {
        system.label: _settings(system.records[0]["changed"])
        for system in result.systems
        if system.records
    }


def what_is_the_same(result: ComparisonResult) -> str:
    """What all systems have in common, and what not, in a few words."""
    own, limit = own_settings(result), result.config["time_limit"]
    same = ["rows", *([] if own else ["recipe"]), *([] if limit is None else ["budget"])]
    *before, last = same
    text = f"the same {', '.join(before)} and {last}" if before else f"the same {last}"
    text += " for all"
    if own:
        text += f", the same recipe but for the own settings of {', '.join(own)}"
    if result.config["tuning_trials"]:
        text += f", {_tuned(result)}"
    return text if limit is not None else f"{text}, no time limit"


def _tuned(result: ComparisonResult) -> str:
    return f"settings tuned by {counted(result.config['tuning_trials'], 'trial')} of each"


def _tuning(result: ComparisonResult) -> str:
    """How settings were chosen, and from what."""
    number = result.config["tuning_trials"]
    if not number:
        return "none"
    choices = "; ".join(
        f"{name} of {', '.join(map(text_of, values))}"
        for name, values in result.config.get("tuning_choices", {}).items()
    )
    return (
        f"{counted(number, 'run')} of each system with the first seed, by the validation split, "
        f"the preset's settings first: {choices}"
    )


def _assignments(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {text_of(value)}" for name, value in settings.items())


def _settings(changed: Mapping[str, float]) -> str:
    named = [f"{words.plain(name)} {value:g}" for name, value in changed.items()]
    return ", ".join(named) or "those of the preset"


def limit_text(result: ComparisonResult) -> str:
    """The time limit of each run."""
    seconds = result.config["time_limit"]
    return "none" if seconds is None else words.duration(seconds)
