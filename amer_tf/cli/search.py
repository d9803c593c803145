"""`amer search`: finds, trains and compares a network; goes on where a killed run stopped."""

from __future__ import annotations

from typing import Any

from absl import flags

import data_pipelines
from amer_tf.cli import run_data, settings_list
from amer_tf.cli.assignments import assignments
from amer_tf.cli.console import say, show_audit, show_frame, show_leaderboard
from amer_tf.cli.errors import checking_arguments
from amer_tf.search import ctr_settings, settings
from amer_tf.search.ctr_result import CtrResult
from amer_tf.search.rank_correlation import LEAST_PAIRS
from amer_tf.search.searcher import PROGRAMS, AmerSearch
from amer_tf.search.settings import PRESETS

SUMMARY = "Searches for the network, trains it and compares it with simple references."
REQUIRED = ("data_dir", "run_dir")
# With one of these flags nothing else is needed.
ALONE = (settings_list.FLAG,)
FLAGS = flags.FlagValues()

_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder that `amer prepare` wrote.", flag_values=FLAGS
)
_RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Folder of the run. One that is there already goes on where it stopped.",
    flag_values=FLAGS,
)
_STEPS = flags.DEFINE_list(
    "steps",
    None,
    "What to search, between commas: behavior for task next_item, of behavior, interaction and mlp "
    "for task ctr. Left out: all that the data allow: behavior needs behaviour fields.",
    flag_values=FLAGS,
)
_TIME_LIMIT = flags.DEFINE_string(
    "time_limit",
    None,
    "Such as 90s, 20m or 1h30m, over all attempts at the run. Left out: no limit. The preset's "
    "epochs and counts hold beside it: whichever ends first.",
    flag_values=FLAGS,
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Seed of every random choice.",
    lower_bound=0,
    upper_bound=2**31 - 1,
    flag_values=FLAGS,
)
_MAX_PARAMS = flags.DEFINE_integer(
    "max_params",
    None,
    "Most parameters of the found model, embeddings included. Left out: no limit.",
    lower_bound=1,
    flag_values=FLAGS,
)
_MAX_LATENCY_MS = flags.DEFINE_float(
    "max_latency_ms",
    None,
    "Most milliseconds that the exported model may take on this machine, for one row as for 256. "
    "Left out: no limit.",
    flag_values=FLAGS,
)
_AUDIT = flags.DEFINE_integer(
    "audit",
    0,
    "Checks the search once it is done: of how many architectures of each step, spread over its "
    "inherited scores, to train each alone and from new weights. Gives Kendall's tau of the two "
    "scores, what a random architecture scores, and whether the search gained anything. At least "
    f"{LEAST_PAIRS}; 0 for none. A time limit is shared with it: each training has half the share "
    "of all final ones. A finished run is audited by the same command with this flag.",
    lower_bound=0,
    flag_values=FLAGS,
)
_PRESET = flags.DEFINE_enum(
    "preset", "standard", list(PRESETS), settings_list.PRESETS, flag_values=FLAGS
)
_SET = flags.DEFINE_multi_string(
    "set",
    [],
    "Changes a setting of the preset, as --set=name=value, again and again; a list has commas, as "
    "in --set=hidden_units=64,32. --list_settings names all, and says what each means.",
    flag_values=FLAGS,
)
_LIST_SETTINGS = flags.DEFINE_boolean(
    settings_list.FLAG, False, settings_list.HELP, flag_values=FLAGS
)
_REFERENCES = flags.DEFINE_list(
    "references",
    None,
    f"Simple systems to put beside the result, between commas, of {', '.join(settings.REFERENCES)} "
    f"(next_item), or {', '.join(ctr_settings.REFERENCES)} (ctr); nothing for none. Left out: the "
    "preset's.",
    flag_values=FLAGS,
)


def run() -> dict[str, Any]:
    if _LIST_SETTINGS.value:
        return settings_list.list_settings(_PRESET.value, _DATA_DIR.value)
    run_data.require_apart("run_dir", _RUN_DIR.value)
    data = data_pipelines.load(_DATA_DIR.value)
    with checking_arguments():
        preset = PROGRAMS[data.spec.task].preset(_PRESET.value, data.spec)
        own = preset.with_text(assignments("set", _SET.value))
        if _REFERENCES.value is not None:
            own = own.replace(references=tuple(_REFERENCES.value))
        search = AmerSearch(
            data.spec,
            run_dir=_RUN_DIR.value,
            steps=_STEPS.value,
            time_limit=_TIME_LIMIT.value,
            seed=_SEED.value,
            settings=own,
            max_params=_MAX_PARAMS.value,
            max_latency_ms=_MAX_LATENCY_MS.value,
            audit=_AUDIT.value,
        )
    run_data.record(search.run, data)
    result = search.fit(data.train, data.validation)
    show_leaderboard(result.leaderboard(architectures=True), result.metrics["validation"])
    if isinstance(result, CtrResult) and len(result.interactions()):
        apart = search.settings.selection == "best"
        how = "by itself" if apart else "on top of those above it"
        title = f"Interactions in the order in which they were chosen, each gain {how}"
        show_frame(title, result.interactions())
    audit = result.audit()
    if audit is not None:
        show_audit(audit)
    say(f"Found: {result.architecture}")
    return result.summary()
