"""What a search decides, as plain data: blocks, interactions and the aggregation MLP."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

VERSION = 1
_Part = TypeVar("_Part")

LAYERS = (
    "conv_1",
    "conv_3",
    "dilated_conv_3",
    "dilated_conv_5",
    "dilated_conv_7",
    "average_pool_3",
    "max_pool_3",
    "bi_gru",
    "self_attention_2",
    "self_attention_4",
    "target_attention",
    "zero",
)
NORMS = ("layer_norm", "none")
ACTIVATIONS = ("relu", "gelu", "swish", "identity")
MLP_ACTIVATIONS = ("relu", "swish", "identity", "dice")
SHORTCUTS = ("squeeze_excitation", "sum", "none")
HISTORY_MATCHES = ("exact", "none")


class ArchitectureError(ValueError):
    """An architecture that is wrong in itself or does not fit a FeatureSpec."""


def _require_choice(place: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ArchitectureError(
            f"`{place}` must be one of {', '.join(choices)}. Received: {place}={value!r}"
        )


def _require_keys(
    place: str, data: object, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ArchitectureError(f"{place} must be an object. Received: {data!r}")
    missing = [key for key in required if key not in data]
    unknown = [key for key in data if key not in required + optional]
    if missing:
        raise ArchitectureError(f"{place} lacks {missing}. Received: {dict(data)!r}")
    if unknown:
        raise ArchitectureError(
            f"{place} has unknown keys {unknown}; known are {list(required + optional)}. "
            f"Received: {dict(data)!r}"
        )
    return data


def _require_list(place: str, value: object) -> tuple[Any, ...]:
    # Python would take a text letter by letter and an object key by key.
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise ArchitectureError(f"{place} must be a list. Received: {value!r}")
    return tuple(value)


@dataclasses.dataclass(frozen=True)
class Block:
    """One residual block of stage 1: `H = Act(Layer(Norm(H))) + H` (paper, equation 3).

    Args:
        norm: One of `NORMS`.
        layer: One of `LAYERS`; `"zero"` skips the block.
        activation: One of `ACTIVATIONS`.
    """

    norm: str
    layer: str
    activation: str

    def __post_init__(self) -> None:
        _require_choice("norm", self.norm, NORMS)
        _require_choice("layer", self.layer, LAYERS)
        _require_choice("activation", self.activation, ACTIVATIONS)

    def canonical(self) -> Block:
        """The same function under one name: a skipped block has no norm and no activation."""
        return Block("none", "zero", "identity") if self.layer == "zero" else self

    def __str__(self) -> str:
        if self.layer == "zero":
            return "zero"
        norm = "layer_norm > " if self.norm == "layer_norm" else ""
        activation = "" if self.activation == "identity" else f" > {self.activation}"
        return f"{norm}{self.layer}{activation}"


@dataclasses.dataclass(frozen=True)
class HiddenLayer:
    """One hidden layer of the aggregation MLP: `Act(W h + b)` (paper, equation 4).

    Args:
        activation: One of `MLP_ACTIVATIONS`.
        units: Positive integer, the layer's size; or None when `ratio` is given.
        ratio: Size as a fraction of `K_0`, in (0, 1]: `int(ratio * K_0)` units; or None.
    """

    activation: str
    units: int | None = None
    ratio: float | None = None

    def __post_init__(self) -> None:
        _require_choice("activation", self.activation, MLP_ACTIVATIONS)
        if (self.units is None) == (self.ratio is None):
            raise ArchitectureError(
                "A hidden layer takes exactly one of `units` and `ratio`. "
                f"Received: units={self.units!r}, ratio={self.ratio!r}"
            )
        if self.units is not None and (type(self.units) is not int or self.units < 1):
            raise ArchitectureError(
                f"`units` must be a positive integer. Received: units={self.units!r}"
            )
        if self.ratio is not None and not (
            type(self.ratio) in (int, float) and 0.0 < self.ratio <= 1.0
        ):
            raise ArchitectureError(f"`ratio` must be in (0, 1]. Received: ratio={self.ratio!r}")

    def size(self, input_size: int) -> int:
        """Units of this layer for an MLP input of `input_size` (`K_0` in the paper)."""
        if type(input_size) is not int or input_size < 1:
            raise ArchitectureError(
                f"`input_size` must be a positive integer. Received: input_size={input_size!r}"
            )
        if self.units is not None:
            return self.units
        assert self.ratio is not None
        # A ratio such as 0.7 is not exact in binary: 0.7 * 10 must give 7, not 6.
        return max(1, int(round(self.ratio * input_size, 6)))


@dataclasses.dataclass(frozen=True)
class Architecture:
    """All that a search decides about a model.

    Args:
        blocks: Residual blocks of the behaviour network, in order.
        interactions: Hadamard products of non-sequential fields: each a tuple of two or more
            different field names. Stored sorted, since `(a, b)` and `(b, a)` are one.
        mlp: Hidden layers of the aggregation MLP, in order.
        shortcut: One of `SHORTCUTS`: what stands beside the MLP over fields and interactions
            (paper, equation 5, and Table 3).
        interactions_in_mlp: Whether the interactions are inputs of the MLP (paper, Table 3).
        history_match: One of `HISTORY_MATCHES`: `"exact"` lets the MLP read how often, and how
            lately, the history has each field of the target itself (not in the paper).
        causal: Whether no step of the behaviour network sees a newer one (not in the paper):
            convolutions and poolings look back, attention sees older steps, and both halves of a
            Bi-GRU read forward. Such a network can be trained at every position, as SASRec is.

    Raises:
        ArchitectureError: Where a part is wrong; the message names the place and the value.
    """

    blocks: tuple[Block, ...] = ()
    interactions: tuple[tuple[str, ...], ...] = ()
    mlp: tuple[HiddenLayer, ...] = ()
    shortcut: str = "none"
    interactions_in_mlp: bool = True
    history_match: str = "none"
    causal: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", _require_list("`blocks`", self.blocks))
        object.__setattr__(self, "mlp", _require_list("`mlp`", self.mlp))
        object.__setattr__(self, "interactions", _sorted_interactions(self.interactions))
        for index, block in enumerate(self.blocks):
            if not isinstance(block, Block):
                raise ArchitectureError(f"blocks[{index}] must be a Block. Received: {block!r}")
        for index, layer in enumerate(self.mlp):
            if not isinstance(layer, HiddenLayer):
                raise ArchitectureError(f"mlp[{index}] must be a HiddenLayer. Received: {layer!r}")
        _require_choice("shortcut", self.shortcut, SHORTCUTS)
        _require_choice("history_match", self.history_match, HISTORY_MATCHES)
        for name in ("interactions_in_mlp", "causal"):
            value = getattr(self, name)
            if type(value) is not bool:
                raise ArchitectureError(
                    f"`{name}` must be true or false. Received: {name}={value!r}"
                )

    def canonical(self) -> Architecture:
        """The same function under one name, so that equal models are scored once."""
        return dataclasses.replace(self, blocks=tuple(block.canonical() for block in self.blocks))

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "blocks": [dataclasses.asdict(block) for block in self.blocks],
            "interactions": [list(interaction) for interaction in self.interactions],
            "mlp": [dataclasses.asdict(layer) for layer in self.mlp],
            "shortcut": self.shortcut,
            "interactions_in_mlp": self.interactions_in_mlp,
            "history_match": self.history_match,
            "causal": self.causal,
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, data: object) -> Architecture:
        """Rebuilds an architecture from `to_dict`, refusing what it does not know."""
        data = _require_keys(
            "An architecture",
            data,
            ("version", "blocks"),
            ("interactions", "mlp", "shortcut", "interactions_in_mlp", "history_match", "causal"),
        )
        if type(data["version"]) is not int or data["version"] != VERSION:
            raise ArchitectureError(
                f"This library reads architectures of version {VERSION}. "
                f"Received: version={data['version']!r}"
            )
        blocks = [
            _construct(Block, f"blocks[{index}]", block, ("norm", "layer", "activation"))
            for index, block in enumerate(_require_list("`blocks`", data["blocks"]))
        ]
        mlp = [
            _construct(HiddenLayer, f"mlp[{index}]", layer, ("activation",), ("units", "ratio"))
            for index, layer in enumerate(_require_list("`mlp`", data.get("mlp", ())))
        ]
        return cls(
            blocks=tuple(blocks),
            interactions=data.get("interactions", ()),
            mlp=tuple(mlp),
            shortcut=data.get("shortcut", "none"),
            interactions_in_mlp=data.get("interactions_in_mlp", True),
            history_match=data.get("history_match", "none"),
            causal=data.get("causal", False),
        )

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Rebuilds an architecture from the text of `to_json`."""
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise ArchitectureError(
                f"An architecture must be JSON: {error}. Received: {text[:60]!r}"
            ) from error
        return cls.from_dict(data)

    def __str__(self) -> str:
        blocks = [str(block) for block in self.blocks if block.layer != "zero"]
        parts = ["causal"] if self.causal else []
        parts += [" | ".join(blocks)] if blocks else []
        parts += ["history match"] if self.history_match == "exact" else []
        parts += ["*".join(interaction) for interaction in self.interactions]
        parts += [f"{layer.units or layer.ratio} {layer.activation}" for layer in self.mlp]
        return "; ".join(parts) or "zero"


def _construct(
    kind: type[_Part],
    place: str,
    data: object,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> _Part:
    """A part from a JSON object; what is wrong with it is said with its place."""
    arguments = _require_keys(place, data, required, optional)
    try:
        return kind(**arguments)
    except ArchitectureError as error:
        raise ArchitectureError(f"{place} is wrong: {error}") from error


def _sorted_interactions(interactions: object) -> tuple[tuple[str, ...], ...]:
    result: dict[tuple[str, ...], None] = {}  # a set that keeps the order
    for index, entry in enumerate(_require_list("`interactions`", interactions)):
        place = f"interactions[{index}]"
        names = _require_list(place, entry)
        if not all(isinstance(name, str) and name for name in names):
            raise ArchitectureError(f"{place} must hold field names only. Received: {names!r}")
        interaction = tuple(sorted(names))
        if len(interaction) < 2:
            raise ArchitectureError(
                f"{place} must have at least two fields. Received: {interaction!r}"
            )
        if len(set(interaction)) < len(interaction):
            raise ArchitectureError(
                f"{place} must not use a field twice. Received: {interaction!r}"
            )
        if interaction in result:
            raise ArchitectureError(f"{place} stands twice. Received: {interaction!r}")
        result[interaction] = None
    return tuple(result)
