"""Systems that weigh interactions, as points of the space (AMER, equations 10, 16, 17 and 18).

The weights `a_i` of AFM (10), DCN (16) and xDeepFM (17) come from an attention module, a cross
network or a CIN, those of AMER from the gates of equation 5, which cannot follow any module over
all rows. Here the gates are constants that are set to what the module gives: for AFM row by row,
since its attention reads the row; for one cross over single numbers, whose products are Hadamard
products; for one layer of a CIN. Both are without products of a field with itself, which are no
interactions. Those of AutoFIS (18) are constants by themselves.
"""

from __future__ import annotations

import itertools

import numpy as np

from amer_tf.models import autofis
from tests.models.ctr_contract import FIELDS
from tests.models.test_equations_of_the_paper import (
    BIAS,
    EMBEDDINGS,
    NUMBER_WEIGHT,
    PAIRS,
    PRICE,
    SINGLE,
    SINGLE_E,
    SINGLE_INPUTS,
    SINGLE_LINEAR,
    SINGLE_P,
    SIZE,
    SYSTEM,
    UNITS,
    assert_equal,
    build,
    deep,
    draw,
    of_embeddings,
    place,
    read,
    with_parameters,
)


def set_gates(model, of_pairs, of_fields=None):
    """Makes constants of the gates of equation 5, numbers in (0, 1), or 0 to float precision.

    They are constants where a number of each embedding is 1, as it then is in each product. A set
    of ids would not give a 1, so each field of `SINGLE` has one id.
    """
    gates = np.concatenate([np.zeros(len(FIELDS)) if of_fields is None else of_fields, of_pairs])
    excite = np.zeros((len(gates), len(gates)))
    excite[0] = [np.log(gate / (1 - gate)) if gate else -40.0 for gate in gates]
    constant = np.eye(SIZE + 2)[:, -1:]
    model.get_layer("amer.squeeze_excitation").set_weights([constant, np.eye(len(gates)), excite])


def build_gated(first, weights, **options):
    """The AMER model whose gates can be set, over `SINGLE`; `weights` are those of its sum."""
    raw = options.pop("raw", 1.0)
    return build(
        None if first is None else place(UNITS[0], **of_embeddings(first), extra=2),
        place(1, price=NUMBER_WEIGHT if raw else 0.0, raw=raw, extra=2),
        (np.concatenate([weights, [0.0, 0.0]]),),
        kind="squeeze_excitation",
        extra=2,
        spec=SINGLE,
        **options,
    )


def test_afm():
    """Equation 10: `w_p^T sum_i a_i p_i + w_x^T x`, `a = softmax(h^T relu(W p + c))`."""
    kernel, shift, projection, weights = draw(SIZE, 4), draw(4), draw(4, seed=1), draw(SIZE)
    scores = np.maximum(SINGLE_P @ kernel + shift, 0) @ projection
    attention = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = np.einsum("bi,bik,k->b", attention, SINGLE_P, weights) + SINGLE_LINEAR
    model, logits = build_gated(None, weights), []
    for row in range(5):
        set_gates(model, attention[row])
        inputs = {name: values[row : row + 1] for name, values in SINGLE_INPUTS.items()}
        logits.append(float(np.asarray(model(inputs))[0]))
    assert np.std(expected) > 0.1
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_dcn():
    """Equation 16: `w_M^T MLP(e) + w_p^T sum_i a_i p_i + w_e^T sum_j a_j e_j`, of one cross.

    `x_1 = x_0 (w^T x_0) + b + x_0` and `l^T x_1` hold `(l_i w_j + l_j w_i) x_i x_j` and `l_i x_i`.
    """
    table = EMBEDDINGS * [1.0, 0.0, 0.0]
    embedded = read(table, SINGLE, SINGLE_INPUTS)
    first, (numbers, shift) = draw(len(FIELDS) * SIZE + 1, UNITS[0]), (embedded[..., 0], draw(4))
    last, cross = np.array([0.4, 0.0, 0.7, 0.0]), np.array([0.0, 0.8, 0.0, 0.3])
    states = numbers * (numbers @ cross)[:, None] + shift + numbers
    expected = deep(first, embedded, PRICE) + states @ last + BIAS
    places = itertools.combinations(range(4), 2)
    of_pairs = np.array([last[i] * cross[j] + last[j] * cross[i] for i, j in places])
    model = build_gated(first, np.array([1.0, 0.0, 0.0]), raw=0.0, table=table)
    set_gates(model, of_pairs, last)
    kernel, bias = model.get_layer("amer.output").get_weights()
    model.get_layer("amer.output").set_weights([kernel, bias + last @ shift])
    assert_equal(model, expected, SINGLE_INPUTS)


def test_xdeepfm():
    """Equation 17: `w_M^T MLP(e) + w_p^T sum_i a_i p_i + w_x^T x`, of one layer of a CIN.

    `x_h = sum_ij W_hij (e_i * e_j)` and `v^T 1^T x_h` hold `sum_h v_h (W_hij + W_hji) 1^T p_ij`.
    """
    first, rows = draw(len(FIELDS) * SIZE + 1, UNITS[0]), np.abs(draw(2, 4, 4))
    rows *= 1.0 - np.eye(4)
    last = np.array([0.6, 1.1])
    states = np.einsum("hij,bid,bjd->bhd", rows, SINGLE_E, SINGLE_E)
    expected = deep(first, SINGLE_E, PRICE) + states.sum(axis=-1) @ last + SINGLE_LINEAR
    both = np.einsum("h,hij->ij", last, rows + rows.swapaxes(1, 2))
    weights = np.array([both[i, j] for i, j in itertools.combinations(range(4), 2)])
    scale = 2.0 * weights.max()
    model = build_gated(first, np.full(SIZE, scale))
    set_gates(model, weights / scale)
    assert_equal(model, expected, SINGLE_INPUTS)


def test_autofis():
    """Equation 18: `w_M^T MLP(e) + 1^T sum_i a_i p_i + w_x^T x`, `a` learned constants."""
    first, attention = draw(len(FIELDS) * SIZE + 1, UNITS[0]), np.linspace(0.1, 1.9, len(PAIRS))
    # Gates are below 1, here `a_i / 2`: their weight is 2.
    model = build_gated(first, np.full(SIZE, 2.0))
    set_gates(model, attention / 2.0)
    pairs = np.einsum("bik,i->b", SINGLE_P, attention)
    expected = deep(first, SINGLE_E, PRICE) + pairs + SINGLE_LINEAR
    assert_equal(model, expected, SINGLE_INPUTS)
    system = with_parameters(
        autofis.build(SINGLE, pairs=PAIRS, attention=attention, **SYSTEM), first
    )
    assert_equal(system, expected - NUMBER_WEIGHT * SINGLE_INPUTS["price"], SINGLE_INPUTS)
