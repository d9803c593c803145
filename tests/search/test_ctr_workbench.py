from __future__ import annotations

import pytest

from amer_tf.architecture import Architecture
from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench

SPEC = FeatureSpec(
    fields=(CategoricalField("ad"),),
    vocabularies=(Vocabulary("ad", "integer", "int64", size=9),),
    label="click",
)


@pytest.mark.parametrize(
    ("rows", "batch_size"), [(1_000_000, 4096), (50_000, 500), (2000, 64), (40, 40)]
)
def test_few_rows_have_smaller_batches(rows, batch_size):
    bench = CtrWorkbench(None, None, CtrSettings(), 0, rows)
    assert bench.batch_size == batch_size


def test_models_and_trainers_have_the_settings():
    settings = CtrSettings(
        embedding_dim=3, dropout=0.2, l2=0.5, embedding_rate_factor=7.0, hidden_units=(5, 4)
    )
    bench = CtrWorkbench(None, SPEC, settings, 0, 1000, prior_precision=30.0)
    model = bench.build(Architecture(mlp=bench.predefined_mlp))
    embedding = model.get_layer("amer.embedding")
    assert (embedding.embedding_dim, embedding.l2) == (3, 0.5)
    assert [model.get_layer(f"amer.hidden_{index}").units for index in range(2)] == [5, 4]
    rates = [layer.rate for layer in model.layers if hasattr(layer, "rate")]
    assert rates == [0.2, 0.2]
    trainer = bench.trainer(model, 0.01, 10)
    optimizer = trainer.optimizer
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    assert (optimizer.embedding_rate_factor, optimizer.row_l2) == (7.0, 0.03)
    assert trainer.network is model
