"""How to get the same run again: command, seed, versions, checksums, settings."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from amer_tf.features import FeatureSpec
from amer_tf.report import words
from amer_tf.report.markup import Html, details, element, joined, paragraph, table
from amer_tf.report.run_record import RunRecord
from amer_tf.search.audit import PHASE as AUDIT
from amer_tf.search.searcher import PROGRAMS
from amer_tf.search.settings import PRESETS


def reproduce(record: RunRecord) -> Html:
    """The command and all that it depends on."""
    preset, changes = nearest_preset(record.spec, record.config["settings"])
    prepare, description = record.data.get("prepare"), record.data.get("description")
    environment = {
        "amer_tf": record.config.get("version", "unknown"),
        **record.metrics.get("environment", {}),
    }
    facts = [
        ["Seed", str(record.seed)],
        ["Steps", ", ".join(record.steps)],
        ["Preset", preset],
        ["Checksum of the data", record.data.get("digest") or "not recorded"],
        ["Checksum of the fitted spec", record.config["spec"]],
        *([words.plain(name) if name == name.lower() and "_" not in name else name, version]
          for name, version in environment.items()),
    ]  # fmt: skip
    parts = [
        paragraph(
            "Prepare the data as they were, so that the checksum is the same, then search. Budgets "
            "in epochs and counts give the same result again on the same versions"
            + _exception(record)
        ),
        *([code(wrapped(prepare))] if prepare else []),
        *([described(description)] if description else []),
        code(command(record)),
        table("What the run depends on", ["What", "Value"], facts),
    ]
    if changes:
        defaults = _preset(record.spec, preset)
        rows = [[name, text_of(changes[name]), text_of(defaults[name])] for name in changes]
        parts.append(
            table(
                f"Settings that differ from the preset {preset}",
                ["Setting", "Here", "Preset"],
                rows,
            )
        )
    else:
        parts.append(paragraph(f"All settings are those of the preset {preset}."))
    return joined(parts)


def code(text: str) -> Html:
    """A command line as it is typed."""
    return element("pre", element("code", text))


def described(description: Mapping[str, Any]) -> Html:
    """The description of a user's own table, to be kept as a file again."""
    text = json.dumps(description, indent=2, ensure_ascii=False)
    return details(
        "The description of the data: DESCRIPTION_FILE is a file like shop.json with this in it, "
        "SOURCE_DIR the folder of the files that it names",
        code(text),
    )


def _exception(record: RunRecord) -> str:
    """The end of the sentence on the same result: which limits depend on the machine."""
    reasons = []
    if record.config.get("time_limit"):
        reasons.append("a time limit, and how much fits into it depends on the machine")
    if record.config.get("max_latency_ms"):
        reasons.append(
            "a limit of latency, and which architectures are within it depends on the machine and "
            "on what else it did when they were measured"
        )
    return f"; this run had {'; and '.join(reasons)}." if reasons else "."


def nearest_preset(spec: FeatureSpec, settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The preset with the fewest settings that differ, and those that do.

    Args:
        spec: Of the data.
        settings: All settings by name, as the configuration of a run has them.
    """
    found = {}
    for name in PRESETS:
        known = _preset(spec, name)
        found[name] = {
            key: value for key, value in settings.items() if key in known and known[key] != value
        }
    best = min(found, key=lambda name: len(found[name]))
    return best, found[best]


def _preset(spec: FeatureSpec, name: str) -> dict[str, Any]:
    """The settings of a preset for such data: a behaviour may change some."""
    return dict(PROGRAMS[spec.task].preset(name, spec).to_dict())


def command(record: RunRecord) -> str:
    """The command line that makes the run."""
    preset, changes = nearest_preset(record.spec, record.config["settings"])
    words_ = ["amer", "search"]
    words_.append(f"--data_dir={record.data.get('data_dir', 'DATA_DIR')}")
    words_.append("--run_dir=NEW_RUN_DIR")
    words_ += [f"--steps={','.join(record.steps)}", f"--preset={preset}", f"--seed={record.seed}"]
    if record.config.get("time_limit"):
        words_.append(f"--time_limit={record.config['time_limit']:g}s")
    for limit in ("max_params", "max_latency_ms"):
        if record.config.get(limit) is not None:
            words_.append(f"--{limit}={record.config[limit]}")
    audited = record.phases.get(AUDIT, {})
    if "architectures" in audited:
        words_.append(f"--audit={audited['architectures']}")
    for name, value in changes.items():
        text = text_of(value)
        words_.append(f"--references={text}" if name == "references" else f"--set={name}={text}")
    return wrapped(words_)


def wrapped(arguments: Sequence[str]) -> str:
    """The words of a command line, quoted, each flag on a line of its own."""
    quoted = list(map(shlex.quote, arguments))
    return " \\\n    ".join([" ".join(quoted[:2]), *quoted[2:]])


def text_of(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(text_of, value))
    return value if isinstance(value, str) else json.dumps(value)
