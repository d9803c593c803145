"""The supernet of step 3: masked prefixes, derived models, fair use of sizes and activations."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import (
    MLP_ACTIVATIONS,
    Architecture,
    ArchitectureError,
    HiddenLayer,
)
from amer_tf.models import amer
from amer_tf.search import ctr_settings, fair
from amer_tf.search.mlp import MlpSupernet
from amer_tf.search.spaces import MlpSpace
from amer_tf.training.ctr import CtrTrainer
from amer_tf.training.row_sparse_adam import RowSparseAdam
from tests import helpers
from tests.models.ctr_contract import HYBRID, SPEC, batch

INTERACTIONS = Architecture(
    interactions=(("ad", "user"),), shortcut="squeeze_excitation", interactions_in_mlp=True
)
# Four fields of 3 numbers, one number, one interaction.
K_0 = 16


def make(spec=SPEC, architecture=INTERACTIONS, **options) -> MlpSupernet:
    keras.utils.set_random_seed(3)
    supernet = MlpSupernet(spec, architecture, embedding_dim=3, **options)
    helpers.fix_weights(supernet)
    return supernet


def derive(supernet: MlpSupernet, mlp, spec=SPEC, architecture=INTERACTIONS) -> keras.Model:
    full = Architecture(
        interactions=architecture.interactions, shortcut=architecture.shortcut, mlp=mlp
    )
    model = amer.build(spec, full, embedding_dim=3)
    supernet.inherit(model, mlp)
    return model


# Space and groups ---------------------------------------------------------------------------------


def test_sizes_are_tenths_of_the_input():
    # Table 9 of the paper: K_0 is 218.
    assert MlpSpace(218).sizes == (21, 43, 65, 87, 109, 130, 152, 174, 196, 218)
    assert MlpSpace(5).sizes[0] == 1


def test_a_limit_takes_the_place_of_the_input():
    assert MlpSpace(218, max_units=100).sizes == tuple(range(10, 101, 10))
    assert MlpSpace(218, max_units=1000).sizes == MlpSpace(218).sizes


# Tables 9 and 10 of the paper.
@pytest.mark.parametrize(
    ("k_0", "units"),
    [
        (218, (174, 21, 21)),
        (218, (152, 87, 21)),
        (218, (152, 65, 21)),
        (218, (174, 65, 21)),
        (1560, (1092, 780, 156, 156, 156)),
        (1560, (936, 468, 156, 156, 156)),
        (1560, (936, 312, 156, 156, 156)),
        (105, (42, 10)),
        (105, (42, 21)),
    ],
)
def test_mlps_of_the_paper_are_in_the_space_of_its_preset(k_0: int, units: tuple[int, ...]):
    limit = ctr_settings.preset("paper").max_units or None
    space = MlpSpace(k_0, len(units), limit)
    space.validate(tuple(HiddenLayer("swish", units=size) for size in units))


def test_groups_decode_to_valid_mlps():
    space = MlpSpace(218, num_layers=4)
    for seed in range(5):
        group = space.sample_group(np.random.default_rng(seed))
        mlps = space.decode(group)
        assert len(mlps) == 10
        for mlp in mlps:
            space.validate(mlp)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("in_graph", [True, False], ids=["in graph", "on host"])
def test_sizes_and_activations_are_used_equally_often(seed: int, in_graph: bool):
    generator = np.random.default_rng(seed)
    if in_graph:
        group = fair.mlp_group_from_uniform(
            generator.random((2, 3, 10)).astype("float32"), 4, generator.integers(0, 4, 3)
        )
    else:
        group = fair.random_mlp_group(generator, 3, 10, 4)
    sizes, activations = (np.asarray(part) for part in group)
    assert np.bincount(sizes.ravel(), minlength=10).tolist() == [3] * 10
    assert (np.diff(sizes, axis=0) <= 0).all()
    for layer in activations:
        assert sorted(np.bincount(layer, minlength=4)) == [2, 2, 3, 3]


def test_activations_even_out_and_do_not_follow_sizes():
    meetings = np.zeros((10, 4))
    for seed in range(800):
        group = fair.random_mlp_group(np.random.default_rng(seed), 2, 10, 4)
        np.add.at(meetings, (group.sizes[0], group.activations[0]), 1)
    shares = meetings / meetings.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares[meetings.sum(axis=1) > 200], 0.25, atol=0.07)


@pytest.mark.parametrize(
    ("mlp", "message"),
    [
        ((HiddenLayer("relu", units=20),), "has 2 hidden layers. Received: 1 layers"),
        (
            (HiddenLayer("relu", units=15), HiddenLayer("relu", units=10)),
            r"mlp\[0\] must have one of \[10, 20, .*100\] units in this space. Received: 15 units",
        ),
        (
            (HiddenLayer("relu", units=20), HiddenLayer("relu", units=30)),
            r"mlp\[1\] must have one of \[10, 20\] units in this space. Received: 30 units",
        ),
        (
            (HiddenLayer("relu", units=20), HiddenLayer("dice", units=10)),
            r"mlp\[1\].activation must be one of relu, swish in this space. Received: 'dice'",
        ),
    ],
)
def test_validate_names_the_place(mlp, message: str):
    space = MlpSpace(100, num_layers=2, activations=("relu", "swish"))
    with pytest.raises(ArchitectureError, match=message):
        space.validate(mlp)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "`input_size` must be at least 1. Received: input_size=0"),
        ({"num_layers": 0}, "`num_layers` must be at least 1"),
        ({"num_sizes": 0}, "`num_sizes` must be at least 1"),
        ({"max_units": 0}, "`max_units` must be at least 1. Received: max_units=0"),
        ({"activations": ("tanh",)}, "`activations` must be different names out of"),
    ],
)
def test_bad_spaces_are_refused(arguments, message: str):
    with pytest.raises(ArchitectureError, match=message):
        MlpSpace(**{"input_size": 8, **arguments})


# Supernet -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def supernet() -> MlpSupernet:
    return make(num_layers=2)


@pytest.mark.parametrize("size", range(10))
def test_a_masked_prefix_is_a_layer_of_that_size(supernet: MlpSupernet, size: int):
    """Derived equals path, for every size; the activations take turns."""
    space, inputs = supernet.space, batch(SPEC)
    first, second = size % 4, (size // 2) % 4
    group = fair.MlpGroup(np.array([[size], [size]]), np.array([[first], [second]]))
    [mlp] = space.decode(group)
    assert [layer.units for layer in mlp] == [space.sizes[size]] * 2
    assert [layer.activation for layer in mlp] == [MLP_ACTIVATIONS[first], MLP_ACTIVATIONS[second]]
    [logits] = np.asarray(supernet.path_logits(inputs, group))
    np.testing.assert_allclose(derive(supernet, mlp)(inputs), logits, atol=1e-5)


def test_training_of_a_path_is_that_of_its_model():
    """Also where Dice takes the batch's own moments."""
    supernet = make(num_layers=2)
    inputs = batch(SPEC)
    group = fair.MlpGroup(np.array([[9, 5], [6, 2]]), np.array([[3, 0], [3, 3]]))
    models = [derive(supernet, mlp) for mlp in supernet.space.decode(group)]
    logits = supernet.path_logits(inputs, group, training=True)
    for path, model in enumerate(models):
        np.testing.assert_allclose(model(inputs, training=True), logits[path], atol=1e-5)


