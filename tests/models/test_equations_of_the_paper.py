"""Non-sequential systems as points of the space (AMER, appendix A.2, equations 8 to 21).

Each test takes parameters of a system, computes its equation in NumPy, puts the same parameters
into the AMER model of an `Architecture` with all pairs of fields, and compares the logits.

The paper covers `w_x^T x`, a weight for each raw value, only implicitly, by the bypath over
embeddings: `w_e^T sum_j e_j`. Here it is exact: the model's embeddings have one number more than
the system's, which holds `w_x`, and all other weights ignore it. Equations 8, 9, 11 to 15, 19 and
20 are met exactly in this way. What is linear in the inputs of an MLP, such as the numeric column
or `w_p^T p`, passes its ReLU layers as `relu(t) - relu(-t)`.

Limits: the interactions `p` are Hadamard products throughout. Wide & Deep and AutoCross (12, 13)
cross ids, and FibiNet (19) multiplies by a matrix first: the paper writes all of them `p`. The
equations with weights `a_i` stand in `test_weighted_equations_of_the_paper.py`; the last test here
shows which sums of this form the model has.
"""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.features import CategoricalField, FeatureSpec
from amer_tf.models import aggregation, amer, autocross
from tests.models.ctr_contract import FIELDS, SPEC, batch

UNITS = (6, 5)
SIZE = 3  # of a system's embeddings
PAIRS = tuple(itertools.combinations(FIELDS, 2))
_NUM_PAIRS = len(PAIRS)
INPUTS = batch(SPEC)
SINGLE = dataclasses.replace(
    SPEC,
    fields=tuple(
        CategoricalField("tags", "target") if field.name == "tags" else field for field in SPEC
    ),
)
SINGLE_INPUTS = {**INPUTS, "tags": np.array([2, 4, 1, 5, 3], "int32")}


def draw(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).normal(size=shape)


NUM_ROWS = sum(vocabulary.num_rows for vocabulary in SPEC.vocabularies)
EMBEDDINGS, RAW_WEIGHTS = draw(NUM_ROWS, SIZE), draw(NUM_ROWS)
NUMBER_WEIGHT, BIAS = 0.7, -0.3
# Of the MLP behind its first layer.
BIASES, SECOND, LAST = [draw(units) for units in UNITS], draw(*UNITS), draw(UNITS[1], seed=1)


def rows_of(spec: FeatureSpec, inputs, name):
    """`(5, values)` rows of the table, and whether each is a value."""
    vocabularies = [vocabulary.name for vocabulary in spec.vocabularies]
    before = spec.vocabularies[: vocabularies.index(spec.field(name).vocabulary)]
    ids = inputs[name].reshape(5, -1)
    return ids + sum(vocabulary.num_rows for vocabulary in before), ids > 0


def read(table, spec=SPEC, inputs=INPUTS):
    """`(5, N, ...)`: what a table has for the values of each field, summed over a set."""
    fields = []
    for name in FIELDS:
        rows, known = rows_of(spec, inputs, name)
        fields.append(np.einsum("bv,bv...->b...", known, table[rows]))
    return np.stack(fields, axis=1)


def products(embedded, interactions=PAIRS):
    """The Hadamard products `(5, M, k)` of embeddings `(5, N, k)`."""
    places = [[FIELDS.index(name) for name in group] for group in interactions]
    return np.stack([embedded[:, group].prod(axis=1) for group in places], axis=1)


def linear_regression(spec=SPEC, inputs=INPUTS):
    """`w_x^T x` with the number and the bias."""
    weights = read(RAW_WEIGHTS, spec, inputs).sum(axis=1)
    return weights + NUMBER_WEIGHT * inputs["price"] + BIAS


def deep(first, *parts):
    """`w_M^T MLP(parts)` of a system whose first kernel is `first`."""
    hidden = np.concatenate([part.reshape(5, -1) for part in parts], axis=1)
    hidden = np.maximum(hidden @ first + BIASES[0], 0)
    return np.maximum(hidden @ SECOND + BIASES[1], 0) @ LAST


E = read(EMBEDDINGS)
P = products(E)
PRICE = INPUTS["price"][:, None].astype("float64")


def place(columns, *, e=0.0, raw=0.0, price=0.0, p=0.0, num_products=_NUM_PAIRS, extra=1):
    """Weights `(K_0, columns)` of AMER's `h_0 = [e, price, p]`; what is not named is 0.

    `e` and `p` are for the first `SIZE` numbers of each embedding and product, `raw` for the one of
    an embedding that holds `w_x`.
    """
    of_fields = np.zeros((len(FIELDS), SIZE + extra, columns))
    of_fields[:, :SIZE] = e
    of_fields[:, SIZE] = raw
    of_products = np.zeros((num_products, SIZE + extra, columns))
    of_products[:, :SIZE] = p
    of_price = np.broadcast_to(price, (1, columns))
    return np.concatenate(
        [of_fields.reshape(-1, columns), of_price, of_products.reshape(-1, columns)]
    )


def of_embeddings(first):
    """Arguments of `place` for a first kernel over `[e, price]`."""
    return {"e": first[:-1].reshape(len(FIELDS), SIZE, -1), "price": first[-1:]}


