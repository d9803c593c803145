"""The supernet of step 2: fair hands, scoring, inheritance; and the space that it is drawn from."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from amer_tf.architecture import Architecture, ArchitectureError, HiddenLayer
from amer_tf.features import NumericField
from amer_tf.models import amer
from amer_tf.search.interaction import InteractionSupernet
from amer_tf.search.spaces import InteractionSpace
from amer_tf.training.ctr import CtrTrainer
from amer_tf.training.row_sparse_adam import RowSparseAdam
from tests import helpers
from tests.models.ctr_contract import HYBRID, SPEC, batch

CANDIDATES = [("ad", "user"), ("ad", "hour", "user"), ("tags", "user"), ("hour", "tags")]


def make(spec=SPEC, candidates=CANDIDATES, **options) -> InteractionSupernet:
    keras.utils.set_random_seed(1)
    options = {"hidden_units": (6, 5), "embedding_dim": 3, **options}
    supernet = InteractionSupernet(spec, candidates, **options)
    helpers.fix_weights(supernet)
    return supernet


def linear_parts(supernet: InteractionSupernet, inputs: dict[str, np.ndarray]) -> tf.Tensor:
    """What each candidate adds to every logit, one after another: `(C, B)`."""
    matrix = supernet.stem(inputs)["fields"]
    parts = []
    for number, group in enumerate(supernet.candidates):
        product = supernet.linear[number]
        for name in group:
            product = product * matrix[:, supernet.fields.index(name)]
        parts.append(tf.reduce_sum(product, axis=-1))
    return tf.stack(parts)


def large_batch(spec=SPEC, size: int = 20) -> dict[str, np.ndarray]:
    small = batch(spec)
    return {name: np.concatenate([value] * (size // 5)) for name, value in small.items()}


def derive(supernet: InteractionSupernet, candidate: int) -> keras.Model:
    """The model with one interaction in the MLP and a linear one beside it, from `build`.

    Its shortcut sums the fields up, so all of them have the first field's linear weights.
    """
    shared = np.asarray(supernet.field_linear)[:1]
    supernet.field_linear.assign(np.repeat(shared, len(supernet.fields), axis=0))
    group = supernet.candidates[candidate]
    architecture = Architecture(
        interactions=(group,),
        mlp=(HiddenLayer("relu", units=6), HiddenLayer("relu", units=5)),
        shortcut="sum",
    )
    model = amer.build(supernet.spec, architecture, embedding_dim=3)
    embedding = supernet.stem.get_layer("amer.embedding")
    model.get_layer("amer.embedding").set_weights(embedding.get_weights())
    kernel, bias = supernet.projection.get_weights()
    own = np.asarray(supernet.kernels)[candidate]
    model.get_layer("amer.hidden_0").set_weights([np.concatenate([kernel, own]), bias])
    second = supernet.hidden_layers[0].get_weights()
    model.get_layer("amer.hidden_1").set_weights(second)
    kernel, bias = supernet.output_layer.get_weights()
    linear = np.asarray(supernet.linear)[candidate][:, None]
    # Last hidden layer, sum of the fields, sum of the interactions.
    kernel = np.concatenate([kernel, shared.T, linear])
    model.get_layer("amer.output").set_weights([kernel, bias])
    return model


# Space --------------------------------------------------------------------------------------------


def test_the_first_round_has_every_pair_once():
    space = InteractionSpace(("b", "a", "c"))
    assert sorted(space.grow(space.start())) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_later_rounds_keep_and_extend():
    space = InteractionSpace(("a", "b", "c", "d"))
    grown = space.grow([("a", "b"), ("b", "c", "d")])
    assert grown[:2] == [("a", "b"), ("b", "c", "d")]
    assert sorted(grown[2:]) == [("a", "b", "c"), ("a", "b", "c", "d"), ("a", "b", "d")]
    assert len(grown) == len(set(grown))


def test_orders_above_a_limit_are_left_out():
    space = InteractionSpace(("a", "b", "c"), max_order=2)
    assert space.grow([("a", "b")]) == [("a", "b")]


@pytest.mark.parametrize(
    ("num_fields", "max_order", "rounds", "count"),
    [(3, None, 4, 4), (3, None, 1, 3), (3, 2, 4, 3), (5, None, 2, 20), (5, 4, 9, 25)],
)
def test_how_many_there_are(num_fields, max_order, rounds, count):
    space = InteractionSpace(tuple("abcdef"[:num_fields]), max_order)
    assert space.count(rounds) == count
    grown = space.start()
    for _ in range(rounds):
        grown = space.grow(grown)
    assert len(grown) == count


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("a",),), "two or more different fields"),
        ((("a", "a"),), r"Received: fields=\('a', 'a'\)"),
        ((("a", "b"), 1), "`max_order` must be at least 2. Received: max_order=1"),
    ],
)
def test_bad_spaces_are_refused(arguments, message):
    with pytest.raises(ArchitectureError, match=message):
        InteractionSpace(*arguments)


# Supernet -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("candidate", range(len(CANDIDATES)))
def test_derived_equals_path(candidate: int):
    supernet = make()
    derived = derive(supernet, candidate)
    logits = supernet.candidate_logits(batch(SPEC), np.array([candidate]))
    np.testing.assert_allclose(logits[0], derived(batch(SPEC)), atol=1e-5)


@pytest.mark.parametrize("spec", [SPEC, HYBRID], ids=["table", "hybrid"])
def test_each_candidate_serves_its_hand(spec):
    supernet, inputs = make(spec), large_batch(spec)
    every = np.asarray(supernet.candidate_logits(inputs, np.arange(4)))
    assert every.shape == (4, 20)
    # Every row also has the linear parts of the other candidates.
    linear = np.asarray(linear_parts(supernet, inputs))
    every = every + linear.sum(axis=0) - linear
    dealt = np.asarray(supernet(inputs)).reshape(4, 5)
    for candidate in range(4):
        own = slice(5 * candidate, 5 * candidate + 5)
        np.testing.assert_allclose(dealt[candidate], every[candidate, own], atol=1e-5)


def test_chosen_candidates_in_any_order():
    supernet, inputs = make(), batch(SPEC)
    every = np.asarray(supernet.candidate_logits(inputs, np.arange(4)))
    chosen = np.asarray(supernet.candidate_logits(inputs, np.array([3, 1, 1])))
    np.testing.assert_allclose(chosen, every[[3, 1, 1]], atol=1e-6)


def test_plain_logits_have_no_interaction():
    supernet, inputs = make(), batch(SPEC)
    for weight in (supernet.kernels, supernet.linear):
        weight.assign(np.zeros(weight.shape))
    expected = supernet.candidate_logits(inputs, np.array([0]))[0]
    np.testing.assert_allclose(supernet.plain_logits(inputs), expected, atol=1e-6)


def test_without_numbers():
    fields = tuple(field for field in SPEC.fields if not isinstance(field, NumericField))
    spec = type(SPEC)(fields=fields, vocabularies=SPEC.vocabularies, label="click")
    inputs = {name: value for name, value in batch(spec).items() if name != "price"}
    assert make(spec).plain_logits(inputs).shape == (5,)


def test_gradient_is_the_sum_of_the_candidates():
    """One fair update equals the candidates run one after another, each on its hand."""
    supernet, inputs = make(), large_batch()
    labels = (np.arange(20) % 3 == 0).astype("float32")
    table = supernet.stem.get_layer("amer.embedding").table
    weights = [supernet.kernels, supernet.linear, supernet.projection.kernel, table]

    def gradients(loss_of):
        with tf.GradientTape() as tape:
            loss = loss_of()
        found = tape.gradient(loss, [weight.value for weight in weights])
        return [np.asarray(tf.convert_to_tensor(gradient)) for gradient in found]

    together = gradients(lambda: CtrTrainer(supernet).batch_loss(inputs, labels))
    summed = [np.zeros_like(gradient) for gradient in together]
    for candidate in range(4):
        rows = slice(5 * candidate, 5 * candidate + 5)
        own = {name: value[rows] for name, value in inputs.items()}

        def loss_of(own=own, candidate=candidate, rows=rows):
            linear = linear_parts(supernet, own)
            others = tf.reduce_sum(linear, axis=0) - linear[candidate]
            logits = supernet.candidate_logits(own, np.array([candidate]))[0] + others
            return tf.reduce_sum(tf.nn.softplus(logits) - labels[rows] * logits) / 20

        for total, gradient in zip(summed, gradients(loss_of), strict=True):
            total += gradient
    for one, other in zip(together, summed, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    # Every candidate is trained in every update.
    assert (np.abs(together[0]).sum(axis=(1, 2)) > 0).all()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_trains(jit_compile: bool):
    supernet = make(dropout=0.2, l2=1e-4)
    trainer = CtrTrainer(supernet)
    trainer.compile(optimizer=RowSparseAdam(0.01), jit_compile=jit_compile)
    labels = (np.arange(20) % 3 == 0).astype("float32")
    data = tf.data.Dataset.from_tensors((large_batch(), labels))
    losses = trainer.fit(data.repeat(30), steps_per_epoch=10, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_inherits_what_both_have():
    old = make()
    candidates = [("ad", "hour"), ("hour", "tags"), ("ad", "user")]
    keras.utils.set_random_seed(9)
    new = InteractionSupernet(SPEC, candidates, hidden_units=(6, 5), embedding_dim=3)
    before = np.array(new.kernels)
    new.inherit(old)
    inputs = batch(SPEC)
    np.testing.assert_array_equal(new.plain_logits(inputs), old.plain_logits(inputs))
    np.testing.assert_array_equal(np.asarray(new.kernels)[0], before[0])
    np.testing.assert_allclose(
        new.candidate_logits(inputs, np.array([1, 2])),
        old.candidate_logits(inputs, np.array([3, 0])),
        atol=1e-6,
    )


def test_hands_of_a_batch():
    supernet = make()
    assert [supernet.hand_size(size) for size in (1, 4, 18, 4096)] == [1, 1, 4, 1024]


@pytest.mark.parametrize("arguments", [{"candidates": []}, {"hidden_units": ()}])
def test_refuses(arguments):
    with pytest.raises(ValueError, match="needs a candidate and a hidden layer. Received: "):
        make(**arguments)
