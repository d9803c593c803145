"""Numbers of a small range far from 0 are taken as float64, all others as float32."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.export.columns import number_dtype
from amer_tf.export.raw_table import encode_table
from amer_tf.features import Normalization, NumericField
from data_pipelines import row_layout
from tests.export import small_hybrids, small_models

START = 1_714_521_600  # 2024-05-01, in seconds since 1970
HOUR = 3600
AN_HOUR = Normalization(float(START), float(START + HOUR), START + HOUR / 2)
MOMENTS = {"moment": "context", "history_moment": "behavior"}
STEPS = [60, 1441, 1442, 3500]


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    """A model that also reads the moment of the row, and that of each event of its history."""
    fields = small_hybrids.hybrid().spec.fields
    moments = tuple(NumericField(name, role, AN_HOUR) for name, role in MOMENTS.items())
    case = small_hybrids.hybrid(fields=(*fields, *moments))
    return small_models.load(case, tmp_path_factory.mktemp("timed") / "1")


@pytest.fixture(scope="module")
def rows():
    """Rows that differ in seconds alone, of moments that float32 rounds to one."""
    return [
        {
            **small_hybrids.HYBRID_ROWS[1],
            "moment": START + HOUR - second,
            "history_ad": ["1", "-1", "été", " lead"],
            "history_gap": None,
            "history_tags": None,
            "history_page": None,
            "history_moment": [START + step + second for step in STEPS],
        }
        for second in range(0, 60, 10)
    ]


@pytest.mark.parametrize(
    ("normalization", "dtype"),
    [
        (Normalization(), tf.float32),
        (Normalization(0.0, 1e12, 5.0), tf.float32),
        (Normalization(-1e9, -2.0, -5.0), tf.float32),
        (Normalization(1990.0, 2020.0, 2000.0), tf.float64),
        (Normalization(36.0, 42.0, 37.0), tf.float32),
        (Normalization(0.0, 20.0, 7.0, log=True), tf.float32),
        (Normalization(20.0, 20.01, 20.0, log=True), tf.float64),
        (Normalization(-1.7e9, -1.69e9, -1.7e9), tf.float64),
        # A year of seconds, and ten.
        (Normalization(START - 366.0 * 86_400, float(START), START - 1e6), tf.float64),
        (Normalization(START - 3660.0 * 86_400, float(START), START - 1e6), tf.float32),
        (AN_HOUR, tf.float64),
    ],
)
def test_types(normalization, dtype):
    assert number_dtype(normalization) == dtype


def test_what_float32_moves_is_less_than_a_millionth_of_the_range():
    random = np.random.default_rng(0)
    for size in 10.0 ** random.uniform(-3, 12, 200):
        offset = random.choice([0, 30 * size])
        low, high = (np.sort(random.uniform(-size, size, 2)) + offset).tolist()
        for log in (False, True):
            normalization = Normalization(low, high, low, log=log)
            if number_dtype(normalization) != tf.float32 or (log and not 0 < low < high < 20):
                continue
            numbers = random.uniform(low, high, 100)
            raw = np.expm1(numbers) if log else numbers
            exact, rounded = (
                row_layout.normalize(values.astype(np.float64), normalization)[0]
                for values in (raw, raw.astype(np.float32))
            )
            # Of a range of 2, beside the rounding of the normalised number itself.
            np.testing.assert_allclose(rounded, exact, rtol=0, atol=2.1e-6)


def test_moments_are_served_as_they_are_prepared(timed, rows):
    expected = timed.case.logits(rows)
    assert len(np.unique(np.round(expected, 5))) == len(rows)
    for signature, columns in (
        ("serving_default", timed.columns(rows)),
        ("predict_ragged", timed.flat_columns(rows)),
    ):
        inputs = timed.loaded.signatures[signature].structured_input_signature[1]
        for name in MOMENTS:
            assert inputs[name].dtype == tf.float64
        assert inputs["price"].dtype == inputs["history_gap"].dtype == tf.float32
        answer = timed.ask(signature, **columns)
        np.testing.assert_allclose(answer["logit"], expected, rtol=1e-6, atol=1e-6)
    for row, logit in zip(rows, expected, strict=True):
        answer = timed.ask("score_candidates", **timed.candidates(row, [row]))
        np.testing.assert_allclose(answer["logit"].ravel(), [logit], rtol=1e-6, atol=1e-6)


def test_a_table_of_moments_is_read_as_it_is_prepared(timed, rows):
    spec = timed.case.spec
    names = [field.name for field in spec]
    table = {name: [row.get(name) for row in rows] for name in names}
    inputs, *_ = encode_table(spec, {**table, "click": [0] * len(rows)})
    for name in MOMENTS:
        prepared, _ = row_layout.normalize(np.array(table[name], np.float64), AN_HOUR)
        np.testing.assert_array_equal(inputs[name], prepared)


def test_examples_hold_float32_and_say_so(timed, rows):
    answer = timed.ask("predict_examples", examples=timed.examples(rows))
    rounded = [
        {
            **row,
            "moment": float(np.float32(row["moment"])),
            "history_moment": np.float32(row["history_moment"]).astype(float).tolist(),
        }
        for row in rows
    ]
    expected = timed.case.logits(rounded)
    np.testing.assert_allclose(answer["logit"], expected, rtol=1e-6, atol=1e-6)
    text = (timed.folder / "README.md").read_text(encoding="utf-8")
    assert "float32 alone, which rounds `moment`, `history_moment`: where that" in text
    assert "| `moment` | float64 | [batch] | `NaN` | yes | context: a number, which float32" in text
    assert "| `price` | float32 | [batch] | `NaN` | yes | target: a number |" in text


def test_a_row_without_moments(timed):
    rows = [*small_hybrids.HYBRID_ROWS, *small_hybrids.random_rows(20)]
    for signature, columns in (
        ("serving_default", timed.columns(rows)),
        ("predict_examples", {"examples": timed.examples(rows)}),
    ):
        answer = timed.ask(signature, **columns)
        np.testing.assert_allclose(answer["logit"], timed.case.logits(rows), rtol=1e-6, atol=1e-6)
