"""Every public layer, with small inputs that reach all of its branches."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from amer_tf import layers

BATCH, STEPS, UNITS = 4, 6, 8
_LENGTHS = (6, 3, 1, 0)
_RANDOM = np.random.default_rng(0)

MASK = np.arange(STEPS) < np.array(_LENGTHS)[:, None]
STATES = _RANDOM.normal(size=(BATCH, STEPS, UNITS)).astype("float32") * MASK[..., None]
TARGET = _RANDOM.normal(size=(BATCH, UNITS)).astype("float32")
POOLED = _RANDOM.normal(size=(BATCH, UNITS)).astype("float32")

NAMES = tuple(layers.LAYER_FACTORIES)
_SLOTS = len(NAMES)
PATHS = {
    "states": _RANDOM.normal(size=(_SLOTS, BATCH, STEPS, UNITS)).astype("float32")
    * MASK[..., None],
    "mask": np.broadcast_to(MASK, (_SLOTS, BATCH, STEPS)),
    "norm_choice": np.eye(2, dtype="float32")[np.arange(_SLOTS) % 2],
    "activation_choice": np.eye(4, dtype="float32")[np.arange(_SLOTS) // 2 % 4],
    "target": _RANDOM.normal(size=(_SLOTS, BATCH, UNITS)).astype("float32"),
}
EVENT_IDS = np.array([[5, 2, 0], [3, 3, 4]], "int32")
ATTENTION = np.random.default_rng(1).random((BATCH, STEPS)).astype("float32")
EVENTS = np.random.default_rng(2).normal(size=(BATCH, STEPS, 5)).astype("float32")
GAPS = np.array([[0, 1, 8, 1, 1, 19], [5, 1, 14, 0, 0, 0], [3] + [0] * 5, [0] * 6], "float32")
SESSIONS = np.random.default_rng(3).normal(size=(BATCH, 2, 3, UNITS)).astype("float32")
SESSION_MASK = np.arange(6).reshape(2, 3) >= np.array([0, 2, 4, 6])[:, None, None]
ITEM_IDS = np.array([[0, 1, 2], [3, 4, 0], [2, 2, 2], [0, 0, 0]], "int32")
TABLE = np.array([[0, 0, 0], [1, 1, 0], [2, 3, 4], [3, 5, 0], [4, 2, 0]], "int32")


@dataclasses.dataclass(frozen=True)
class Description:
    """What `helpers.check_layer` takes."""

    cls: type[keras.layers.Layer]
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]
    output_shape: Any
    num_weights: int
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        return {"cls": self.cls, "config": self.config, "inputs": self.inputs}

    @property
    def static_batch(self) -> bool:
        return bool(self.options.get("static_batch", False))


_SEQUENCE = {"states": STATES, "mask": MASK}
_TARGETED = {"states": STATES, "target": TARGET, "states_mask": MASK}
_BLOCK = {"states": STATES, "mask": MASK, "target": TARGET}

DESCRIPTIONS = {
    "AdditiveAttentionPooling": Description(
        layers.AdditiveAttentionPooling,
        {"use_bias": True},
        {"states": STATES, "context": TARGET, "states_mask": MASK},
        POOLED.shape,
        4,
    ),
    "AttentionalGru": Description(
        layers.AttentionalGru,
        {},
        {"states": STATES, "attention": ATTENTION, "states_mask": MASK},
        STATES.shape,
        3,
    ),
    "Bias": Description(layers.Bias, {}, {"inputs": TARGET}, TARGET.shape, 1),
    "BidirectionalGru": Description(layers.BidirectionalGru, {}, _SEQUENCE, STATES.shape, 4),
    "BiInteraction": Description(
        layers.BiInteraction, {}, {"fields": STATES}, POOLED.shape, 0, {"gradient": False}
    ),
    "BilinearAttention": Description(layers.BilinearAttention, {}, _TARGETED, MASK.shape, 1),
    "BilinearInteraction": Description(
        layers.BilinearInteraction, {"kind": "each"}, {"fields": STATES}, (BATCH, 15, UNITS), 1
    ),
    "CatalogLookup": Description(
        layers.CatalogLookup,
        {"columns": {"brand": [0, 1], "tags": [1, 2]}, "num_items": 5, "table": TABLE},
        {"item_ids": ITEM_IDS},
        {"brand": (4, 3), "tags": (4, 3, 2)},
        1,
        {"not_in_config": ["table"], "gradient": False},
    ),
    "ChoiceBlock": Description(
        layers.ChoiceBlock,
        {"layers": list(NAMES), "dropout": 0.1},
        PATHS,
        PATHS["states"].shape,
        # norm 2, five convolutions 2 each, Bi-GRU 4, two attentions 4 each, from target 5
        2 + 10 + 4 + 8 + 5,
        {"static_batch": True},
    ),
    "ClozeMask": Description(
        layers.ClozeMask,
        {"rate": 0.4, "seed": 3},
        {"valid": MASK},
        {"mask": (BATCH, STEPS + 1), "asked": (BATCH, STEPS + 1)},
        0,
        {"gradient": False},
    ),
    "CompressedInteraction": Description(
        layers.CompressedInteraction, {"sizes": [5, 3]}, {"fields": STATES}, (BATCH, 8), 2
    ),
    "ConstantScores": Description(
        layers.ConstantScores,
        {"num_scores": 5},
        {"inputs": ITEM_IDS},
        (4, 5),
        1,
        {"gradient": False},
    ),
    "Cross": Description(
        layers.Cross, {}, {"inputs": TARGET, "states": POOLED}, (BATCH, UNITS), 2, {}
    ),
    "Dice": Description(
        layers.Dice, {"momentum": 0.9, "epsilon": 1e-6}, {"inputs": POOLED}, POOLED.shape, 3
    ),
    "EmptyHistory": Description(
        layers.EmptyHistory, {}, {"pooled": POOLED, "mask": MASK}, POOLED.shape, 1
    ),
    "EventDropout": Description(
        layers.EventDropout, {"rate": 0.4, "seed": 3}, {"ids": EVENT_IDS}, EVENT_IDS.shape, 0
    ),
    "FactorizationMachine": Description(
        layers.FactorizationMachine, {}, {"fields": STATES}, (BATCH, 1), 0, {"gradient": False}
    ),
    "FeatureCross": Description(
        layers.FeatureCross, {}, {"x0": TARGET, "x": POOLED}, TARGET.shape, 2
    ),
    "FieldReweighting": Description(
        layers.FieldReweighting, {"reduction_ratio": 2}, {"fields": STATES}, STATES.shape, 2
    ),
    "FusedDropout": Description(
        layers.FusedDropout,
        {"rate": 0.7, "noise_shape": [None, 1, 1], "seed": 3},
        {"inputs": STATES},
        STATES.shape,
        0,
    ),
    "FusedEmbedding": Description(
        layers.FusedEmbedding,
        {
            "num_rows": {"item": 7, "brand": 5},
            "fields": {"history": "item", "target": "item", "brand": "brand"},
            "embedding_dim": 3,
            "l2": 0.1,
        },
        {
            "inputs": {
                "history": ITEM_IDS,
                "target": np.array([1, 2, 3, 0], "int32"),
                "brand": np.array([[[1, 2]], [[3, 0]], [[4, 4]], [[0, 0]]], "int32"),
            }
        },
        {"history": (4, 3, 3), "target": (4, 3), "brand": (4, 1, 2, 3)},
        1,
    ),
    "GatedGraph": Description(
        layers.GatedGraph,
        {"num_rounds": 2},
        {
            "states": STATES,
            "same": np.eye(STEPS, dtype="float32") * MASK[:, None],
            "outgoing": np.eye(STEPS, k=1, dtype="float32") * MASK[:, None],
            "incoming": np.eye(STEPS, k=-1, dtype="float32") * MASK[:, :, None],
        },
        STATES.shape,
        5,
    ),
    "HadamardProducts": Description(
        layers.HadamardProducts,
        {"interactions": [[0, 5], [1, 2, 4], [3]]},
        {"embeddings": STATES},
        (BATCH, 3, UNITS),
        0,
        {"gradient": False},
    ),
    "HashedCross": Description(
        layers.HashedCross,
        {"num_rows": {"user": 300, "tags": 7, "words": 9}, "num_buckets": 1000},
        {
            "ids": {
                "user": np.array([1, 250, 299, 0], "int32"),
                "tags": np.array([[2, 6], [3, 0], [0, 0], [1, 1]], "int32"),
                "words": np.array([[8, 1, 0], [3, 4, 5], [1, 2, 3], [0, 0, 2]], "int32"),
            }
        },
        (4, 6),
        0,
        {"gradient": False},
    ),
    "HistoryMatch": Description(
        layers.HistoryMatch,
        {},
        {
            "history": np.array(
                [[5, 2, 5, 1, 3, 5], [2, 2, 3, 0, 0, 0], [7, 0, 0, 0, 0, 0], [0] * 6]
            ),
            "target": np.array([5, 3, 4, 5]),
            "history_mask": MASK,
        },
        (BATCH, 2),
        0,
        {"gradient": False},
    ),
    "InnerProducts": Description(
        layers.InnerProducts,
        {"pairs": [[0, 5], [3, 1]]},
        {"fields": STATES},
        (BATCH, 2),
        0,
        {"gradient": False},
    ),
    "ItemItemScores": Description(
        layers.ItemItemScores,
        {"num_items": 3},
        {"ids": ITEM_IDS},
        (4, 5),
        1,
        {"gradient": False},
    ),
    "LastPooling": Description(layers.LastPooling, {}, _SEQUENCE, POOLED.shape, 0),
    "LocalActivationUnit": Description(
        layers.LocalActivationUnit, {"hidden_units": [5, 3]}, _TARGETED, MASK.shape, 8
    ),
    "MaskedLayerNormalization": Description(
        layers.MaskedLayerNormalization, {"epsilon": 1e-5}, _SEQUENCE, STATES.shape, 2
    ),
    "MaskToken": Description(
        layers.MaskToken,
        {},
        {"states": STATES, "asked": np.pad(MASK, [(0, 0), (1, 0)])},
        (BATCH, STEPS + 1, UNITS),
        1,
    ),
    "MultiHotPooling": Description(
        layers.MultiHotPooling,
        {"combiner": "mean"},
        {"embeddings": STATES, "mask": MASK},
        POOLED.shape,
        0,
    ),
    "NewestSteps": Description(
        layers.NewestSteps,
        {"num_steps": 3},
        _SEQUENCE,
        (BATCH, 3, UNITS),
        0,
        {"gradient": False},
    ),
    "NextEventLoss": Description(
        layers.NextEventLoss,
        {"hidden_units": [4, 3], "weight": 0.5},
        {"states": STATES, "events": EVENTS, "states_mask": MASK},
        STATES.shape,
        6,
    ),
    "NumberBuckets": Description(
        layers.NumberBuckets,
        {"boundaries": [-0.5, 0.0, 0.25]},
        {"numbers": np.array([[-1.0, -0.5], [-0.1, 0.0], [0.2, 0.25], [0.3, 9.0]], "float32")},
        (4, 2),
        0,
        {"gradient": False},
    ),
    "PaddingMask": Description(
        layers.PaddingMask, {}, {"ids": ITEM_IDS}, ITEM_IDS.shape, 0, {"gradient": False}
    ),
    "PickScores": Description(
        layers.PickScores,
        {},
        {"scores": TARGET, "ids": ITEM_IDS},
        ITEM_IDS.shape,
        0,
        {"gradient": False},
    ),
    "PlattScaling": Description(layers.PlattScaling, {}, {"logits": TARGET}, TARGET.shape, 2),
    "ProductAttention": Description(
        layers.ProductAttention, {"units": 5}, {"products": STATES}, POOLED.shape, 3
    ),
    "RecencyPositionEmbedding": Description(
        layers.RecencyPositionEmbedding, {"max_length": 4}, _SEQUENCE, STATES.shape, 1
    ),
    "ResidualBlock": Description(
        layers.ResidualBlock,
        {
            "norm": "layer_norm",
            "layer": "target_attention",
            "activation": "gelu",
            "dropout": 0.1,
            "drop_operation": 0.2,
        },
        _BLOCK,
        STATES.shape,
        7,
    ),
    "SelfAttention": Description(
        layers.SelfAttention, {"num_heads": 2}, _SEQUENCE, STATES.shape, 4
    ),
    "SequenceConvolution": Description(
        layers.SequenceConvolution,
        {"kernel_size": 3, "dilation_rate": 2, "causal": True},
        _SEQUENCE,
        STATES.shape,
        2,
    ),
    "SessionBias": Description(
        layers.SessionBias, {}, {"states": SESSIONS, "mask": SESSION_MASK}, SESSIONS.shape, 3
    ),
    "SessionDivision": Description(
        layers.SessionDivision,
        {"num_sessions": 2, "session_length": 3, "max_gap": 5.0},
        {"states": STATES, "gaps": GAPS, "states_mask": MASK},
        {
            "states": SESSIONS.shape,
            "events": SESSION_MASK.shape,
            "sessions": SESSION_MASK.shape[:-1],
        },
        0,
        {"gradient": False},
    ),
    "SessionGraph": Description(
        layers.SessionGraph,
        {},
        {"ids": np.array([[5, 2, 5, 3], [4, 4, 0, 0]], "int32"), "valid": MASK[:2, :4]},
        dict.fromkeys(("same", "outgoing", "incoming"), (2, 4, 4)),
        0,
        {"gradient": False},
    ),
    "SessionInterest": Description(
        layers.SessionInterest,
        {"num_heads": 2},
        {"states": SESSIONS, "mask": SESSION_MASK},
        (BATCH, 2, UNITS),
        8,
    ),
    "SqueezeExcitation": Description(
        layers.SqueezeExcitation, {}, {"features": STATES}, POOLED.shape, 3
    ),
    "RunningSum": Description(
        layers.RunningSum, {}, _SEQUENCE, STATES.shape, 0, {"gradient": False}
    ),
    "SumPooling": Description(layers.SumPooling, {}, _SEQUENCE, POOLED.shape, 0),
    "TargetAttention": Description(
        layers.TargetAttention, {"hidden_units": [5]}, _TARGETED, STATES.shape, 5
    ),
    "TargetAttentionPooling": Description(
        layers.TargetAttentionPooling, {"hidden_units": [5]}, _TARGETED, POOLED.shape, 5
    ),
    "WindowPooling": Description(
        layers.WindowPooling, {"mode": "max", "size": 3}, _SEQUENCE, STATES.shape, 0
    ),
    "Zero": Description(layers.Zero, {}, _SEQUENCE, STATES.shape, 0),
}
