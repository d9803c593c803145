"""The command that makes a comparison again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amer_tf.compare import tuning
from amer_tf.compare.result import ComparisonResult
from amer_tf.report.reproduce import nearest_preset, text_of, wrapped


def changed_settings(result: ComparisonResult) -> tuple[str, dict[str, Any]]:
    """The nearest preset, and the settings of all systems that differ from it."""
    preset, changes = nearest_preset(result.spec, result.config["settings"])
    # Which systems a search trains beside its result is no question here.
    return preset, {name: value for name, value in changes.items() if name != "references"}


def prepare_command(data: Mapping[str, Any]) -> str | None:
    """The command that prepares the data; None where it is not known.

    Args:
        data: What is known of the data, as in the `data.json` of a run folder.
    """
    words = data.get("prepare")
    return wrapped(words) if words else None


def command(result: ComparisonResult, data: Mapping[str, Any]) -> str | None:
    """The command line that makes the comparison; None of one that only Python can ask for.

    Args:
        result: The comparison.
        data: As `prepare_command` takes it.
    """
    config = result.config
    seeds, candidates = config["seeds"], config["candidates"]
    if seeds != list(range(seeds[0], seeds[0] + len(seeds))) or candidates["seed"]:
        return None
    preset, changes = changed_settings(result)
    words = [
        *("amer", "compare", f"--data_dir={data.get('data_dir', 'DATA_DIR')}", "--out=NEW_DIR"),
        f"--models={text_of(config['systems'])}",
        *(f"--runs={len(seeds)}", f"--seed={seeds[0]}", f"--preset={preset}"),
    ]
    if config["time_limit"] is not None:
        words.append(f"--time_limit={config['time_limit']:g}s")
    if result.spec.task == "next_item":
        words.append(f"--candidates={text_of(candidates['modes'])}")
        words.append(f"--num_negatives={candidates['num_negatives']}")
    words += [f"--set={name}={text_of(value)}" for name, value in changes.items()]
    for system, own in config.get("own", {}).items():
        words += [f"--set={system}.{name}={text_of(value)}" for name, value in own.items()]
    words += _tuning(result)
    if result.num_audited:
        words.append(f"--audit={result.num_audited}")
    if result.num_workers > 1:
        words.append(f"--workers={result.num_workers}")
    return wrapped(words)


def _tuning(result: ComparisonResult) -> list[str]:
    number, known = result.config["tuning_trials"], result.config.get("tuning_choices", {})
    if not number:
        return []
    usual = {name: list(values) for name, values in tuning.CHOICES[result.spec.task].items()}
    own = known
    if set(usual) <= set(known):
        own = {name: values for name, values in known.items() if values != usual.get(name)}
    return [
        f"--tune={number}",
        *(f"--tune_set={name}={text_of(values)}" for name, values in own.items()),
    ]