def build(
    first=None,
    linear=None,
    shortcut=(),
    *,
    interactions=PAIRS,
    kind="sum",
    extra=1,
    spec=SPEC,
    table=EMBEDDINGS,
):
    """The AMER model with a system's parameters.

    Args:
        first: `(K_0, 6)`: the first kernel of the MLP; None where the system has no MLP.
        linear: `(K_0, 1)`: what passes the MLP as it is; None for nothing.
        shortcut: `w_e` and `w_p` of the two sums, or `w` of the gated one.
        interactions: The interactions of the architecture.
        kind: The kind of shortcut.
        extra: Numbers of an embedding that the system has not: `w_x`, then a constant 1.
        spec: What the model reads.
        table: The system's embeddings.
    """
    architecture = Architecture(
        interactions=interactions,
        mlp=tuple(HiddenLayer("relu", units=units + 2) for units in UNITS),
        shortcut=kind,
    )
    model = amer.build(spec, architecture, embedding_dim=SIZE + extra)
    ones = np.ones((NUM_ROWS, extra - 1))
    table = np.concatenate([table, RAW_WEIGHTS[:, None], ones], axis=1)
    model.get_layer("amer.embedding").set_weights([table])
    size = aggregation.input_size(model)
    first_kernel = np.zeros((size, UNITS[0] + 2))
    if first is not None:
        first_kernel[:, :-2] = first
    if linear is not None:
        first_kernel[:, -2:] = np.concatenate([linear, -linear], axis=1)
    second_kernel = np.zeros((UNITS[0] + 2, UNITS[1] + 2))
    second_kernel[:-2, :-2] = SECOND
    second_kernel[-2:, -2:] = np.eye(2)
    for index, kernel in enumerate((first_kernel, second_kernel)):
        bias = np.concatenate([BIASES[index], np.zeros(2)])
        model.get_layer(f"amer.hidden_{index}").set_weights([kernel, bias])
    last = np.zeros_like(LAST) if first is None else LAST
    output = np.concatenate([last, [1.0, -1.0], *shortcut])
    model.get_layer("amer.output").set_weights([output[:, None], np.array([BIAS])])
    return model


def assert_equal(model: keras.Model, expected, inputs=INPUTS):
    assert np.std(expected) > 0.1
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-4)


SINGLE_E = read(EMBEDDINGS, SINGLE, SINGLE_INPUTS)
SINGLE_P = products(SINGLE_E)
SINGLE_LINEAR = linear_regression(SINGLE, SINGLE_INPUTS)
SYSTEM = {"embedding_dim": SIZE, "hidden_units": UNITS}


def with_parameters(model: keras.Model, first):
    """A system of ours with the parameters above; it gives numbers to its MLP alone."""
    weights = {
        "embedding": [EMBEDDINGS],
        "linear": [RAW_WEIGHTS[:, None]],
        "hidden_0": [first, BIASES[0]],
        "hidden_1": [SECOND, BIASES[1]],
        "output": [LAST[:, None], np.array([BIAS])],
    }
    for name, values in weights.items():
        model.get_layer(f"amer.{name}").set_weights(values)
    return model


# Weights of the shortcut's sums: over a raw weight, over a system's own numbers, nothing.
RAW, OWN, NONE = np.eye(SIZE + 1)[SIZE], np.array([1.0] * SIZE + [0.0]), np.zeros(SIZE + 1)
NUMBER = place(1, price=NUMBER_WEIGHT)


def test_linear_regression():
    """Equation 8: `w_x^T x`."""
    assert_equal(build(None, NUMBER, (RAW, NONE)), linear_regression())


def test_factorization_machine():
    """Equation 9: `1^T sum_i p_i + w_x^T x`."""
    places = itertools.combinations(range(len(FIELDS)), 2)
    inner = sum(np.einsum("bk,bk->b", E[:, i], E[:, j]) for i, j in places)
    expected = inner + linear_regression()
    assert_equal(build(None, NUMBER, (RAW, OWN)), expected)


def test_dnn():
    """Equation 11: `w_M^T MLP(e)`, with the number, which AMER gives to the MLP alone."""
    first = draw(len(FIELDS) * SIZE + 1, UNITS[0])
    model = build(place(UNITS[0], **of_embeddings(first)), None, (NONE, NONE))
    assert_equal(model, deep(first, E, PRICE) + BIAS)


def test_wide_and_deep():
    """Equation 12: `w_M^T MLP(e) + w_p^T p + w_x^T x`, a weight for each number of `p`."""
    first, weights = draw(len(FIELDS) * SIZE + 1, UNITS[0]), draw(len(PAIRS), SIZE)
    linear = place(1, price=NUMBER_WEIGHT, p=weights[..., None])
    model = build(place(UNITS[0], **of_embeddings(first)), linear, (RAW, NONE))
    expected = deep(first, E, PRICE) + np.einsum("bik,ik->b", P, weights) + linear_regression()
    assert_equal(model, expected)


