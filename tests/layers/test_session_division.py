import numpy as np
import pytest

from amer_tf.layers import SessionDivision
from tests import helpers

# Event 1 is the oldest; 0 is padding.
CASES = {
    "one session": ([1, 2, 3], [0, 5, 10], [[0, 0, 0], [1, 2, 3]]),
    "a gap": ([1, 2, 3], [0, 20, 25], [[0, 0, 1], [0, 2, 3]]),
    "just no gap": ([1, 2], [0, 10], [[0, 0, 0], [0, 1, 2]]),
    "a long session keeps its newest": ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [[0, 0, 0], [3, 4, 5]]),
    "a long session behind another": (
        [1, 2, 3, 4, 5, 6],
        [1, 2, 3, 4, 5, 50],
        [[3, 4, 5], [0, 0, 6]],
    ),
    "the newest sessions": ([1, 2, 3, 4], [0, 20, 40, 41], [[0, 0, 2], [0, 3, 4]]),
    "as many sessions as events": ([1, 2, 3, 4], [0, 20, 40, 60], [[0, 0, 3], [0, 0, 4]]),
    "ages": ([1, 2, 3], [100, 80, 75], [[0, 0, 1], [0, 2, 3]]),
    "at one moment": ([1, 2, 3, 4], [7, 7, 7, 7], [[0, 0, 0], [2, 3, 4]]),
    "one event": ([1], [4], [[0, 0, 0], [0, 0, 1]]),
    "no event": ([], [], [[0, 0, 0], [0, 0, 0]]),
    "all at once": (
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
        [0, 1, 30, 50, 51, 52, 53, 90, 99],
        [[5, 6, 7], [0, 8, 9]],
    ),
}
CHUNKS = {
    "less than a session": ([1, 2], [[0, 0, 0], [0, 1, 2]]),
    "a session": ([1, 2, 3], [[0, 0, 0], [1, 2, 3]]),
    "counted from the newest": ([1, 2, 3, 4], [[0, 0, 1], [2, 3, 4]]),
    "the newest": ([1, 2, 3, 4, 5, 6, 7], [[2, 3, 4], [5, 6, 7]]),
    "no event": ([], [[0, 0, 0], [0, 0, 0]]),
}


def divide(events, times, before=0, after=0, holes=(), **options):
    """What a layer of two sessions of three events makes of one row, as numbers of events."""
    layer = SessionDivision(num_sessions=2, session_length=3, max_gap=10.0, **options)
    events = np.pad(np.array(events, "float32"), (before, after))
    if times is not None:
        # What stands at padding is no time of an event.
        times = np.pad(np.array(times, "float32"), (before, after), constant_values=-777)
        times = np.insert(times, holes, 555.0)[None]
    events = np.insert(events, holes, 0)
    states = np.stack([events, -events, np.ones_like(events)], axis=-1)[None]
    outputs = layer(states, times, states_mask=events[None] > 0)
    outputs = {name: np.asarray(value)[0] for name, value in outputs.items()}
    np.testing.assert_array_equal(outputs["events"], outputs["states"][..., 0] > 0)
    np.testing.assert_array_equal(outputs["events"], outputs["states"][..., 2] == 1)
    np.testing.assert_array_equal(outputs["states"][..., 1], -outputs["states"][..., 0])
    np.testing.assert_array_equal(outputs["sessions"], outputs["events"].any(axis=-1))
    return outputs["states"][..., 0]


def test_layer_contract():
    states = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
    helpers.check_layer(
        SessionDivision,
        config={"num_sessions": 4, "session_length": 2, "max_gap": 3.0},
        inputs={
            "states": states,
            "times": np.array([[1, 2, 9, 20, 21], [4, 5, 0, 0, 0], [0] * 5], "float32"),
            "states_mask": np.arange(5) < np.array([[5], [2], [0]]),
        },
        output_shape={"states": (3, 4, 2, 2), "events": (3, 4, 2), "sessions": (3, 4)},
        num_weights=0,
        gradient=False,
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_values_by_hand(case):
    events, times, expected = case
    np.testing.assert_array_equal(divide(events, times, after=1), expected)


@pytest.mark.parametrize("case", CHUNKS.values(), ids=CHUNKS)
def test_without_times(case):
    events, expected = case
    for padding in ((0, 1), (4, 0)):
        np.testing.assert_array_equal(divide(events, None, *padding), expected)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize(("before", "after"), [(0, 6), (6, 0), (2, 3)])
def test_padding_changes_nothing(case, before: int, after: int):
    events, times, expected = case
    np.testing.assert_array_equal(divide(events, times, before, after), expected)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_padding_between_events_changes_nothing(case):
    events, times, expected = case
    holes = [min(1, len(events)), len(events) // 2, len(events)]
    np.testing.assert_array_equal(divide(events, times, holes=holes), expected)


def test_every_row_by_itself():
    layer = SessionDivision(num_sessions=2, session_length=3, max_gap=10.0)
    width = 9
    events = np.array([np.pad(row[0], (0, width - len(row[0]))) for row in CASES.values()])
    times = np.array([np.pad(row[1], (0, width - len(row[1]))) for row in CASES.values()])
    outputs = layer(events[..., None].astype("float32"), times, states_mask=events > 0)
    expected = [row[2] for row in CASES.values()]
    np.testing.assert_array_equal(outputs["states"][..., 0], expected)


def test_no_mask_is_no_padding():
    states = np.arange(1, 5, dtype="float32").reshape(1, 4, 1)
    layer = SessionDivision(num_sessions=2, session_length=3, max_gap=10.0)
    outputs = layer(states, np.array([[0, 1, 30, 31]], "float32"))
    np.testing.assert_array_equal(outputs["states"][0, ..., 0], [[0, 1, 2], [0, 3, 4]])


def test_half_precision_does_not_round_times():
    # In float16 both are 20000.
    events, times = [1, 2, 3], [19_980.0, 20_001.0, 20_006.0]
    divided = divide(events, times, dtype="mixed_float16")
    np.testing.assert_array_equal(divided, [[0, 0, 1], [0, 2, 3]])


def test_defaults_are_those_of_the_paper():
    layer = SessionDivision()
    assert (layer.num_sessions, layer.session_length, layer.max_gap) == (5, 10, 30 * 60)
    times = np.array([[0, 1800, 3601]], "float32")  # 30 minutes, and a second more
    outputs = layer(np.ones((1, 3, 2), "float32"), times)
    np.testing.assert_array_equal(np.sum(outputs["events"], axis=-1), [[0, 0, 0, 2, 1]])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_sessions": 0}, "`num_sessions` must be a positive integer. Received: num_se"),
        ({"session_length": 0}, "`session_length` must be a positive integer. Received: sess"),
        ({"max_gap": -1.0}, "`max_gap` must not be negative. Received: max_gap=-1.0"),
    ],
)
def test_arguments_that_are_wrong(config, message):
    with pytest.raises(ValueError, match=message):
        SessionDivision(**config)
