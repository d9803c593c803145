from __future__ import annotations

import pytest

from amer_tf.wording import counted, did_you_mean, number_text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((0, "tree"), "0 trees"),
        ((1, "tree"), "1 tree"),
        ((1200, "tree"), "1,200 trees"),
        ((1, "cross", "crosses"), "1 cross"),
        ((2, "cross", "crosses"), "2 crosses"),
    ],
)
def test_a_number_with_its_noun(given, text):
    assert counted(*given) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((0.12345,), "0.1235"),
        ((-12.5,), "-12.5000"),
        ((0.0,), "0.0000"),
        ((0.00006,), "0.0001"),
        ((0.00004,), "4e-05"),
        ((-1.234e-7,), "-1.2e-07"),
        ((0.004, 2), "0.004"),
        ((999999.0, 1), "999999.0"),
        ((1234567.0,), "1.235e+06"),
        ((-3.0e21,), "-3e+21"),
        ((float("nan"),), "nan"),
    ],
)
def test_a_number_of_any_size(given, text):
    assert number_text(*given) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("mlp_epoch", "Did you mean mlp_epochs? "),
        ("MLP_epochs", "Did you mean mlp_epochs? "),
        ("mlp_epochs", ""),
        ("weather", ""),
        ("", ""),
        (["behaviour", "mlp_epochs", "interactions"], "Did you mean behavior, interaction? "),
        (["behaviour", "behaviors"], "Did you mean behavior? "),
        ([], ""),
        (None, ""),
        (7, ""),
        ([7], ""),
    ],
)
def test_a_misspelt_name(names, text):
    assert did_you_mean(names, ["mlp_epochs", "behavior", "interaction"]) == text


def test_without_any_names():
    assert did_you_mean("x", []) == ""


def test_a_name_in_capitals_is_given_as_it_is_written():
    assert did_you_mean("zer", ["Zero"]) == "Did you mean Zero? "