def test_autocross():
    """Equation 13: that of Wide & Deep, over interactions that were searched, of any order."""
    interactions = (("ad", "user"), ("ad", "hour", "user"))
    first, weights = draw(len(FIELDS) * SIZE + 1, UNITS[0]), draw(2, SIZE)
    linear = place(1, price=NUMBER_WEIGHT, p=weights[..., None], num_products=2)
    first_kernel = place(UNITS[0], **of_embeddings(first), num_products=2)
    model = build(first_kernel, linear, (RAW, NONE), interactions=interactions)
    wide = np.einsum("bik,ik->b", products(E, interactions), weights)
    assert_equal(model, deep(first, E, PRICE) + wide + linear_regression())
    # The system has a weight for each combination of ids, which may be `w_p^T p`.
    system = with_parameters(autocross.build(SINGLE, crosses=interactions, **SYSTEM), first)
    size, tables = 9, []
    for group, weight in zip(interactions, weights, strict=True):
        of_ids = [
            EMBEDDINGS[rows_of(SINGLE, {name: np.zeros((5, 1), int)}, name)[0][0, 0] :][1:size]
            for name in group
        ]
        product = weight
        for each in of_ids:  # the first field's ids follow each other
            product = each[(..., *[None] * (product.ndim - 1), slice(None))] * product
        tables += [np.zeros(1), product.sum(axis=-1).ravel()]
    system.get_layer("amer.crosses").set_weights([np.concatenate(tables)[:, None]])
    wide = np.einsum("bik,ik->b", products(SINGLE_E, interactions), weights)
    numbers = NUMBER_WEIGHT * SINGLE_INPUTS["price"]
    expected = deep(first, SINGLE_E, PRICE) + wide + SINGLE_LINEAR - numbers
    assert_equal(system, expected, SINGLE_INPUTS)


def test_nfm():
    """Equation 14: `w_M^T MLP(e, sum_i p_i) + w_x^T x`: all products have the same weights."""
    first = draw(len(FIELDS) * SIZE + 1 + SIZE, UNITS[0])
    kernel = place(UNITS[0], **of_embeddings(first[:-SIZE]), p=first[-SIZE:])
    expected = deep(first, E, PRICE, P.sum(axis=1)) + linear_regression()
    assert_equal(build(kernel, NUMBER, (RAW, NONE)), expected)


def test_deepfm():
    """Equation 15: `w_M^T MLP(e) + 1^T sum_i p_i + w_x^T x`."""
    first = draw(len(FIELDS) * SIZE + 1, UNITS[0])
    model = build(place(UNITS[0], **of_embeddings(first)), NUMBER, (RAW, OWN))
    pairs = (np.square(E.sum(axis=1)) - np.square(E).sum(axis=1)).sum(axis=1) / 2
    assert_equal(model, deep(first, E, PRICE) + pairs + linear_regression())


def test_fibinet():
    """Equation 19: `w_M^T MLP(p) + w_x^T x`."""
    first = draw(len(PAIRS) * SIZE, UNITS[0])
    kernel = place(UNITS[0], p=first.reshape(len(PAIRS), SIZE, -1))
    assert_equal(build(kernel, NUMBER, (RAW, NONE)), deep(first, P) + linear_regression())


@pytest.mark.parametrize("inner", [False, True])
def test_pnn(inner: bool):
    """Equation 20: `w_M^T MLP(e, p)`; IPNN has the inner products `1^T p_i` in place of `p`."""
    width = len(PAIRS) * (1 if inner else SIZE)
    first = draw(len(FIELDS) * SIZE + 1 + width, UNITS[0])
    of_products = first[-width:].reshape(len(PAIRS), -1, UNITS[0])
    kernel = place(UNITS[0], **of_embeddings(first[:-width]), p=of_products)
    expected = deep(first, E, PRICE, P.sum(axis=-1) if inner else P) + BIAS
    assert_equal(build(kernel, None, (NONE, NONE)), expected)


def test_the_weighted_sums_that_amer_has():
    """Equation 21, `a` the gates of equation 5: the form of equations 10, 16 and 17, other `a`.

    As equation 5 has one gated sum over `[e; p]`, `w_p` and `w_e` are one vector.
    """
    first, weights = draw(len(FIELDS) * SIZE + 1, UNITS[0]), draw(SIZE + 1)
    kernel = place(UNITS[0], **of_embeddings(first))
    model = build(kernel, None, (weights,), kind="squeeze_excitation")
    size = len(FIELDS) + len(PAIRS)
    projection, squeeze, excite = draw(SIZE + 1, 1), draw(size, size), draw(size, size, seed=1)
    model.get_layer("amer.squeeze_excitation").set_weights([projection, squeeze, excite])
    embedded = np.concatenate([E, read(RAW_WEIGHTS)[..., None]], axis=-1)
    features = np.concatenate([embedded, products(embedded)], axis=1)
    hidden = np.maximum((features @ projection)[..., 0] @ squeeze, 0)
    gates = 1 / (1 + np.exp(-(hidden @ excite)))
    weighted = np.einsum("bq,bqk,k->b", gates, features, weights)
    assert_equal(model, deep(first, E, PRICE) + weighted + BIAS)
