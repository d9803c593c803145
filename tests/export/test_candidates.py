"""One user and many items are scored as so many rows are."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.models import amer, din, dnn
from amer_tf.models.ctr_sides import CandidateNetwork
from tests.export import small_hybrids, small_models
from tests.export.small_hybrids import EVERY_HYBRID, HYBRID_ROWS, HYBRIDS

DEFAULT = small_hybrids.DEFAULT
TARGETS = ("ad", "tags", "price")


def equal(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


def rows_of(user, items):
    """The rows that a request for one user stands for."""
    own = {name: value for name, value in user.items() if name not in TARGETS}
    return [{**own, **{name: item.get(name) for name in TARGETS}} for item in items]


@EVERY_HYBRID
def test_scores_are_those_of_rows(exported):
    items = [*HYBRID_ROWS, *small_hybrids.random_rows(250)]
    for user in HYBRID_ROWS:
        answer = exported.ask("score_candidates", **exported.candidates(user, items))
        rows = rows_of(user, items)
        expected = exported.ask("serving_default", **exported.columns(rows))
        equal(answer["logit"], expected["logit"])
        equal(answer["probability"], expected["probability"])
        equal(answer["logit"], exported.case.logits(rows))
    assert len(np.unique(np.round(answer["logit"], 4))) > 50


@EVERY_HYBRID
def test_one_item_and_none(exported):
    user, item = HYBRID_ROWS[1], HYBRID_ROWS[2]
    one = exported.ask("score_candidates", **exported.candidates(user, [item]))["logit"]
    equal(one, exported.case.logits(rows_of(user, [item])))
    columns = exported.candidates(user, [item])
    none = {name: value for name, value in columns.items() if name not in TARGETS}
    assert exported.ask("score_candidates", **none)["logit"].shape == (0,)


def test_a_user_of_whom_nothing_is_known(exported):
    answer = exported.ask("score_candidates", ad=["1", "-1", "no such"])
    rows = [{"ad": ad} for ad in ("1", "-1", "no such")]
    equal(answer["logit"], exported.case.logits(rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"country": ["nl", "be"]}, "'country.* must have 1 row, or none. Received:. .2"),
        ({"history_ad": [["1"] * 3] * 2}, "'history_ad.* must have 1 row, or none. Received:. .2"),
        ({"history_gap": [[1.0]]}, "'history_gap.* must have as many steps as column .'history_ad"),
        ({"price": [1.0, 2.0]}, "'price.* must have as many rows as column .'ad"),
        ({"ad": "1"}, r"tensor ad \[\] is not compatible with expected shape"),
        ({"history_ad": ["1"]}, "tensor history_ad .1. is not compatible with expected shape"),
    ],
)
def test_malformed_requests_name_the_column(exported, change, message):
    columns = {**exported.candidates(HYBRID_ROWS[1], HYBRID_ROWS), **change}
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        exported.ask("score_candidates", **columns)


@pytest.mark.parametrize(
    ("exported", "story"),
    [
        ("attention", "The user's behaviour is read once for all of them."),
        pytest.param(
            "sums", "The user's behaviour is read once for all of them.", marks=pytest.mark.slow
        ),
        ("attending block", "A block of this architecture attends from the target, so that the"),
    ],
    indirect=["exported"],
)
def test_readme_tells_what_it_costs(exported, story):
    text = (exported.folder / "README.md").read_text()
    assert story in text
    assert "| `ad` | string | [candidates] |" in text
    assert "| `history_tags` | int64 | [user, steps, values] |" in text


@pytest.mark.parametrize("name", list(HYBRIDS))
def test_the_user_is_read_once_where_no_block_attends_from_the_target(name):
    case = HYBRIDS[name]()
    network = CandidateNetwork(case.model, case.spec)
    assert network.reads_user_once == (name != "attending block")
    batches = []
    for layer in case.model.layers:
        if layer.name == "amer.block_0":
            call = layer.call

            def recorded(states, *arguments, call=call, **options):
                batches.append(states.shape[0])
                return call(states, *arguments, **options)

            layer.call = recorded
    rows = rows_of(HYBRID_ROWS[1], HYBRID_ROWS)
    inputs = {key: tf.constant(value) for key, value in case.inputs(rows).items()}
    items = {key: value for key, value in inputs.items() if key in TARGETS}
    user = {key: value[:1] for key, value in inputs.items() if key not in TARGETS}
    equal(network.logits(user, items, len(rows)), case.logits(rows))
    assert batches[0] == (len(rows) if name == "attending block" else 1)


def test_the_model_is_left_as_it_was():
    case = small_hybrids.hybrid()
    outputs = {layer.name: layer.output for layer in case.model.layers}
    nodes = {layer.name: len(layer._inbound_nodes) for layer in case.model.layers}
    CandidateNetwork(case.model, case.spec)
    assert {layer.name: len(layer._inbound_nodes) for layer in case.model.layers} == nodes
    for layer in case.model.layers:
        assert layer.output is outputs[layer.name] or isinstance(layer.output, dict)


@pytest.mark.slow
def test_no_blocks_and_no_shortcut(tmp_path):
    case = small_hybrids.hybrid()
    architecture = Architecture(mlp=(HiddenLayer("relu", units=3),))
    model = amer.build(case.spec, architecture, embedding_dim=4)
    exported = small_models.load(
        small_models.Case(case.spec, architecture, model), tmp_path / "1", warmup=False
    )
    answer = exported.ask("score_candidates", **exported.candidates(HYBRID_ROWS[1], HYBRID_ROWS))
    equal(answer["logit"], exported.case.logits(rows_of(HYBRID_ROWS[1], HYBRID_ROWS)))


def test_a_skipped_block_does_not_attend():
    case = small_hybrids.hybrid()
    architecture = Architecture(blocks=(Block("none", "zero", "identity"),))
    model = amer.build(case.spec, architecture, embedding_dim=4)
    assert CandidateNetwork(model, case.spec).reads_user_once


@pytest.mark.parametrize("build", [pytest.param(dnn.build, marks=pytest.mark.slow), din.build])
def test_a_hand_made_system_that_reads_a_behaviour(build, tmp_path):
    spec = small_hybrids.hybrid().spec
    model = build(spec, embedding_dim=4, hidden_units=(3,))
    assert not CandidateNetwork(model, spec).reads_user_once
    case = small_models.Case(spec, Architecture(), model)
    exported = small_models.load(case, tmp_path / "1", warmup=False)
    answer = exported.ask("score_candidates", **exported.candidates(HYBRID_ROWS[1], HYBRID_ROWS))
    equal(answer["logit"], case.logits(rows_of(HYBRID_ROWS[1], HYBRID_ROWS)))
    assert "This system was made by hand" in (exported.folder / "README.md").read_text()
