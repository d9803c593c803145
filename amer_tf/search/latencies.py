"""How long exported models take to answer, as a run measures and records it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from typing import Any

import keras

from amer_tf.architecture import Architecture
from amer_tf.export.errors import ExportError
from amer_tf.features import FeatureSpec
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.trials import TrialLog

KIND = "measured"
PHASE = "latencies"
# Under which the model of the run is measured.
FOUND = "amer"

_log = logging.getLogger(__name__)


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


def measure_systems(
    clock: PhaseClock,
    trials: TrialLog,
    spec: FeatureSpec,
    architecture: Architecture,
    load: Callable[[str], Any],
) -> None:
    """Measures the model of a run and its hand-made networks, each once, one after another.

    Args:
        clock: Of the run.
        trials: The log.
        spec: What the models read and predict.
        architecture: Of the model of the run.
        load: Gives a trained system by its name, `FOUND` or a hand-made one.
    """
    known = {trial.get("name") for trial in trials.of(KIND)}
    names = [FOUND, *(trial["name"] for trial in trials.of("reference"))]
    with PhaseProgress("Measuring latencies of all systems", len(names)) as bar:
        for index, name in enumerate(names):
            if name not in known:
                with clock.apart(PHASE):
                    measured = _measured(name, load(name), spec, architecture)
                trials.run.append_trials(measured)
            bar.update(index + 1, name)


def _measured(
    name: str, model: Any, spec: FeatureSpec, architecture: Architecture
) -> list[dict[str, Any]]:
    """The trial of a system; none of one that is no network."""
    if not isinstance(model, keras.Model):
        return []
    trial: dict[str, Any] = {
        "kind": KIND,
        "name": name,
        "parameters": int(model.count_params()),
        "latency_ms": None,
    }
    if name == FOUND:
        trial["architecture"] = architecture.to_dict()
    try:
        what = architecture if name == FOUND else name
        trial["latency_ms"] = export_latency(model, spec, what)
    except ExportError as error:
        _log.warning("The latency of %s cannot be measured. %s", name, error)
    return [trial]
