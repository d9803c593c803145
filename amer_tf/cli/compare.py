"""`amer compare`: any systems on one data set, side by side; goes on where it was killed."""

from __future__ import annotations

import functools
from typing import Any

from absl import flags

import data_pipelines
from amer_tf.cli import run_data, settings_list
from amer_tf.cli.assignments import assignments
from amer_tf.cli.console import say, show_frame, show_table
from amer_tf.cli.errors import UsageError, checking_arguments
from amer_tf.compare import Candidates, Comparison, ComparisonResult, own_settings
from amer_tf.compare.audits import verdicts
from amer_tf.compare.page import write_page
from amer_tf.compare.systems import ALSO, WHOLE, choose, references, variants
from amer_tf.compare.tables import write_tables
from amer_tf.compare.tuning import CHOICES
from amer_tf.compare.verdict import verdict
from amer_tf.features import FeatureSpec
from amer_tf.report import words
from amer_tf.report.plots import import_matplotlib
from amer_tf.search.searcher import MAX_SEED, PROGRAMS
from amer_tf.search.settings import PRESETS
from amer_tf.search.settings_base import BaseSettings

SUMMARY = "Trains any systems on one data set over several seeds, and puts them side by side."
REQUIRED = ("data_dir", "models", "out")
# With one of these flags nothing else is needed.
ALONE = ("list", settings_list.FLAG)
FLAGS = flags.FlagValues()

_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder that `amer prepare` wrote.", flag_values=FLAGS
)
_MODELS = flags.DEFINE_list(
    "models",
    None,
    f"The systems, between commas: {WHOLE} for all steps that the data allow, amer-12 and the like "
    "for some, or hand-made ones; --list names them. With a label, as in dcn@deep, one can stand "
    "there again with settings of its own.",
    flag_values=FLAGS,
)
_OUT = flags.DEFINE_string(
    "out",
    None,
    "Folder of the comparison. One that is there already goes on where it stopped, and may be "
    "given more --models and --runs.",
    flag_values=FLAGS,
)
_LIST = flags.DEFINE_boolean("list", False, "Name the systems, and do nothing.", flag_values=FLAGS)
_RUNS = flags.DEFINE_integer(
    "runs", 4, "Runs of each system, each with a seed of its own.", lower_bound=1, flag_values=FLAGS
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Seed of the first run; the others have those after it.",
    lower_bound=0,
    upper_bound=MAX_SEED - 1,
    flag_values=FLAGS,
)
_TIME_LIMIT = flags.DEFINE_string(
    "time_limit",
    None,
    "Such as 90s, 20m or 1h30m, for each run of each system. Left out: no limit.",
    flag_values=FLAGS,
)
_PRESET = flags.DEFINE_enum(
    "preset", "standard", list(PRESETS), settings_list.PRESETS, flag_values=FLAGS
)
_SET = flags.DEFINE_multi_string(
    "set",
    [],
    "Changes a setting of the preset for all systems, as --set=name=value, again and again; or for "
    "one of them, as --set=dcn@deep.num_crosses=6. --list_settings names those of all systems, and "
    "says what each means.",
    flag_values=FLAGS,
)
_LIST_SETTINGS = flags.DEFINE_boolean(
    settings_list.FLAG, False, settings_list.HELP, flag_values=FLAGS
)
_CANDIDATES = flags.DEFINE_list(
    "candidates",
    ["uniform", "full"],
    "Task next_item: among which items the true one is ranked, of uniform, popular and full; the "
    "first ranks the systems.",
    flag_values=FLAGS,
)
_NUM_NEGATIVES = flags.DEFINE_integer(
    "num_negatives",
    100,
    "Task next_item: frozen negatives of a user, the same for all systems and runs.",
    lower_bound=1,
    flag_values=FLAGS,
)
_TUNE = flags.DEFINE_integer(
    "tune",
    0,
    "Runs of each system from which its settings are chosen by the validation split, by Optuna: "
    "first those of the preset, then of --tune_set. 0 for none.",
    lower_bound=0,
    flag_values=FLAGS,
)
_TUNE_SET = flags.DEFINE_multi_string(
    "tune_set",
    [],
    "Values of a setting to choose from, as --tune_set=name=value,value, again and again, for the "
    "systems that read it. Of what is left out: those of the paper for "
    f"{', '.join(CHOICES['ctr'])}, and others for LightGBM and EASE, which read none of these.",
    flag_values=FLAGS,
)
_AUDIT = flags.DEFINE_integer(
    "audit",
    0,
    "Of how many architectures of each step of each search the scores are checked, with the first "
    "seed, as in `amer search`; also of a comparison that has finished.",
    lower_bound=0,
    flag_values=FLAGS,
)
_WORKERS = flags.DEFINE_integer(
    "workers",
    1,
    "Runs at a time, each in a process of its own; they share the cores. On a GPU one.",
    lower_bound=1,
    flag_values=FLAGS,
)


