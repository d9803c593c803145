"""What a search of task next_item found, and how well it ranks items."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search import references
from amer_tf.search.next_item_program import METRIC
from amer_tf.search.result import SearchResult
from amer_tf.training.next_item_evaluation import NextItemEvaluator


class NextItemResult(SearchResult):
    """The result of a finished run of task next_item."""

    METRICS = ("hr@1", "hr@5", "ndcg@5", "mrr")
    RANKED_BY = METRIC

    @functools.cached_property
    def evaluator(self) -> NextItemEvaluator:
        """Evaluates the best model; it is compiled once for all splits and candidates."""
        num_items = self.spec.vocabulary(self.spec.item_field).num_rows
        return NextItemEvaluator(NextItemNetwork(self.model, self.spec), num_items)

    def evaluate(
        self,
        split: Any,
        *,
        candidates: Any = "uniform",
        num_negatives: int = 100,
        seed: int | None = None,
    ) -> dict[str, Any]:
        """HR@k, NDCG@k and MRR of the best model on a split.

        Args:
            split: Validation or test split.
            candidates: `"uniform"`, `"popular"`, `"full"`, or own lists `(U, C)` of encoded ids.
            num_negatives: Negatives of a user, for the frozen ones.
            seed: Seed of the frozen negatives; None takes the run's.
        """
        return self.evaluator.evaluate(
            split,
            candidates=candidates,
            num_negatives=num_negatives,
            seed=self.seed if seed is None else seed,
        )

    def evaluate_references(
        self,
        train: Any,
        split: Any,
        *,
        candidates: Sequence[Any] = ("uniform",),
        num_negatives: int = 100,
        seed: int | None = None,
    ) -> dict[str, dict[str, Any]]:
        """The same metrics of the run's hand-made systems, on the same rows.

        The closed forms are fitted anew, the networks are those of the run.

        Args:
            train: Training split.
            split: Validation or test split.
            candidates: Any number of what `evaluate` takes.
            num_negatives: As in `evaluate`.
            seed: As in `evaluate`.

        Returns:
            Metrics by name of the system and mode of the candidates.
        """
        options: dict[str, Any] = {
            "num_negatives": num_negatives,
            "seed": self.seed if seed is None else seed,
        }
        return {
            name: references.evaluate(
                name,
                references.load(name, self.load_model),
                self.spec,
                references.settings_of(self.run),
                train,
                split,
                candidates=candidates,
                **options,
            )
            for name in self.references()
        }

    def summary(self) -> dict[str, Any]:
        """The result as plain JSON; metrics under the mode that they were measured in."""
        summary = super().summary()
        return {**summary, "validation": {summary["validation"]["mode"]: summary["validation"]}}
