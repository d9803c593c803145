"""Names that are nearly known."""

from __future__ import annotations

import pytest

from amer_tf.features import SpecError, Vocabulary, did_you_mean


@pytest.mark.parametrize(
    ("unknown", "expected"),
    [
        (["max_lenght"], "'max_lenght': did you mean 'max_length'? "),
        (
            ["vocabulry", "colour", "max_len"],
            "'vocabulry': did you mean 'vocabulary'? 'max_len': did you mean 'max_length'? ",
        ),
        (["colour"], ""),
        ([], ""),
        ([5, None, ["max_length"]], ""),
    ],
    ids=str,
)
def test_did_you_mean(unknown: list[object], expected: str) -> None:
    assert did_you_mean(unknown, ("vocabulary", "max_length", "max_size")) == expected


def test_a_choice_that_is_nearly_known() -> None:
    message = "^'strng': did you mean 'string'. .*must be one of string, int64. Received: 'strng'"
    with pytest.raises(SpecError, match=message):
        Vocabulary("a", dtype="strng")
