"""How long exported models take to answer, as a run measures and records it."""

from __future__ import annotations

import tempfile

import keras

from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec

KIND = "measured"
PHASE = "latencies"


def export_latency(
    model: keras.Model, spec: FeatureSpec, what: Architecture | str
) -> dict[str, float]:
    """Milliseconds of a call of the exported model, by its rows.

    The weights do not matter, so that a model may be measured untrained.

    Args:
        model: The model.
        spec: What it reads and predicts.
        what: What the model was built of: an architecture, or the name of a hand-made system.
    """
    from amer_tf.export import export
    from amer_tf.export.latency import measure_latency

    with tempfile.TemporaryDirectory() as folder:
        export(model, spec, what, f"{folder}/export", warmup=False)
        found = measure_latency(f"{folder}/export")
    return {str(rows): milliseconds for rows, milliseconds in found.items()}
