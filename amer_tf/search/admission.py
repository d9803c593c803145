"""Which architectures are small and fast enough for training effort to be spent on them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import keras

from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.run_error import RunError
from amer_tf.search.trials import TrialLog

KIND = "measured"
# Most architectures whose latency is measured, each by an export.
_MOST_EXPORTS = 50


@dataclasses.dataclass(frozen=True)
class Limits:
    """How large and how slow a model may be.

    Args:
        max_params: Most parameters, embeddings included; None for any number.
        max_latency_ms: Most milliseconds that the exported model may take, for one row as for 256;
            None for any time.
    """

    max_params: int | None = None
    max_latency_ms: float | None = None

    def __post_init__(self) -> None:
        params, latency = self.max_params, self.max_latency_ms
        if params is not None and (type(params) is not int or params < 1):
            raise ValueError(
                "`max_params` must be a whole number of at least 1. "
                f"Received: max_params={params!r}"
            )
        if latency is not None and not (
            type(latency) in (int, float) and 0 < latency < float("inf")
        ):
            raise ValueError(
                f"`max_latency_ms` must be a positive number. Received: max_latency_ms={latency!r}"
            )


NO_LIMITS = Limits()


class Admission:
    """Measures architectures, each once, and admits those within the limits.

    The weights of a model do not matter for either limit, so that it is measured untrained.

    Args:
        spec: What the models read and predict.
        trials: Where the measurements are written and read.
        limits: The limits.
    """

    def __init__(self, spec: FeatureSpec, trials: TrialLog, limits: Limits) -> None:
        self._spec = spec
        self._trials = trials
        self._max_params = limits.max_params
        self._max_latency_ms = limits.max_latency_ms

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit."""
        return self._max_params is not None or self._max_latency_ms is not None

    def first(
        self,
        ranked: Sequence[Architecture],
        number: int,
        build: Callable[[Architecture], keras.Model],
    ) -> list[Architecture]:
        """The first architectures of a ranking that are within the limits.

        Args:
            ranked: Architectures, the best first.
            number: How many are wanted; fewer come back where fewer are within the limits.
            build: Makes the model of an architecture.

        Raises:
            RunError: Where none is.
        """
        found = self.within(ranked, number, build)
        if not found:
            measured = [known for each in ranked if (known := self.measured(each)) is not None]
            closest = min(measured, key=lambda known: known["parameters"])
            raise RunError(
                f"None of the best {len(measured)} architectures is within the limits: the "
                f"smallest {self._why_over(closest)}. Raise the limit, or search in a smaller "
                f"space. Received: max_params={self._max_params}, "
                f"max_latency_ms={self._max_latency_ms}"
            )
        return found

    def within(
        self,
        ranked: Sequence[Architecture],
        number: int,
        build: Callable[[Architecture], keras.Model],
    ) -> list[Architecture]:
        """The same as `first`, but empty where none is within the limits."""
        if not self.is_limited:
            return list(ranked[:number])
        tried = ranked
        if self._max_latency_ms is not None:
            tried = ranked[: max(_MOST_EXPORTS, number)]
        found: list[Architecture] = []
        with PhaseProgress("Measuring architectures", len(tried)) as bar:
            for index, architecture in enumerate(tried):
                if self._why_over(self._measure(architecture, build)) is None:
                    found.append(architecture)
                bar.update(index + 1, f"{len(found)} within the limits")
                if len(found) == number:
                    break
        return found

    def measured(self, architecture: Architecture) -> dict[str, Any] | None:
        """What is known of an architecture: `parameters` and perhaps `latency_ms` by rows."""
        wanted = architecture.to_dict()
        for trial in self._trials.of(KIND):
            if trial["architecture"] == wanted:
                return trial
        return None

    def _measure(
        self, architecture: Architecture, build: Callable[[Architecture], keras.Model]
    ) -> dict[str, Any]:
        known = self.measured(architecture)
        if known is not None:
            return known
        model = build(architecture)
        known = {
            "kind": KIND,
            "architecture": architecture.to_dict(),
            "parameters": int(model.count_params()),
            "latency_ms": None,
        }
        within = self._max_params is None or known["parameters"] <= self._max_params
        if within and self._max_latency_ms is not None:
            known["latency_ms"] = self._latency(model, architecture)
        self._trials.run.append_trials([known])
        return known

    def _latency(self, model: keras.Model, architecture: Architecture) -> dict[str, float]:
        from amer_tf.export import export
        from amer_tf.export.latency import measure_latency

        with tempfile.TemporaryDirectory() as folder:
            export(model, self._spec, architecture, f"{folder}/export", warmup=False)
            found = measure_latency(f"{folder}/export")
        return {str(rows): milliseconds for rows, milliseconds in found.items()}

    def _why_over(self, known: dict[str, Any]) -> str | None:
        """Which limit an architecture exceeds, as the end of a sentence; None for none."""
        if self._max_params is not None and known["parameters"] > self._max_params:
            return f"has {known['parameters']:,} parameters"
        if self._max_latency_ms is not None:
            for rows, milliseconds in (known["latency_ms"] or {}).items():
                if milliseconds > self._max_latency_ms:
                    return f"takes {milliseconds:.2f} ms for {rows} rows"
        return None
