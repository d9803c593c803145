"""Models of task ctr: values by NumPy, widths of the paper, the combinations of its Table 3."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from amer_tf.architecture import Architecture, ArchitectureError, Block, HiddenLayer
from amer_tf.features import CategoricalField, FeatureSpec, NumericField, SpecError
from amer_tf.models import aggregation, amer
from tests import helpers
from tests.models.ctr_contract import (
    HYBRID,
    NUMBERS,
    SPEC,
    batch,
    dense,
    field_matrix,
    longer_history,
    scaled_logit,
    vocabularies,
)

RELU = HiddenLayer("relu", units=6)
INTERACTIONS = (("ad", "user"), ("ad", "hour", "user"))


def build(spec: FeatureSpec = SPEC, architecture: Architecture | None = None, **options):
    keras.utils.set_random_seed(0)
    architecture = architecture if architecture is not None else Architecture(mlp=(RELU,))
    model = amer.build(spec, architecture, **{"embedding_dim": 3, **options})
    helpers.fix_weights(model)
    return model


@pytest.mark.parametrize("shortcut", ["none", "sum", "squeeze_excitation"])
@pytest.mark.parametrize("in_mlp", [True, False])
def test_equals_numpy(shortcut: str, in_mlp: bool):
    architecture = Architecture(
        interactions=INTERACTIONS,
        mlp=(RELU, HiddenLayer("swish", ratio=0.2)),
        shortcut=shortcut,
        interactions_in_mlp=in_mlp,
    )
    model, inputs = build(architecture=architecture), batch(SPEC)
    fields = field_matrix(model, inputs)
    user, hour, ad, _ = np.moveaxis(fields, 1, 0)
    products = np.stack([ad * user, ad * hour * user], axis=1)
    parts = [fields.reshape(5, -1), inputs["price"][:, None]]
    parts += [products.reshape(5, -1)] if in_mlp else []
    hidden = np.concatenate(parts, axis=1)
    k_0 = 4 * 3 + 1 + (6 if in_mlp else 0)
    assert hidden.shape[1] == k_0 == aggregation.input_size(model)
    hidden = np.maximum(dense(model, "amer.hidden_0", hidden), 0)
    hidden = dense(model, "amer.hidden_1", hidden)
    assert hidden.shape[1] == int(0.2 * k_0)
    hidden = hidden / (1 + np.exp(-hidden))
    features = np.concatenate([fields, products], axis=1)
    if shortcut == "sum":
        hidden = np.concatenate([hidden, fields.sum(axis=1), products.sum(axis=1)], axis=1)
    elif shortcut == "squeeze_excitation":
        layer = model.get_layer("amer.squeeze_excitation")
        hidden = np.concatenate([hidden, layer(features)], axis=1)
    expected = scaled_logit(model, dense(model, "amer.output", hidden)[:, 0])
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("num_fields", "numbers", "embedding_dim", "num_interactions", "k_0"),
    # Criteo, Avazu, and Alimama, whose behaviour has two fields: 3 x 2 x 4 numbers.
    [(26, 13, 5, 15, 218), (24, 0, 40, 15, 1560), (15, 1, 4, 5, 105)],
)
def test_widths_of_the_paper(
    num_fields: int, numbers: int, embedding_dim: int, num_interactions: int, k_0: int
):
    names = [f"C{index}" for index in range(num_fields)]
    fields = [
        CategoricalField(name, "target" if name in ("C0", "C1") else "profile") for name in names
    ]
    fields += [NumericField(f"I{index}") for index in range(numbers)]
    histories = {}
    if k_0 == 105:
        histories = {"C0": "history_0", "C1": "history_1"}
        fields += [CategoricalField(h, "behavior", c) for c, h in histories.items()]
    spec = FeatureSpec(
        fields=tuple(fields),
        vocabularies=vocabularies(*names),
        label="click",
        target_to_behavior=histories,
    )
    pairs = [(a, b) for a in names for b in names if a < b][:num_interactions]
    sizes = [HiddenLayer("relu", ratio=ratio) for ratio in (0.8, 0.7, 0.4, 0.3, 0.1)]
    model = amer.build(
        spec,
        Architecture(interactions=pairs, mlp=sizes, shortcut="squeeze_excitation"),
        embedding_dim=embedding_dim,
    )
    assert aggregation.input_size(model) == k_0
    units = [model.get_layer(f"amer.hidden_{index}").units for index in range(5)]
    # Sizes of Table 9 (Criteo, Avazu) and of those that Table 10 (Alimama) has 42 and 10.
    expected = {
        218: [174, 152, 87, 65, 21],
        1560: [1248, 1092, 624, 468, 156],
        105: [84, 73, 42, 31, 10],
    }
    assert units == expected[k_0]


TABLE_3 = {
    "MLP": Architecture(mlp=(RELU,)),
    "MLP + MLP interaction": Architecture(mlp=(RELU,), interactions=INTERACTIONS),
    "MLP + FM interaction": Architecture(
        mlp=(RELU,), interactions=INTERACTIONS, shortcut="sum", interactions_in_mlp=False
    ),
    "MLP + MLP interaction + FM interaction": Architecture(
        mlp=(RELU,), interactions=INTERACTIONS, shortcut="sum"
    ),
    "MLP + MLP interaction + SE interaction": Architecture(
        mlp=(RELU,), interactions=INTERACTIONS, shortcut="squeeze_excitation"
    ),
    "searched MLP + MLP interaction + SE interaction": Architecture(
        mlp=(HiddenLayer("dice", ratio=0.8), HiddenLayer("identity", ratio=0.1)),
        interactions=INTERACTIONS,
        shortcut="squeeze_excitation",
    ),
}


@pytest.mark.parametrize("architecture", TABLE_3.values(), ids=TABLE_3)
@pytest.mark.parametrize("spec", [SPEC, HYBRID], ids=["table", "hybrid"])
def test_combinations_of_table_3(architecture: Architecture, spec: FeatureSpec, tmp_path):
    model, inputs = build(spec, Architecture.from_json(architecture.to_json())), batch(spec)
    logits = np.asarray(model(inputs))
    assert logits.shape == (5,)
    assert np.all(np.isfinite(logits))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(inputs), logits)


def test_numbers_stay_out_of_the_shortcut():
    model = build(architecture=TABLE_3["MLP + MLP interaction + SE interaction"])
    assert model.get_layer("amer.squeeze_excitation").input.shape == (None, 4 + 2, 3)


def test_no_hidden_layer():
    model = build(architecture=Architecture(shortcut="sum"))
    assert model(batch(SPEC)).shape == (5,)


def test_only_numbers():
    with pytest.raises(ArchitectureError, match="A shortcut reads embeddings .*shortcut='sum'"):
        build(NUMBERS, Architecture(shortcut="sum"))
    model = build(NUMBERS)
    assert model({"price": np.zeros(3, "float32")}).shape == (3,)


BLOCKS = (
    Block("layer_norm", "conv_3", "relu"),
    Block("none", "target_attention", "identity"),
    Block("none", "bi_gru", "swish"),
)


def test_blocks_read_the_behaviour():
    architecture = Architecture(blocks=BLOCKS, mlp=(RELU,))
    model = build(HYBRID, architecture)
    inputs = batch(HYBRID)
    logits = np.asarray(model(inputs))
    changed = {**inputs, "page_history": inputs["page_history"].copy()}
    changed["page_history"][0, 2] = 3 if changed["page_history"][0, 2] != 3 else 4
    moved = np.asarray(model(changed)) - logits
    assert abs(moved[0]) > 1e-6
    np.testing.assert_array_equal(moved[1:], 0)


def test_padding_changes_nothing():
    architecture = Architecture(blocks=BLOCKS, mlp=(RELU,))
    inputs = batch(HYBRID)
    model, long = (
        build(dataclasses.replace(HYBRID, max_length=length), architecture) for length in (4, 9)
    )
    for weight, other in zip(long.weights, model.weights, strict=True):
        if "recency" in weight.path:
            weight.assign(np.concatenate([np.asarray(other), np.ones((5, weight.shape[1]))]))
        else:
            weight.assign(other)
    padded = {
        name: longer_history(value, 5) if name.endswith("history") else value
        for name, value in inputs.items()
    }
    np.testing.assert_allclose(long(padded), model(inputs), atol=1e-5)


@pytest.mark.parametrize(
    ("spec", "architecture", "message"),
    [
        (
            SPEC,
            Architecture(blocks=BLOCKS),
            r"which this spec has not. Received: blocks\[0\]=layer",
        ),
        (
            dataclasses.replace(HYBRID, target_to_behavior={}),
            Architecture(blocks=BLOCKS),
            r"blocks\[1\]\.layer 'target_attention' needs a target that is mapped",
        ),
        (
            SPEC,
            Architecture(interactions=(("ad", "price"),)),
            r"interactions\[0\] must hold non-sequential fields with embeddings; those are "
            r"\['user', 'hour', 'ad', 'tags'\]. Received: 'price'",
        ),
        (HYBRID, Architecture(interactions=(("ad", "ad_history"),)), "Received: 'ad_history'"),
        (SPEC, Architecture(interactions=(("ad", "colour"),)), "Received: 'colour'"),
    ],
)
def test_architectures_that_do_not_fit(spec, architecture, message):
    with pytest.raises(ArchitectureError, match=message):
        build(spec, architecture)


def test_a_behaviour_of_numbers_alone():
    fields = (*SPEC.fields, NumericField("prices", "behavior"))
    with pytest.raises(SpecError, match=r"needs a categorical field.*Received: \['prices'\]"):
        build(dataclasses.replace(SPEC, fields=fields))


def test_a_number_of_the_target_that_stands_in_the_behaviour_too():
    fields = (
        *HYBRID.fields,
        NumericField("paid", "target"),
        NumericField("paid_history", "behavior"),
    )
    spec = dataclasses.replace(
        HYBRID, fields=fields, target_to_behavior={"ad": "ad_history", "paid": "paid_history"}
    )
    inputs = batch(spec)
    inputs["paid"] = np.linspace(-1, 1, 5, dtype="float32")
    inputs["paid_history"] = np.ones((5, 4), "float32")
    model = build(spec)
    # Four fields and two numbers, and three pooled states of five fields.
    assert aggregation.input_size(model) == 4 * 3 + 2 + 3 * 15
    assert np.isfinite(np.asarray(model(inputs))).all()


def test_matches_of_the_target_in_the_history():
    inputs = batch(HYBRID)
    inputs["ad"] = np.array([3, 4, 5, 6, 2], "int32")
    inputs["ad_history"] = np.array(
        [[3, 4, 3, 5], [7, 4, 0, 0], [0, 0, 0, 0], [2, 0, 0, 0], [2, 2, 2, 0]], "int32"
    )
    inputs["page_history"] = (inputs["ad_history"] > 0) * np.int32(3)
    matched, plain = (
        build(HYBRID, Architecture(mlp=(RELU,), history_match=match)) for match in ("exact", "none")
    )
    widths = [model.get_layer("amer.hidden_0").kernel.shape[0] for model in (matched, plain)]
    assert widths[0] == widths[1] + 2
    read = keras.Model(matched.inputs, matched.get_layer("amer.match.ad").output)(inputs)
    expected = [[2, 1 / 2], [1, 1], [0, 0], [0, 0], [3, 1]]
    np.testing.assert_allclose(read, [[np.log1p(n), a] for n, a in expected], rtol=1e-6)
    # They are inputs of the MLP: a weight on the count moves the logit.
    before = np.asarray(matched(inputs))
    kernel, bias = matched.get_layer("amer.hidden_0").get_weights()
    position = 4 * 3 + 1  # behind four fields and the price
    kernel[position] += 1.0
    matched.get_layer("amer.hidden_0").set_weights([kernel, bias])
    moved = np.abs(np.asarray(matched(inputs)) - before) > 1e-6
    assert not moved[[2, 3]].any()
    assert moved[[0, 1, 4]].any()


def test_matches_need_a_target_in_the_behaviour():
    for spec in (SPEC, dataclasses.replace(HYBRID, target_to_behavior={})):
        with pytest.raises(ArchitectureError, match=r"history_match='exact', spec.target_to_b"):
            amer.build(spec, Architecture(history_match="exact"), embedding_dim=3)
