"""Chooses interactions that complement each other out of many that are good by themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import special

from amer_tf.training.fitness import Fitness, LogLossFitness
from amer_tf.training.ranking_metrics import Estimate

_NEWTON_STEPS = 6
_HALVINGS = 30
_TINY = 1e-9
# Standard errors beyond which a gain is not by chance.
_CERTAIN = 3.0


class Choice(NamedTuple):
    """One chosen interaction.

    Attributes:
        candidate: Number of the interaction among the candidates.
        gain: What its part gains, given those chosen before.
        standard_error: Of the gain; None where there are too few rows to tell.
    """

    candidate: int
    gain: float
    standard_error: float | None


def select_forward(
    labels: Any,
    logits: Any,
    parts: Any,
    num_chosen: int,
    scores: Any = None,
    fitness: Fitness | None = None,
) -> list[Choice]:
    """Greedy forward selection.

    An interaction of three fields often repeats most of what two of them say, so that the best by
    themselves are many of one kind. Here each step takes the candidate whose part `d` of the logit
    promises to gain the most on top of what is chosen already; then the scales of all chosen parts
    are fitted anew. Once that gains no more than three standard errors, which chance might, the
    other evidence decides on the rest.

    Args:
        labels: `(R,)` of 0 and 1.
        logits: `(R,)`: logits without any interaction.
        parts: `(C, R)`: what each candidate adds to the logits.
        num_chosen: How many are wanted; fewer come back where there are fewer candidates.
        scores: `(C,)`: other evidence for each candidate, the larger the better; None for none.
        fitness: What a gain is measured by; None for the log loss.

    Returns: The choices, in the order in which they were made.
    """
    labels, parts = np.asarray(labels, np.float64), np.asarray(parts, np.float64)
    base = np.array(logits, np.float64)
    if parts.ndim != 2 or parts.shape[1:] != labels.shape or base.shape != labels.shape:
        raise ValueError(
            "`labels`, `logits` and the rows of `parts` must be equally long. Received: "
            f"labels.shape={labels.shape}, logits.shape={base.shape}, parts.shape={parts.shape}"
        )
    fitness = fitness or LogLossFitness()
    current, left, by_gain = base, list(range(len(parts))), True
    scales: Any = np.zeros(0)
    choices: list[Choice] = []
    while left and len(choices) < num_chosen:
        promises = (
            fitness.promises(labels, current, parts[left]) if by_gain else np.take(scores, left)
        )
        candidate = left[int(np.argmax(promises))]
        chosen = [*(choice.candidate for choice in choices), candidate]
        fitted = _fit_scales(labels, base, parts[chosen], np.append(scales, 0.0))
        updated = base + fitted @ parts[chosen]
        gain = fitness.gain(labels, updated, current)
        if by_gain and scores is not None and not _is_certain(gain):
            by_gain = False
            continue
        choices.append(Choice(candidate, *gain))
        left.remove(candidate)
        current, scales = updated, fitted
    return choices


def _is_certain(gain: Estimate) -> bool:
    return gain.standard_error is None or gain.value > _CERTAIN * gain.standard_error


def _fit_scales(labels: Any, logits: Any, parts: Any, scales: Any) -> Any:
    """The best scale of each part, by Newton's method from those given; never worse than they."""
    fitted = logits + scales @ parts
    loss = _loss(labels, fitted)
    for _ in range(_NEWTON_STEPS):
        chances = special.expit(fitted)
        slopes = parts @ (labels - chances)
        curvatures = (parts * (chances * (1.0 - chances))) @ parts.T
        # A little ridge: parts may be alike, or all zero.
        ridge = np.diag(1e-6 * np.diag(curvatures) + _TINY)
        step = np.linalg.solve(curvatures + ridge, slopes)
        # Where logits are large the curvature is small, and a whole step may lead far too far.
        for halving in range(_HALVINGS):
            tried = scales + step / 2**halving
            moved = logits + tried @ parts
            new_loss = _loss(labels, moved)
            if new_loss <= loss:
                scales, fitted, loss = tried, moved, new_loss
                break
        else:
            break
    return scales


def _loss(labels: Any, logits: Any) -> float:
    return float(np.mean(np.logaddexp(0.0, logits) - labels * logits))
