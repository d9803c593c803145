"""An architecture as pictures: the chain of blocks, and the MLP as widths."""

from __future__ import annotations

from collections.abc import Sequence

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.report import words
from amer_tf.report.markup import Html, drawing, element, figure, joined

_WIDTH = 640
_CENTER = 320
_BOX = 44
_GAP = 30
_CHIP_WIDTHS = (104, 214, 84)
_CHIP_GAP = 14
_MLP_WIDEST = 420


def behavior_picture(architecture: Architecture, has_target: bool) -> Html | None:
    """The network that reads the history; None where there is none."""
    if not architecture.blocks:
        return None
    parts: list[Html] = []
    y = 8
    parts += _box(y, 300, "History of a user, one state an event", "io")
    y += _BOX
    for number, block in enumerate(architecture.blocks, 1):
        parts.append(_arrow(y, y + _GAP))
        parts += _block(y + _GAP, number, block, architecture.causal)
        y += _GAP + _BOX
    pooled = "Sum, newest state, attention from the target" if has_target else "Sum, newest state"
    parts.append(_arrow(y, y + _GAP))
    parts += _box(y + _GAP, 380, pooled, "io")
    in_words = "; ".join(
        f"block {number}: {_in_words(block, architecture.causal)}"
        for number, block in enumerate(architecture.blocks, 1)
    )
    image = drawing(_WIDTH, y + _GAP + _BOX + 8, f"Behaviour network. {in_words}.", *parts)
    text = (
        "Read from top to bottom. Each block transforms the states of all events and adds the "
        "result to what it was given (the line around it); a skipped block changes nothing."
    )
    if architecture.causal:
        text += (
            " The network is causal: an event sees older ones alone, so that in training each "
            "event asks for the next one."
        )
    return figure(image, text)


def _in_words(block: Block, causal: bool) -> str:
    if block.layer == "zero":
        return "skipped"
    names = (words.NORMS[block.norm], words.layer(block, causal))
    return ", ".join([*names, words.ACTIVATIONS[block.activation]])


