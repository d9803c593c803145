"""What a search of task ctr found, and how well it predicts."""

from __future__ import annotations

import functools
from typing import Any

import pandas as pd

from amer_tf.search import ctr_references
from amer_tf.search.ctr_recording import METRIC
from amer_tf.search.interaction_search import CHOSEN
from amer_tf.search.result import SearchResult
from amer_tf.search.search_data import as_evaluation_split
from amer_tf.training.ctr import CtrEvaluator


class CtrResult(SearchResult):
    """The result of a finished run of task ctr."""

    METRICS = ("auc", "log_loss")
    RANKED_BY = METRIC

    @functools.cached_property
    def evaluator(self) -> CtrEvaluator:
        """Evaluates the best model."""
        return CtrEvaluator(self.model)

    def interactions(self) -> pd.DataFrame:
        """The chosen interactions, each with its gain in log loss (or AUC), and the error.

        A gain is that of the interaction on top of those above it (by itself, with
        `selection="best"`), by the supernet's weights, on the validation rows that the search
        scored on. `taken` are those of the found model: the first ones, as many as predicted best
        when tried out.
        """
        taken = self.architecture.interactions
        rows = [
            {
                "interaction": " * ".join(trial["interaction"]),
                "gain": trial["gain"],
                "standard_error": trial["standard_error"],
                "taken": tuple(trial["interaction"]) in taken,
            }
            for trial in self.run.trials()
            if trial["kind"] == CHOSEN
        ]
        return pd.DataFrame(rows, columns=["interaction", "gain", "standard_error", "taken"])

    def evaluate(self, split: Any) -> dict[str, Any]:
        """AUC, log loss, per-user AUC and calibration of the best model.

        Args:
            split: A split, a `tf.data` or a table of raw columns, as `AmerSearch.fit` takes it.
        """
        return self.evaluator.evaluate(as_evaluation_split(self.spec, split))

    def evaluate_references(self, split: Any) -> dict[str, dict[str, Any]]:
        """The same metrics of the run's hand-made systems, on the same rows, by name.

        Args:
            split: As `evaluate` takes it.
        """
        split = as_evaluation_split(self.spec, split)
        return {
            name: ctr_references.evaluate(
                ctr_references.load(self.run, name, self.spec, self.load_model), split
            )
            for name in self.references()
        }

    def summary(self) -> dict[str, Any]:
        """The result as plain JSON, with the gain of each interaction."""
        return {
            **super().summary(),
            "interactions": self.interactions().to_dict(orient="records"),
        }
