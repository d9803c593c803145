"""AutoCross's search on rows with planted crosses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    NumericField,
    Vocabulary,
)
from amer_tf.layers import NumberBuckets
from amer_tf.search import cross_search
from amer_tf.search.cross_search import CrossedRows, CrossSearch, quantiles, select
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.state import RunFolder
from amer_tf.training.array_split import ArrayTrainingSplit
from amer_tf.training.fitness import FITNESS

NAMES = tuple("ABCDE")
VALUES = 5
SPEC = FeatureSpec(
    fields=tuple(CategoricalField(name) for name in NAMES),
    vocabularies=tuple(Vocabulary(name, "integer", "int64", size=VALUES) for name in NAMES),
    label="click",
)
WITH_NUMBERS = FeatureSpec(
    fields=(*SPEC.fields, NumericField("N", "context"), NumericField("M", "context")),
    vocabularies=SPEC.vocabularies,
    label="click",
)
# A pair, and three fields whose effect shows in no field alone.
PAIR, TRIPLE = ("A", "C"), ("A", "C", "E")


def draw(num_rows: int, seed: int = 0):
    """Rows with an effect of `PAIR` and one of `TRIPLE`."""
    generator = np.random.default_rng(seed)
    ids = {name: generator.integers(2, 2 + VALUES, num_rows).astype("int32") for name in NAMES}
    effects = np.random.default_rng(99)
    of_pair, of_triple = (effects.choice([-1.0, 1.0], (VALUES,) * order) for order in (2, 3))
    a, c, e = (ids[name] - 2 for name in TRIPLE)
    logits = of_pair[a, c] + 1.5 * of_triple[a, c, e]
    labels = (generator.random(num_rows) < 1 / (1 + np.exp(-logits))).astype("float32")
    return ids, labels


def parts(spec=SPEC, numbers=None, num_buckets=1000):
    made = []
    for size, seed in ((8000, 0), (3000, 1)):
        ids, labels = draw(size, seed)
        ids |= {} if numbers is None else numbers(size, seed)
        made.append(CrossedRows(spec, ids, labels, num_buckets))
    return made


def run(search: CrossSearch, most: int = 5) -> list[tuple[str, ...]]:
    while len(search.crosses) < most and search.extend():
        pass
    return search.crosses


@pytest.mark.parametrize("fitness", ["log_loss", "auc"])
def test_a_planted_cross_of_three_fields_is_found_on_top_of_its_pair(fitness: str):
    search = CrossSearch(*parts(), FITNESS[fitness])
    found = run(search)
    assert found[:2] == [PAIR, TRIPLE]
    logits = search.validation.logits
    labels = search.validation.labels
    assert FITNESS["auc"].score(labels, logits).value > 0.85
    assert set(search.features) == {*((name,) for name in NAMES), *found}


def test_candidates_are_crosses_of_two_features():
    search = CrossSearch(*parts(), FITNESS["log_loss"])
    assert search._candidates() == list(itertools.combinations(NAMES, 2))
    search.features.append(PAIR)
    expected = [pair for pair in itertools.combinations(NAMES, 2) if pair != PAIR]
    triples = [tuple(sorted({*PAIR, name})) for name in "BDE"]
    assert sorted(search._candidates()) == sorted([*expected, *triples])
    search.max_order = 2
    assert search._candidates() == expected


def test_sets_are_not_crossed_beyond_what_a_row_can_hold():
    sets = tuple(MultiValuedField(name, max_values=9) for name in "AB")
    spec = FeatureSpec((*sets, CategoricalField("C")), SPEC.vocabularies[:3], label="click")
    rows = [
        CrossedRows(
            spec,
            {
                "A": np.eye(9, dtype="int32")[:1].repeat(size, 0) * 3,
                "B": np.full((size, 9), 2, "int32"),
                "C": np.full(size, 2, "int32"),
            },
            np.arange(size) % 2,
            1000,
        )
        for size in (60, 30)
    ]
    assert rows[0].cells(("A", "C"), slice(0, 2)).shape == (2, 9)
    search = CrossSearch(*rows, FITNESS["log_loss"])
    assert search._candidates() == [("A", "C"), ("B", "C")]
    assert run(search) == []  # nothing can be said of these labels


def test_the_time_ends_the_search_with_what_was_found():
    asked = itertools.count()
    search = CrossSearch(
        *parts(), FITNESS["log_loss"], is_over=lambda: next(asked) > 10 + 5 + 3 + 2
    )
    assert run(search) == [PAIR]
    assert not search.extend()


def test_numbers_are_cut_at_quantiles():
    numbers = np.array([0.5] * 50 + list(np.linspace(-1, 1, 50)), "float32")
    edges = quantiles(numbers, 4)
    assert edges == sorted(set(edges))
    assert all(edge in numbers and edge > -1 for edge in edges)
    counts = np.bincount(np.searchsorted(quantiles(np.arange(1000), 10), np.arange(1000), "right"))
    np.testing.assert_array_equal(counts, [100] * 10)
    assert quantiles(np.full(9, 0.3), 10) == []


def numbers(size, seed):
    """`N` says with `B` what the label is; `M` is constant."""
    return {
        "N": np.random.default_rng([7, seed]).uniform(-1, 1, size).astype("float32"),
        "M": np.full(size, 0.25, "float32"),
    }


def test_the_buckets_of_a_number_are_chosen_and_crossed():
    made = parts(WITH_NUMBERS, numbers)
    generator = np.random.default_rng(5)
    for part in made:
        ids = part._ids
        logits = 2.0 * np.where(ids["B"] % 2, 1.0, -1.0) * np.sign(ids["N"])
        labels = generator.random(len(logits)) < 1 / (1 + np.exp(-logits))
        part.labels = labels.astype("float64")
    search = CrossSearch(*made, FITNESS["log_loss"])
    assert list(search.boundaries) == ["N"]  # a constant says nothing
    assert len(search.boundaries["N"]) in [count - 1 for count in cross_search.GRANULARITIES]
    assert run(search, 1) == [("B", "N")]
    # What the search calls a bucket is one of the model.
    values = made[0].numbers("N")
    ids = np.asarray(NumberBuckets(search.boundaries["N"])(values))
    np.testing.assert_array_equal(made[0].cells(("N",), slice(None))[:, 0], ids)


@pytest.fixture
def bench(tmp_path) -> CtrWorkbench:
    settings = CtrSettings(num_interactions=2, cross_buckets=500)
    return CtrWorkbench(RunFolder(tmp_path), SPEC, settings, seed=3, num_examples=8000)


def test_the_same_seed_finds_the_same(bench: CtrWorkbench):
    split = ArrayTrainingSplit(*draw(8000))
    first, second = (select(bench, split, lambda: False) for _ in range(2))
    assert first == second
    assert first["crosses"] == [list(PAIR), list(TRIPLE)]
    assert first["boundaries"] == {}
    assert first["num_buckets"] == 500


def test_rows_are_validated_on_that_are_not_trained_on(bench: CtrWorkbench, monkeypatch):
    seen = []

    class Seen(CrossSearch):
        def __init__(self, train, validation, *args, **options):
            seen.append((train._ids["A"], validation._ids["A"]))
            super().__init__(train, validation, *args, **options)

    monkeypatch.setattr(cross_search, "CrossSearch", Seen)
    ids, labels = draw(1000)
    ids["A"] = np.arange(1000, dtype="int32")  # tells rows apart
    select(bench, ArrayTrainingSplit(ids, labels), lambda: False)
    [(train, validation)] = seen
    assert len(validation) == 200
    assert sorted([*train, *validation]) == list(range(1000))
