from __future__ import annotations

import math

import numpy as np
import pytest

from amer_tf.features import Normalization, Vocabulary
from data_pipelines import DataError, fitting
from data_pipelines.fitting import NumberSummary, final_ids, fit_vocabulary


def test_frequent_values_come_first_and_ties_as_they_came() -> None:
    counts = np.array([1, 5, 0, 5, 2])
    vocabulary, ids = fit_vocabulary(Vocabulary("v"), list("abcde"), counts)
    assert vocabulary.values == ("b", "d", "e", "a")
    # Codes a ... e, then -2 and -1 from the end.
    assert ids.tolist() == [5, 2, 1, 3, 4, 0, 1]
    assert ids[np.array([-1, -2])].tolist() == [1, 0]


def test_rare_values_and_those_beyond_the_size_are_unknown() -> None:
    counts = np.array([1, 5, 3, 4])
    vocabulary, ids = fit_vocabulary(Vocabulary("v", min_count=3), list("abcd"), counts)
    assert vocabulary.values == ("b", "d", "c")
    assert ids[0] == 1
    vocabulary, ids = fit_vocabulary(Vocabulary("v", max_size=1), list("abcd"), counts)
    assert vocabulary.values == ("b",)
    assert ids[:4].tolist() == [1, 2, 1, 1]


def test_unseen_values_can_be_kept() -> None:
    vocabulary, ids = fit_vocabulary(
        Vocabulary("v", dtype="int64"), [7, 8, 9], np.array([0, 2, 0]), keep_unseen=True
    )
    assert vocabulary.values == (8, 7, 9)
    assert ids[:3].tolist() == [3, 2, 4]


def test_wrong_values() -> None:
    with pytest.raises(
        DataError, match=r"'v' must have at least one value that stands 2 times.*2 different"
    ):
        fit_vocabulary(Vocabulary("v", min_count=2), ["a", "b"], np.array([1, 1]))
    with pytest.raises(DataError, match=r"'v' must not hold line breaks. Received: 'a\\nb'"):
        fit_vocabulary(Vocabulary("v"), ["a\nb"], np.array([1]))


def test_final_ids_are_those_of_the_vocabulary() -> None:
    ids = final_ids(Vocabulary("v", source="hash", size=3))
    assert ids[np.array([0, 1, 2, -1, -2])].tolist() == [2, 3, 4, 1, 0]


def fit(normalization: Normalization, *chunks: list[float]) -> Normalization:
    summary = NumberSummary(normalization)
    for chunk in chunks:
        summary.add(np.array(chunk))
    return summary.normalization("x")


def test_bounds_and_mean() -> None:
    fitted = fit(Normalization(), [1, math.nan, 5], [math.inf], [-3, 1])
    assert (fitted.low, fitted.high, fitted.mean) == (-3, 5, 1)


def test_logarithm_comes_first() -> None:
    fitted = fit(Normalization(log=True), [0, math.e - 1, -5])
    np.testing.assert_allclose((fitted.low, fitted.high, fitted.mean), (0, 1, 1 / 3))


@pytest.mark.parametrize("sample_size", [1 << 18, 2000])
def test_quantiles(sample_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "SAMPLE_SIZE", sample_size)
    numbers = np.random.default_rng(0).permutation(10_001).astype(float)
    fitted = fit(Normalization(quantile=0.1), *np.array_split(numbers, 7))
    tolerance = 0 if sample_size > 10_001 else 250
    np.testing.assert_allclose((fitted.low, fitted.high), (1000, 9000), atol=tolerance)
    assert fitted.mean == 5000
    assert fitted == fit(Normalization(quantile=0.1), *np.array_split(numbers, 7))


def test_a_constant_is_the_middle_of_its_range() -> None:
    fitted = fit(Normalization(), [3, 3])
    assert (fitted.low, fitted.high, fitted.mean) == (2.5, 3.5, 3)
    fitted = fit(Normalization(), [-1e17, -1e17])
    assert (fitted.low, fitted.high, fitted.mean) == (-1e17 - 32, -1e17 + 32, -1e17)


def test_given_bounds_stay() -> None:
    given = Normalization(low=0, high=1, mean=0.5)
    assert fit(given, [5, 7]) == given


def test_nothing_to_fit() -> None:
    with pytest.raises(DataError, match="'x' must have a number in the training split"):
        fit(Normalization(), [math.nan])
