"""Measures a trained system on the test split, example by example."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.models.boosted_trees import BoostedTrees
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search import references
from amer_tf.search.reference_result import ReferenceResult
from amer_tf.search.result import SearchResult
from amer_tf.training.array_split import ArraySplit
from amer_tf.training.binary_metrics import evaluate_binary
from amer_tf.training.ctr import CtrEvaluator
from amer_tf.training.next_item_evaluation import NextItemEvaluator, Ranks, rank_scores, summarise


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Among which items the true one is ranked, the same for all systems and seeds.

    Args:
        modes: Of `"uniform"`, `"popular"` and `"full"`.
        num_negatives: Frozen negatives of a user.
        seed: Seed of the frozen negatives.
    """

    modes: tuple[str, ...] = ("uniform", "full")
    num_negatives: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        known = ("uniform", "popular", "full")
        if not self.modes or set(self.modes) - set(known) or len(set(self.modes)) < len(self.modes):
            raise ValueError(
                f"`modes` must be different ones among {', '.join(known)}. "
                f"Received: modes={self.modes!r}"
            )

    def check(self, split: Any) -> None:
        """Draws all candidates of a split once, which raises where there are too few items."""
        for mode in self.modes:
            if mode != "full":
                split.candidates_hash(mode, self.num_negatives, self.seed)


def measure(
    result: SearchResult | ReferenceResult, data: Any, candidates: Candidates
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metrics on the test split, and what they are the mean of.

    Args:
        result: The trained system.
        data: With `spec`, `train` and `test`.
        candidates: For task next_item.

    Returns:
        Metrics, by mode of the candidates for task next_item; and arrays: the `labels` and
        `logits` of the rows, or `greater` and `ties` of the users for each mode, under names
        like `full.ties`.
    """
    if data.spec.task == "ctr":
        logits = _logits(result.model, data.test)
        labels = data.test.labels
        return evaluate_binary(labels, logits, data.test.groups), {
            "labels": labels,
            "logits": logits,
        }
    metrics: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    for mode in candidates.modes:
        options: dict[str, Any] = {
            "num_negatives": candidates.num_negatives,
            "seed": candidates.seed,
        }
        ranks = _ranks(result, data, candidates=mode, **options)
        metrics[mode] = summarise(data.test, ranks, mode, **options)
        arrays[f"{mode}.greater"], arrays[f"{mode}.ties"] = ranks.greater, ranks.ties
    return metrics, arrays


def trees_latency(model: BoostedTrees, split: Any) -> dict[int, float]:
    """Milliseconds of `model.logits`, by the rows of a request, of encoded rows in memory.

    Args:
        model: The trees.
        split: Where the rows are from; few come again and again.
    """
    from amer_tf.export.latency import ROWS, time_calls

    names = [field.name for field in model.spec.fields]
    kept = slice(0, min(max(ROWS), split.num_examples))
    values = {name: np.asarray(split.field_values(name, kept)) for name in names}
    found = {}
    for size in ROWS:
        numbers = np.arange(size) % kept.stop
        rows = {name: each[numbers] for name, each in values.items()}
        asked = ArraySplit(rows, np.zeros(size))
        found[size] = time_calls(functools.partial(model.logits, asked))
    return found


def _logits(model: Any, split: Any) -> npt.NDArray[Any]:
    if isinstance(model, BoostedTrees):
        return model.logits(split)
    return CtrEvaluator(model).logits(split)


def _ranks(result: SearchResult | ReferenceResult, data: Any, **options: Any) -> Ranks:
    num_items = data.spec.vocabulary(data.spec.item_field).num_rows
    if result.model is None:
        assert isinstance(result, ReferenceResult)
        settings = references.settings_of(result.run)
        system = references.fit_closed_form(result.name, data.spec, settings, data.train, data.test)
        return rank_scores(
            system.scores,
            data.test,
            history_field=data.spec.history_field,
            num_items=num_items,
            **options,
        )
    network = NextItemNetwork(result.model, data.spec)
    return NextItemEvaluator(network, num_items).ranks(data.test, **options)
