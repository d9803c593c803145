import numpy as np
import pytest

from amer_tf.layers import SessionDivision
from tests import helpers

# Events, the gap before each, and sessions. Event 1 is the oldest; 0 is padding.
CASES = {
    "one session": ([1, 2, 3], [0, 5, 5], [[0, 0, 0], [1, 2, 3]]),
    "a gap": ([1, 2, 3], [0, 20, 5], [[0, 0, 1], [0, 2, 3]]),
    "just no gap": ([1, 2], [0, 10], [[0, 0, 0], [0, 1, 2]]),
    "a gap before the first": ([1, 2], [90, 10], [[0, 0, 0], [0, 1, 2]]),
    "a long session keeps its newest": ([1, 2, 3, 4, 5], [1, 1, 1, 1, 1], [[0, 0, 0], [3, 4, 5]]),
    "a long session behind another": (
        [1, 2, 3, 4, 5, 6],
        [1, 1, 1, 1, 1, 45],
        [[3, 4, 5], [0, 0, 6]],
    ),
    "the newest sessions": ([1, 2, 3, 4], [0, 20, 20, 1], [[0, 0, 2], [0, 3, 4]]),
    "as many sessions as events": ([1, 2, 3, 4], [0, 20, 20, 20], [[0, 0, 3], [0, 0, 4]]),
    "at one moment": ([1, 2, 3, 4], [0, 0, 0, 0], [[0, 0, 0], [2, 3, 4]]),
    "one event": ([1], [4], [[0, 0, 0], [0, 0, 1]]),
    "no event": ([], [], [[0, 0, 0], [0, 0, 0]]),
    "all at once": (
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
        [0, 1, 29, 20, 1, 1, 1, 37, 9],
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


def divide(events, gaps, before=0, after=0, holes=(), **options):
    """What a layer of two sessions of three events makes of one row, as numbers of events."""
    layer = SessionDivision(num_sessions=2, session_length=3, max_gap=10.0, **options)
    events = np.pad(np.array(events, "float32"), (before, after))
    if gaps is not None:
        # What stands at padding is no gap before an event.
        gaps = np.pad(np.array(gaps, "float32"), (before, after), constant_values=777)
        gaps = np.insert(gaps, holes, 555.0)[None]
    events = np.insert(events, holes, 0)
    states = np.stack([events, -events, np.ones_like(events)], axis=-1)[None]
    outputs = layer(states, gaps, states_mask=events[None] > 0)
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
            "gaps": np.array([[1, 1, 7, 11, 1], [4, 1, 0, 0, 0], [0] * 5], "float32"),
            "states_mask": np.arange(5) < np.array([[5], [2], [0]]),
        },
        output_shape={"states": (3, 4, 2, 2), "events": (3, 4, 2), "sessions": (3, 4)},
        num_weights=0,
        gradient=False,
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_values_by_hand(case):
    events, gaps, expected = case
    np.testing.assert_array_equal(divide(events, gaps, after=1), expected)


@pytest.mark.parametrize("case", CHUNKS.values(), ids=CHUNKS)
def test_without_gaps(case):
    events, expected = case
    for padding in ((0, 1), (4, 0)):
        np.testing.assert_array_equal(divide(events, None, *padding), expected)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize(("before", "after"), [(0, 6), (6, 0), (2, 3)])
def test_padding_changes_nothing(case, before: int, after: int):
    events, gaps, expected = case
    np.testing.assert_array_equal(divide(events, gaps, before, after), expected)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_padding_between_events_changes_nothing(case):
    events, gaps, expected = case
    holes = [min(1, len(events)), len(events) // 2, len(events)]
    np.testing.assert_array_equal(divide(events, gaps, holes=holes), expected)


def test_every_row_by_itself():
    layer = SessionDivision(num_sessions=2, session_length=3, max_gap=10.0)
    width = 9
    events = np.array([np.pad(row[0], (0, width - len(row[0]))) for row in CASES.values()])
    gaps = np.array([np.pad(row[1], (0, width - len(row[1]))) for row in CASES.values()])
    outputs = layer(events[..., None].astype("float32"), gaps, states_mask=events > 0)
    expected = [row[2] for row in CASES.values()]
    np.testing.assert_array_equal(outputs["states"][..., 0], expected)


def test_no_mask_is_no_padding():
    states = np.arange(1, 5, dtype="float32").reshape(1, 4, 1)
    layer = SessionDivision(num_sessions=2, session_length=3, max_gap=10.0)
    outputs = layer(states, np.array([[0, 1, 29, 1]], "float32"))
    np.testing.assert_array_equal(outputs["states"][0, ..., 0], [[0, 1, 2], [0, 3, 4]])


def test_a_threshold_of_normalised_gaps_may_be_negative():
    layer = SessionDivision(num_sessions=2, session_length=3, max_gap=-0.5)
    states = np.arange(1, 4, dtype="float32").reshape(1, 3, 1)
    outputs = layer(states, np.array([[1.0, -0.4, -0.6]], "float32"))
    np.testing.assert_array_equal(outputs["states"][0, ..., 0], [[0, 0, 1], [0, 2, 3]])


def test_half_precision_does_not_round_gaps():
    # In float16 the gap of event 2 would be 10, as that of event 3 is.
    divided = divide([1, 2, 3], [0.0, 10.001, 10.0], dtype="mixed_float16")
    np.testing.assert_array_equal(divided, [[0, 0, 1], [0, 2, 3]])


def test_defaults_are_those_of_the_paper():
    layer = SessionDivision()
    assert (layer.num_sessions, layer.session_length, layer.max_gap) == (5, 10, 30 * 60)
    gaps = np.array([[0, 1800, 1801]], "float32")  # 30 minutes, and a second more
    outputs = layer(np.ones((1, 3, 2), "float32"), gaps)
    np.testing.assert_array_equal(np.sum(outputs["events"], axis=-1), [[0, 0, 0, 2, 1]])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_sessions": 0}, "`num_sessions` must be a positive integer. Received: num_se"),
        ({"session_length": 0}, "`session_length` must be a positive integer. Received: sess"),
    ],
)
def test_arguments_that_are_wrong(config, message):
    with pytest.raises(ValueError, match=message):
        SessionDivision(**config)
