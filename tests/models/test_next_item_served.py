"""Every hand-made system of task next_item is evaluated and exported as the found model is."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import Architecture
from amer_tf.export import export
from amer_tf.models import bert4rec, bpr, caser, gru4rec, narm, nextitnet, sr_gnn, stamp
from tests import helpers
from tests.models.next_item_contract import HISTORIES, UNITS, make_spec

SYSTEMS = (bert4rec, bpr, caser, gru4rec, narm, nextitnet, sr_gnn, stamp)


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.__name__.rpartition(".")[2])
def test_exported(system: types.ModuleType, tmp_path: Any) -> None:
    spec = make_spec(user=system is bpr)
    options = {"mask_rate": 0.2} if system is bert4rec else {}
    model = system.build(spec, embedding_dim=UNITS, dropout=0.3, **options)
    helpers.fix_weights(model)
    loaded = tf.saved_model.load(str(export(model, spec, Architecture(()), tmp_path / "1")))
    histories = np.where(HISTORIES > 0, HISTORIES - 2, -1)  # raw ids count from 0
    raw = {"history_item_id": tf.constant(histories, tf.int64)}
    inputs = {"history_item_id": HISTORIES, "item_id": np.tile([[5, 6]], (4, 1)).astype("int32")}
    if system is bpr:
        raw["user_id"] = tf.constant([0, 1, 2, 3], tf.int64)
        inputs["user_id"] = np.arange(2, 6, dtype="int32")
    items = tf.constant([[3, 4]] * 4, tf.int64)
    scores = loaded.signatures["serving_default"](**raw, item_id=items)["scores"]
    np.testing.assert_allclose(scores, model(inputs), rtol=1e-4, atol=1e-5)
