"""Pictures of architectures: every part is in them, to scale."""

from __future__ import annotations

import re

from amer_tf.architecture import LAYERS, NORMS, Architecture, Block, HiddenLayer
from amer_tf.report import words
from amer_tf.report.architecture_drawing import behavior_picture, mlp_picture


def texts(picture):
    return re.findall(r"<text[^>]*>([^<]*)</text>", picture)


def widths(picture):
    return [int(width) for width in re.findall(r'width="(\d+)"[^>]*class="part"', picture)]


def test_every_part_of_every_block_is_drawn():
    blocks = [Block(norm, layer, "gelu") for norm in NORMS for layer in LAYERS if layer != "zero"]
    picture = behavior_picture(Architecture(blocks=tuple(blocks)), has_target=True)
    shown = texts(picture)
    for block in blocks:
        assert words.LAYERS[block.layer] in shown
    assert [text for text in shown if text.isdecimal()] == [
        str(number) for number in range(1, len(blocks) + 1)
    ]
    assert shown.count("Layer norm") == shown.count("No norm") == len(blocks) // 2
    assert shown[-1] == "Sum, newest state, attention from the target"


def test_a_skipped_block():
    blocks = (Block("layer_norm", "zero", "relu"), Block("none", "conv_3", "identity"))
    picture = behavior_picture(Architecture(blocks=blocks), has_target=False)
    assert texts(picture) == [
        *("History of a user, one state an event", "1", "Skipped"),
        *("2", "No norm", "Convolution, 3 steps", "Identity", "+", "Sum, newest state"),
    ]
    in_words = "block 1: skipped; block 2: No norm, Convolution, 3 steps, Identity."
    assert in_words in picture


def test_a_causal_network():
    blocks = (Block("none", "bi_gru", "relu"), Block("none", "conv_3", "relu"))
    causal = behavior_picture(Architecture(blocks=blocks, causal=True), has_target=False)
    both_ways = behavior_picture(Architecture(blocks=blocks), has_target=False)
    assert "Forward GRU" in texts(causal)
    assert "Convolution, 3 steps" in texts(causal)
    assert "Bidirectional GRU" in texts(both_ways)
    assert "block 1: No norm, Forward GRU, ReLU" in causal
    assert "an event sees older ones alone" in causal
    assert "older ones" not in both_ways


def test_the_widths_of_an_mlp():
    mlp = (HiddenLayer("relu", units=200), HiddenLayer("dice", units=50))
    picture = mlp_picture(Architecture(mlp=mlp), has_behavior=False)
    wide, narrow = widths(picture)
    assert wide == 4 * narrow
    assert texts(picture) == [
        *("Input: fields", "200 units, ReLU", "50 units, Dice", "Chance of label 1"),
    ]
    assert "shortcut" not in picture


def test_sizes_as_parts_of_the_input():
    mlp = (HiddenLayer("swish", ratio=0.8), HiddenLayer("swish", ratio=0.4))
    picture = mlp_picture(Architecture(mlp=mlp), has_behavior=False)
    assert "80% of the input, Swish" in texts(picture)
    assert widths(picture)[0] == 2 * widths(picture)[1]


def test_what_the_mlp_reads():
    architecture = Architecture(
        blocks=(Block("none", "conv_1", "relu"),),
        interactions=(("a", "b"),),
        mlp=(HiddenLayer("relu", units=8),),
        shortcut="squeeze_excitation",
        history_match="exact",
    )
    picture = mlp_picture(architecture, has_behavior=True)
    assert texts(picture)[0] == "Input: fields, interactions, behaviour and matches"
    assert "shortcut" in texts(picture)
    assert "brings the fields and interactions, weighted by squeeze and excitation" in picture
    assert "how often, and how lately" in picture


def test_nothing_is_drawn_of_what_is_not_there():
    assert behavior_picture(Architecture(), has_target=True) is None
    assert mlp_picture(Architecture(), has_behavior=True) is None
