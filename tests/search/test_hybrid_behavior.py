"""The supernet of step 1 of task ctr: derived equals path, fairness, padding."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import LAYERS, Architecture, Block, HiddenLayer
from amer_tf.models import amer
from amer_tf.models.behavior_parts import Behavior
from amer_tf.search import fair
from amer_tf.search.hybrid_behavior import HybridBehaviorSupernet
from amer_tf.search.mlp import MlpSupernet
from amer_tf.search.spaces import BehaviorSpace, layer_candidates
from amer_tf.training.ctr import CtrTrainer
from tests import helpers
from tests.models.ctr_contract import HYBRID, SPEC, longer_history, steps
from tests.search import nets

UNITS = (6, 5)
MLP = tuple(HiddenLayer("relu", units=units) for units in UNITS)
ROWS = 24
PATHS = len(LAYERS)


def batch(spec=HYBRID, rows=ROWS, seed=0):
    """Rows with histories of 0 to 4 events; the first has none."""
    generator = np.random.default_rng(seed)
    inputs = {
        name: generator.integers(1, 9, rows).astype("int32") for name in ("user", "hour", "ad")
    }
    inputs["price"] = generator.uniform(-1, 1, rows).astype("float32")
    inputs["tags"] = generator.integers(0, 9, (rows, 2)).astype("int32")
    inputs |= steps(generator, np.array([0, 4, 1, 3, 2])[np.arange(rows) % 5])
    return {field.name: inputs[field.name] for field in spec}


def make(spec=HYBRID, *, num_blocks=2, **options):
    keras.utils.set_random_seed(7)
    supernet = HybridBehaviorSupernet(
        spec,
        BehaviorSpace(num_blocks=num_blocks, layers=layer_candidates(spec)),
        hidden_units=UNITS,
        **{"embedding_dim": 4, **options},
    )
    helpers.fix_weights(supernet)
    return supernet


def derived(supernet, architecture, shortcut="squeeze_excitation", **parts):
    architecture = dataclasses.replace(architecture, mlp=MLP, shortcut=shortcut, **parts)
    model = amer.build(supernet.spec, architecture, embedding_dim=4)
    supernet.inherit(model, architecture)
    return model


def test_candidates_depend_on_the_target():
    assert layer_candidates(HYBRID) == LAYERS
    without = dataclasses.replace(HYBRID, target_to_behavior={})
    others = tuple(name for name in LAYERS if name != "target_attention")
    assert layer_candidates(without) == layer_candidates(nets.next_item_spec()) == others


def test_norms_and_activations_are_spread_evenly():
    supernet = make()
    _, norms, activations = (np.asarray(part) for part in supernet.draw_group())
    for block in range(2):
        np.testing.assert_array_equal(np.bincount(norms[block]), [6, 6])
        np.testing.assert_array_equal(np.bincount(activations[block]), [3, 3, 3, 3])


@pytest.mark.parametrize(
    ("shortcut", "paths"), [("squeeze_excitation", PATHS), ("sum", 2), ("none", 2)]
)
def test_derived_equals_path_in_a_fair_group(shortcut, paths):
    supernet, inputs = make(shortcut=shortcut), batch()
    group = supernet.space.sample_group(np.random.default_rng(0))
    logits = np.asarray(supernet.path_logits(inputs, group))
    assert logits.shape == (PATHS, ROWS)
    for path, architecture in enumerate(supernet.space.decode(group)[:paths]):
        model = derived(supernet, architecture, shortcut)
        np.testing.assert_allclose(model(inputs), logits[path], atol=1e-5)
        np.testing.assert_allclose(supernet.logits(inputs, architecture), logits[path], atol=1e-5)
    assert np.ptp(logits, axis=0).max() > 1e-3


@pytest.mark.parametrize("layer", LAYERS)
def test_derived_equals_path_for_every_candidate(layer):
    supernet, inputs = make(num_blocks=1), batch(rows=6)
    for block in (Block("layer_norm", layer, "swish"), Block("none", layer, "gelu")):
        architecture = Architecture(blocks=(block,))
        np.testing.assert_allclose(
            derived(supernet, architecture)(inputs),
            supernet.logits(inputs, architecture),
            atol=1e-5,
        )


def test_without_a_target():
    spec = dataclasses.replace(HYBRID, target_to_behavior={})
    supernet, inputs = make(spec), batch(spec)
    group = supernet.space.sample_group(np.random.default_rng(0))
    logits = np.asarray(supernet.path_logits(inputs, group))
    assert logits.shape == (PATHS - 1, ROWS)
    [first, *_] = supernet.space.decode(group)
    np.testing.assert_allclose(derived(supernet, first)(inputs), logits[0], atol=1e-5)


def test_the_target_is_read_by_its_own_path():
    supernet, inputs = make(num_blocks=1), batch()
    space = supernet.space
    group = space.sample_group(np.random.default_rng(0))
    states = np.random.default_rng(1).normal(size=(ROWS, 4, 16)).astype("float32")
    target = states[:, 0]
    mask = np.ones((ROWS, 4), bool)
    outputs = [
        np.asarray(supernet.run_group(Behavior(states, mask, each), group, "split").states)
        for each in (target, target[::-1])
    ]
    [path] = np.flatnonzero(np.asarray(group.layers)[0] == space.layers.index("target_attention"))
    moved = np.abs(outputs[0] - outputs[1]).max(axis=(1, 2, 3)) > 1e-6
    assert list(np.flatnonzero(moved)) == [path]
    assert np.isfinite(np.asarray(supernet(inputs))).all()


def test_split_serves_each_share_by_its_path():
    supernet, inputs = make(), batch()
    group = supernet.space.sample_group(np.random.default_rng(1))
    whole = np.asarray(supernet.path_logits(inputs, group))
    shares = np.asarray(supernet.path_logits(inputs, group, feed="split"))
    assert shares.shape == (PATHS, 2)
    for path in range(PATHS):
        np.testing.assert_allclose(shares[path], whole[path, 2 * path : 2 * path + 2], atol=1e-5)


@pytest.mark.parametrize("feed", ["split", "replicate"])
def test_summed_gradient_is_that_of_one_path_after_another(feed):
    supernet, inputs = make(), batch()
    group = supernet.space.sample_group(np.random.default_rng(2))
    variables = [variable.value for variable in supernet.trainable_variables]

    def gradients(run):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.math.softplus(run()))
        found = tape.gradient(loss, variables, unconnected_gradients="zero")
        return [tf.convert_to_tensor(gradient).numpy() for gradient in found]

    found = gradients(lambda: supernet.path_logits(inputs, group, feed=feed))
    summed = [np.zeros(variable.shape, "float32") for variable in variables]
    for path, architecture in enumerate(supernet.space.decode(group)):
        share = slice(2 * path, 2 * path + 2) if feed == "split" else slice(None)
        own = {name: column[share] for name, column in inputs.items()}
        parts = gradients(
            lambda own=own, architecture=architecture: supernet.logits(own, architecture)
        )
        summed = [sum_ + part for sum_, part in zip(summed, parts, strict=True)]
    for gradient, expected, variable in zip(
        found, summed, supernet.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-4)
        # Every weight of every candidate is trained by one update.
        assert np.abs(expected).max() > 0, variable.path


@pytest.mark.parametrize(("feed", "rows"), [("split", ROWS), ("replicate", PATHS * ROWS)])
def test_trains(feed, rows):
    supernet, inputs = make(feed=feed, dropout=0.1), batch()
    assert supernet(inputs, training=True).shape == (rows,)
    before = [np.asarray(weight).copy() for weight in supernet.trainable_weights]
    trainer = CtrTrainer(supernet)
    trainer.compile(optimizer=keras.optimizers.Adam(0.01), run_eagerly=True)
    labels = np.arange(ROWS, dtype="float32") % 2
    history = trainer.fit(inputs, labels, batch_size=ROWS, epochs=2, shuffle=False, verbose=0)
    losses = history.history["loss"]
    assert np.isfinite(losses).all()
    for weight, old in zip(supernet.trainable_weights, before, strict=True):
        assert np.abs(np.asarray(weight) - old).max() > 0, weight.path


def test_padding_changes_nothing():
    inputs = batch()
    short, long = (
        make(dataclasses.replace(HYBRID, max_length=length), num_blocks=2) for length in (4, 9)
    )
    for weight, other in zip(long.weights, short.weights, strict=True):
        if "recency" in weight.path:
            weight.assign(np.concatenate([np.asarray(other), np.ones((5, weight.shape[1]))]))
        else:
            weight.assign(other)
    padded = {
        name: longer_history(value, 5) if name.endswith("history") else value
        for name, value in inputs.items()
    }
    group = short.space.sample_group(np.random.default_rng(0))
    np.testing.assert_allclose(
        long.path_logits(padded, group), short.path_logits(inputs, group), atol=1e-5
    )


def test_interactions_start_at_zero_in_the_mlp():
    supernet, inputs = make(shortcut="none"), batch()
    [architecture, *_] = supernet.space.decode(
        supernet.space.sample_group(np.random.default_rng(0))
    )
    plain = derived(supernet, architecture, "none")
    model = derived(supernet, architecture, "none", interactions=(("ad", "user"),))
    np.testing.assert_allclose(model(inputs), plain(inputs), atol=1e-5)
    kernel = model.get_layer("amer.hidden_0").get_weights()[0]
    # Four fields and a number, then the interaction, then the behaviour.
    assert np.flatnonzero(np.abs(kernel).sum(axis=1) == 0).tolist() == [17, 18, 19, 20]


@pytest.mark.parametrize("shortcut", ["squeeze_excitation", "sum"])
def test_interactions_beside_a_shortcut(shortcut):
    supernet, inputs = make(shortcut=shortcut), batch()
    [architecture, *_] = supernet.space.decode(
        supernet.space.sample_group(np.random.default_rng(0))
    )
    plain = np.asarray(derived(supernet, architecture, shortcut)(inputs))
    model = derived(supernet, architecture, shortcut, interactions=(("ad", "user"),))
    embedding = model.get_layer("amer.embedding")
    ad, user = (
        np.asarray(embedding.table)[inputs[name] + embedding.offset(name)]
        for name in ("ad", "user")
    )
    kernel = model.get_layer("amer.output").get_weights()[0]
    # A gate that is not trained yet lets one half through; a sum is not read yet.
    gate = 0.5 if shortcut == "squeeze_excitation" else 0.0
    expected = plain + gate * (ad * user) @ kernel[UNITS[-1] : UNITS[-1] + 4, 0]
    np.testing.assert_allclose(model(inputs), expected, atol=1e-5)


def test_another_supernet_starts_from_what_reads_the_batch():
    supernet = make()
    other = MlpSupernet(
        HYBRID,
        Architecture(interactions=(("ad", "user"),), shortcut="squeeze_excitation"),
        num_layers=2,
        embedding_dim=4,
    )
    supernet.start(other.stem)
    for name in ("embedding", "recency", "target_attention", "empty_history", "target_projection"):
        ours = {
            layer.name: layer
            for layer in (*supernet.stem.layers, supernet.target_attention, supernet.empty_history)
        }[f"amer.{name}"]
        theirs = other.stem.get_layer(f"amer.{name}")
        for weight, own in zip(theirs.get_weights(), ours.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, own)


def test_what_is_refused():
    with pytest.raises(ValueError, match="of step 1 needs a behaviour sequence. Received"):
        HybridBehaviorSupernet(SPEC, BehaviorSpace())
    with pytest.raises(ValueError, match="`feed` must be one of .*Received: feed='both'"):
        make(feed="both")
    with pytest.raises(ValueError, match="needs a `target`"):
        HybridBehaviorSupernet(
            dataclasses.replace(HYBRID, target_to_behavior={}), BehaviorSpace(layers=LAYERS)
        )
    assert isinstance(make().draw_group(), fair.PathGroup)
