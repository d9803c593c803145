from __future__ import annotations

import json
import math

import numpy as np
import pytest

from amer_tf.features import CategoricalField, MultiValuedField, Normalization, NumericField
from data_pipelines import DataError
from data_pipelines.row_layout import RowLayout, normalize

FIELDS = (
    CategoricalField("c"),
    MultiValuedField("m", max_values=2),
    NumericField("n", normalization=Normalization(low=0, high=10, mean=4)),
    CategoricalField("b", role="behavior", vocabulary="c"),
    MultiValuedField("bm", role="behavior", vocabulary="m", max_values=2),
    NumericField("bn", role="behavior", normalization=Normalization(low=0, high=10, mean=4)),
)
IDS = {"c": np.array([2, 3, 0, 1], np.int32), "m": np.array([5, 6, 0, 1], np.int32)}


def test_encode_and_decode() -> None:
    layout = RowLayout.of(FIELDS, steps=2)
    assert layout.width == 1 + 2 + 2 + 2 + 4 + 4
    coded = np.zeros(
        1,
        [
            ("c", "<i4"),
            ("m", "<i4", 2),
            ("n", "<f8"),
            ("b", "<i4", 2),
            ("bm", "<i4", (2, 2)),
            ("bn", "<f8", 2),
        ],
    )
    coded[0] = (1, [0, -2], 10.0, [-1, -2], [[1, 0], [-2, -2]], [math.nan, math.inf])
    rows = layout.encode(FIELDS, coded, IDS)
    decoded = {column.name: column.decode(rows)[0].tolist() for column in layout.columns}
    assert decoded == {
        "c": 3,
        "m": [5, 0],
        "n": 1.0,
        "n_missing": 0.0,
        "b": [1, 0],
        "bm": [[6, 5], [0, 0]],
        "bn": [pytest.approx(-0.2), 0.0],
        "bn_missing": [1.0, 0.0],
    }
    # As in batches of histories, where the rows have more axes.
    assert layout.column("bm").decode(np.stack([rows, rows])).shape == (2, 1, 2, 2)


def test_json_round_trip() -> None:
    layout = RowLayout.of(FIELDS, steps=3)
    assert RowLayout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


def test_a_flag_must_not_meet_a_field_of_its_name() -> None:
    with pytest.raises(DataError, match="must be no other field. Received: 'n_missing'"):
        RowLayout.of([NumericField("n"), CategoricalField("n_missing")])


def test_normalize() -> None:
    values = np.array([0, 5, 10, -3, 99, math.nan, math.inf])
    numbers, missing = normalize(values, Normalization(low=0, high=10, mean=4))
    np.testing.assert_allclose(numbers, [-1, 0, 1, -1, 1, -0.2, 0], atol=1e-6)
    assert missing.tolist() == [0, 0, 0, 0, 0, 1, 0]
    assert numbers.dtype == missing.dtype == np.float32
    log = Normalization(low=0, high=2, mean=1, log=True)
    numbers, _ = normalize(np.array([-5, math.e - 1, math.nan]), log)
    np.testing.assert_allclose(numbers, [-1, 0, 0], atol=1e-6)
