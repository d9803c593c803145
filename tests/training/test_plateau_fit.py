"""Final training: cuts, the best weights at the end, resume, time, losses that are no numbers."""

from __future__ import annotations

import copy

import keras
import numpy as np
import pytest

from amer_tf.training import plateau_fit
from amer_tf.training.ctr import CtrEvaluator, CtrTrainer
from amer_tf.training.fit import TrainingError
from amer_tf.training.plateau_fit import PlateauPhase, fit_until_plateau
from amer_tf.training.row_sparse_adam import RowSparseAdam
from tests.training.test_ctr import make, tables

PHASE = PlateauPhase(epochs=10, batch_size=200, learning_rate=0.02)


def trainer(seed: int = 0) -> CtrTrainer:
    made = CtrTrainer(make(seed))
    made.compile(optimizer=RowSparseAdam(PHASE.learning_rate), jit_compile=False)
    made.optimizer.build(made.trainable_variables)
    return made


def weights(made: CtrTrainer) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in made.network.get_weights()])


def test_real_losses_end_with_the_best_weights():
    train, validation = tables()
    made = trainer()
    evaluator = CtrEvaluator(made.network)

    def loss() -> float:
        return evaluator.evaluate(validation)["log_loss"]

    progress = fit_until_plateau(made, train, PHASE._replace(epochs=40), loss)
    assert 5 < len(progress.losses) <= 40
    assert loss() == pytest.approx(min(progress.losses), abs=1e-6)
    assert min(progress.losses) < 0.5 < progress.losses[0]


def scripted(made: CtrTrainer, losses: list[float], phase: PlateauPhase = PHASE, **options):
    """Trains with given validation losses; gives the rate and the weights after each epoch."""
    train, _ = tables(300)
    script, seen = iter(losses), []

    def loss() -> float:
        seen.append((float(made.optimizer.learning_rate), weights(made)))
        return next(script)

    return fit_until_plateau(made, train, phase, loss, **options), seen


def test_cuts_and_restores():
    made = trainer()
    progress, seen = scripted(made, [0.9, 0.8, 0.85, 0.84, 0.79, 0.8, 0.8])
    assert progress.losses == (0.9, 0.8, 0.85, 0.84, 0.79, 0.8, 0.8)
    assert progress.is_over
    rates = [rate for rate, _ in seen]
    np.testing.assert_allclose(rates, [0.02] * 4 + [0.002] * 3)
    # The best is that of epoch 5; after epoch 4 training went on from that of epoch 2.
    np.testing.assert_array_equal(weights(made), seen[4][1])
    moved = [np.abs(seen[4][1] - seen[epoch][1]).max() for epoch in (1, 3)]
    assert moved[0] < moved[1]


def test_averages_are_scored_and_given():
    """The average of the raw weights since the start or the cut, which goes on from the best."""
    made, raw = trainer(), []
    phase = PHASE._replace(averaging=0.75, patience=1)
    ends = [[], []]

    def note(progress, kept) -> None:
        raw.append(weights(made))
        for end, values in zip(ends, kept, strict=True):
            end.append(None if values is None else np.concatenate([v.ravel() for v in values]))

    progress, seen = scripted(made, [0.9, 0.8, 0.85, 0.84], phase, on_epoch=note)
    best, average = ends
    (rates, scored) = zip(*seen, strict=True)
    np.testing.assert_allclose(rates, [0.02] * 3 + [0.002])
    np.testing.assert_array_equal(scored[0], raw[0])
    np.testing.assert_allclose(scored[1], 0.75 * raw[0] + 0.25 * raw[1], atol=1e-6)
    # After the third epoch the best average is what training goes on with, and averages begin anew.
    np.testing.assert_array_equal(raw[2], scored[1])
    assert average[2] is None
    for kept in best[1:]:
        np.testing.assert_array_equal(kept, scored[1])
    np.testing.assert_array_equal(average[1], scored[1])
    assert np.abs(scored[3] - scored[1]).max() < np.abs(scored[2] - scored[1]).max()
    np.testing.assert_array_equal(weights(made), scored[1])
    assert progress.is_over


