"""The model that planted data follow: its effects, and the chance of a click of each row."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_RANK = 2
_CALIBRATION_ROWS = 1 << 17
_SMALLEST = 6


@dataclasses.dataclass(frozen=True)
class PlantedSpec:
    """How planted data are made.

    A row's logit is `b + sum_f w_f[v_f] + sum_m sum_r prod_{f in m} z_{m,f,r}[v_f]` over the
    planted interactions `m`, plus the effects of the numbers; the label is drawn with the chance
    `sigmoid(logit)`. All `w` and `z` have mean 0 over the rows, so that an interaction shows in no
    field alone, and one of three fields in no pair of them.

    Args:
        num_rows: Rows.
        num_fields: Categorical fields, with vocabularies of 6 and more values whose frequencies
            follow a power law.
        largest_vocabulary: Values of the largest vocabulary; the sizes between are a geometric
            series. The effects of values that few rows have can be known by no model, so that
            with many of them the best AUC is out of reach.
        num_numbers: Numeric fields: counts, one in five missing.
        num_pairs: Planted interactions of two fields.
        num_triples: Planted interactions of three fields, each a planted pair and one more.
        strength: Standard deviation of each interaction's part of the logit.
        field_strength: That of each field's own part.
        exponent: `a` of the frequencies `(rank + 1)^-a`.
        positive_rate: Share of the rows that click.
        seed: Seed of everything.
    """

    num_rows: int = 1_000_000
    num_fields: int = 26
    largest_vocabulary: int = 1000
    num_numbers: int = 0
    num_pairs: int = 10
    num_triples: int = 3
    strength: float = 0.7
    field_strength: float = 0.2
    exponent: float = 1.1
    positive_rate: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        most_pairs = self.num_fields * (self.num_fields - 1) // 2
        if self.num_rows < 1 or self.num_fields < 3 or self.num_numbers < 0:
            raise ValueError(
                "Planted data need a row, three fields and no negative count of numbers. "
                f"Received: {self}"
            )
        if not 1 <= self.num_pairs <= most_pairs or not 0 <= self.num_triples <= self.num_pairs:
            raise ValueError(
                f"Planted data have 1 to {most_pairs} pairs, and at most one triple for each. "
                f"Received: {self}"
            )
        if self.largest_vocabulary < _SMALLEST:
            raise ValueError(f"`largest_vocabulary` must be at least {_SMALLEST}. Received: {self}")
        for name in ("strength", "field_strength", "exponent"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"`{name}` must be a finite number of at least 0. Received: {self}"
                )
        if not 0 < self.positive_rate < 1:
            raise ValueError(f"`positive_rate` must be between 0 and 1. Received: {self}")


class PlantedModel:
    """The effects behind planted data.

    Attributes:
        sizes: Vocabulary size of each field.
        interactions: Positions of the fields of each planted interaction, pairs first.
    """

    def __init__(self, spec: PlantedSpec) -> None:
        self.spec = spec
        generator = np.random.default_rng(spec.seed)
        sizes = np.geomspace(_SMALLEST, spec.largest_vocabulary, spec.num_fields).astype(int)
        self.sizes: list[int] = generator.permutation(sizes).tolist()
        self._chances = [self._frequencies(size) for size in self.sizes]
        self._cumulated = [chances.cumsum() for chances in self._chances]
        self.interactions = self._choose(generator)
        self._fields = [
            spec.field_strength * self._effect(generator, field) for field in range(spec.num_fields)
        ]
        # A sum of R products of independent numbers of variance 1 has variance R.
        scale = spec.strength / np.sqrt(_RANK)
        self._factors = [
            [
                np.stack([self._effect(generator, field) for _ in range(_RANK)], axis=1)
                * (scale if place == 0 else 1.0)
                for place, field in enumerate(group)
            ]
            for group in self.interactions
        ]
        self._slopes = spec.field_strength * generator.choice([-1.0, 1.0], spec.num_numbers)
        self.bias = 0.0
        self.bias = self._calibrate()

    def _frequencies(self, size: int) -> FloatArray:
        weights = (1.0 + np.arange(size)) ** -self.spec.exponent
        return np.asarray(weights / weights.sum())

    def _effect(self, generator: np.random.Generator, field: int) -> FloatArray:
        """One number for each value, of mean 0 and variance 1 over the rows."""
        chances = self._chances[field]
        effect = generator.normal(size=len(chances))
        effect -= chances @ effect
        return np.asarray(effect / np.sqrt(chances @ effect**2))

    def _choose(self, generator: np.random.Generator) -> list[tuple[int, ...]]:
        spec = self.spec
        every = [(a, b) for a in range(spec.num_fields) for b in range(a + 1, spec.num_fields)]
        chosen = generator.choice(len(every), spec.num_pairs, replace=False)
        pairs: list[tuple[int, ...]] = [every[index] for index in chosen]
        triples: list[tuple[int, ...]] = []
        for pair in pairs[: spec.num_triples]:
            others = [
                field
                for field in range(spec.num_fields)
                if field not in pair and tuple(sorted((*pair, field))) not in triples
            ]
            if not others:
                raise ValueError(
                    "There are too few fields for so many planted triples that differ. "
                    f"Received: {spec}"
                )
            triples.append(tuple(sorted((*pair, int(generator.choice(others))))))
        return pairs + triples

    def draw(self, num_rows: int, generator: np.random.Generator) -> tuple[IntArray, FloatArray]:
        """Values `[fields, rows]` and numbers `[numbers, rows]`; NaN is a missing number."""
        values = np.stack(
            [
                np.searchsorted(cumulated[:-1], generator.random(num_rows), "right")
                for cumulated in self._cumulated
            ]
        )
        shape = (self.spec.num_numbers, num_rows)
        numbers = np.floor(np.exp(generator.normal(2.0, 1.5, shape)))
        numbers[generator.random(shape) < 0.2] = np.nan
        return values, numbers

    def chances(self, values: IntArray, numbers: FloatArray) -> FloatArray:
        """The chance of a click of each row: no model can know more."""
        logits = np.full(values.shape[1], self.bias)
        for field, effect in enumerate(self._fields):
            logits += effect[values[field]]
        for group, factors in zip(self.interactions, self._factors, strict=True):
            product = np.ones((values.shape[1], _RANK))
            for field, factor in zip(group, factors, strict=True):
                product *= factor[values[field]]
            logits += product.sum(axis=1)
        centred = np.nan_to_num((np.log1p(numbers) - 2.0) / 1.5)
        logits += self._slopes @ centred
        return np.asarray(1.0 / (1.0 + np.exp(-logits)))

    def _calibrate(self) -> float:
        """The bias that gives the wanted share of clicks."""
        generator = np.random.default_rng([self.spec.seed, 1])
        chances = self.chances(*self.draw(_CALIBRATION_ROWS, generator))
        logits = np.log(chances) - np.log1p(-chances)
        low, high = -20.0, 20.0
        for _ in range(50):
            middle = (low + high) / 2
            rate = float(np.mean(1.0 / (1.0 + np.exp(-logits - middle))))
            low, high = (middle, high) if rate < self.spec.positive_rate else (low, middle)
        return low

    def names(self, groups: Sequence[Sequence[int]]) -> list[list[str]]:
        """Groups of positions as groups of field names."""
        return [[field_name(field) for field in group] for group in groups]


def field_name(field: int) -> str:
    return f"F{field + 1:02}"


def number_name(number: int) -> str:
    return f"I{number + 1:02}"
