"""Phases of training: resume, ends, and a stream that is read from the right step."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import Architecture, Block
from amer_tf.models import amer
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search.phases import restore, snapshot
from amer_tf.training.fit import Phase, Progress, TrainingError, fit, steps_per_epoch
from amer_tf.training.next_item import NextItemTrainer
from amer_tf.training.row_sparse_adam import RowSparseAdam
from tests.search import nets
from tests.search.fake_clock import FakeClock


class Split:
    """Twenty examples; a batch depends on the seed and its step alone."""

    num_examples = 20

    def __init__(self) -> None:
        self.asked = []

    def batches(self, batch_size, *, seed=0, first_step=0, **options):
        self.asked.append((batch_size, seed, first_step, options))

        def make():
            step = first_step
            while True:
                generator = np.random.default_rng([seed, step])
                ids = generator.integers(2, nets.NUM_ITEMS + 2, size=(batch_size, nets.STEPS + 1))
                ids = ids.astype("int32")
                yield {"history_item_id": ids[:, :-1]}, {"positives": ids[:, -1:]}
                step += 1

        return tf.data.Dataset.from_generator(
            make,
            output_signature=(
                {"history_item_id": tf.TensorSpec((batch_size, nets.STEPS), "int32")},
                {"positives": tf.TensorSpec((batch_size, 1), "int32")},
            ),
        )


ARCHITECTURE = Architecture(
    blocks=(Block("layer_norm", "conv_3", "relu"), Block("none", "self_attention_2", "identity"))
)


def make_trainer(seed=5, learning_rate=0.01):
    keras.utils.set_random_seed(seed)
    spec = nets.next_item_spec()
    model = amer.build(
        spec, ARCHITECTURE, embedding_dim=8, dropout=0.3, drop_operation=0.2, drop_event=0.2
    )
    trainer = NextItemTrainer(
        NextItemNetwork(model, spec), nets.NUM_ITEMS + 2, num_negatives=8, seed=seed
    )
    trainer.compile(optimizer=RowSparseAdam(learning_rate), jit_compile=False)
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


class Constant(keras.Model):
    """A trainer whose loss is given, step by step."""

    def __init__(self, losses=(1.0,)):
        super().__init__()
        self.losses_to_give = list(losses)
        self.steps = 0
        self.mean = keras.metrics.Mean(name="loss")
        self.compile(optimizer=keras.optimizers.SGD(), run_eagerly=True)

    @property
    def metrics(self):
        return [self.mean]

    def train_step(self, data):
        self.mean.update_state(self.losses_to_give[self.steps % len(self.losses_to_give)])
        self.steps += 1
        return {"loss": self.mean.result()}


PHASE = Phase(epochs=4, batch_size=8, learning_rate=0.01, seed=3)


def test_resumed_at_an_epoch_equals_undisturbed():
    whole = make_trainer()
    end = fit(whole, Split(), PHASE)
    assert (end.epoch, end.step, end.fraction) == (4, 12, 1.0)

    saved = []
    first = make_trainer()
    fit(
        first,
        Split(),
        PHASE,
        on_epoch=lambda progress: saved.append((progress, snapshot(first))) or progress.epoch == 2,
    )
    assert [progress.epoch for progress, _ in saved] == [1, 2]
    assert [progress.step for progress, _ in saved] == [3, 6]

    # Another seed: whatever is not restored would differ.
    second = make_trainer(seed=99)
    progress, arrays = saved[-1]
    restore(second, arrays, "phase")
    again = fit(second, Split(), PHASE, resume=progress)
    assert again._replace(seconds=0.0) == end._replace(seconds=0.0)
    assert again.seconds > progress.seconds
    pairs = zip(snapshot(second).values(), snapshot(whole).items(), strict=True)
    for found, (name, expected) in pairs:
        np.testing.assert_array_equal(found, expected, err_msg=name)


def test_a_snapshot_holds_weights_seeds_and_moments():
    names = " ".join(snapshot(make_trainer()))
    for part in ("embedding/table", "seed_generator_state", "momentum", "velocity", "iteration"):
        assert part in names


def test_the_stream_is_read_from_the_right_step():
    split = Split()
    fit(Constant(), split, PHASE._replace(epochs=1), options={"num_positives": 2})
    resume = Progress(epoch=2, step=6, seconds=1.0, fraction=0.5, loss=1.0)
    trainer = Constant()
    end = fit(trainer, split, PHASE, resume=resume)
    assert split.asked == [(8, 3, 0, {"num_positives": 2}), (8, 3, 6, {})]
    assert trainer.steps == 6
    assert (end.epoch, end.step) == (4, 12)


def test_steps_of_an_epoch():
    assert [steps_per_epoch(count, 8) for count in (1, 8, 9, 20)] == [1, 1, 2, 3]


def test_on_epoch_sees_each_epoch_and_ends_the_phase():
    seen = []
    trainer = Constant(losses=[4.0, 2.0, 3.0])
    end = fit(trainer, Split(), PHASE, on_epoch=lambda now: seen.append(now) or now.epoch == 3)
    assert [(now.epoch, now.step, now.fraction, now.loss) for now in seen] == [
        (1, 3, 0.25, 3.0),
        (2, 6, 0.5, 3.0),
        (3, 9, 0.75, 3.0),
    ]
    assert end == seen[-1]
    assert trainer.steps == 9


def test_the_time_limit_ends_the_phase_within_an_epoch(monkeypatch):
    clock = FakeClock(monkeypatch)
    trainer = Constant()
    step = trainer.train_step
    trainer.train_step = lambda data: clock.advance(7.0) or step(data)
    end = fit(trainer, Split(), PHASE._replace(epochs=1000, time_limit=30.0))
    assert trainer.steps == 5
    assert (end.epoch, end.step, end.seconds, end.fraction) == (2, 5, 35.0, 1.0)


def test_time_used_before_counts(monkeypatch):
    clock = FakeClock(monkeypatch)
    trainer = Constant()
    step = trainer.train_step
    trainer.train_step = lambda data: clock.advance(7.0) or step(data)
    resume = Progress(epoch=1, step=3, seconds=21.0, fraction=0.7, loss=1.0)
    end = fit(trainer, Split(), PHASE._replace(epochs=1000, time_limit=30.0), resume=resume)
    assert trainer.steps == 2
    assert (end.step, end.seconds) == (5, 35.0)


def test_time_that_scoring_used_up_begins_no_epoch(monkeypatch):
    clock = FakeClock(monkeypatch)
    trainer = Constant()
    seen = []
    phase = PHASE._replace(epochs=1000, time_limit=30.0)
    end = fit(trainer, Split(), phase, on_epoch=lambda now: seen.append(now) or clock.advance(40.0))
    assert trainer.steps == 3
    assert [(now.epoch, now.fraction) for now in seen] == [(1, pytest.approx(3 / 3000))]
    assert (end.epoch, end.step, end.fraction) == (1, 3, 1.0)


def test_a_phase_without_time_left_is_not_trained_on():
    resume = Progress(epoch=1, step=3, seconds=30.0, fraction=0.7, loss=1.0)
    trainer = Constant()
    end = fit(trainer, Split(), PHASE._replace(time_limit=30.0), resume=resume)
    assert end == resume._replace(fraction=1.0)
    assert trainer.steps == 0


@pytest.mark.parametrize("done", [{"epoch": 4, "fraction": 0.9}, {"epoch": 2, "fraction": 1.0}])
def test_a_phase_that_is_done_is_not_trained_on(done):
    resume = Progress(**{"step": 12, "seconds": 1.0, "loss": 1.0, **done})
    trainer = Constant()
    assert fit(trainer, Split(), PHASE, resume=resume) == resume
    assert trainer.steps == 0


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_not_finite(loss):
    trainer = Constant(losses=[1.0, 1.0, 1.0, 1.0, loss])
    seen = []
    with pytest.raises(TrainingError, match=rf"{loss} after step 6 \(epoch 2\)\. Lower the"):
        fit(trainer, Split(), PHASE, on_epoch=seen.append)
    assert len(seen) == 1


def test_diverged_weights_end_the_training():
    trainer = make_trainer(learning_rate=1.0)
    trainer.trainable_variables[0].assign(trainer.trainable_variables[0] * np.nan)
    with pytest.raises(TrainingError, match="The loss is nan after step 3"):
        fit(trainer, Split(), PHASE)


def test_nothing_is_written_about_the_order_of_the_stream(recwarn):
    fit(Constant(), Split(), PHASE._replace(epochs=1))
    assert not [str(warning.message) for warning in recwarn if "shuffle" in str(warning.message)]