def _block(y: int, number: int, block: Block, causal: bool) -> list[Html]:
    """The three parts of a block side by side, and the way around them."""
    left = _CENTER - (sum(_CHIP_WIDTHS) + 2 * _CHIP_GAP) // 2
    right = 2 * _CENTER - left
    parts = [_text(left - 24, y + _BOX // 2, str(number), "soft")]
    if block.layer == "zero":
        return [*parts, *_box(y, right - left, "Skipped", "skipped")]
    texts = (
        (words.NORMS[block.norm], block.norm == "none"),
        (words.layer(block, causal), False),
        (words.ACTIVATIONS[block.activation], block.activation == "identity"),
    )
    x = left
    for width, (text, is_empty) in zip(_CHIP_WIDTHS, texts, strict=True):
        kind = "skipped" if is_empty else "part"
        parts += _box(y, width, text, kind, x)
        if x > left:
            parts.append(_line(f"M{x - _CHIP_GAP} {y + _BOX // 2}H{x}"))
        x += width + _CHIP_GAP
    around = right + 22
    top, bottom = y - _GAP // 2, y + _BOX + 6
    parts.append(_line(f"M{_CENTER} {top}H{around}V{bottom}H{_CENTER + 8}", "around"))
    parts.append(_text(around + 14, y + _BOX // 2, "+", "soft"))
    return parts


def mlp_picture(architecture: Architecture, has_behavior: bool) -> Html | None:
    """The aggregation MLP; None where there is none."""
    if not architecture.mlp:
        return None
    widest = max(map(_share, architecture.mlp))
    inputs = ["fields"]
    if architecture.interactions and architecture.interactions_in_mlp:
        inputs.append("interactions")
    if has_behavior:
        inputs.append("behaviour")
    if architecture.history_match == "exact":
        inputs.append("matches")
    parts = _box(8, _MLP_WIDEST, f"Input: {_enumerated(inputs)}", "io")
    y = 8 + _BOX
    for layer in architecture.mlp:
        width = max(8, round(_MLP_WIDEST * _share(layer) / widest))
        parts.append(_arrow(y, y + _GAP))
        parts += _bar(y + _GAP, width, layer)
        y += _GAP + _BOX
    parts.append(_arrow(y, y + _GAP))
    parts += _box(y + _GAP, 220, "Chance of label 1", "io")
    if architecture.shortcut in words.SHORTCUTS:
        middle = y + _GAP + _BOX // 2
        side = _WIDTH - 22
        parts.append(
            _line(f"M{_CENTER + _MLP_WIDEST // 2} {8 + _BOX // 2}H{side}V{middle}H{_CENTER + 114}")
        )
        tip = _CENTER + 110
        head = f"M{tip + 8} {middle - 5}L{tip} {middle}L{tip + 8} {middle + 5}Z"
        parts.append(element("path", d=head, class_="head"))
        parts.append(
            element(
                "text", "shortcut", class_="soft", text_anchor="middle",
                transform=f"translate({side + 12} {(8 + middle) // 2}) rotate(90)",
            )
        )  # fmt: skip
    in_words = ", ".join(_units(layer) for layer in architecture.mlp)
    image = drawing(_WIDTH, y + _GAP + _BOX + 8, f"MLP with hidden layers: {in_words}.", *parts)
    return figure(image, _mlp_caption(architecture))


def _mlp_caption(architecture: Architecture) -> str:
    caption = "Each bar is a hidden layer, as wide as it has units."
    if architecture.history_match == "exact":
        caption += (
            " The matches say how often, and how lately, the history has the values of the target."
        )
    if architecture.shortcut in words.SHORTCUTS:
        inputs = "fields and interactions" if architecture.interactions else "fields"
        caption += (
            f" The shortcut on the right brings the {inputs}, "
            f"{words.SHORTCUTS[architecture.shortcut]}, past the MLP."
        )
    return caption


def _share(layer: HiddenLayer) -> float:
    return float(layer.units or layer.ratio or 0.0)


def _units(layer: HiddenLayer) -> str:
    activation = words.ACTIVATIONS[layer.activation]
    if layer.units is not None:
        return f"{layer.units:,} units, {activation}"
    return f"{layer.ratio:.0%} of the input, {activation}"


def _enumerated(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _bar(y: int, width: int, layer: HiddenLayer) -> list[Html]:
    """A layer whose width tells its size; what does not fit in stands beside it."""
    x, text = _CENTER - width // 2, _units(layer)
    bar = element("rect", x=x, y=y, width=width, height=_BOX, rx=6, class_="part")
    if width >= 170:
        return [bar, _text(_CENTER, y + _BOX // 2, text)]
    return [bar, _text(x + width + 10, y + _BOX // 2, text, "ink", "start")]


def _box(y: int, width: int, text: str, kind: str, x: int | None = None) -> list[Html]:
    x = _CENTER - width // 2 if x is None else x
    return [
        element("rect", x=x, y=y, width=width, height=_BOX, rx=8, class_=kind),
        _text(x + width // 2, y + _BOX // 2, text, "soft" if kind == "skipped" else "ink"),
    ]


def _text(x: int, y: int, text: str, kind: str = "ink", anchor: str = "middle") -> Html:
    return element(
        "text", text, x=x, y=y, class_=kind, text_anchor=anchor, dominant_baseline="central"
    )


def _arrow(start: int, end: int) -> Html:
    return joined(
        [
            _line(f"M{_CENTER} {start}V{end - 4}"),
            element("path", d=f"M{_CENTER - 5} {end - 8}L{_CENTER} {end}L{_CENTER + 5} {end - 8}Z",
                    class_="head"),
        ]
    )  # fmt: skip


def _line(path: str, kind: str = "line") -> Html:
    return element("path", d=path, class_=kind)
