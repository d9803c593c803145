"""`amer export`: a SavedModel of a finished run."""

from __future__ import annotations

from typing import Any

from absl import flags

from amer_tf.cli.console import say
from amer_tf.search.reference_result import ReferenceResult, load_result

SUMMARY = "Writes the model of a finished run as a SavedModel that takes raw columns."
REQUIRED = ("run_dir", "export_dir")
FLAGS = flags.FlagValues()

_RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Folder of a finished run: of `amer search`, or of one system of `amer compare`, such as "
    "OUT/deepfm/seed_0.",
    flag_values=FLAGS,
)
_EXPORT_DIR = flags.DEFINE_string(
    "export_dir",
    None,
    "Folder to write; new, empty, or with this very export. Model servers want a number as its "
    "name, such as serving/beauty/1; a folder that holds such versions gets the next number, also "
    "where a number is given that holds another export.",
    flag_values=FLAGS,
)
_TOP_K = flags.DEFINE_integer(
    "top_k",
    10,
    "Items that `recommend` gives unless a request says another number.",
    lower_bound=1,
    flag_values=FLAGS,
)


def run() -> dict[str, Any]:
    result = load_result(_RUN_DIR.value)
    folder = result.export(_EXPORT_DIR.value, top_k=_TOP_K.value)
    say(f"Exported to {folder}; its README.md tells the signatures.")
    if isinstance(result, ReferenceResult):
        what: dict[str, Any] = {"system": result.name}
    else:
        what = {"architecture": result.architecture.to_dict()}
    return {
        "run_dir": str(result.run.path),
        "export_dir": str(folder),
        **what,
        "top_k": _TOP_K.value,
    }
