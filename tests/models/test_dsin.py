"""DSIN against NumPy, and its sessions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.export import encoding
from amer_tf.features import CategoricalField, Normalization, NumericField, SpecError
from amer_tf.models import dsin
from data_pipelines import row_layout
from tests.layers.test_attentional_gru import sigmoid
from tests.layers.test_session_interest import interest_of
from tests.models import ctr_contract as ctr
from tests.models.ctr_contract import HYBRID

STEPS = 24
LENGTHS = (24, 13, 0, 1, 10)
HOUR = 3_600.0
SPEC_OF_24 = dataclasses.replace(HYBRID, max_length=STEPS)
# Seconds between events: rows of five sessions and more, of three, of one long one.
GAPS = np.full((5, STEPS), 240.0)
GAPS[0, [2, 5, 6, 19, 22]] = 1801.0
GAPS[0, [0, 7]] = 7 * HOUR, 1800.0
GAPS[1, [3, 11]] = 9 * HOUR
RANGES = {
    # The longest gaps are clipped, as those are that exceed every one of training.
    "linear": Normalization(low=60.0, high=HOUR, mean=900.0),
    "log": Normalization(low=0.0, high=float(np.log1p(30 * 24 * HOUR)), mean=6.0, log=True),
    "long": Normalization(low=0.0, high=30 * 24 * HOUR, mean=8 * HOUR),
}


def with_gaps(normalization):
    fields = (*HYBRID.fields, NumericField("gap", "behavior", normalization))
    return dataclasses.replace(SPEC_OF_24, fields=fields)


TIMED = with_gaps(RANGES["log"])


def batch(spec=TIMED):
    generator = np.random.default_rng(1)
    inputs = ctr.batch(HYBRID)
    kept = np.arange(STEPS) < np.array(LENGTHS)[:, None]
    inputs |= ctr.steps(generator, np.array(LENGTHS), STEPS)
    if "gap" in [field.name for field in spec]:
        gaps, _ = row_layout.normalize(GAPS, spec.field("gap").normalization)
        inputs["gap"] = (kept * gaps).astype("float32")
    return inputs


def sessions_of(row, timed):
    """The steps of each session of a row, the oldest session first, before anything is cut."""
    steps = list(range(LENGTHS[row]))
    if not timed:
        newest_first = [steps[max(0, end - 10) : end] for end in range(len(steps), 0, -10)]
        return newest_first[::-1]
    sessions = []
    for step in steps:
        if not sessions or GAPS[row, step] > 30 * 60:
            sessions.append([])
        sessions[-1].append(step)
    return [session[-10:] for session in sessions]


def lstm(weights, inputs):
    """The states `(S, D)` after each of the inputs; gates in the order of Keras."""
    kernel, recurrent, bias = weights
    state = cell = np.zeros(recurrent.shape[0])
    states = []
    for each in inputs:
        entry, forget, candidate, exit_ = np.split(each @ kernel + state @ recurrent + bias, 4)
        cell = sigmoid(forget) * cell + sigmoid(entry) * np.tanh(candidate)
        state = sigmoid(exit_) * np.tanh(cell)
        states.append(state)
    return np.array(states)


def session_sums(model, inputs, states, num_sessions):
    """`sum_k a_k I_k` and `sum_k a'_k H_k`, a row at a time (Feng et al., 2019)."""
    target = ctr.projected_target(model, inputs)
    of_session, of_place, of_unit = model.get_layer("amer.session_bias").get_weights()
    weights = model.get_layer("amer.session_lstm").get_weights()
    results = np.zeros((2, len(states), states.shape[-1]))
    for row in range(len(states)):
        sessions = sessions_of(row, "gap" in inputs)[-num_sessions:]
        if not sessions:
            continue
        interests = []
        for age, session in enumerate(sessions[::-1]):
            bias = of_session[-1 - age] + of_place[10 - len(session) :] + of_unit
            events = states[row, session] + bias
            interests.append(interest_of(model.get_layer("amer.session_interest"), events))
        interests = np.array(interests[::-1])
        both = lstm(weights[:3], interests), lstm(weights[3:], interests[::-1])[::-1]
        for index, (name, vectors) in enumerate(
            (("session", interests), ("evolved_session", np.mean(both, axis=0)))
        ):
            [kernel] = model.get_layer(f"amer.{name}.attention").get_weights()
            valid = np.ones((1, len(vectors)), bool)
            [scores] = ctr.attention(vectors[None], valid, target[row : row + 1], kernel)
            results[index, row] = scores @ vectors
    return results


class TestSessionsOfTenEvents(ctr.TargetContract):
    system, title = dsin, "DSIN"
    spec = SPEC_OF_24
    # Four behaviour fields, or with the gap five, of four numbers each.
    options = ctr.TargetContract.options | {"embedding_dim": 4, "num_sessions": 3}

    def inputs(self, spec):
        return batch(spec)

    def expected(self, model, inputs):
        states = ctr.behavior_states(model, inputs)
        parts = [ctr.flat_input(model, inputs)]
        if "gap" in inputs:
            kept = (inputs["ad_history"] > 0)[..., None]
            [kernel] = model.get_layer("amer.embedding.gap").get_weights()
            gaps = kept * inputs["gap"][..., None] * kernel
            states = np.concatenate([states, gaps], axis=-1)
            parts.append(gaps.sum(axis=1))
        num_sessions = model.get_layer("amer.sessions").num_sessions
        parts += [*session_sums(model, inputs, states, num_sessions)]
        hidden = ctr.deep_part(model, np.concatenate(parts, axis=1))
        return ctr.scaled_logit(model, ctr.output(model, hidden))

    @pytest.mark.parametrize("num_sessions", [1, 5, 8])
    def test_equals_numpy_with_fewer_and_more_sessions(self, num_sessions: int):
        self.test_equals_numpy(self.build(self.spec, num_sessions=num_sessions))


class TestSessionsByGap(TestSessionsOfTenEvents):
    spec = TIMED
    options = TestSessionsOfTenEvents.options | {"gap_field": "gap"}

    def test_compiled(self, model):
        inputs = self.inputs(self.spec)
        compiled = tf.function(model, jit_compile=True)
        np.testing.assert_allclose(compiled(inputs), model(inputs), atol=1e-5)

    def test_every_weight_learns(self):
        model, inputs = self.build(self.spec, dropout=0.0), self.inputs(self.spec)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(inputs, training=True) ** 2)
        gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
        for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
            assert np.all(np.isfinite(tf.convert_to_tensor(gradient))), weight.path


@pytest.mark.parametrize("normalization", RANGES.values(), ids=RANGES)
def test_sessions_whatever_the_normalisation(normalization):
    spec = with_gaps(normalization)
    model = dsin.build(spec, embedding_dim=4, num_sessions=8, gap_field="gap")
    inputs = batch(spec)
    mask = inputs["ad_history"] > 0
    layer = model.get_layer("amer.sessions")
    events = layer(np.ones((5, STEPS, 2), "float32"), inputs["gap"], states_mask=mask)["events"]
    for row, found in enumerate(np.sum(events, axis=-1)):
        lengths = [len(session) for session in sessions_of(row, True)]
        assert found.tolist() == [0] * (8 - len(lengths)) + lengths


@pytest.mark.parametrize("normalization", RANGES.values(), ids=RANGES)
def test_thirty_minutes_do_not_divide_and_a_second_more_does(normalization):
    spec = with_gaps(normalization)
    layer = dsin.build(spec, embedding_dim=4, gap_field="gap").get_layer("amer.sessions")
    for seconds, lengths in ((1800.0, [0, 2]), (1801.0, [1, 1]), (1e9, [1, 1])):
        raw = np.array([[np.nan, seconds]])
        prepared, _ = row_layout.normalize(raw, normalization)
        for gaps in (prepared, encoding.normalize(tf.constant(raw, "float32"), normalization)):
            events = layer(np.ones((1, 2, 2), "float32"), gaps)["events"]
            assert np.sum(events, axis=-1)[0, -2:].tolist() == lengths


def test_sessions_of_the_rows():
    # What the tests above compare with: lengths of sessions, by hand.
    lengths = [[len(session) for session in sessions_of(row, True)] for row in range(5)]
    assert lengths == [[2, 3, 1, 10, 3, 2], [3, 8, 2], [], [1], [10]]
    lengths = [[len(session) for session in sessions_of(row, False)] for row in range(5)]
    assert lengths == [[4, 10, 10], [3, 10], [], [1], [10]]


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (CategoricalField("gap", "behavior", "page"), "must name a numeric behaviour field. Rec"),
        (NumericField("gap", "context"), r"must name a numeric .*Received: gap_field='gap', w"),
        (NumericField("gap", "behavior"), r"must be fitted.*Received: fields\['gap'\]"),
        (
            NumericField("gap", "behavior", Normalization(0.0, 1800.0, 2.0)),
            "more than 1800 seconds from shorter ones, .*Received: fields.*high=1800.0",
        ),
        (
            NumericField("gap", "behavior", Normalization(0.0, 7.49, 2.0, log=True)),
            "more than 1800 seconds from shorter ones, .*Received: fields.*high=7.49",
        ),
        (
            NumericField("gap", "behavior", Normalization(86_400.0, 1e6, 1e5)),
            "more than 1800 seconds from shorter ones, .*Received: fields.*low=86400.0",
        ),
    ],
)
def test_gaps_that_are_none(field, message):
    spec = dataclasses.replace(HYBRID, fields=(*HYBRID.fields, field))
    with pytest.raises(SpecError, match=message):
        dsin.build(spec, gap_field="gap")


def test_a_gap_that_is_not_there():
    with pytest.raises(SpecError, match="no field of this name.*Received: 'wait'"):
        dsin.build(HYBRID, gap_field="wait")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_sessions": 0}, "positive integer. Received: num_sessions=0"),
        ({"num_heads": 3}, "must divide the units .*num_heads=3, units=64"),
        ({"num_heads": 0}, "positive integer. Received: num_heads=0"),
    ],
)
def test_arguments_that_are_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        dsin.build(HYBRID, **options)
