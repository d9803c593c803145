"""Architecture: round trips, canonical forms, layer sizes, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from amer_tf.architecture import (
    LAYERS,
    MLP_ACTIVATIONS,
    SHORTCUTS,
    Architecture,
    ArchitectureError,
    Block,
    HiddenLayer,
)

CONVOLUTION = Block("layer_norm", "conv_3", "relu")
SKIPPED = Block("layer_norm", "zero", "gelu")
FULL = Architecture(
    blocks=(CONVOLUTION, SKIPPED, Block("none", "bi_gru", "identity")),
    interactions=(("site", "hour"), ("ad", "hour", "site")),
    mlp=(HiddenLayer("dice", ratio=0.8), HiddenLayer("relu", units=80)),
    shortcut="squeeze_excitation",
    interactions_in_mlp=False,
    history_match="exact",
)


@pytest.mark.parametrize(
    "architecture",
    [
        FULL,
        Architecture(),
        *(Architecture(blocks=(Block("none", layer, "swish"),)) for layer in LAYERS),
        *(Architecture(mlp=(HiddenLayer(name, units=3),)) for name in MLP_ACTIVATIONS),
        *(Architecture(shortcut=shortcut) for shortcut in SHORTCUTS),
        Architecture(blocks=(CONVOLUTION,), causal=True),
    ],
    ids=str,
)
def test_round_trips(architecture):
    assert Architecture.from_json(architecture.to_json()) == architecture
    assert Architecture.from_dict(architecture.to_dict()) == architecture
    assert hash(Architecture.from_dict(architecture.to_dict())) == hash(architecture)


def test_files_of_version_1_stay_readable():
    # As it stands in folders that were written by the first release: do not edit.
    written = """{"version": 1, "blocks": [{"norm": "layer_norm", "layer": "conv_3",
        "activation": "relu"}], "interactions": [["ad", "site"]], "mlp": [{"activation": "dice",
        "units": null, "ratio": 0.8}], "shortcut": "sum", "interactions_in_mlp": true}"""
    assert Architecture.from_json(written) == Architecture(
        blocks=(CONVOLUTION,),
        interactions=(("ad", "site"),),
        mlp=(HiddenLayer("dice", ratio=0.8),),
        shortcut="sum",
    )


def test_only_version_and_blocks_are_required():
    assert Architecture.from_dict({"version": 1, "blocks": []}) == Architecture()


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FULL.shortcut = "none"
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONVOLUTION.layer = "zero"
    with pytest.raises(dataclasses.FrozenInstanceError):
        FULL.mlp[0].units = 3


def test_lists_and_iterators_are_taken_whole():
    assert Architecture(blocks=[CONVOLUTION], mlp=[]) == Architecture(blocks=(CONVOLUTION,))
    assert Architecture(blocks=iter([CONVOLUTION])) == Architecture(blocks=(CONVOLUTION,))
    assert Architecture(interactions=(iter("ab"),)).interactions == (("a", "b"),)


def test_an_interaction_is_a_set():
    assert Architecture(interactions=(("b", "a"),)) == Architecture(interactions=(("a", "b"),))


def test_skipped_blocks_have_one_name():
    assert SKIPPED.canonical() == Block("none", "zero", "identity")
    assert CONVOLUTION.canonical() is CONVOLUTION
    canonical = Architecture(blocks=(SKIPPED, CONVOLUTION)).canonical()
    other = Architecture(blocks=(Block("none", "zero", "relu"), CONVOLUTION))
    assert canonical == other.canonical()
    assert canonical != other
    assert canonical.canonical() == canonical


def test_text():
    assert str(CONVOLUTION) == "layer_norm > conv_3 > relu"
    assert str(SKIPPED) == "zero"
    assert str(FULL) == (
        "layer_norm > conv_3 > relu | bi_gru; history match; hour*site; ad*hour*site; 0.8 dice; "
        "80 relu"
    )
    assert str(Architecture(blocks=(SKIPPED,))) == str(Architecture()) == "zero"
    assert str(Architecture(interactions=FULL.interactions)) == "hour*site; ad*hour*site"


@pytest.mark.parametrize(
    ("ratio", "input_size", "units"),
    [
        # Criteo, Avazu and Alimama in the paper.
        (0.1, 218, 21),
        (0.8, 218, 174),
        (1.0, 218, 218),
        (0.1, 1560, 156),
        (0.9, 105, 94),
        # 0.7 * 10 is 6.999999999999999 and 0.29 * 100 is 28.999999999999996.
        (0.7, 10, 7),
        (0.29, 100, 29),
        (0.1, 5, 1),
        (1, 7, 7),
    ],
)
def test_size_of_a_ratio(ratio, input_size, units):
    assert HiddenLayer("relu", ratio=ratio).size(input_size) == units


def test_size_of_units_is_theirs():
    assert HiddenLayer("relu", units=200).size(218) == 200


@pytest.mark.parametrize("input_size", [0, -3, 2.5, True, None])
def test_size_refuses(input_size):
    with pytest.raises(ArchitectureError, match=f"positive.*Received: input_size={input_size!r}"):
        HiddenLayer("relu", ratio=0.5).size(input_size)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("batch_norm", "conv_1", "relu"), "`norm` must be one of layer_norm, none.*norm='batch"),
        (("none", "conv_5", "relu"), "`layer` must be one of conv_1, .*Received: layer='conv_5'"),
        (("none", "conv_1", "dice"), "`activation` must be one of relu, gelu, .*'dice'"),
        ((["none"], "conv_1", "relu"), r"`norm` must be one of.*Received: norm=\['none'\]"),
    ],
)
def test_block_refuses(arguments, message):
    with pytest.raises(ArchitectureError, match=message):
        Block(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "gelu", "units": 3}, "`activation` must be one of relu, swish.*'gelu'"),
        ({}, "exactly one of `units` and `ratio`. Received: units=None, ratio=None"),
        ({"units": 3, "ratio": 0.5}, "exactly one.*Received: units=3, ratio=0.5"),
        ({"units": 0}, "`units` must be a positive integer. Received: units=0"),
        ({"units": True}, "`units` must be a positive integer. Received: units=True"),
        ({"units": 2.0}, "`units` must be a positive integer. Received: units=2.0"),
        ({"ratio": 0.0}, r"`ratio` must be in \(0, 1\]. Received: ratio=0.0"),
        ({"ratio": 1.1}, r"`ratio` must be in \(0, 1\]. Received: ratio=1.1"),
        ({"ratio": math.nan}, r"`ratio` must be in \(0, 1\]. Received: ratio=nan"),
        ({"ratio": True}, r"`ratio` must be in \(0, 1\]. Received: ratio=True"),
        ({"ratio": "0.5"}, r"`ratio` must be in \(0, 1\]. Received: ratio='0.5'"),
    ],
)
def test_hidden_layer_refuses(arguments, message):
    with pytest.raises(ArchitectureError, match=message):
        HiddenLayer(**{"activation": "relu", **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": "conv_3"}, "`blocks` must be a list. Received: 'conv_3'"),
        ({"blocks": None}, "`blocks` must be a list. Received: None"),
        ({"blocks": ("conv_3",)}, r"blocks\[0\] must be a Block. Received: 'conv_3'"),
        ({"mlp": 200}, "`mlp` must be a list. Received: 200"),
        ({"mlp": (200,)}, r"mlp\[0\] must be a HiddenLayer. Received: 200"),
        ({"shortcut": "max"}, "`shortcut` must be one of squeeze_excitation, sum, none.*'max'"),
        ({"history_match": "near"}, "`history_match` must be one of exact, none. .*'near'"),
        ({"interactions_in_mlp": 1}, "must be true or false. Received: interactions_in_mlp=1"),
        ({"causal": "yes"}, "`causal` must be true or false. Received: causal='yes'"),
        ({"interactions": "ab"}, "`interactions` must be a list. Received: 'ab'"),
        ({"interactions": ("ab",)}, r"interactions\[0\] must be a list. Received: 'ab'"),
        ({"interactions": (None,)}, r"interactions\[0\] must be a list. Received: None"),
        ({"interactions": (("a", 1),)}, r"\[0\] must hold field names only. Received: \('a', 1\)"),
        ({"interactions": (("a", ""),)}, r"\[0\] must hold field names only."),
        ({"interactions": (("a",),)}, r"\[0\] must have at least two fields. Received: \('a',\)"),
        (
            {"interactions": (("a", "b", "a"),)},
            r"\[0\] must not use a field twice. Received: \('a', 'a', 'b'\)",
        ),
        (
            {"interactions": (("a", "b"), ("b", "a"))},
            r"interactions\[1\] stands twice. Received: \('a', 'b'\)",
        ),
    ],
)
def test_architecture_refuses(arguments, message):
    with pytest.raises(ArchitectureError, match=message):
        Architecture(**arguments)


def changed(**changes) -> str:
    return json.dumps({**FULL.to_dict(), **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "An architecture must be JSON: .*Received: '{'"),
        ("[]", r"An architecture must be an object. Received: \[\]"),
        ('{"version": 1}', r"An architecture lacks \['blocks'\]. Received: {'version': 1}"),
        (changed(color=1), r"An architecture has unknown keys \['color'\]; known are"),
        (changed(version=2), "reads architectures of version 1. Received: version=2"),
        (changed(version=True), "reads architectures of version 1. Received: version=True"),
        (changed(blocks={"norm": "none"}), "`blocks` must be a list. Received: {'norm': 'none'}"),
        (changed(blocks=None), "`blocks` must be a list. Received: None"),
        (changed(blocks=["zero"]), r"blocks\[0\] must be an object. Received: 'zero'"),
        (changed(blocks=[{"norm": "none"}]), r"blocks\[0\] lacks \['layer', 'activation'\]"),
        (
            changed(blocks=[{"norm": "none", "layer": "zero", "activation": "relu", "size": 3}]),
            r"blocks\[0\] has unknown keys \['size'\]; known are \['norm', 'layer', 'activation'\]",
        ),
        (
            changed(
                blocks=[FULL.to_dict()["blocks"][0], {**FULL.to_dict()["blocks"][0], "layer": "x"}]
            ),
            r"blocks\[1\] is wrong: `layer` must be one of conv_1, .*Received: layer='x'",
        ),
        (
            changed(mlp=[{"activation": "relu", "units": 3}, {"activation": "relu"}]),
            r"mlp\[1\] is wrong: A hidden layer takes exactly one of `units` and `ratio`",
        ),
        (changed(mlp="relu"), "`mlp` must be a list. Received: 'relu'"),
        (changed(mlp=[{"units": 3}]), r"mlp\[0\] lacks \['activation'\]"),
        (changed(mlp=[{"activation": "relu", "size": 3}]), r"mlp\[0\] has unknown keys \['size'\]"),
        (changed(interactions=["ab"]), r"interactions\[0\] must be a list. Received: 'ab'"),
        (changed(interactions=3), "`interactions` must be a list. Received: 3"),
        (changed(shortcut=None), "`shortcut` must be one of .*Received: shortcut=None"),
        (changed(interactions_in_mlp="no"), "must be true or false.*'no'"),
    ],
)
def test_refuses_json(text, message):
    with pytest.raises(ArchitectureError, match=message):
        Architecture.from_json(text)
