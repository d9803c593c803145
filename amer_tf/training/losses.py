"""Losses of task next_item over sampled items.

Pure functions of `keras.ops`, computed in float32. Letters: `B` examples, `P` positives of an
example, `N` negatives of an example, `S` negatives that all examples share. A score is the
logit `e_i^T W h` of equation 7. Every loss is the mean over the valid pairs of an example and
one of its positives; a pair of example `b` weighs `weights[b]`.
"""

from __future__ import annotations

from typing import Any

from keras import ops

# Score of a negative that is taken out: its exponential is 0 in float32.
_REMOVED = -1e9


def accidental(positives: Any, negatives: Any) -> Any:
    """Which negatives must not count against an example.

    Args:
        positives: Integer tensor of shape `(B, P)`, padded with 0.
        negatives: Integer tensor of shape `(S,)`, or `(B, S)` for negatives of each example.

    Returns:
        Bool tensor of shape `(B, S)`: true where the negative is any positive of the example, or
        padding.
    """
    same = ops.equal(ops.expand_dims(positives, -1), ops.expand_dims(negatives, -2))  # (B, P, S)
    return ops.logical_or(ops.any(same, axis=-2), ops.equal(negatives, 0))


def sampled_binary(
    positive_scores: Any,
    negative_scores: Any,
    positive_mask: Any = None,
    negative_mask: Any = None,
    weights: Any = None,
) -> Any:
    """The paper's loss (equation 7): every positive has a group of negatives of its own.

    `L = -1/|S| sum_{(x, i)} [log sigma(s_i) + sum_{j in I_i^-} log(1 - sigma(s_j))]`.

    `S` holds the pairs (input `x`, positive `i`), so the sum is divided by the number of valid
    pairs of the batch. Negatives `p N/P ... (p + 1) N/P - 1` are the group `I_i^-` of positive
    `p`; one whose positive is padding does not count.

    Args:
        positive_scores: Float tensor of shape `(B, P)`.
        negative_scores: Float tensor of shape `(B, N)`, `N` a multiple of `P`.
        positive_mask: Bool tensor of shape `(B, P)`, true at positives that are not padding.
        negative_mask: Bool tensor of shape `(B, N)`, true at negatives that are not padding.
        weights: Float tensor of shape `(B,)`.

    Returns:
        Scalar.
    """
    num_positives, num_negatives = positive_scores.shape[-1], negative_scores.shape[-1]
    if num_negatives % num_positives:
        raise ValueError(
            "Every positive needs the same number of negatives. Received: "
            f"positive_scores.shape={tuple(positive_scores.shape)}, "
            f"negative_scores.shape={tuple(negative_scores.shape)}"
        )
    losses = ops.softplus(-ops.cast(positive_scores, "float32"))
    against = ops.softplus(ops.cast(negative_scores, "float32"))
    if negative_mask is not None:
        against = ops.where(negative_mask, against, 0.0)
    groups = ops.reshape(against, (-1, num_positives, num_negatives // num_positives))
    return _mean(losses + ops.sum(groups, axis=-1), positive_mask, weights)


def sampled_softmax(
    positive_scores: Any,
    negative_scores: Any,
    accidental: Any,
    positive_mask: Any = None,
    weights: Any = None,
) -> Any:
    """Cross-entropy of each positive against the shared negatives.

    `L = -mean log(exp(s_i) / (exp(s_i) + sum_j exp(s_j)))` over the valid pairs, `j` over the
    negatives that are no positive of the example. The negatives are uniform, so their sampling
    probability cancels but for a constant.

    Reference: Jean et al., "On Using Very Large Target Vocabulary for NMT", 2015.

    Args:
        positive_scores: Float tensor of shape `(B, P)`.
        negative_scores: Float tensor of shape `(B, S)`.
        accidental: Bool tensor of shape `(B, S)`, see `accidental`.
        positive_mask: Bool tensor of shape `(B, P)`, true at positives that are not padding.
        weights: Float tensor of shape `(B,)`.

    Returns:
        Scalar.
    """
    negatives = ops.where(accidental, _REMOVED, ops.cast(negative_scores, "float32"))
    against = ops.logsumexp(negatives, axis=-1, keepdims=True)  # (B, 1)
    losses = ops.softplus(against - ops.cast(positive_scores, "float32"))
    return _mean(losses, positive_mask, weights)


def gbce(
    positive_scores: Any,
    negative_scores: Any,
    accidental: Any,
    positive_mask: Any,
    num_items: int,
    calibration: float = 0.75,
    weights: Any = None,
) -> Any:
    """Binary loss against the shared negatives, without the over-confidence of sampling.

    `L = -mean 1/(S + 1) [beta log sigma(s_i) + sum_j log(1 - sigma(s_j))]`.

    An item that is the next one with probability `p` is a negative with `alpha (1 - p)` only,
    `alpha = S / (num_items - 1)`: the optimum of the plain loss is the over-confident
    `p / (p + alpha (1 - p))`. With the positive weighed by `beta = alpha` it would be `p`. The
    calibration `t` goes from the first (0) to the second (1):
    `beta = alpha (t (1 - 1/alpha) + 1/alpha) = 1 - t (1 - alpha)`.

    Reference: Petrov and Macdonald, "gSASRec: Reducing Overconfidence in Sequential
    Recommendation Trained with Negative Sampling", 2023.

    Args:
        positive_scores: Float tensor of shape `(B, P)`.
        negative_scores: Float tensor of shape `(B, S)`.
        accidental: Bool tensor of shape `(B, S)`, see `accidental`.
        positive_mask: Bool tensor of shape `(B, P)`, true at positives that are not padding; None
            where none is.
        num_items: Number of items that the negatives are drawn from.
        calibration: `t`, in [0, 1].
        weights: Float tensor of shape `(B,)`.

    Returns:
        Scalar.
    """
    if not 0.0 <= calibration <= 1.0:
        raise ValueError(f"`calibration` must lie in [0, 1]. Received: calibration={calibration}")
    if num_items < 2:
        raise ValueError(f"`num_items` must be at least 2. Received: num_items={num_items}")
    num_negatives = negative_scores.shape[-1]
    # More draws than items happen in tiny vocabularies: then nothing is under-sampled.
    sampling_rate = min(1.0, num_negatives / (num_items - 1))
    beta = 1.0 - calibration * (1.0 - sampling_rate)
    against = ops.softplus(ops.cast(negative_scores, "float32"))
    against = ops.sum(ops.where(accidental, 0.0, against), axis=-1, keepdims=True)  # (B, 1)
    losses = beta * ops.softplus(-ops.cast(positive_scores, "float32")) + against
    return _mean(losses / (num_negatives + 1.0), positive_mask, weights)


def bpr(
    positive_scores: Any,
    negative_scores: Any,
    positive_mask: Any = None,
    negative_mask: Any = None,
    weights: Any = None,
) -> Any:
    """Pairwise loss of each positive against each negative of its example.

    `L = -mean log sigma(s_i - s_j)` over the pairs whose two items are both valid.

    Reference: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", 2009,
    without its regularisation, which is the embeddings' own.

    Args:
        positive_scores: Float tensor of shape `(B, P)`.
        negative_scores: Float tensor of shape `(B, N)`.
        positive_mask: Bool tensor of shape `(B, P)`, true at positives that are not padding.
        negative_mask: Bool tensor of shape `(B, N)`, true at negatives that are not padding.
        weights: Float tensor of shape `(B,)`.

    Returns:
        Scalar.
    """
    losses = ops.softplus(-_differences(positive_scores, negative_scores))  # (B, P, N)
    valid = ops.ones_like(losses, dtype="bool")
    if positive_mask is not None:
        valid = ops.logical_and(valid, ops.expand_dims(positive_mask, -1))
    if negative_mask is not None:
        valid = ops.logical_and(valid, ops.expand_dims(negative_mask, -2))
    num_pairs = positive_scores.shape[-1] * negative_scores.shape[-1]
    pairs = (-1, num_pairs)
    return _mean(ops.reshape(losses, pairs), ops.reshape(valid, pairs), weights)


def bpr_max(
    positive_scores: Any,
    negative_scores: Any,
    accidental: Any,
    positive_mask: Any = None,
    regularization: float = 1.0,
    weights: Any = None,
) -> Any:
    """Pairwise loss against the shared negatives, of which those of high scores weigh most.

    `L = mean [-log sum_j w_j sigma(s_i - s_j) + lambda sum_j w_j s_j^2]`, `w` the softmax of the
    scores of the negatives that are no positive of the example.

    Reference: Hidasi and Karatzoglou, "Recurrent Neural Networks with Top-k Gains for
    Session-based Recommendations", 2018, with its regularisation of scores.

    Args:
        positive_scores: Float tensor of shape `(B, P)`.
        negative_scores: Float tensor of shape `(B, S)`.
        accidental: Bool tensor of shape `(B, S)`, see `accidental`.
        positive_mask: Bool tensor of shape `(B, P)`, true at positives that are not padding.
        regularization: `lambda`, at least 0.
        weights: Float tensor of shape `(B,)`.

    Returns:
        Scalar.
    """
    if regularization < 0:
        raise ValueError(
            f"`regularization` must not be negative. Received: regularization={regularization}"
        )
    negatives = ops.cast(negative_scores, "float32")
    kept = ops.where(accidental, _REMOVED, negatives)  # (B, S)
    # The logarithm of the sum is taken of logarithms: a product of two small numbers may be 0.
    log_sigmoid = -ops.softplus(-_differences(positive_scores, kept))  # (B, P, S)
    smoothed = ops.logsumexp(ops.expand_dims(kept, -2) + log_sigmoid, axis=-1)
    ranking = ops.logsumexp(kept, axis=-1, keepdims=True) - smoothed  # (B, P)
    squares = ops.where(accidental, 0.0, ops.softmax(kept, axis=-1) * ops.square(negatives))
    penalty = regularization * ops.sum(squares, axis=-1, keepdims=True)  # (B, 1)
    return _mean(ranking + penalty, positive_mask, weights)


def top1_max(
    positive_scores: Any,
    negative_scores: Any,
    accidental: Any,
    positive_mask: Any = None,
    weights: Any = None,
) -> Any:
    """Smoothed count of the shared negatives above a positive, those of high scores weighing most.

    `L = mean sum_j w_j [sigma(s_j - s_i) + sigma(s_j^2)]`, `w` the softmax of the scores of the
    negatives that are no positive of the example; the second term keeps scores near 0.

    Reference: Hidasi and Karatzoglou, "Recurrent Neural Networks with Top-k Gains for
    Session-based Recommendations", 2018.

    Args:
        positive_scores: Float tensor of shape `(B, P)`.
        negative_scores: Float tensor of shape `(B, S)`.
        accidental: Bool tensor of shape `(B, S)`, see `accidental`.
        positive_mask: Bool tensor of shape `(B, P)`, true at positives that are not padding.
        weights: Float tensor of shape `(B,)`.

    Returns:
        Scalar.
    """
    negatives = ops.cast(negative_scores, "float32")
    share = ops.softmax(ops.where(accidental, _REMOVED, negatives), axis=-1)
    share = ops.where(accidental, 0.0, share)  # (B, S)
    above = ops.sigmoid(-_differences(positive_scores, negatives))  # (B, P, S)
    ranking = ops.sum(ops.expand_dims(share, -2) * above, axis=-1)
    penalty = ops.sum(share * ops.sigmoid(ops.square(negatives)), axis=-1, keepdims=True)
    return _mean(ranking + penalty, positive_mask, weights)


def _differences(positive_scores: Any, negative_scores: Any) -> Any:
    """`s_i - s_j` of shape `(B, P, N)`."""
    positives = ops.expand_dims(ops.cast(positive_scores, "float32"), -1)
    return positives - ops.expand_dims(ops.cast(negative_scores, "float32"), -2)


def _mean(losses: Any, mask: Any, weights: Any) -> Any:
    """Weighted mean of `(B, P)` over valid pairs; 0 where there is none."""
    counts = ops.ones_like(losses) if mask is None else ops.cast(mask, "float32")
    if weights is not None:
        counts = counts * ops.expand_dims(ops.cast(weights, "float32"), -1)
    # `where`, not a product: a padded pair of infinite loss must not become NaN.
    total = ops.sum(ops.where(counts > 0.0, losses * counts, 0.0))
    return ops.divide_no_nan(total, ops.sum(counts))
