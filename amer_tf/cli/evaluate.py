"""`amer evaluate`: metrics of a finished run on a split."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from absl import flags

from amer_tf.cli import run_data
from amer_tf.cli.console import say, show_binary_metrics, show_metrics
from amer_tf.cli.errors import UsageError
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search.ctr_result import CtrResult
from amer_tf.search.next_item_result import NextItemResult
from amer_tf.search.reference_result import (
    CtrReferenceResult,
    NextItemReferenceResult,
    ReferenceResult,
    load_result,
)
from amer_tf.search.result import SearchResult
from amer_tf.training import predictions
from amer_tf.training.candidate_lists import load_candidates
from amer_tf.wording import counted
from data_pipelines import PreparedData

SUMMARY = "Measures a finished run on a split; adds the result to the run's metrics.json."
REQUIRED = ("run_dir",)
FLAGS = flags.FlagValues()
MODES = ("uniform", "popular", "full")

_RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Folder of a finished run: of `amer search`, or of one system of `amer compare`, such as "
    "OUT/deepfm/seed_0.",
    flag_values=FLAGS,
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of its data. Left out: where they were then.", flag_values=FLAGS
)
_SPLIT = flags.DEFINE_enum(
    "split", "test", ["test", "validation"], "Which examples to rank.", flag_values=FLAGS
)
_CANDIDATES = flags.DEFINE_list(
    "candidates",
    list(MODES),
    "Among which items the true one is ranked, between commas: uniform or popular (frozen "
    "negatives), full (the whole catalogue), or one FILE.npy or FILE.csv with a row of raw item "
    "ids for each user, the true item first; a .csv with the columns user and item may have its "
    "rows in any order.",
    flag_values=FLAGS,
)
_NUM_NEGATIVES = flags.DEFINE_integer(
    "num_negatives", 100, "Frozen negatives of a user.", lower_bound=1, flag_values=FLAGS
)
_SEED = flags.DEFINE_integer(
    "seed",
    None,
    "Seed of the frozen negatives. Left out: the run's.",
    lower_bound=0,
    flag_values=FLAGS,
)
_PREDICTIONS = flags.DEFINE_string(
    "predictions",
    None,
    "File to write for the first of --candidates: FILE.csv with the columns user, item and score, "
    "or FILE.npy with the scores alone, a row for each user. The items are the candidates in "
    "their order, the true one first; for full the best --top_k of those that it ranks.",
    flag_values=FLAGS,
)
_TOP_K = flags.DEFINE_integer(
    "top_k", 10, "Items of a user in --predictions of full.", lower_bound=1, flag_values=FLAGS
)
_REFERENCES = flags.DEFINE_boolean(
    "references", False, "Also measure the run's references, on the same rows.", flag_values=FLAGS
)


def run() -> dict[str, Any]:
    if _PREDICTIONS.value is not None:
        _check_place(predictions.check_suffix(_PREDICTIONS.value))
    result = load_result(_RUN_DIR.value)
    if _REFERENCES.value and isinstance(result, ReferenceResult):
        raise UsageError(
            f"--references are those of a search, and this run is of {result.name} alone. "
            "Received: --references"
        )
    data = run_data.load(result, _DATA_DIR.value)
    if isinstance(result, (CtrResult, CtrReferenceResult)):
        return _evaluate_rows(result, data)
    assert isinstance(result, (NextItemResult, NextItemReferenceResult))
    return _evaluate_ranking(result, data)


def _evaluate_rows(result: CtrResult | CtrReferenceResult, data: PreparedData) -> dict[str, Any]:
    """Metrics of labelled rows."""
    for name in ("candidates", "num_negatives", "seed", "predictions", "top_k"):
        flag = FLAGS[name]
        if flag.value != flag.default:
            raise UsageError(
                f"--{name} is about candidates of task next_item, and this run is of task ctr. "
                f"Received: --{name}={flag.value}"
            )
    split = getattr(data, _SPLIT.value)
    ours = result.evaluate(split)
    references = {}
    if _REFERENCES.value:
        assert isinstance(result, CtrResult)
        references = result.evaluate_references(split)
    shown = {_name(result): ours, **references}
    show_binary_metrics(f"{_SPLIT.value}, {counted(ours['count'], 'row')}", shown)
    result.record_evaluation(_SPLIT.value, ours, references)
    return _answer(result, data, ours, references)


def _evaluate_ranking(
    result: NextItemResult | NextItemReferenceResult, data: PreparedData
) -> dict[str, Any]:
    """Metrics of true items among candidates, and predictions for them."""
    if _PREDICTIONS.value is not None and result.model is None:
        raise UsageError(
            f"--predictions are those of a network, and {_name(result)} is none. "
            f"Received: --predictions={_PREDICTIONS.value}"
        )
    split = getattr(data, _SPLIT.value)
    seed = result.seed if _SEED.value is None else _SEED.value
    options = {"num_negatives": _NUM_NEGATIVES.value, "seed": seed}
    items = result.spec.vocabulary(result.spec.item_field)
    candidates = _candidates(items, split)

    references = {}
    if isinstance(result, NextItemReferenceResult):
        ours = result.evaluate(data.train, split, candidates=candidates, **options)
    else:
        measured = [result.evaluate(split, candidates=mode, **options) for mode in candidates]
        ours = {metrics["mode"]: metrics for metrics in measured}
        if _REFERENCES.value:
            references = result.evaluate_references(
                data.train, split, candidates=candidates, **options
            )
    shown = {_name(result): ours, **references}
    show_metrics(f"{_SPLIT.value}, {counted(len(split.users), 'user')}", shown)
    answer = _answer(result, data, ours, references)
    # Before the predictions: a disk that refuses those must not lose what was measured.
    result.record_evaluation(_SPLIT.value, ours, references)
    if _PREDICTIONS.value is not None:
        predicted = predictions.predict(
            NextItemNetwork(result.model, result.spec),
            split,
            num_items=items.num_rows,
            candidates=candidates[0],
            top_k=_TOP_K.value,
            **options,
        )
        file = predictions.write_predictions(
            _PREDICTIONS.value, predicted, items.read_values(), split.users
        )
        say(f"Predictions for {next(iter(ours))} candidates: {file}")
        answer["predictions"] = str(file)
    return answer


def _name(result: SearchResult | ReferenceResult) -> str:
    """What the system of a run is called."""
    return result.name if isinstance(result, ReferenceResult) else "amer"


def _answer(
    result: SearchResult | ReferenceResult,
    data: PreparedData,
    ours: dict[str, Any],
    references: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """What was measured, as plain JSON."""
    answer = {
        "run_dir": str(result.run.path),
        "data_dir": str(data.folder),
        **({"system": result.name} if isinstance(result, ReferenceResult) else {}),
        _SPLIT.value: ours,
    }
    if references:
        answer["references"] = {
            name: {_SPLIT.value: metrics} for name, metrics in references.items()
        }
    return answer


def _check_place(file: pathlib.Path) -> None:
    """Checks before the long work that the file of predictions can be written after it."""
    folder = file.parent
    if not os.access(folder, os.W_OK | os.X_OK) or not folder.is_dir() or file.is_dir():
        raise UsageError(
            "--predictions must be a file in a folder that is there and may be written to. "
            f"Received: --predictions={file}"
        )


def _candidates(items: Any, split: Any) -> list[Any]:
    """Modes as they are, a file as the lists in it."""
    names = list(dict.fromkeys(_CANDIDATES.value))
    files = [name for name in names if name not in MODES]
    if not names or len(files) > 1:
        raise UsageError(
            f"--candidates must be among {', '.join(MODES)} and at most one file. "
            f"Received: --candidates={','.join(_CANDIDATES.value)}"
        )
    return [
        load_candidates(name, items.read_values(), split) if name in files else name
        for name in names
    ]
