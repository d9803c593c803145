"""`--list_settings`: what `--set` may change, what it is in a preset, and what it means."""

from __future__ import annotations

from typing import Any

import data_pipelines
from amer_tf.cli.console import show_table
from amer_tf.features import FeatureSpec
from amer_tf.search import ctr_settings
from amer_tf.search.searcher import PROGRAMS
from amer_tf.search.settings_base import BaseSettings

FLAG = "list_settings"
HELP = (
    "Name the settings of --set with their values in the --preset, what each may be and what it "
    "means, for both tasks, or for that of --data_dir; and do nothing."
)
PRESETS = (
    "How large and how long the search is: quick for a first look, standard for a result worth "
    "having, paper with the sizes, rates and epochs of the paper. --list_settings shows the values."
)


def list_settings(preset: str, data_dir: str | None = None) -> dict[str, Any]:
    """Shows the settings of a preset, a line each, and gives them as plain JSON, by task.

    Args:
        preset: Name of the preset.
        data_dir: Prepared data, whose task alone is shown, with the values that hold for them;
            None for both tasks.
    """
    spec = None if data_dir is None else data_pipelines.load(data_dir).spec
    return {
        task: _shown(task, preset, spec) for task in PROGRAMS if spec is None or task == spec.task
    }


def _shown(task: str, preset: str, spec: FeatureSpec | None) -> dict[str, dict[str, Any]]:
    settings: BaseSettings = PROGRAMS[task].preset(preset, spec)
    differs = ctr_settings.HYBRID.get(preset, {}) if task == "ctr" and spec is None else {}
    meanings, rows, found = settings.meanings(), [], {}
    for name, value in settings.to_dict().items():
        found[name] = {
            "value": value,
            "must be": settings.expected(name),
            "meaning": meanings.get(name, ""),
        }
        text = _text(value)
        if name in differs:
            found[name]["value with a history"] = differs[name]
            text += f" ({_text(differs[name])} with a history)"
        rows.append((name, text, found[name]["must be"], found[name]["meaning"]))
    columns = ("--set=", f"value in {preset}", "must be", "meaning")
    show_table(f"Settings of task {task}", columns, rows, whole=columns[:1])
    return found


def _text(value: Any) -> str:
    """A value as `--set` takes it."""
    return ",".join(map(_text, value)) if isinstance(value, (list, tuple)) else f"{value}"
