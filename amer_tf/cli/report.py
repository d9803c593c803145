"""`amer report`: a page about finished runs, for people who were not there."""

from __future__ import annotations

import pathlib
from typing import Any

from absl import flags

from amer_tf.cli import run_data
from amer_tf.cli.console import say
from amer_tf.search.result import SearchResult

SUMMARY = "Writes a page about a finished run, with pictures, that needs nothing but a browser."
REQUIRED = ("run_dir",)
FLAGS = flags.FlagValues()

_RUN_DIR = flags.DEFINE_multi_string(
    "run_dir",
    [],
    "Folder of a finished run of `amer search`. Given again and again, or as a list between "
    "commas: runs of the same data with other seeds or steps, whose spread is shown; the page is "
    "about the first, and is written into its folder.",
    flag_values=FLAGS,
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Folder of its data, whose counts are shown. Left out: what the run wrote down of them.",
    flag_values=FLAGS,
)


def run() -> dict[str, Any]:
    results = [SearchResult.load(folder) for folder in _folders(_RUN_DIR.value)]
    data = None
    if _DATA_DIR.value is not None:
        data = run_data.describe(run_data.load(results[0], _DATA_DIR.value))
    file = results[0].report(*results[1:], data=data)
    say(f"Open {file} in a browser.")
    return {"run_dir": [str(result.run.path) for result in results], "report": str(file)}


def _folders(values: list[str]) -> list[str]:
    """Folders, each by itself or several between commas; a comma may be in a name too."""
    return [
        folder
        for value in values
        for folder in ([value] if pathlib.Path(value).exists() else value.split(","))
        if folder
    ]
