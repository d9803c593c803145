"""Checks that every part of a spec shares."""

from __future__ import annotations

import pytest

from amer_tf.features import SpecError, Vocabulary


def test_a_choice_that_is_nearly_known() -> None:
    message = "must be one of string, int64. Did you mean string. Received: 'strng'"
    with pytest.raises(SpecError, match=message):
        Vocabulary("a", dtype="strng")
