"""`amer prepare`: encodes a data set once."""

from __future__ import annotations

import json
from typing import Any

from absl import flags

import data_pipelines
from amer_tf.cli.assignments import assignments
from amer_tf.cli.console import say
from data_pipelines import splits

SUMMARY = "Encodes a data set once, so that training never touches its source files again."
REQUIRED = ("dataset", "data_dir")
FLAGS = flags.FlagValues()

_DATASET = flags.DEFINE_string(
    "dataset",
    None,
    f"One of {', '.join(data_pipelines.DATASETS)}, or a description file (.yaml or .json) of "
    "your own table.",
    flag_values=FLAGS,
)
_SOURCE_DIR = flags.DEFINE_string(
    "source_dir",
    None,
    "Folder of the source files. Left out for a data set that is a Python package, and for files "
    "that stand beside their description.",
    flag_values=FLAGS,
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder to write; new, empty, or with these data.", flag_values=FLAGS
)
_SPLIT = flags.DEFINE_string(
    "split",
    None,
    f"How examples are dealt out: {', '.join(splits.KINDS)}; or JSON with its "
    'arguments such as {"kind": "by_time", "train_share": 0.7} or {"kind": "by_time", '
    '"train_until": "2024-05-01", "validation_until": "2024-05-15"}. '
    "Left out: the data set's own.",
    flag_values=FLAGS,
)
_K_CORE = flags.DEFINE_integer(
    "k_core",
    None,
    "Fewest events of a user and of an item; 0 for no filter. Left out: the data set's own.",
    lower_bound=0,
    flag_values=FLAGS,
)
_MAX_LENGTH = flags.DEFINE_integer(
    "max_length", None, "Newest events that a history keeps.", lower_bound=1, flag_values=FLAGS
)
_BAD_ROWS = flags.DEFINE_enum(
    "bad_rows",
    None,
    ["error", "skip"],
    "What becomes of a text row with too few or too many cells: an error that names its line, or "
    "it is left out and counted. Left out: error.",
    flag_values=FLAGS,
)
_OPTION = flags.DEFINE_multi_string(
    "option",
    [],
    "Further options as --option=name=value, again and again: item_vocabulary=catalog|train, and "
    "what the data set's README names, such as item_fields=attributes.",
    flag_values=FLAGS,
)


def run() -> dict[str, Any]:
    options = {name: _value(text) for name, text in assignments("option", _OPTION.value).items()}
    if _SPLIT.value is not None:
        options["split"] = _value(_SPLIT.value)
    if _K_CORE.value is not None:
        options["k_core"] = _K_CORE.value
    if _MAX_LENGTH.value is not None:
        options["max_length"] = _MAX_LENGTH.value
    if _BAD_ROWS.value is not None:
        options["bad_rows"] = _BAD_ROWS.value
    counts = data_pipelines.prepare(_DATASET.value, _SOURCE_DIR.value, _DATA_DIR.value, **options)
    for name, count in counts.items():
        number = f"{count:,}" if isinstance(count, int) else f"{count:,.3f}"
        say(f"  {name.replace('_', ' ')}: {number}")
    return {"dataset": _DATASET.value, "data_dir": _DATA_DIR.value, "counts": counts}


def _value(text: str) -> Any:
    """The value of an option: as JSON where it is such, else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
