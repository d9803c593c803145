"""The kinds of field and the normalisation of numbers."""

from __future__ import annotations

import dataclasses
import math

import pytest

from amer_tf.features import (
    CategoricalField,
    MultiValuedField,
    Normalization,
    NumericField,
    SpecError,
)


def test_a_field_names_its_own_vocabulary_unless_told():
    assert CategoricalField("item_id").vocabulary == "item_id"
    assert MultiValuedField("tags").vocabulary == "tags"
    assert CategoricalField("history_item_id", "behavior", "item_id").vocabulary == "item_id"


def test_kinds():
    kinds = [kind.kind for kind in (CategoricalField, MultiValuedField, NumericField)]
    assert kinds == ["categorical", "multi_valued", "numeric"]


@pytest.mark.parametrize("kind", [CategoricalField, MultiValuedField, NumericField])
def test_is_frozen(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind("age").role = "target"


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (CategoricalField, {"name": "a-b"}, "A field's name must be a letter.*Received: 'a-b'"),
        (NumericField, {"name": ""}, "A field's name must be a letter.*Received: ''"),
        (
            CategoricalField,
            {"role": "user"},
            r"fields\['age'\].role must be one of profile, context, target, behavior. "
            "Received: 'user'",
        ),
        (
            CategoricalField,
            {"vocabulary": ["a"]},
            r"fields\['age'\].vocabulary must be a letter.*Received: \['a'\]",
        ),
        (
            MultiValuedField,
            {"vocabulary": None},
            r"fields\['age'\].vocabulary must be a letter.*Received: None",
        ),
        (
            MultiValuedField,
            {"max_values": 0},
            r"fields\['age'\].max_values must be an integer of at least 1. Received: 0",
        ),
        (
            MultiValuedField,
            {"max_values": "8"},
            r"fields\['age'\].max_values must be an integer of at least 1. Received: '8'",
        ),
        (
            MultiValuedField,
            {"combiner": "max"},
            r"fields\['age'\].combiner must be one of sum, mean. Received: 'max'",
        ),
        (
            MultiValuedField,
            {"separator": ""},
            r"fields\['age'\].separator must be a non-empty text. Received: ''",
        ),
        (
            NumericField,
            {"normalization": None},
            r"fields\['age'\].normalization must be a Normalization. Received: None",
        ),
    ],
)
def test_refuses(kind, arguments, message):
    with pytest.raises(SpecError, match=message):
        kind(**{"name": "age", **arguments})


def test_a_fitted_normalization():
    fitted = Normalization(low=-1, high=2.5, mean=0.0, log=True, quantile=0.01)
    assert NumericField("price", "context", fitted).normalization is fitted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantile": 0.5}, r"`quantile` must be in \[0, 0.5\). Received: quantile=0.5"),
        ({"quantile": -0.1}, r"`quantile` must be in \[0, 0.5\). Received: quantile=-0.1"),
        ({"quantile": "0.1"}, "`quantile` must be a finite number. Received: '0.1'"),
        ({"quantile": math.nan}, "`quantile` must be a finite number. Received: nan"),
        ({"quantile": 10**400}, "`quantile` must be a finite number. Received: 1000"),
        ({"low": -(10**400), "high": 0, "mean": 0}, "`low` must be a finite number. Received: -1"),
        ({"quantile": False}, "`quantile` must be a finite number. Received: False"),
        ({"log": 1}, "`log` must be true or false. Received: 1"),
        ({"low": 0.0}, "all of low, high and mean, or none.*low=0.0, high=None, mean=None"),
        ({"low": 0.0, "high": 1.0}, "all of low, high and mean, or none.*mean=None"),
        ({"low": 1.0, "high": 1.0, "mean": 1.0}, "`low` must be less than `high`.*high=1.0"),
        ({"low": 0, "high": math.inf, "mean": 1}, "`high` must be a finite number. Received: inf"),
        ({"low": 0, "high": 1, "mean": "0"}, "`mean` must be a finite number. Received: '0'"),
    ],
)
def test_normalization_refuses(arguments, message):
    with pytest.raises(SpecError, match=message):
        Normalization(**arguments)
