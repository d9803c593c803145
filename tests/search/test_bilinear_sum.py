from __future__ import annotations

import itertools

import numpy as np
import pytest

from amer_tf.search.bilinear_sum import BilinearSum

FIELDS = ("a", "b", "c", "d", "e")


@pytest.mark.parametrize(
    "interactions",
    [
        list(itertools.combinations(FIELDS, 2)),
        [("a", "b"), ("b",), ("a", "c", "e"), ("a", "b", "c", "d"), ("c", "d", "e")],
        [("a",), ("d",)],
        [("a", "b"), ("a", "b")],
    ],
    ids=["pairs", "mixed", "single", "twice"],
)
def test_equals_one_interaction_after_another(interactions):
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(7, len(FIELDS), 3)).astype("float32")
    weights = generator.normal(size=(len(interactions), 3)).astype("float32")
    expected = sum(
        matrix[:, [FIELDS.index(name) for name in group]].prod(axis=1) @ own
        for group, own in zip(interactions, weights, strict=True)
    )
    found = BilinearSum(interactions, FIELDS)(matrix, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_extensions_of_one_interaction_have_one_parent():
    extended = [("a", "b", "c"), ("a", "b", "d"), ("a", "b", "e")]
    assert BilinearSum(extended, FIELDS)._num_parents == 1
