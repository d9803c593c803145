"""AutoCross's search: crosses of fields, one after another, each of two that are there already."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import FeatureSpec, NumericField
from amer_tf.models import cross_parts
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.field_regression import Cells, Winner, contest, fit_together
from amer_tf.search.progress import PhaseProgress
from amer_tf.training.fitness import FITNESS, Fitness

# Quantiles that numbers are cut at: which of these is chosen for each field.
GRANULARITIES = (10, 100, 1000)
_VALIDATION_SHARE = 0.2
# Combinations of values of one row; more would be sets crossed with sets.
_MOST_COMBINATIONS = 64

Feature = tuple[str, ...]
Ids = Mapping[str, npt.NDArray[Any]]


class CrossedRows:
    """Rows whose fields can be crossed: the `Part` of a contest.

    Args:
        spec: What they are of.
        ids: `(R,)` or `(R, V)` for each categorical field; numbers for the others.
        labels: `(R,)` of 0 and 1.
        num_buckets: Most combinations with a cell of their own.
    """

    def __init__(self, spec: FeatureSpec, ids: Ids, labels: Any, num_buckets: int) -> None:
        self.spec = spec
        self.labels = np.asarray(labels, np.float64)
        self.logits: Any = np.zeros(len(self.labels))
        self.boundaries: dict[str, Sequence[float]] = {}
        self._ids = dict(ids)
        self._num_buckets = num_buckets

    def numbers(self, name: str) -> npt.NDArray[Any]:
        """The values of a numeric field."""
        return self._ids[name]

    def cut(self, name: str, boundaries: Sequence[float]) -> None:
        """Decides on the buckets of a numeric field."""
        self.boundaries[name] = boundaries

    def cells(self, feature: Feature, rows: slice) -> Cells:
        ids = {}
        for name in feature:
            values = self._ids[name][rows]
            if name in self.boundaries:
                # As `layers.NumberBuckets`.
                values = 1 + np.searchsorted(self.boundaries[name], values, side="right")
            ids[name] = values.astype(np.int32)
        return np.asarray(self._cross(feature)(ids))

    def num_cells(self, feature: Feature) -> int:
        return int(self._cross(feature).num_numbers)

    def _cross(self, feature: Feature) -> Any:
        return cross_parts.make_cross(self.spec, feature, self.boundaries, self._num_buckets)


class CrossSearch:
    """Finds crosses by beam search with a beam of one, as the paper does.

    A node of the tree is a set of features, the fields at first; its children have one feature
    more, the cross of two of them. Children are compared by field-wise logistic regression
    (`search.field_regression`) on a part of the training rows that it is not trained on; the best
    is the next node, until none predicts better by more than the standard error of that.

    Numbers are cut at quantiles, with few or many buckets, whichever the same contest is won by
    (the paper cuts at equal widths and keeps the better half of the granularities). What is left
    out: the weights of features that were chosen before are not trained again when a cross joins
    them, and behaviours are not crossed.

    Reference: Luo et al., "AutoCross: automatic feature crossing for tabular data in real-world
    applications", 2019, algorithms 1 to 3.

    Args:
        train: Rows to train on, in a random order.
        validation: Other rows.
        fitness: What features are compared by.
        max_order: Most fields of a cross; None for no limit.
        is_over: Whether the time is over; what was found until then counts.
    """

    def __init__(
        self,
        train: CrossedRows,
        validation: CrossedRows,
        fitness: Fitness,
        *,
        max_order: int | None = None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self.train = train
        self.validation = validation
        self.fitness = fitness
        self.max_order = max_order
        self.is_over = is_over
        self.crosses: list[Feature] = []
        known = cross_parts.crossable_fields(train.spec)
        is_number = {name: isinstance(train.spec.field(name), NumericField) for name in known}
        self.features: list[Feature] = [(name,) for name in known if not is_number[name]]
        for part in (train, validation):
            mean = float(np.clip(train.labels.mean(), 1e-6, 1 - 1e-6))
            part.logits = np.full(len(part.labels), np.log(mean / (1.0 - mean)))
        if self.features:
            fit_together(self.features, train, validation, fitness)
        for name in known:
            if is_number[name]:
                self._cut(name)

    @property
    def boundaries(self) -> dict[str, Sequence[float]]:
        """Where the buckets of numeric fields begin."""
        return self.train.boundaries

    def extend(self) -> bool:
        """Adds the best cross to what was found; whether there was one, and time for it."""
        candidates = self._candidates()
        won = candidates and self._contest(candidates)
        if not won:
            return False
        before, after = self.validation.logits, self._with(self.validation, won)
        gain = self.fitness.gain(self.validation.labels, after, before)
        if gain.value <= (gain.standard_error or 0.0):
            return False
        self._take(won)
        self.crosses.append(won.feature)
        return True

    def _candidates(self) -> list[Feature]:
        """The crosses of two features each, in the order of the fields and once only."""
        spec = self.train.spec
        order = cross_parts.crossable_fields(spec)
        known = set(self.features)
        found = []
        for one, other in itertools.combinations(self.features, 2):
            cross = tuple(sorted({*one, *other}, key=order.index))
            small = self.max_order is None or len(cross) <= self.max_order
            few = cross_parts.num_combinations(spec, cross) <= _MOST_COMBINATIONS
            if cross not in known and small and few:
                known.add(cross)
                found.append(cross)
        return found

    def _contest(self, features: Sequence[Feature]) -> Winner | None:
        return contest(features, self.train, self.validation, self.fitness, is_over=self.is_over)

    def _with(self, part: CrossedRows, winner: Winner) -> Any:
        cells = part.cells(winner.feature, slice(None))
        return part.logits + winner.regression.logits(cells)

    def _take(self, winner: Winner) -> None:
        for part in (self.train, self.validation):
            part.logits = self._with(part, winner)
        self.features.append(winner.feature)

    def _cut(self, name: str) -> None:
        """Chooses the buckets of a number; a constant has none and is no feature."""
        numbers = self.train.numbers(name)
        tried: list[tuple[float, list[float], Winner]] = []
        for granularity in GRANULARITIES:
            boundaries = quantiles(numbers, granularity)
            if not boundaries or any(boundaries == known for _, known, _ in tried):
                continue
            for part in (self.train, self.validation):
                part.cut(name, boundaries)
            won = self._contest([(name,)])
            if won is None:
                break
            logits = self._with(self.validation, won)
            score = self.fitness.score(self.validation.labels, logits).value
            tried.append((score, boundaries, won))
        for part in (self.train, self.validation):
            part.boundaries.pop(name, None)
        if tried:
            _, boundaries, won = max(tried, key=lambda each: each[0])
            for part in (self.train, self.validation):
                part.cut(name, boundaries)
            self._take(won)


def quantiles(numbers: npt.NDArray[Any], granularity: int) -> list[float]:
    """The different numbers where buckets of about as many rows each begin."""
    shares = np.arange(1, granularity) / granularity
    # As float32, which the model compares.
    numbers = np.asarray(numbers, np.float32)
    edges = np.unique(np.quantile(numbers, shares, method="higher"))
    return [float(edge) for edge in edges if edge > numbers.min()]


def select(bench: CtrWorkbench, examples: Any, is_over: Callable[[], bool]) -> dict[str, Any]:
    """Finds the crosses of the system for a run: options of `models.autocross.build`.

    Args:
        bench: Sizes, and the seed of which rows are used.
        examples: Training split; a fifth of the rows are validated on.
        is_over: Whether the time is over.
    """
    settings, spec = bench.settings, bench.spec
    split = examples.limit(min(settings.screening_rows, examples.num_examples), seed=bench.seed)
    order = np.random.default_rng([bench.seed, split.num_examples]).permutation(split.num_examples)
    num_validated = max(1, int(_VALIDATION_SHARE * len(order)))
    names = cross_parts.crossable_fields(spec)
    validation, train = (
        CrossedRows(
            spec,
            {name: split.field_values(name)[rows] for name in names},
            split.labels[rows],
            settings.cross_buckets,
        )
        for rows in (order[:num_validated], order[num_validated:])
    )
    number = settings.num_interactions
    with PhaseProgress("Searching crosses", number) as bar:
        search = CrossSearch(
            train,
            validation,
            FITNESS[settings.fitness],
            max_order=settings.max_order or None,
            is_over=is_over,
        )
        while len(search.crosses) < number and search.extend():
            bar.update(len(search.crosses), " * ".join(search.crosses[-1]))
    return {
        "crosses": [list(cross) for cross in search.crosses],
        "boundaries": {name: list(edges) for name, edges in search.boundaries.items()},
        "num_buckets": settings.cross_buckets,
    }