def run() -> dict[str, Any]:
    if _LIST.value:
        return _listed()
    if _LIST_SETTINGS.value:
        return settings_list.list_settings(_PRESET.value, _DATA_DIR.value)
    import_matplotlib()
    run_data.require_apart("out", _OUT.value)
    data = data_pipelines.load(_DATA_DIR.value)
    with checking_arguments():
        preset = PROGRAMS[data.spec.task].preset(_PRESET.value, data.spec)
        shared, own = _settings(data.spec, preset)
        comparison = Comparison(
            functools.partial(data_pipelines.load, _DATA_DIR.value),
            _OUT.value,
            _MODELS.value,
            seeds=range(_SEED.value, _SEED.value + _RUNS.value),
            settings=preset.with_text(shared),
            own=own,
            time_limit=_TIME_LIMIT.value,
            candidates=Candidates(tuple(_CANDIDATES.value), _NUM_NEGATIVES.value),
            tuning_trials=_TUNE.value,
            tuning_choices=_choices() if _TUNE_SET.value else None,
            audit=_AUDIT.value,
            workers=_WORKERS.value,
        )
    run_data.record(comparison.run, data)
    result = comparison.work()
    tables, report = write_tables(result), write_page(result, run_data.describe(data))
    show_frame("Test split, the best first", _shown(result))
    say(verdict(result))
    audits = verdicts(result)
    for name, text in audits.items():
        say(f"Was {name} worth it? {text}")
    say(f"Open {report} in a browser.")
    return {
        "out": str(result.folder),
        "results": str(result.file),
        "tables": str(tables),
        "report": str(report),
        "verdict": verdict(result),
        "audits": audits,
        "systems": result.summary(),
    }


def _listed() -> dict[str, Any]:
    """Names and meanings of all systems."""
    found = {}
    for task in PROGRAMS:
        searched = {
            name: "searches " + ", ".join(words.STEPS[step] for step in system.steps)
            for name, system in variants(task).items()
        }
        hand_made = {name: _meaning(name) for name in references(task)}
        found[task] = {WHOLE: "all steps that the data allow", **searched, **hand_made}
        show_table(f"Task {task}", ("name", "what it is"), list(found[task].items()))
    return found


def _meaning(name: str) -> str:
    """What a hand-made system is, and under which other name it can be given."""
    other = [f"; also {alias}" for alias, known in ALSO.items() if known == name]
    return words.SYSTEMS[name][1] + "".join(other)


def _shown(result: ComparisonResult) -> Any:
    """The columns of the table that people read first."""
    table = result.table()
    return table[[name for name in table.columns if not name.endswith("_deviation")]]


def _settings(
    spec: FeatureSpec, preset: BaseSettings
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """What `--set` says of all systems, as text, and of single ones."""
    shared: dict[str, str] = {}
    own: dict[str, dict[str, str]] = {}
    for name, text in assignments("set", _SET.value).items():
        system, dot, setting = name.rpartition(".")
        if dot and not (system and setting):
            raise UsageError(
                "--set must name a setting, or a system and a setting with a point between them. "
                f"Received: --set={name}={text}"
            )
        if name == "references":
            raise UsageError(
                "--set has no references in a comparison, where --models names the systems. "
                f"Received: --set={name}={text}"
            )
        if dot:
            own.setdefault(system, {})[setting] = text
        else:
            shared[name] = text
    values = {}
    for name, texts in own.items():
        (system_of,) = choose([name], spec)
        values[name] = own_settings.parse(system_of, spec.task, preset, texts)
    return shared, values


def _choices() -> dict[str, tuple[float, ...]]:
    """The values of `--tune_set`."""
    found = {}
    for name, text in assignments("tune_set", _TUNE_SET.value).items():
        try:
            numbers = [float(value) for value in text.split(",")]
        except ValueError:
            raise UsageError(
                f"--tune_set must be name=value,value with numbers. Received: {name}={text}"
            ) from None
        found[name] = tuple(int(value) if value.is_integer() else value for value in numbers)
    return found
