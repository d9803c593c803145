"""The sum over the parts of an architecture is what a built model has, exactly."""

from __future__ import annotations

import dataclasses
import random

import pytest

from amer_tf.architecture import (
    ACTIVATIONS,
    LAYERS,
    MLP_ACTIVATIONS,
    NORMS,
    SHORTCUTS,
    Architecture,
    Block,
    HiddenLayer,
)
from amer_tf.models import aggregation, amer
from amer_tf.search.model_size import ModelSize
from tests.models.ctr_contract import FIELDS, HYBRID, SPEC
from tests.search import nets


class Counted:
    """Builds models and counts them."""

    def __init__(self, spec):
        self.spec = spec
        self.number = 0

    def __call__(self, architecture: Architecture):
        self.number += 1
        return amer.build(self.spec, architecture, embedding_dim=4)


def any_blocks(generator: random.Random, layers=LAYERS) -> tuple[Block, ...]:
    parts = (NORMS, layers, ACTIVATIONS)
    return tuple(Block(*map(generator.choice, parts)) for _ in range(generator.randrange(4)))


def any_mlp(generator: random.Random) -> tuple[HiddenLayer, ...]:
    def size() -> dict[str, float]:
        if generator.random() < 0.5:
            return {"units": generator.randint(1, 9)}
        return {"ratio": generator.randint(1, 10) / 10}

    return tuple(
        HiddenLayer(generator.choice(MLP_ACTIVATIONS), **size())
        for _ in range(generator.randrange(4))
    )


def any_of_task_ctr(generator: random.Random, *, has_behavior: bool) -> Architecture:
    interactions = {
        tuple(sorted(generator.sample(FIELDS, generator.randint(2, 3))))
        for _ in range(generator.randrange(4))
    }
    return Architecture(
        blocks=any_blocks(generator) if has_behavior else (),
        interactions=tuple(interactions),
        mlp=any_mlp(generator),
        shortcut=generator.choice(SHORTCUTS),
        history_match=generator.choice(("exact", "none")) if has_behavior else "none",
    )


@pytest.mark.parametrize("has_behavior", [True, False])
def test_any_model_of_task_ctr(has_behavior):
    build = Counted(HYBRID if has_behavior else SPEC)
    size, generator = ModelSize(build), random.Random(0)
    for _ in range(25):
        architecture = any_of_task_ctr(generator, has_behavior=has_behavior)
        model = build(architecture)
        assert size.parameters(architecture) == model.count_params(), architecture
        assert size.input_size(architecture) == aggregation.input_size(model)


def test_any_model_of_task_next_item():
    spec = nets.next_item_spec(attributes=True, profile=True)

    def build(architecture):
        return amer.build(spec, architecture, embedding_dim=8, catalog=nets.catalog())

    size, generator = ModelSize(build), random.Random(0)
    layers = tuple(layer for layer in LAYERS if layer != "target_attention")
    for _ in range(15):
        architecture = Architecture(blocks=any_blocks(generator, layers))
        assert size.parameters(architecture) == build(architecture).count_params(), architecture


def test_parts_are_built_once():
    build = Counted(HYBRID)
    size, generator = ModelSize(build), random.Random(1)
    frame = Architecture(shortcut="sum", mlp=(HiddenLayer("relu", units=3),))
    for _ in range(500):
        changed = dataclasses.replace(
            frame, blocks=any_blocks(generator), mlp=(*frame.mlp, *any_mlp(generator))
        )
        assert size.parameters(changed) > 0
    # One model of the frame, and less than one for each layer with each norm.
    assert build.number <= 1 + len(LAYERS) * len(NORMS)
