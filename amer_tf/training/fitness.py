"""What candidates are compared by on validation rows: log loss or AUC."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy import special

from amer_tf.training import binary_metrics
from amer_tf.training.ranking_metrics import Estimate, estimate

_TINY = 1e-9


class Fitness(Protocol):
    """A measure of logits; `R` rows, `C` candidates. The larger the better, always."""

    def text(self, score: float) -> str:
        """A score in words, as people say the measure."""

    def score(self, labels: Any, logits: Any) -> Estimate:
        """The measure of logits `(R,)`, and its standard error."""

    def gain(self, labels: Any, logits: Any, baseline: Any) -> Estimate:
        """How much better logits `(R,)` are than others on the same rows, and how sure that is."""

    def promises(self, labels: Any, logits: Any, parts: Any) -> Any:
        """What each of the parts `(C, R)`, added to the logits `(R,)`, promises to gain: `(C,)`."""


class LogLossFitness:
    """Minus the mean log loss."""

    def text(self, score: float) -> str:
        """A score in words: the log loss itself."""
        return f"log loss {-score:.4f}"

    def score(self, labels: Any, logits: Any) -> Estimate:
        """Minus the log loss, and its standard error over rows."""
        return estimate(-binary_metrics.log_losses(labels, logits))

    def gain(self, labels: Any, logits: Any, baseline: Any) -> Estimate:
        """How much lower the log loss is, and the standard error of that over rows."""
        before, after = (binary_metrics.log_losses(labels, each) for each in (baseline, logits))
        return estimate(before - after)

    def promises(self, labels: Any, logits: Any, parts: Any) -> Any:
        """`(sum (y - p) d)^2 / sum p (1 - p) d^2`: to second order, and up to a factor."""
        slopes, curvatures = _newton(labels, logits, parts)
        return slopes**2 / curvatures


class AucFitness:
    """The exact AUC."""

    def text(self, score: float) -> str:
        """A score in words."""
        return f"AUC {score:.4f}"

    def score(self, labels: Any, logits: Any) -> Estimate:
        """The AUC, and its standard error (DeLong)."""
        return binary_metrics.auc(labels, logits)

    def gain(self, labels: Any, logits: Any, baseline: Any) -> Estimate:
        """How much higher the AUC is, and the standard error of that (DeLong, paired)."""
        return binary_metrics.auc_gain(labels, logits, baseline)

    def promises(self, labels: Any, logits: Any, parts: Any) -> Any:
        """The AUC with each part, at the scale that lowers the log loss the most."""
        slopes, curvatures = _newton(labels, logits, parts)
        scales = slopes / curvatures
        return np.array(
            [
                binary_metrics.auc(labels, logits + scale * part).value
                for scale, part in zip(scales, parts, strict=True)
            ]
        )


FITNESS: dict[str, Fitness] = {"log_loss": LogLossFitness(), "auc": AucFitness()}


def _newton(labels: Any, logits: Any, parts: Any) -> tuple[Any, Any]:
    """First and minus second derivative of minus the loss by the scale of each part."""
    chances = special.expit(logits)
    curvatures = np.maximum((parts**2) @ (chances * (1.0 - chances)), _TINY)
    return parts @ (labels - chances), curvatures
