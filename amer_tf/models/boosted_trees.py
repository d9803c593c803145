"""LightGBM over the encoded fields: trees, the honest reference for tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import FeatureSpec, MultiValuedField, NumericField
from amer_tf.models import aggregation
from amer_tf.models.history_features import history_features

# Rows whose histories are in memory at a time.
_ROWS_AT_A_TIME = 1 << 15
_PARAMETERS = {
    "objective": "binary",
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


class BoostedTrees:
    """Gradient boosted trees on the columns of a table.

    Categories stay categories, numbers numbers; of a field of sets, one column for each of its
    most frequent values says whether the set has it. A history is read by hand-made columns, see
    `history_features`.

    Reference: Ke et al., "LightGBM: A highly efficient gradient boosting decision tree", 2017.

    Args:
        spec: What the model reads and predicts, of task ctr.
        seed: Seed of the random choices.
        learning_rate: How much of its fit each tree adds.
        num_leaves: Most leaves of a tree, at least 2.
        leaf_rows: Fewest rows of a leaf.
        num_rounds: Most trees.
        patience: Trees without a lower validation loss before training ends.
        set_columns: Columns of a field of sets.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        *,
        seed: int = 0,
        learning_rate: float = 0.1,
        num_leaves: int = 127,
        leaf_rows: int = 50,
        num_rounds: int = 1000,
        patience: int = 30,
        set_columns: int = 32,
    ) -> None:
        spec.require_task("ctr", "LightGBM")
        self.spec = spec
        self.seed = seed
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.leaf_rows = leaf_rows
        self.num_rounds = num_rounds
        self.patience = patience
        self.set_columns = set_columns
        self._booster: Any = None

    def fit(self, train: Any, validation: Any, time_limit: float | None = None) -> BoostedTrees:
        """Grows trees until the validation loss no longer falls.

        Args:
            train: Training split.
            validation: Validation split.
            time_limit: Seconds after which no tree is begun, but for the first; None for no limit.
        """
        lightgbm = import_lightgbm()
        callbacks = [lightgbm.early_stopping(self.patience, verbose=False)]
        if time_limit is not None:
            callbacks.append(_stop_after(time_limit))
        sets = [
            lightgbm.Dataset(
                self._columns(split), split.labels, categorical_feature=self._categories()
            )
            for split in (train, validation)
        ]
        self._booster = lightgbm.train(
            {
                **_PARAMETERS,
                "seed": self.seed,
                "learning_rate": self.learning_rate,
                "num_leaves": self.num_leaves,
                "min_data_in_leaf": self.leaf_rows,
            },
            sets[0],
            self.num_rounds,
            valid_sets=sets[1:],
            callbacks=callbacks,
        )
        return self

    def logits(self, split: Any) -> npt.NDArray[np.float32]:
        """float32 `(R,)`: the logit of each row, in the order of the split."""
        if self._booster is None:
            raise ValueError("`fit` must be called before `logits`.")
        found = self._booster.predict(self._columns(split), raw_score=True)
        return np.asarray(found, np.float32)

    def calibrate(self, slope: float, intercept: float) -> None:
        """Scales all leaves, so that `logits` gives `slope` times what it gave, and `intercept`."""
        for index, tree in enumerate(self._booster.dump_model()["tree_info"]):
            shift = intercept if index == 0 else 0.0
            for leaf in range(tree["num_leaves"]):
                value = self._booster.get_leaf_output(index, leaf)
                self._booster.set_leaf_output(index, leaf, slope * value + shift)

    @property
    def text(self) -> str:
        """The trees in LightGBM's own text format."""
        return str(self._booster.model_to_string())

    @classmethod
    def from_text(cls, spec: FeatureSpec, text: str) -> BoostedTrees:
        """The model of `text`."""
        model = cls(spec)
        model._booster = import_lightgbm().Booster(model_str=text)
        return model

    @property
    def num_trees(self) -> int:
        return int(self._booster.num_trees())

    def _fields(self) -> list[Any]:
        """All fields, those of sets last: they have many columns."""
        fields = self.spec.with_role(*aggregation.NON_SEQUENTIAL)
        return sorted(fields, key=lambda field: isinstance(field, MultiValuedField))

    def _categories(self) -> list[int]:
        return [
            index
            for index, field in enumerate(self._fields())
            if not isinstance(field, (MultiValuedField, NumericField))
        ]

    def _columns(self, split: Any) -> npt.NDArray[np.float32]:
        columns: list[Any] = []
        for field in self._fields():
            values = split.field_values(field.name)
            if isinstance(field, MultiValuedField):
                # Fitted vocabularies are ordered by frequency; id 0 is padding.
                columns.extend(
                    (values == value).any(axis=1) for value in range(1, self._width(field))
                )
            else:
                columns.append(values)
        if self.spec.with_role("behavior"):
            history = list(self._history(split))
            columns.extend(np.concatenate([part[name] for part in history]) for name in history[0])
        return np.stack(columns, axis=1).astype(np.float32)

    def _history(self, split: Any) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
        """Hand-made columns of the history, so many rows at a time."""
        names = [field.name for field in self.spec.with_role("behavior")]
        names += list(self.spec.target_to_behavior)
        for start in range(0, split.num_examples, _ROWS_AT_A_TIME):
            rows = slice(start, start + _ROWS_AT_A_TIME)
            yield history_features(
                self.spec, {name: split.field_values(name, rows) for name in names}
            )

    def _width(self, field: MultiValuedField) -> int:
        return min(self.set_columns + 1, self.spec.vocabulary(field.name).num_rows)


def _stop_after(seconds: float) -> Callable[[Any], None]:
    """A callback that ends training after so many seconds, with the trees up to the best loss."""
    end = time.monotonic() + seconds
    best: Any = None

    def after_tree(state: Any) -> None:
        nonlocal best
        results = state.evaluation_result_list
        loss = results[0][2]
        if best is None or loss < best[0]:
            best = (loss, state.iteration, results)
        if time.monotonic() >= end:
            raise import_lightgbm().callback.EarlyStopException(*best[1:])

    return after_tree


def import_lightgbm() -> Any:
    """The package, which is no requirement of the library.

    Raises:
        ImportError: Where it is not installed, with what to do.
    """
    try:
        import lightgbm
    except ImportError as error:
        raise ImportError(
            "The reference 'lightgbm' needs the package lightgbm: install amer_tf[trees], or leave "
            "it out of `references`."
        ) from error
    return lightgbm
