"""Which architectures are small and fast enough for training effort to be spent on them."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from amer_tf.architecture import Architecture
from amer_tf.features import FeatureSpec
from amer_tf.search.latencies import KIND, export_latency
from amer_tf.search.latencies import PHASE as TIME
from amer_tf.search.model_size import ModelSize
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.run_error import RunError
from amer_tf.search.state import CONFIG_FILE, METRICS_FILE, RunFolder
from amer_tf.search.trials import MODEL_KINDS, TrialLog
from amer_tf.wording import counted

# Under which `phases.json` says what was left out, and that something was chosen.
PHASE = "limits"
_DECIDED = "decided"
# Most architectures of a ranking whose latency is measured, each by an export.
_MOST_EXPORTS = 50

_log = logging.getLogger(__name__)


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

    def to_dict(self) -> dict[str, float]:
        """The limits that there are, by name."""
        return {name: limit for name, limit in vars(self).items() if limit is not None}


NO_LIMITS = Limits()


class Admission:
    """Measures architectures and admits those within the limits.

    Parameters are summed up, see `ModelSize`; latencies are measured, each once, and stand in the
    log.

    Args:
        spec: What the models read and predict.
        trials: Where the latencies are written and read.
        limits: The limits.
        build: Makes the model of an architecture. Its weights do not matter for either limit.
        clock: Of the run: measuring latencies has a time of its own.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        trials: TrialLog,
        limits: Limits,
        build: Callable[[Architecture], keras.Model],
        clock: PhaseClock,
    ) -> None:
        self.limits = limits
        self.size = ModelSize(build)
        self._spec = spec
        self._trials = trials
        self._build = build
        self._clock = clock
        self._latencies: dict[str, dict[str, float]] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit."""
        return self.limits != NO_LIMITS

    def require(self, smallest: Architecture) -> None:
        """Raises where not even the smallest architecture of a search is within the limits.

        Raises:
            RunError: It says which limit, and how small and fast a model can be.
        """
        if not self.is_limited:
            return
        self.require_size(smallest)
        self._measure(smallest)
        if self.why_over(smallest) is not None:
            self._refuse("max_latency_ms", smallest)

    def require_size(self, smallest: Architecture) -> None:
        """Raises where not even the smallest architecture has as few parameters as it may have.

        No latency is measured, and nothing is written.

        Raises:
            RunError: It says how small a model can be.
        """
        if self.is_too_large(smallest):
            self._refuse("max_params", smallest)

    def _refuse(self, name: str, smallest: Architecture) -> None:
        raise RunError(
            f"No model of this search is within the limits: the smallest that there can be "
            f"{self.why_over(smallest)}. Raise `{name}`, or search with smaller sizes, such as a "
            f"smaller `embedding_dim`. Received: max_params={self.limits.max_params}, "
            f"max_latency_ms={self.limits.max_latency_ms}"
        )

    def within(self, ranked: Sequence[Architecture], number: int) -> list[Architecture]:
        """The first architectures of a ranking that are within the limits.

        Where latency is limited, so many and no more are exported.

        Args:
            ranked: Architectures, the best first.
            number: How many are wanted; fewer come back, or none, where fewer are within.
        """
        self._decide()
        small = (each for each in ranked if not self.is_too_large(each))
        if self.limits.max_latency_ms is None:
            return list(itertools.islice(small, number))
        most = min(len(ranked), max(_MOST_EXPORTS, number))
        found: list[Architecture] = []
        with PhaseProgress("Measuring latencies", most) as bar:
            for index, architecture in enumerate(itertools.islice(small, most)):
                self._measure(architecture)
                if self.why_over(architecture) is None:
                    found.append(architecture)
                bar.update(index + 1, f"{len(found)} within the limits")
                if len(found) == number:
                    break
        return found

    def is_too_large(self, architecture: Architecture) -> bool:
        """Whether an architecture has more parameters than it may have."""
        most = self.limits.max_params
        return most is not None and self.size.parameters(architecture) > most

    def latency_of(self, architecture: Architecture) -> dict[str, float] | None:
        """Milliseconds of a call by its rows; None where they were not measured."""
        if self._latencies is None:
            self._latencies = {
                Architecture.from_dict(trial["architecture"]).to_json(): trial["latency_ms"]
                for trial in self._trials.of(KIND)
                if "name" not in trial
            }
        return self._latencies.get(architecture.to_json())

    def why_over(self, architecture: Architecture) -> str | None:
        """Which limit an architecture exceeds, as the end of a sentence.

        None for none, as far as is known: a latency that was not measured exceeds no limit.
        """
        if self.is_too_large(architecture):
            return (
                f"has {counted(self.size.parameters(architecture), 'parameter')}, the limit is "
                f"{self.limits.max_params:,}"
            )
        most = self.limits.max_latency_ms
        if most is not None:
            for rows, milliseconds in (self.latency_of(architecture) or {}).items():
                if milliseconds > most:
                    return (
                        f"takes {milliseconds:.2f} ms for {counted(int(rows), 'row')}, the limit "
                        f"is {most:g} ms"
                    )
        return None

    def admits(self, architecture: Architecture) -> bool:
        """Whether an architecture is known to be within the limits."""
        is_timed = self.limits.max_latency_ms is not None
        is_known = not is_timed or self.latency_of(architecture) is not None
        return is_known and self.why_over(architecture) is None

    def note_ranking(
        self,
        name: str,
        what: str,
        ranked: Sequence[Architecture],
        admitted: Sequence[Architecture],
        beside: str = "",
    ) -> None:
        """Notes what was left out of a ranking before the last that was admitted.

        Args:
            name: What it is about.
            what: The same for people, in the plural.
            ranked: The ranking.
            admitted: What came out of it.
            beside: What stood beside the candidates when they were measured.
        """
        if not self.is_limited:
            return
        seen = ranked[: ranked.index(admitted[-1]) + 1] if admitted else ranked
        over = [each for each in seen if self.why_over(each)]
        if over:
            smallest = min(over, key=self.size.parameters)
            self.note(
                **{
                    name: f"{len(over)} of the best {len(seen)} {what} left out: {beside}the "
                    f"smallest of them {self.why_over(smallest)}."
                }
            )

    def note(self, **left_out: str) -> None:
        """Tells people, and the report, what was left out for the limits, by what it is about."""
        known = self._trials.run.phases().get(PHASE, {})
        for name, text in left_out.items():
            if known.get(name) != text:
                _log.warning("%s", text)
        self._trials.run.record_phase(PHASE, **left_out)

    def _measure(self, architecture: Architecture) -> None:
        """Measures a latency, where it is limited and not known yet."""
        if self.limits.max_latency_ms is None or self.is_too_large(architecture):
            return
        if self.latency_of(architecture) is None:
            with self._clock.apart(TIME):
                model = self._build(architecture)
                latency = export_latency(model, self._spec, architecture)
            self._trials.run.append_trials(
                [
                    {
                        "kind": KIND,
                        "architecture": architecture.to_dict(),
                        "parameters": int(model.count_params()),
                        "latency_ms": latency,
                    }
                ]
            )
            assert self._latencies is not None
            self._latencies[architecture.to_json()] = latency

    def _decide(self) -> None:
        if not self._trials.run.phases().get(PHASE, {}).get(_DECIDED):
            self._trials.run.record_phase(PHASE, **{_DECIDED: True})


def claim(run: RunFolder, config: Mapping[str, Any], limits: Limits) -> None:
    """Claims a run folder, for other limits too until something was chosen within its own.

    Supernets, and the scores of what was sampled, are the same whatever the limits.

    Args:
        run: The run folder.
        config: The configuration without the limits.
        limits: The limits.

    Raises:
        RunError: Where it holds a run of another configuration, or other limits come too late.
    """
    wanted = {**config, **limits.to_dict()}
    found = run.read_json(CONFIG_FILE)
    names = [field.name for field in dataclasses.fields(Limits)]
    if found is None or _is_decided(run) or all(found.get(k) == wanted.get(k) for k in names):
        run.claim(wanted)
        return
    run.claim({**config, **{name: found[name] for name in names if name in found}})
    with run.at_work():
        run.write_json(CONFIG_FILE, wanted)


def left_out(run: RunFolder) -> list[str]:
    """What a run has left out for its limits, as sentences."""
    return [text for text in run.phases().get(PHASE, {}).values() if isinstance(text, str)]


def _is_decided(run: RunFolder) -> bool:
    return (
        bool(run.phases().get(PHASE, {}).get(_DECIDED))
        or (run.path / METRICS_FILE).exists()
        or any(trial["kind"] in MODEL_KINDS for trial in run.trials())
    )
