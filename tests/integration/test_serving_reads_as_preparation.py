"""A served model reads raw values as data preparation did: the same ids, the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.export.columns import number_dtype
from amer_tf.export.encoding import normalize
from amer_tf.export.raw_table import encode_table
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import NUM_RESERVED_IDS, Normalization, Vocabulary
from data_pipelines import row_layout
from data_pipelines.vocabulary_coding import VocabularyCoder
from tests.data_pipelines import test_event_gaps as gaps
from tests.data_pipelines.test_ctr_joined import Shop
from tests.data_pipelines.test_ctr_table import collect

TEXTS = ["", "nl", "NL", " nl", "de", "été", "7", "-1", "x" * 300, "\t"]
NUMBERS = [-(2**63), 2**63 - 1, -1, 0, 1, 4, 5, 2**40, -7]


@pytest.mark.parametrize(
    ("vocabulary", "values"),
    [
        (Vocabulary("a", "values", values=("de", "nl", "7", "\t", "été")), TEXTS),
        (Vocabulary("a", "hash", size=97), TEXTS),
        (Vocabulary("a", "values", dtype="int64", values=(4, -7, 2**63 - 1)), NUMBERS),
        (Vocabulary("a", "values", dtype="int64", values=(4, -1, 0)), NUMBERS),
        (Vocabulary("a", "integer", dtype="int64", size=5), NUMBERS),
        (Vocabulary("a", "hash", dtype="int64", size=97), NUMBERS),
    ],
)
def test_ids(tmp_path, vocabulary, values):
    table = VocabularyTable(vocabulary, tmp_path)
    ids = table.ids(tf.constant(values, table.dtype)).numpy()
    # What stands for no value in a request is None in preparation.
    raw = [None if value == table.missing else value for value in values]
    codes = VocabularyCoder(vocabulary).encode(raw, lambda index: f"value {index}")
    np.testing.assert_array_equal(ids, codes + NUM_RESERVED_IDS)
    assert len(set(ids.tolist())) > 2


@pytest.mark.parametrize(
    "normalization",
    [
        Normalization(low=-3.0, high=8.5, mean=0.25),
        Normalization(low=0.0, high=12.0, mean=3.5, log=True),
        Normalization(low=1.6e9, high=1.6e9 + 1024, mean=1.6e9 + 100),
    ],
)
def test_numbers(normalization):
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(0, 5, 100), random.normal(1.6e9, 500, 100), [np.nan]])
    sent = tf.constant(values, number_dtype(normalization))
    expected, _ = row_layout.normalize(values, normalization)
    # What float32 moves is less than a millionth of the range of 2.
    atol = 2e-6 if sent.dtype == tf.float32 else 0
    np.testing.assert_allclose(normalize(sent, normalization), expected, rtol=1e-6, atol=atol)


def test_gaps_between_the_events_of_a_history(tmp_path):
    shop = Shop()
    data = gaps.prepare(tmp_path, shop)
    rows = []
    for user, item, time, hour, click in shop.examples:
        if int(time) < 80:
            continue
        steps = shop.history(user, time)
        tags, price = shop.items[item]
        rows.append(
            {"user": user, "town": shop.users[user], "item": item, "tags": tags, "hour": hour}
            | {"price": float(price) if price else None, "click": int(click)}
            | {"action": [step[3] for step in steps]}
            | {"history_item": [step[1] for step in steps]}
            | {"history_tags": [shop.items[step[1]][0].split("|") for step in steps]}
            | {"history_price": [float(shop.items[step[1]][1] or "nan") for step in steps]}
            | {"wait": gaps.gaps_by_hand(shop, user, time)}
        )
    inputs, *_ = encode_table(data.spec, {name: [row[name] for row in rows] for name in rows[0]})
    expected = collect(data.test.batches(64))
    for name, values in inputs.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-6, err_msg=name)
    assert "wait" in inputs
