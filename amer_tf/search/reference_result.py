"""A hand-made system that was trained alone, and how well it predicts."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras

from amer_tf.features import FeatureSpec
from amer_tf.search import ctr_references, references
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from amer_tf.search.run_result import (
    RunResult,
    hand_made_system,
    open_finished,
    require_no_comparison,
)
from amer_tf.search.search_data import as_evaluation_split
from amer_tf.search.state import TRIALS_FILE, RunFolder


class ReferenceResult(RunResult):
    """A trained hand-made system; everything in it stands in the run folder.

    Args:
        run: The folder of a finished run of one system alone.
    """

    def __init__(self, run: RunFolder) -> None:
        super().__init__(run)
        self.name = str(hand_made_system(run))
        self.seconds = float(self.metrics["seconds"])
        [self.trial] = [trial for trial in run.trials() if trial["kind"] == "reference"]

    @classmethod
    def load(cls, run_dir: str | os.PathLike[str]) -> ReferenceResult:
        """Opens the folder of a finished run, such as one of a comparison.

        Raises:
            RunError: Where there is no such run, or it has not finished.
        """
        run = RunFolder(run_dir, read_only=True)
        require_no_comparison(run)
        opened = open_finished(run_dir, (TRIALS_FILE,), command="comparison")
        if hand_made_system(run) is None:
            raise RunError(
                "This folder must hold a hand-made system alone, and holds a search: "
                f"`SearchResult.load` takes it. Received: run_dir={str(run.path)!r}"
            )
        is_ctr = FeatureSpec.load(run.path).task == "ctr"
        return (CtrReferenceResult if is_ctr else NextItemReferenceResult)(opened)

    @functools.cached_property
    def model(self) -> Any:
        """A Keras model, or LightGBM's trees; None of a closed form, which is fitted anew."""
        raise NotImplementedError

    def export(self, folder: str | os.PathLike[str], **options: Any) -> pathlib.Path:
        """Writes a SavedModel that takes the raw columns; see `amer_tf.export.export`.

        Raises:
            ExportError: Where the system is no network, or cannot be exported.
        """
        from amer_tf.export import ExportError, export

        model = self._network()
        if model is None:
            raise ExportError(
                "Only a network can be exported, and the system of this run is none: "
                f"{self.name} consists of decision trees, which stand in "
                f"{ctr_references.TREES_FILE}. Received: run_dir={str(self.run.path)!r}"
            )
        return export(model, self.spec, self.name, folder, **options)

    def _network(self) -> keras.Model | None:
        """What is exported; None of trees."""
        return self.model if isinstance(self.model, keras.Model) else None


class CtrReferenceResult(ReferenceResult):
    """A hand-made system of task ctr."""

    @functools.cached_property
    def model(self) -> Any:
        """A Keras model, or LightGBM's trees."""
        return ctr_references.load(self.run, self.name, self.spec, self.load_model)

    def evaluate(self, split: Any) -> dict[str, Any]:
        """AUC, log loss, per-user AUC and calibration.

        Args:
            split: A split, a `tf.data` or a table of raw columns, as `AmerSearch.fit` takes it.
        """
        return ctr_references.evaluate(self.model, as_evaluation_split(self.spec, split))


class NextItemReferenceResult(ReferenceResult):
    """A hand-made system of task next_item."""

    @functools.cached_property
    def model(self) -> Any:
        """A Keras model; None of a closed form, which is fitted anew."""
        return references.load(self.name, self.load_model)

    def _network(self) -> keras.Model:
        """POP and EASE too, as fitted for the validation split.

        EASE is exported with its whole matrix, 4 bytes for each pair of items: .6 GB for 12,101
        items, as the README of the export says.
        """
        if self.model is not None:
            return super()._network()
        return references.exported(self.run, self.name, self.spec)

    def evaluate(
        self,
        train: Any,
        split: Any,
        *,
        candidates: Sequence[Any] = ("uniform",),
        num_negatives: int = 100,
        seed: int | None = None,
    ) -> dict[str, dict[str, Any]]:
        """HR@k, NDCG@k and MRR, by mode of the candidates.

        Args:
            train: Training split, to fit a closed form.
            split: Validation or test split.
            candidates: Any number of what `NextItemResult.evaluate` takes.
            num_negatives: Negatives of a user, for the frozen ones.
            seed: Seed of the frozen negatives; None takes the run's.
        """
        return references.evaluate(
            self.name,
            self.model,
            self.spec,
            references.settings_of(self.run),
            train,
            split,
            candidates=candidates,
            num_negatives=num_negatives,
            seed=self.seed if seed is None else seed,
        )


def load_result(run_dir: str | os.PathLike[str]) -> SearchResult | ReferenceResult:
    """Opens the folder of a finished run: of a search, or of a hand-made system alone.

    Raises:
        RunError: Where there is no run, or it has not finished.
    """
    run = RunFolder(run_dir, read_only=True)
    is_search = hand_made_system(run) is None
    return SearchResult.load(run_dir) if is_search else ReferenceResult.load(run_dir)
