"""Losses over sampled items: by hand, against NumPy, at extreme scores, under XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from amer_tf.training import losses


def log_sigmoid(score):
    return -np.log1p(np.exp(-np.asarray(score, np.float64)))


@pytest.fixture
def batch():
    generator = np.random.default_rng(0)
    return {
        "positive_scores": generator.normal(size=(4, 3)).astype("float32"),
        "negative_scores": generator.normal(size=(4, 6)).astype("float32"),
        "positive_mask": np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 0]], bool),
        "weights": np.array([1.0, 2.0, 1.0, 0.0], "float32"),
        "accidental": generator.random((4, 6)) < 0.3,
    }


def pairs(batch):
    """Valid pairs as (example, positive, weight)."""
    for example, position in np.argwhere(batch["positive_mask"]):
        yield example, position, float(batch["weights"][example])


def test_accidental_marks_the_positives_of_the_example_and_padding():
    positives = np.array([[5, 7, 0], [2, 0, 0]])
    marked = ops.convert_to_numpy(losses.accidental(positives, np.array([2, 7, 0, 9])))
    np.testing.assert_array_equal(marked, [[0, 1, 1, 0], [1, 0, 1, 0]])


def test_accidental_takes_negatives_of_each_example():
    marked = losses.accidental(np.array([[5, 7], [2, 3]]), np.array([[7, 2], [7, 2]]))
    np.testing.assert_array_equal(ops.convert_to_numpy(marked), [[1, 0], [0, 1]])


def test_binary_of_zero_scores_is_two_log_two():
    # One negative a positive: log 2 for each of the two, whatever the number of pairs.
    loss = losses.sampled_binary(np.zeros((2, 3)), np.zeros((2, 3)))
    assert float(loss) == pytest.approx(2 * np.log(2), rel=1e-6)


def test_binary_matches_equation_7(batch):
    total, count = 0.0, 0.0
    for example, position, weight in pairs(batch):
        group = batch["negative_scores"][example, 2 * position : 2 * position + 2]
        positive = batch["positive_scores"][example, position]
        total -= weight * (log_sigmoid(positive) + log_sigmoid(-group).sum())
        count += weight
    loss = losses.sampled_binary(
        batch["positive_scores"],
        batch["negative_scores"],
        batch["positive_mask"],
        weights=batch["weights"],
    )
    assert float(loss) == pytest.approx(total / count, rel=1e-5)


def test_binary_leaves_masked_negatives_out():
    loss = losses.sampled_binary(
        np.zeros((1, 1)), np.array([[0.0, 80.0]]), negative_mask=np.array([[True, False]])
    )
    assert float(loss) == pytest.approx(2 * np.log(2), rel=1e-6)


def test_binary_asks_for_whole_groups():
    with pytest.raises(ValueError, match=r"same number of negatives.*\(2, 3\).*\(2, 4\)"):
        losses.sampled_binary(np.zeros((2, 3)), np.zeros((2, 4)))


def test_softmax_matches_numpy(batch):
    total, count = 0.0, 0.0
    for example, position, weight in pairs(batch):
        kept = batch["negative_scores"][example][~batch["accidental"][example]]
        positive = batch["positive_scores"][example, position]
        total += weight * (np.log(np.exp(positive) + np.exp(kept).sum()) - positive)
        count += weight
    loss = losses.sampled_softmax(
        batch["positive_scores"],
        batch["negative_scores"],
        batch["accidental"],
        batch["positive_mask"],
        batch["weights"],
    )
    assert float(loss) == pytest.approx(total / count, rel=1e-5)


def test_softmax_without_a_negative_left_is_zero():
    loss = losses.sampled_softmax(np.zeros((1, 1)), np.zeros((1, 2)), np.ones((1, 2), bool))
    assert float(loss) == 0.0


def test_gbce_matches_numpy(batch):
    # alpha = 6 / 24, beta = 1 - .75 (1 - .25) = .4375
    total, count = 0.0, 0.0
    for example, position, weight in pairs(batch):
        kept = batch["negative_scores"][example][~batch["accidental"][example]]
        positive = log_sigmoid(batch["positive_scores"][example, position])
        total -= weight * (0.4375 * positive + log_sigmoid(-kept).sum()) / 7
        count += weight
    loss = losses.gbce(
        batch["positive_scores"],
        batch["negative_scores"],
        batch["accidental"],
        batch["positive_mask"],
        num_items=25,
        weights=batch["weights"],
    )
    assert float(loss) == pytest.approx(total / count, rel=1e-5)


@pytest.mark.parametrize("probability", [0.02, 0.3])
def test_full_calibration_recovers_the_probability(probability):
    # One item scored s is the positive with probability p and a negative with alpha (1 - p).
    # With t = 1 the expected loss must be least where sigmoid(s) = p.
    rate = 10 / 100
    score = keras.Variable(np.log(probability / (1 - probability)))
    with tf.GradientTape() as tape:
        one = ops.reshape(score, (1, 1))
        rest = ops.concatenate([one * 0.0 - 1e4] * 10, axis=-1)
        as_positive = losses.gbce(
            one, rest, np.zeros((1, 10), bool), None, num_items=101, calibration=1.0
        )
        in_negatives = ops.concatenate([one, rest[:, 1:]], axis=-1)
        as_negative = losses.gbce(
            ops.zeros((1, 1)) + 1e4, in_negatives, np.zeros((1, 10), bool), None, num_items=101
        )
        expected = probability * as_positive + rate * (1 - probability) * as_negative
    assert abs(float(tape.gradient(expected, score.value))) < 1e-7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_items": 10, "calibration": 1.5}, r"lie in \[0, 1\].*calibration=1.5"),
        ({"num_items": 1}, "at least 2.*num_items=1"),
    ],
)
def test_gbce_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        losses.gbce(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1), bool), None, **arguments)


def test_bpr_compares_every_positive_with_every_negative(batch):
    # 2 pairs of one positive, one of them with a masked negative.
    scores = np.array([[1.0, 3.0]]), np.array([[0.5, 2.0]])
    by_hand = -np.mean([log_sigmoid(0.5), log_sigmoid(-1.0), log_sigmoid(2.5), log_sigmoid(1.0)])
    assert float(losses.bpr(*scores)) == pytest.approx(by_hand, rel=1e-6)
    masked = losses.bpr(*scores, np.array([[True, False]]), np.array([[False, True]]))
    assert float(masked) == pytest.approx(-log_sigmoid(-1.0), rel=1e-6)
    total, count = 0.0, 0.0
    for example, position, weight in pairs(batch):
        for negative in batch["negative_scores"][example]:
            total -= weight * log_sigmoid(batch["positive_scores"][example, position] - negative)
            count += weight
    names = ("positive_scores", "negative_scores", "positive_mask")
    loss = losses.bpr(*(batch[name] for name in names), weights=batch["weights"])
    assert float(loss) == pytest.approx(total / count, rel=1e-5)


@pytest.mark.parametrize("name", ["bpr_max", "top1_max"])
def test_the_losses_of_gru4rec_match_numpy(batch, name):
    total, count = 0.0, 0.0
    for example, position, weight in pairs(batch):
        kept = batch["negative_scores"][example][~batch["accidental"][example]].astype("float64")
        share = np.exp(kept) / np.exp(kept).sum()
        score = batch["positive_scores"][example, position]
        if name == "bpr_max":
            ranked = -np.log((share * np.exp(log_sigmoid(score - kept))).sum())
            total += weight * (ranked + 0.3 * (share * kept**2).sum())
        else:
            above = np.exp(log_sigmoid(kept - score)) + np.exp(log_sigmoid(kept**2))
            total += weight * (share * above).sum()
        count += weight
    options = {"regularization": 0.3} if name == "bpr_max" else {}
    loss = getattr(losses, name)(
        batch["positive_scores"],
        batch["negative_scores"],
        batch["accidental"],
        batch["positive_mask"],
        weights=batch["weights"],
        **options,
    )
    assert float(loss) == pytest.approx(total / count, rel=1e-5)


def test_bpr_max_by_hand():
    # Negatives 0 and log 3 weigh 1/4 and 3/4; sigma(0) = 1/2, sigma(-log 3) = 1/4.
    loss = losses.bpr_max(np.zeros((1, 1)), np.array([[0.0, np.log(3)]]), np.zeros((1, 2), bool))
    expected = -np.log(1 / 8 + 3 / 16) + 3 / 4 * np.log(3) ** 2
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_top1_max_by_hand():
    # As above; sigma(0) = 1/2 and sigma(log 3) = 3/4 of being above.
    loss = losses.top1_max(np.zeros((1, 1)), np.array([[0.0, np.log(3)]]), np.zeros((1, 2), bool))
    squares = 1 / 4 * 1 / 2 + 3 / 4 / (1 + np.exp(-(np.log(3) ** 2)))
    assert float(loss) == pytest.approx(1 / 8 + 9 / 16 + squares, rel=1e-6)


@pytest.mark.parametrize("name", ["bpr_max", "top1_max"])
def test_without_a_negative_left_the_losses_of_gru4rec_are_zero(name):
    loss = getattr(losses, name)(np.zeros((1, 1)), np.ones((1, 2)), np.ones((1, 2), bool))
    assert float(loss) == 0.0


def test_bpr_max_refuses_a_negative_weight():
    with pytest.raises(ValueError, match="must not be negative.*regularization=-1"):
        losses.bpr_max(
            np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1), bool), regularization=-1
        )


LOSSES = {
    "bpr": lambda p, n, a, m: losses.bpr(p, n, m),
    "bpr_max": losses.bpr_max,
    "top1_max": losses.top1_max,
    "sampled_binary": lambda p, n, a, m: losses.sampled_binary(p, n, m),
    "sampled_softmax": losses.sampled_softmax,
    "gbce": lambda p, n, a, m: losses.gbce(p, n, a, m, num_items=100),
}


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_scores_give_finite_gradients_under_xla(name):
    @tf.function(jit_compile=True)
    def loss_and_gradients(positive, negative, removed, mask):
        with tf.GradientTape() as tape:
            tape.watch([positive, negative])
            loss = LOSSES[name](positive, negative, removed, mask)
        return loss, *tape.gradient(loss, [positive, negative])

    positive = tf.constant([[1e4, -1e4], [3.0, 1e4]])
    negative = tf.constant([[1e4, -1e4], [1e4, 0.0]])
    removed = tf.constant([[False, False], [True, True]])
    mask = tf.constant([[True, True], [True, False]])
    loss, positive_gradient, negative_gradient = loss_and_gradients(
        positive, negative, removed, mask
    )
    assert np.isfinite(loss)
    assert np.isfinite(positive_gradient).all()
    assert np.isfinite(negative_gradient).all()
    assert positive_gradient[1, 1] == 0.0
    assert negative_gradient[0, 0] != 0.0


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_a_valid_pair_has_no_loss(name):
    zeros = np.zeros((2, 2), "float32")
    assert float(LOSSES[name](zeros, zeros, zeros > 0, zeros > 0)) == 0.0


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_scores_are_summed_in_float32(name):
    scores = np.full((64, 512), 5.0, "float16")
    loss = LOSSES[name](scores, scores, np.zeros((64, 512), bool), np.ones((64, 512), bool))
    exact = LOSSES[name](
        scores.astype("float32"),
        scores.astype("float32"),
        np.zeros((64, 512), bool),
        np.ones((64, 512), bool),
    )
    assert loss.dtype == tf.float32
    assert float(loss) == pytest.approx(float(exact), rel=1e-6)
