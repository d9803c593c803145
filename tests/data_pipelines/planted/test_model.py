from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from data_pipelines.planted.model import PlantedModel, PlantedSpec

SPEC = PlantedSpec(num_rows=1000, num_fields=8, num_pairs=3, num_triples=2, seed=4)
ROWS = 200_000


def logits(
    model: PlantedModel, rows: int = ROWS
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    values, numbers = model.draw(rows, np.random.default_rng(0))
    chances = model.chances(values, numbers)
    return values, np.log(chances / (1 - chances))


def test_triples_extend_pairs() -> None:
    model = PlantedModel(PlantedSpec(num_rows=1))
    pairs, triples = model.interactions[:10], model.interactions[10:]
    assert [len(group) for group in model.interactions] == [2] * 10 + [3] * 3
    assert len(set(model.interactions)) == 13
    for triple in triples:
        assert any(set(pair) < set(triple) for pair in pairs)
    assert len(model.sizes) == 26
    assert (min(model.sizes), max(model.sizes)) == (6, 1000)


def test_share_of_clicks_and_strength() -> None:
    model = PlantedModel(SPEC)
    values, numbers = model.draw(ROWS, np.random.default_rng(1))
    assert model.chances(values, numbers).mean() == pytest.approx(0.25, abs=0.01)
    # Independent parts: 8 fields of 0.2, 5 interactions of 0.7.
    _, found = logits(model)
    assert found.var() == pytest.approx(8 * 0.04 + 5 * 0.49, rel=0.15)


def share_explained(groups: list[npt.NDArray[np.int64]], target: npt.NDArray[np.float64]) -> float:
    """Share of the variance that the means of all combinations explain, less what chance does."""
    _, codes = np.unique(np.stack(groups), axis=1, return_inverse=True)
    codes = codes.ravel()
    counts = np.bincount(codes)
    means = np.bincount(codes, target) / counts
    between = (counts @ (means - target.mean()) ** 2) / len(target)
    return float((between - target.var() * len(counts) / len(target)) / target.var())


def test_only_planted_interactions_show() -> None:
    # Without effects of single fields, no field explains anything by itself, and no pair does
    # that is not planted: neither of a triple's other pairs.
    model = PlantedModel(
        PlantedSpec(
            num_rows=1, num_fields=6, num_pairs=2, num_triples=1, field_strength=0.0, seed=1
        )
    )
    values, target = logits(model)
    small = [field for field in range(6) if model.sizes[field] < 2000]
    for field in small:
        assert abs(share_explained([values[field]], target)) < 0.02
    for pair in itertools.combinations(small, 2):
        share = share_explained([values[field] for field in pair], target)
        if pair in model.interactions:
            assert share > 0.2
        else:
            assert abs(share) < 0.08


def test_numbers_have_effects_and_gaps() -> None:
    model = PlantedModel(PlantedSpec(num_rows=1, num_numbers=2, field_strength=0.5))
    _, numbers = model.draw(10_000, np.random.default_rng(0))
    assert np.isnan(numbers).mean() == pytest.approx(0.2, abs=0.02)
    assert np.nanmin(numbers) >= 0
    values = np.zeros((26, 3), np.int64)
    chances = model.chances(values, np.array([[1.0, 100.0, np.nan], [9.0, 9.0, 9.0]]))
    assert len(set(chances.tolist())) == 3


def test_no_room_for_triples_that_differ() -> None:
    spec = PlantedSpec(num_rows=1, num_fields=3, num_pairs=2, num_triples=2)
    with pytest.raises(ValueError, match="too few fields for so many planted triples"):
        PlantedModel(spec)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_rows": 0},
        {"num_fields": 2},
        {"largest_vocabulary": 5},
        {"num_numbers": -1},
        {"num_pairs": 0},
        {"num_pairs": 400},
        {"num_triples": 11},
        {"positive_rate": 1.0},
        {"positive_rate": float("nan")},
        {"strength": float("nan")},
        {"field_strength": -1.0},
        {"exponent": float("inf")},
    ],
)
def test_wrong_specs(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"Received: PlantedSpec\("):
        PlantedSpec(**arguments)  # type: ignore[arg-type]
