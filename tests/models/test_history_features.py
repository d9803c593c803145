from __future__ import annotations

import numpy as np

from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    Normalization,
    NumericField,
    Vocabulary,
)
from amer_tf.models.history_features import history_features

NORMALIZATION = Normalization(0.0, 1.0, 0.5)
SPEC = FeatureSpec(
    fields=(
        CategoricalField("item", "target"),
        MultiValuedField("tags", "target", max_values=2),
        CategoricalField("seen", "behavior", vocabulary="item"),
        MultiValuedField("seen_tags", "behavior", vocabulary="tags", max_values=2),
        NumericField("paid", "behavior", NORMALIZATION),
        CategoricalField("action", "behavior"),
    ),
    vocabularies=(
        Vocabulary("item", "integer", "int64", size=40),
        Vocabulary("tags", "integer", "int64", size=50),
        Vocabulary("action", "integer", "int64", size=2),
    ),
    label="click",
    max_length=4,
    target_to_behavior={"item": "seen", "tags": "seen_tags"},
)
VALUES = {
    # An item seen twice; one that was not; an unknown one; nobody's history.
    "item": np.array([7, 8, 1, 7]),
    "tags": np.array([[3, 0], [4, 5], [0, 0], [3, 4]]),
    "seen": np.array([[7, 9, 7, 9], [9, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]),
    "seen_tags": np.array(
        [
            [[3, 4], [4, 0], [0, 0], [9, 9]],
            [[5, 4], [5, 0], [0, 0], [0, 0]],
            [[3, 0], [0, 0], [0, 0], [0, 0]],
            [[0, 0], [0, 0], [0, 0], [0, 0]],
        ]
    ),
    "paid": np.array([[1.0, 0.5, 0.5, 0.0], [0.25, 0.75, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
    "action": np.array([[2, 2, 3, 2], [3, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]]),
}


def test_by_hand():
    found = history_features(SPEC, VALUES)
    expected = {
        "history length": [4, 2, 1, 0],
        "seen as item": [2, 0, 0, 0],
        "seen last as item": [1, 4, 4, 4],
        "seen_tags as tags": [1, 2, 0, 0],
        "seen_tags last as tags": [3, 0, 4, 4],
        "paid mean": [0.5, 0.5, 0, 0],
        "action is 1": [0, 0.5, 0, 0],
        "action is 2": [0.75, 0, 1, 0],
        "action is 3": [0.25, 0.5, 0, 0],
    }
    assert list(found) == list(expected)
    for name, column in expected.items():
        np.testing.assert_allclose(found[name], column, err_msg=name)
        assert found[name].dtype == np.float32
