"""NARM: values by NumPy, learning, and the contract of every system."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from amer_tf.models import narm
from tests.models.next_item_contract import (
    UNITS,
    NextItemContract,
    embed,
    gru,
    make_spec,
    sigmoid,
    successor_accuracy,
    weights,
)


class TestContract(NextItemContract):
    system = narm

    def expected(self, model, history):
        states = gru(embed(model, history), *weights(model, "gru"))
        local = states if self.options else states[-3:]
        kernel, context_kernel, score_kernel = weights(model, "attention")
        hidden = sigmoid(local @ kernel + states[-1] @ context_kernel)
        attended = (hidden @ score_kernel * local).sum(axis=0)
        return np.concatenate([states[-1], attended]) @ weights(model, "query")[0]


class TestContractOfTheWholeHistory(TestContract):
    options: ClassVar = {"local_steps": None, "units": 5}


@pytest.mark.slow
def test_learns_the_successor():
    assert successor_accuracy(narm, epochs=12) > 0.9


@pytest.mark.parametrize("name", ["local_steps", "units"])
def test_refuses_bad_arguments(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer.*{name}=0"):
        narm.build(make_spec(), embedding_dim=UNITS, **{name: 0})
