"""Small specs and models of task ctr with behaviour, and raw rows for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    Normalization,
    NumericField,
    Vocabulary,
)
from amer_tf.models import aggregation
from tests.export.small_models import Case, Row, make

ADS = ("été", " lead", "1", "-1")


def hybrid(
    targets: bool = True,
    layer: str = "bi_gru",
    dropout: float = 0.0,
    history_match: str = "none",
    **changes: Any,
) -> Case:
    """Task ctr with behaviour: fields of every kind in every place.

    Args:
        targets: Whether target fields are mapped to behaviour, so that the model attends from them.
        layer: That of the last block.
        dropout: Rate of every dropout.
        history_match: As in `Architecture`.
        **changes: Other attributes of the spec.
    """
    age = Normalization(10.0, 90.0, 33.0)
    spec = FeatureSpec(
        fields=(
            NumericField("history_gap", "behavior", Normalization(0.0, 5.0, 2.0, log=True)),
            MultiValuedField("history_tags", "behavior", "tags", max_values=2),
            CategoricalField("history_ad", "behavior", "ad"),
            CategoricalField("history_page", "behavior", "page"),
            CategoricalField("country"),
            MultiValuedField("hobbies", max_values=2, combiner="mean"),
            CategoricalField("hour", "context"),
            NumericField("age", "context", age),
            NumericField("price", "target", Normalization(0.0, 9.0, 4.0)),
            CategoricalField("ad", "target"),
            MultiValuedField("tags", "target", max_values=2),
        ),
        vocabularies=(
            Vocabulary("ad", "values", values=ADS),
            Vocabulary("tags", "values", dtype="int64", values=(5, 7, -1)),
            Vocabulary("page", "hash", dtype="int64", size=5),
            Vocabulary("country", "hash", size=5),
            Vocabulary("hobbies", "values", values=("chess", "go", "tea")),
            Vocabulary("hour", "integer", dtype="int64", size=24),
        ),
        label="click",
        max_length=4,
        target_to_behavior={"ad": "history_ad", "tags": "history_tags"} if targets else {},
    )
    architecture = Architecture(
        blocks=(
            Block("layer_norm", "conv_3", "relu"),
            Block("none", "self_attention_2", "gelu"),
            Block("layer_norm", layer, "identity"),
        ),
        interactions=(("ad", "country"), ("ad", "hour", "tags")),
        mlp=(HiddenLayer("relu", units=6), HiddenLayer("dice", units=4)),
        shortcut="squeeze_excitation",
        history_match=history_match,
    )
    rates = {"dropout": dropout, "drop_operation": dropout, "drop_event": dropout}
    case = make(dataclasses.replace(spec, **changes), architecture, **rates)
    # Weights that tell any two rows apart, and logits of a size that float32 rounds well.
    random = np.random.default_rng(0)
    for weight in case.model.trainable_weights:
        fan_in = 6 if weight.path.endswith("table") else max(4, np.prod(weight.shape[:-1]))
        weight.assign(random.normal(0.0, fan_in**-0.5, weight.shape))
    aggregation.calibrate(case.model, 0.8, -1.0)
    return case


# With attention from the target at the end, without any, and inside a block too; and with matches
# of the target in the history. Dropout, where there is some, is off in an export.
HYBRIDS = {
    "attention": lambda: hybrid(dropout=0.5),
    "sums": lambda: hybrid(targets=False),
    "attending block": lambda: hybrid(layer="target_attention", history_match="exact"),
    "matches": lambda: hybrid(history_match="exact"),
}
DEFAULT = "attention"
# To trace an export takes long: two of them stand for all where time is short.
EVERY_HYBRID = pytest.mark.parametrize(
    "exported",
    [
        pytest.param(name, marks=() if name in (DEFAULT, "attending block") else pytest.mark.slow)
        for name in HYBRIDS
    ],
    indirect=True,
)
HYBRID_ROWS: tuple[Row, ...] = (
    {"ad": "été", "price": 1.0},
    {
        "history_ad": ["1", "été", "-1"],
        "history_gap": [0.5, None, 40.0],
        "history_tags": [[5], [7, -1, 5], []],
        "history_page": [2**40, 0, None],
        "country": "nl",
        "hobbies": ["go", "tea", "chess"],
        "hour": 3,
        "age": 20.5,
        "ad": "1",
        "tags": [7, 5],
        "price": 2.5,
    },
    # Unknown and missing values of every kind, and a history longer than the model reads.
    {
        "history_ad": ["no such", None, *ADS, None, "nor this", "1"],
        "history_gap": [float(step) for step in range(9)],
        "history_tags": [[step, 5] for step in range(9)],
        "country": "",
        "hobbies": ["no such"],
        "hour": 24,
        "age": 200.0,
        "ad": "no such",
        "tags": [6, -1, 5],
        "price": -3.0,
    },
    {"history_ad": [], "hobbies": [], "ad": "", "tags": []},
    {"history_ad": [" lead"], "history_page": [7], "ad": " lead", "price": None},
)


def random_rows(count: int, seed: int = 0) -> list[Row]:
    """Raw rows for `hybrid`, among them missing columns, unknown values and no history."""
    random = np.random.default_rng(seed)

    def draw(values: Sequence[Any]) -> Any:
        return values[random.integers(len(values))]

    def some(values: Sequence[Any], most: int) -> list[Any]:
        return [draw(values) for _ in range(random.integers(most + 1))]

    rows = []
    for _ in range(count):
        steps = int(random.integers(10))
        row: dict[str, Any] = {
            "history_ad": [draw([*ADS, "new", None]) for _ in range(steps)],
            "history_gap": [draw([None, 0.0, 1.5, 40.0, -2.0]) for _ in range(steps)],
            "history_tags": [some([5, 7, -1, 9], 3) for _ in range(steps)],
            "history_page": [draw([None, 3, 2**50, -8]) for _ in range(steps)],
            "country": draw(["nl", "de", "fr"]),
            "hobbies": some(["go", "tea", "new"], 3),
            "hour": draw([0, 12, 23, 99, -5]),
            "age": draw([5.0, 18.0, 40.0, 71.5]),
            "price": draw([0.0, 3.25, 8.0, 1e6]),
            "ad": draw([*ADS, "new", ""]),
            "tags": some([5, 7, -1, 9], 3),
        }
        dropped = {name for name in row if random.random() < 0.1}
        if "history_ad" in dropped:
            dropped |= {name for name in row if name.startswith("history")}
        rows.append({name: value for name, value in row.items() if name not in dropped})
    return rows
