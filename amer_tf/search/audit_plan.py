"""Which architectures an audit trains: some of all inherited scores, random ones, the found one."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from amer_tf.architecture import Architecture
from amer_tf.search.ctr_behavior_search import KINDS
from amer_tf.search.interaction_search import CANDIDATE
from amer_tf.search.mlp_search import RANDOM as RANDOM_MLP
from amer_tf.search.rank_correlation import LEAST_PAIRS
from amer_tf.search.run_error import RunError
from amer_tf.search.samplers import RANDOM
from amer_tf.search.trials import TrialLog, score_of

FOUND = "found"
# Kinds of the trials of architectures that were drawn uniformly from the space of a step.
_DRAWN = {"behavior": (RANDOM, f"{RANDOM}{KINDS}"), "mlp": (RANDOM_MLP,)}
_WHAT = {"behavior": "behaviour networks", "interaction": "interactions", "mlp": "MLPs"}
# Sets the draws apart from all others of the seed.
_DRAWS = 1717

_log = logging.getLogger(__name__)


class TooFewScoresError(RunError):
    """A search with too few scored architectures for an audit, however often it is asked for."""


class Entry(NamedTuple):
    """One architecture to train.

    Attributes:
        step: The step whose inherited scores it is to check; `RANDOM` for one that was drawn from
            the whole space, `FOUND` for that of the result.
        architecture: The architecture.
        name: Name of its training and checkpoint.
        inherited: Its inherited score, or gain.
        rank: Its place by that score, 0 for the best.
        num_scored: Of how many.
    """

    step: str
    architecture: Architecture
    name: str
    inherited: float | None = None
    rank: int | None = None
    num_scored: int | None = None


def evenly_spaced(count: int, number: int) -> list[int]:
    """Ranks from the first of `count` to the last, so many of them, or all where there are fewer.

    Args:
        count: How many there are.
        number: How many are wanted, at least 2.
    """
    number = min(count, number)
    return [int(rank) for rank in np.linspace(0, count - 1, number).round()]


def spread(count: int) -> list[int]:
    """Numbers below `count`, ordered so that the first ones are spread over all of them.

    The ends come first, then the middle of the largest gap, and so on.
    """
    order = [0, count - 1][:count]
    gaps = [(0, count - 1)]
    for low, high in gaps:
        if high - low > 1:
            middle = (low + high) // 2
            order.append(middle)
            gaps += [(low, middle), (middle, high)]
    return order


def num_trainings(steps: Sequence[str], number: int) -> int:
    """How many architectures a plan has at most."""
    return 1 + number * (len(steps) + (not is_by_design(steps)))


def make_plan(
    trials: TrialLog,
    steps: Sequence[str],
    found: Architecture,
    frame: Architecture,
    number: int,
    seed: int,
    fields: Sequence[str] = (),
) -> list[Entry]:
    """The architectures of an audit, the same whenever it is asked for.

    They come in the order in which a time limit may leave the last ones out: the found one, then
    those of the steps and the random ones by turns, the steps' so that the first are spread out.

    Args:
        trials: The log of the search.
        steps: What was searched.
        found: The architecture of the result.
        frame: What an interaction is tried out in, and random architectures differ from.
        number: How many to spread over the scores of each step.
        seed: Seed of the random ones.
        fields: What interactions are made of.

    Raises:
        TooFewScoresError: Where the log holds too few scored architectures.
    """
    scored = {step: _scored(trials, step, frame) for step in steps}
    parts: list[list[Entry]] = []
    for step, ranked in scored.items():
        if len(ranked) < LEAST_PAIRS:
            _log.warning(
                "The step %s is not audited: %d %s were scored, and a rank correlation needs %d.",
                *(step, len(ranked), _WHAT[step], LEAST_PAIRS),
            )
            continue
        if len(ranked) < number:
            _log.warning("All %d %s that were scored are audited.", len(ranked), _WHAT[step])
        ranks = evenly_spaced(len(ranked), number)
        parts.append([_entry(step, ranked, ranks[place]) for place in spread(len(ranks))])
    if not parts:
        counts = ", ".join(f"{len(ranked)} {_WHAT[step]}" for step, ranked in scored.items())
        raise TooFewScoresError(
            f"An audit needs at least {LEAST_PAIRS} architectures with inherited scores, and the "
            "trials of this run have fewer: they are gone, or the search was too small. Search "
            f"again in a new `run_dir`. Received: {counts} in {str(trials.run.path)!r}"
        )
    if not is_by_design(steps):
        drawn = _random(scored, found, frame, number, seed, fields)
        parts.append(
            [
                Entry(RANDOM, architecture, f"audit_{RANDOM}_{index}")
                for index, architecture in enumerate(drawn)
            ]
        )
    by_turns = [entry for turn in itertools.zip_longest(*parts) for entry in turn if entry]
    return [Entry(FOUND, found, "audit_found"), *by_turns]


def _entry(step: str, ranked: Sequence[tuple[Architecture, float]], rank: int) -> Entry:
    architecture, score = ranked[rank]
    return Entry(step, architecture, f"audit_{step}_{rank}", score, rank, len(ranked))


def is_by_design(steps: Sequence[str]) -> bool:
    """Whether those that are spread over the scores stand for random architectures.

    So they do where one step was searched, whose architectures are whole ones: they were drawn
    uniformly from the space, and spread over all their ranks they miss no part of it.
    """
    return len(steps) == 1 and steps[0] in _DRAWN


def _scored(trials: TrialLog, step: str, frame: Architecture) -> list[tuple[Architecture, float]]:
    """The different architectures that a step scored, each with its score, the best first.

    Those that evolution bred are left out: they crowd where the scores tell little apart, and
    stand for nothing but themselves. Of interactions those of the last round are taken, which one
    supernet has scored, each as the only interaction of a model.
    """
    found: dict[Architecture, float] = {}
    if step == "interaction":
        candidates = trials.of(CANDIDATE)
        last = max((trial["round"] for trial in candidates), default=0)
        for trial in candidates:
            if trial["round"] == last:
                alone = dataclasses.replace(frame, interactions=(tuple(trial["interaction"]),))
                found.setdefault(alone, float(trial["gain"]))
    else:
        for trial in trials.of(*_DRAWN[step]):
            found.setdefault(Architecture.from_dict(trial["architecture"]), score_of(trial))
    return sorted(found.items(), key=lambda item: -item[1])


def _random(
    scored: dict[str, list[tuple[Architecture, float]]],
    found: Architecture,
    frame: Architecture,
    number: int,
    seed: int,
    fields: Sequence[str],
) -> list[Architecture]:
    """Whole architectures, each choice of the searched steps drawn at random.

    Blocks and MLPs come from those that the search drew uniformly from their spaces. Interactions
    are as many as the found ones, of as many fields, but of any fields.
    """
    generator = np.random.default_rng([seed, _DRAWS])
    drawn = []
    for _ in range(number):
        genes: dict[str, Any] = {}
        for step, gene in (("behavior", "blocks"), ("mlp", "mlp")):
            if scored.get(step):
                architecture, _score = scored[step][generator.integers(len(scored[step]))]
                genes[gene] = getattr(architecture, gene)
        if "interaction" in scored:
            orders = [len(group) for group in found.interactions]
            genes["interactions"] = _random_interactions(fields, orders, generator)
        drawn.append(dataclasses.replace(frame, **genes))
    return drawn


def _random_interactions(
    fields: Sequence[str], orders: Sequence[int], generator: np.random.Generator
) -> tuple[tuple[str, ...], ...]:
    """Different interactions of so many fields each."""
    drawn: dict[tuple[str, ...], None] = {}
    for order in orders:
        group: tuple[str, ...] = ()
        while not group or group in drawn:
            chosen = generator.choice(len(fields), size=order, replace=False)
            group = tuple(sorted(fields[index] for index in chosen))
        drawn[group] = None
    return tuple(drawn)
