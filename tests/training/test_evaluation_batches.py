"""What evaluation takes from a split."""

import numpy as np
import pytest

from amer_tf.training.evaluation_batches import events_before
from tests.training.small_split import SmallSplit


@pytest.mark.parametrize("batch_size", [5, 1024])
def test_events_before_are_the_histories(batch_size):
    split = SmallSplit()
    users, items = events_before(split, "history_item_id", batch_size)
    pairs = set(zip(users.tolist(), items.tolist(), strict=True))
    expected = {
        (user, item) for user, history in enumerate(split.histories) for item in history.tolist()
    }
    assert pairs == expected
    assert len(users) == len(expected)


def test_events_before_hold_the_true_item_of_an_earlier_event():
    # A split leaves the true item out of `seen`; the inputs still have it.
    split = SmallSplit()
    split.histories[3] = np.array([9, 8, 9])
    original = split.batches

    def batches(batch_size, **options):
        def leave_out(inputs, labels):
            labels["seen"] = np.where(labels["seen"] == 9, 0, labels["seen"])
            return inputs, labels

        return [
            leave_out(*(dict(part) for part in batch)) for batch in original(batch_size, **options)
        ]

    split.batches = batches
    users, items = events_before(split, "history_item_id")
    assert set(items[users == 3].tolist()) == {8, 9}
