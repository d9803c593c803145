"""Phases with checkpoints: what a killed one goes on from."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.search import phases
from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder
from amer_tf.training.fit import Phase

PHASE = Phase(epochs=4, batch_size=2, learning_rate=0.1, warmup_steps=0)


class Split:
    """Four examples; example `n` of the endless stream is the number `n`."""

    num_examples = 4

    def batches(self, batch_size, *, seed=0, first_step=0):
        numbers = tf.data.Dataset.range(first_step * batch_size, 10_000).batch(batch_size)
        return numbers.map(lambda number: tf.cast(number, "float32"))


class Trainer(keras.Model):
    """Learns the mean of the numbers, with noise from a seed of its own."""

    def __init__(self, units=3):
        super().__init__()
        self.mean = self.add_weight(name="mean", shape=(units,), initializer="zeros")
        self.noise = keras.random.SeedGenerator(0)
        self.tracker = keras.metrics.Mean(name="loss")
        self.built = True
        self.compile(optimizer=keras.optimizers.Adam(0.1), run_eagerly=True)

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, numbers):
        noise = keras.random.uniform(self.mean.shape, seed=self.noise)
        self.optimizer.apply([self.mean - keras.ops.mean(numbers) + noise], [self.mean])
        self.tracker.update_state(keras.ops.mean(numbers))
        return {"loss": self.tracker.result()}


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


class Killed(BaseException):
    pass


def train(run, trainer=None, **options):
    trainer = trainer or Trainer()
    progress = phases.train_phase(run, "phase", trainer, Split(), PHASE, **options)
    return trainer, progress


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train(RunFolder(tmp_path_factory.mktemp("undisturbed")))


def assert_same(trainer, progress, undisturbed):
    expected, end = undisturbed
    assert progress._replace(seconds=0.0) == end._replace(seconds=0.0)
    found, expected = (phases.snapshot(one).values() for one in (trainer, expected))
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, other)


def test_a_phase_records_where_it_stands(run, undisturbed):
    trainer, progress = train(run)
    assert_same(trainer, progress, undisturbed)
    assert (progress.epoch, progress.step, progress.loss) == (4, 8, 13.5)  # mean of 12 ... 15
    record = run.phases()["phase"]
    assert (record["epoch"], record["loss"]) == (4, 13.5)
    assert record["seconds"] > 0.0
    assert record["losses"] == [1.5, 5.5, 9.5, 13.5]


@pytest.mark.parametrize("method", ["save_arrays", "record_phase"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_killed_phase_goes_on(run, monkeypatch, undisturbed, method, after):
    original, calls = getattr(run, method), []

    def call(*args, **kwargs):
        calls.append(args)
        if len(calls) > after:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(run, method, call)
    with pytest.raises(Killed):
        train(run)
    monkeypatch.undo()
    seen = []
    trainer, progress = train(run, on_epoch=lambda now: seen.append(now.epoch))
    assert_same(trainer, progress, undisturbed)
    assert seen == list(range(after + 1, 5))
    assert run.phases()["phase"]["losses"] == [1.5, 5.5, 9.5, 13.5]


def test_a_phase_that_is_done_is_not_trained_again(run, undisturbed):
    train(run)
    trainer, progress = train(run, on_epoch=lambda now: pytest.fail("trained again"))
    assert_same(trainer, progress, undisturbed)


def test_a_phase_that_was_told_to_stop_stays_stopped(run):
    # Killed after the last checkpoint, before the end of the phase is recorded anywhere.
    trainer, progress = train(run, on_epoch=lambda now: now.epoch == 2)
    assert progress.epoch == 2
    again, resumed = train(run, on_epoch=lambda now: pytest.fail("trained on"))
    assert (resumed.epoch, resumed.step) == (2, 4)
    np.testing.assert_array_equal(again.mean, trainer.mean)


def test_a_deleted_checkpoint_means_training_again(run, undisturbed):
    train(run, on_epoch=lambda now: now.epoch == 2)
    run.remove_checkpoint("phase")
    trainer, progress = train(run)
    assert_same(trainer, progress, undisturbed)


def test_a_damaged_checkpoint(run):
    train(run, on_epoch=lambda now: now.epoch == 2)
    file = run.path / "checkpoints" / "phase.npz"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(RunError, match=r"phase\.npz is truncated or damaged.*Delete it"):
        train(run)


def test_the_checkpoint_of_another_model(run):
    train(run, on_epoch=lambda now: now.epoch == 1)
    with pytest.raises(RunError, match=r"phase 'phase' is of another model.*new `run_dir`"):
        train(run, Trainer(units=4))
    run.save_arrays("phase", {"progress": np.array([1.0, 2.0, 0.1, 0.25, 13.5]), "0:a": np.ones(3)})
    with pytest.raises(RunError, match="is of another model.*Received: 1 arrays for"):
        train(run)