@pytest.mark.parametrize("shortcut", ["none", "sum"])
def test_other_shortcuts_and_a_narrow_maximum(shortcut: str):
    architecture = Architecture(interactions=(("ad", "user"),), shortcut=shortcut)
    supernet = make(architecture=architecture, num_layers=3, max_units=8)
    assert supernet.space.width == 8
    assert supernet.hidden_layers[0].kernel.shape == (K_0, 8)
    group = supernet.space.sample_group(np.random.default_rng(0))
    logits = np.asarray(supernet.path_logits(batch(SPEC), group))
    for path, mlp in enumerate(supernet.space.decode(group)[:3]):
        model = derive(supernet, mlp, architecture=architecture)
        np.testing.assert_allclose(model(batch(SPEC)), logits[path], atol=1e-5)


def test_hybrid_data():
    supernet = make(HYBRID, num_layers=2)
    group = supernet.space.sample_group(np.random.default_rng(1))
    logits = np.asarray(supernet.path_logits(batch(HYBRID), group))
    for path, mlp in enumerate(supernet.space.decode(group)[:2]):
        model = derive(supernet, mlp, spec=HYBRID)
        np.testing.assert_allclose(model(batch(HYBRID)), logits[path], atol=1e-5)


def large_batch(size: int = 40) -> dict[str, np.ndarray]:
    small = batch(SPEC)
    return {name: np.concatenate([value] * (size // 5)) for name, value in small.items()}


def test_split_deals_the_batch_out():
    supernet = make(num_layers=2)
    inputs = large_batch()
    group = supernet.space.sample_group(np.random.default_rng(2))
    every = np.asarray(supernet.path_logits(inputs, group))
    dealt = np.asarray(supernet.path_logits(inputs, group, feed="split"))
    assert (every.shape, dealt.shape) == ((10, 40), (10, 4))
    for path in range(10):
        np.testing.assert_allclose(dealt[path], every[path, 4 * path : 4 * path + 4], atol=1e-5)


@pytest.mark.parametrize("feed", ["split", "replicate"])
def test_gradient_is_the_sum_of_the_paths(feed: str):
    """One fair update equals the paths run one after another, by their derived models."""
    supernet = make(num_layers=2, feed=feed)
    inputs = large_batch()
    labels = np.arange(40) % 3 == 0
    group = supernet.space.sample_group(np.random.default_rng(4))
    supernet.draw_group = lambda: group
    trainer = CtrTrainer(supernet)
    kernel = supernet.hidden_layers[1].kernel
    with tf.GradientTape() as tape:
        loss = trainer.batch_loss(inputs, labels.astype("float32"))
    together = np.asarray(tape.gradient(loss, kernel.value))
    summed = np.zeros_like(together)
    for path, mlp in enumerate(supernet.space.decode(group)):
        rows = slice(4 * path, 4 * path + 4) if feed == "split" else slice(None)
        own = {name: value[rows] for name, value in inputs.items()}
        model = derive(supernet, mlp)
        weight = model.get_layer("amer.hidden_1").kernel
        with tf.GradientTape() as tape:
            # As in training, where Dice takes the batch's moments.
            loss = CtrTrainer(model).batch_loss(own, labels[rows].astype("float32"))
        gradient = np.asarray(tape.gradient(loss, weight.value))
        summed[: gradient.shape[0], : gradient.shape[1]] += gradient / 10
    np.testing.assert_allclose(together, summed, atol=1e-6)


def test_one_update_trains_all_sizes_and_activations():
    supernet = make(num_layers=2)
    trainer = CtrTrainer(supernet)
    trainer.compile(optimizer=RowSparseAdam(0.01), jit_compile=False)
    before = [np.array(dense.kernel) for dense in supernet.hidden_layers]
    alphas = [np.array(dice.alpha) for dice in supernet.dices]
    labels = (np.arange(40) % 3 == 0).astype("float32")
    trainer.fit(tf.data.Dataset.from_tensors((large_batch(), labels)), verbose=0)
    moved = [
        (np.asarray(dense.kernel) != old).any(axis=0)
        for dense, old in zip(supernet.hidden_layers, before, strict=True)
    ]
    assert moved[0].all()
    # Sizes never increase: of the second layer a prefix is used, as wide as this group has it.
    assert moved[1].any()
    assert moved[1].tolist() == sorted(moved[1].tolist(), reverse=True)
    for dice, old in zip(supernet.dices, alphas, strict=True):
        assert (np.asarray(dice.alpha) != old).any()


def test_draws_new_groups_inside_a_compiled_step():
    supernet = make(num_layers=2)
    draw = tf.function(supernet.draw_group)
    first, second = draw(), draw()
    assert (first.sizes.numpy() != second.sizes.numpy()).any()
    again = make(num_layers=2)
    np.testing.assert_array_equal(again.draw_group().sizes, first.sizes)


def test_unknown_feed():
    with pytest.raises(ValueError, match=r"`feed` must be one of .*Received: feed='copy'"):
        make(feed="copy")