def test_a_start_at_chance_is_waited_for():
    losses = [0.7, 0.7, 0.7, 0.7, 0.6, 0.65]
    phase = PHASE._replace(epochs=6, patience=1)
    progress, seen = scripted(trainer(), losses, phase._replace(chance=0.7))
    assert progress.losses == tuple(losses)
    np.testing.assert_allclose([rate for rate, _ in seen], 0.02)
    progress, _ = scripted(trainer(), losses, phase)
    assert progress.losses == tuple(losses[:3])


def test_epochs_end_it():
    progress, _ = scripted(trainer(), [0.9, 0.8], PHASE._replace(epochs=2))
    assert progress.is_over


def test_no_epoch_changes_nothing():
    made = trainer()
    before = weights(made)
    progress, _ = scripted(made, [], PHASE._replace(epochs=0))
    assert progress.losses == ()
    np.testing.assert_array_equal(weights(made), before)


def test_time_ends_it_within_an_epoch():
    steps = []
    progress, _ = scripted(
        trainer(),
        [0.9],
        PHASE._replace(batch_size=2, time_limit=1e-6),
        on_step=lambda: steps.append(1),
    )
    assert len(progress.losses) == 1
    assert len(steps) == 1


@pytest.mark.parametrize(("seconds", "cut_after"), [(10, 8), (30, 2), (60, 1), (1, 75)])
def test_the_rate_is_cut_in_time(monkeypatch, seconds, cut_after):
    """Of 100 s, a quarter and one whole epoch at least are for the lower rate."""
    clock = [0.0]
    monkeypatch.setattr(plateau_fit.time, "monotonic", lambda: clock[0])
    made, rates = trainer(), []
    train, _ = tables(300)

    def loss() -> float:
        rates.append(float(made.optimizer.learning_rate))
        clock[0] += seconds
        return 1.0 - 0.001 * len(rates)

    phase = PHASE._replace(epochs=200, time_limit=100.0, batch_size=300)
    progress = fit_until_plateau(made, train, phase, loss)
    assert progress.forced_cuts == (cut_after,)
    np.testing.assert_allclose(rates[:cut_after], 0.02)
    np.testing.assert_allclose(rates[cut_after:], 0.002)
    assert len(rates) == -(-100 // seconds)


@pytest.mark.parametrize("averaging", [0.0, 0.75])
def test_resumed_equals_undisturbed(averaging: float):
    phase = PHASE._replace(averaging=averaging)
    losses = [0.9, 0.8, 0.85, 0.84, 0.79, 0.8, 0.8]
    whole = trainer()
    saved: list[tuple] = []

    def save(progress, kept) -> None:
        saved.append(
            (
                progress,
                copy.deepcopy(kept),
                [np.array(v) for v in (*whole.variables, *whole.optimizer.variables)],
            )
        )

    scripted(whole, losses, phase, on_epoch=save)
    for epochs in (1, 3, 4, 6):
        progress, kept, variables = saved[epochs - 1]
        again = trainer(seed=9)
        for variable, value in zip(
            (*again.variables, *again.optimizer.variables), variables, strict=True
        ):
            variable.assign(value)
        scripted(again, losses[epochs:], phase, resume=progress, kept=kept)
        np.testing.assert_allclose(weights(again), weights(whole), atol=1e-6)


@pytest.mark.parametrize("losses", [[float("nan")], [0.9, float("inf")]])
def test_a_loss_that_is_no_number(losses: list[float]):
    with pytest.raises(TrainingError, match=r"The loss is (nan|inf) after epoch \d, .*Lower the"):
        scripted(trainer(), losses)


def test_broken_weights_are_not_scored():
    made = trainer()
    for weight in made.network.trainable_weights:
        weight.assign(keras.ops.full(weight.shape, float("nan")))
    with pytest.raises(TrainingError, match="The loss is nan after epoch 1, nan in training"):
        scripted(made, [])
