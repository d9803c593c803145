"""Small specs and models to export, and what Python makes of raw rows for them."""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from amer_tf.architecture import Architecture, Block
from amer_tf.export import export
from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    Normalization,
    NumericField,
    Vocabulary,
)
from amer_tf.models import amer
from tests import helpers

Row = Mapping[str, Any]

# Values on which a parser of lines could stumble; "" cannot be told from no value at all.
ITEMS = ("item 1", " lead", "tab\tin", "été", '"quoted"', "-1", "1")
NUMBERS = (100, -7, 2**40, 0, 2**63 - 1)


@dataclasses.dataclass(frozen=True)
class Case:
    """A model and what it was built from."""

    spec: FeatureSpec
    architecture: Architecture
    model: keras.Model

    @property
    def history(self) -> str:
        """The column that tells which steps there are: the first of behaviour with one id each."""
        return next(
            field.name
            for field in self.spec.with_role("behavior")
            if isinstance(field, CategoricalField)
        )

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that every request carries."""
        if self.spec.task == "next_item":
            return (self.history,)
        return ("ad",) if self.spec.target_to_behavior else ("price",)

    @property
    def items(self) -> list[Any]:
        """Raw items in the order of their ids."""
        return _values(self.spec.vocabulary("item_id"))

    def scores(self, rows: Sequence[Row], candidates: Sequence[Sequence[Any]]) -> Any:
        """What the Python model says of raw rows and candidates."""
        inputs = self.inputs(rows)
        vocabulary = self.spec.vocabulary("item_id")
        inputs["item_id"] = np.array(
            [[encode(vocabulary, item) for item in row] for row in candidates], "int32"
        ).reshape(len(rows), -1)
        return np.asarray(self.model(inputs, training=False))

    def logits(self, rows: Sequence[Row]) -> Any:
        """What the Python model of task ctr says of raw rows."""
        return np.asarray(self.model(self.inputs(rows), training=False))

    def inputs(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Raw rows as the model reads them; None, or an absent column, is a missing value."""
        return {
            field.name: np.array([self._encoded(field, row) for row in rows])
            for field in self.spec.input_fields
        }

    def _encoded(self, field: Any, row: Row) -> Any:
        if field.role != "behavior":
            return self.encoded(field, row.get(field.name))
        history = row.get(self.history) or []
        values = (row.get(field.name) if history else None) or [None] * len(history)
        kept = [
            self.encoded(field, value)
            for item, value in zip(history, values, strict=True)
            if item is not None
        ][-self.spec.max_length :]
        padding = np.zeros_like(self.encoded(field, None))
        return np.array([*kept, *[padding] * (self.spec.max_length - len(kept))])

    def encoded(self, field: Any, value: Any) -> Any:
        """One raw value as the model reads it."""
        if isinstance(field, NumericField):
            return np.float32(normalized(field.normalization, value))
        vocabulary = self.spec.vocabulary(field.name)
        if not isinstance(field, MultiValuedField):
            return np.int32(encode(vocabulary, value))
        ids = [encode(vocabulary, entry) for entry in value or [] if entry is not None]
        ids = ids[: field.max_values]
        return np.array(ids + [0] * (field.max_values - len(ids)), "int32")


@dataclasses.dataclass(frozen=True)
class Exported:
    """An export of a case, loaded again."""

    case: Case
    folder: pathlib.Path
    loaded: Any

    def ask(self, signature: str, **inputs: Any) -> dict[str, Any]:
        """The answer as arrays; inputs that are not given are left out as servers would."""
        function = self.loaded.signatures[signature]
        tensors = {}
        for name, spec in function.structured_input_signature[1].items():
            default = {"k": 10, "exclude_seen": True}.get(name)
            if name in inputs:
                tensors[name] = tf.constant(inputs[name], spec.dtype)
            else:
                tensors[name] = (
                    tf.zeros([0] * spec.shape.rank, spec.dtype)
                    if default is None
                    else tf.constant(default)
                )
        return {name: value.numpy() for name, value in function(**tensors).items()}

    def columns(self, rows: Sequence[Row], left: int = 0, right: int = 0) -> dict[str, Any]:
        """Raw rows as the padded columns of a request, with so many more missing steps beside."""
        steps = max(len(row.get(self.case.history) or []) for row in rows)
        columns = {}
        for field in self.case.spec.input_fields:
            values = [row.get(field.name) for row in rows]
            if all(value is None for value in values) and field.name not in self.case.required:
                continue
            if field.role == "behavior":
                lists = [value or [] for value in values]
                values = [
                    [*[None] * left, *value, *[None] * (steps - len(value) + right)]
                    for value in lists
                ]
            columns[field.name] = _dense(values, *self._shape(field))
        return columns

    def flat_columns(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Raw rows with the steps of all of them in one list, as `predict_ragged` takes them."""
        columns = self.columns(rows)
        lengths = [len(row.get(self.case.history) or []) for row in rows]
        columns["row_splits"] = np.cumsum([0, *lengths])
        for field in self.case.spec.with_role("behavior"):
            if field.name in columns:
                padded = columns[field.name]
                columns[field.name] = [
                    entry
                    for row, length in zip(padded, lengths, strict=True)
                    for entry in row[:length]
                ]
        return columns

    def candidates(self, user: Row, items: Sequence[Row]) -> dict[str, Any]:
        """One user and many items, as `score_candidates` takes them."""
        targets = {field.name for field in self.case.spec.with_role("target")}
        own = {name: value for name, value in user.items() if name not in targets}
        theirs = [{name: item[name] for name in targets if name in item} for item in items]
        return {**self.columns([own]), **self.columns(theirs)}

    def examples(self, rows: Sequence[Row]) -> list[bytes]:
        """Raw rows as serialised `tf.Example`s; what is missing in a row is absent."""
        return [self._example(row) for row in rows]

    def _example(self, row: Row) -> bytes:
        message = tf.train.Example()
        for field in self.case.spec.input_fields:
            value = row.get(field.name)
            if value is None:
                continue
            values = value if isinstance(value, (list, tuple)) else [value]
            _, missing = self._shape(field)
            if isinstance(field, MultiValuedField) and field.role == "behavior":
                values = [field.separator.join(map(str, entries or ())) for entries in values]
            values = [missing if entry is None else entry for entry in values]
            feature = message.features.feature[field.name]
            if not values:
                continue
            if isinstance(field, NumericField):
                feature.float_list.value.extend(values)
            elif any(isinstance(entry, str) for entry in values):
                feature.bytes_list.value.extend(entry.encode() for entry in values)
            else:
                feature.int64_list.value.extend(values)
        return message.SerializeToString()

    def _shape(self, field: Any) -> tuple[int, Any]:
        rank = (field.role == "behavior") + isinstance(field, MultiValuedField)
        if isinstance(field, NumericField):
            return rank, math.nan
        vocabulary = self.case.spec.vocabulary(field.name)
        if vocabulary.dtype == "string":
            return rank, ""
        return rank, -(2**63) if vocabulary.source == "hash" or -1 in vocabulary.values else -1


def strings() -> Case:
    """Items are texts; the catalogue knows sets of attributes; fields of every kind."""
    spec = FeatureSpec(
        fields=(
            CategoricalField("history_item_id", "behavior", "item_id"),
            MultiValuedField("history_attributes", "behavior", "attributes", max_values=3),
            NumericField("history_gap", "behavior", Normalization(0.0, 5.0, 2.0, log=True)),
            MultiValuedField("history_tags", "behavior", "tags", max_values=2),
            CategoricalField("item_id", "target"),
            MultiValuedField("attributes", "target", max_values=3),
            CategoricalField("country", "profile"),
            MultiValuedField("hobbies", "profile", max_values=2, combiner="mean"),
            NumericField("age", "context", Normalization(10.0, 90.0, 33.0)),
        ),
        vocabularies=(
            Vocabulary("item_id", "values", values=ITEMS),
            Vocabulary("attributes", "integer", dtype="int64", size=4),
            Vocabulary("tags", "values", dtype="int64", values=(5, 7, -1)),
            Vocabulary("country", "hash", size=5),
            Vocabulary("hobbies", "values", values=("chess", "go", "tea")),
        ),
        task="next_item",
        group="user_id",
        max_length=5,
        target_to_behavior={"item_id": "history_item_id", "attributes": "history_attributes"},
    )
    catalog = np.array([[row % 6, row * 5 % 6, 0] for row in range(9)], "int32")
    blocks = (
        Block("layer_norm", "conv_3", "relu"),
        Block("none", "self_attention_2", "gelu"),
        Block("layer_norm", "bi_gru", "identity"),
    )
    return make(spec, Architecture(blocks=blocks), catalog=catalog)


def int64s(dropout: float = 0.0) -> Case:
    """Items are 64-bit numbers, and nothing else is known."""
    spec = FeatureSpec(
        fields=(
            CategoricalField("history_item_id", "behavior", "item_id"),
            CategoricalField("item_id", "target"),
        ),
        vocabularies=(Vocabulary("item_id", "values", dtype="int64", values=NUMBERS),),
        task="next_item",
        max_length=3,
        target_to_behavior={"item_id": "history_item_id"},
    )
    architecture = Architecture(blocks=(Block("none", "max_pool_3", "swish"),))
    return make(spec, architecture, dropout=dropout)


def integers() -> Case:
    """Items are their own ids; users have a hashed number."""
    spec = FeatureSpec(
        fields=(
            CategoricalField("history_item_id", "behavior", "item_id"),
            CategoricalField("item_id", "target"),
            CategoricalField("household", "profile"),
        ),
        vocabularies=(
            Vocabulary("item_id", "integer", dtype="int64", size=6),
            Vocabulary("household", "hash", dtype="int64", size=4),
        ),
        task="next_item",
        max_length=3,
        target_to_behavior={"item_id": "history_item_id"},
    )
    return make(spec, Architecture(blocks=(Block("layer_norm", "conv_1", "relu"),)))


CASES = {"strings": strings, "int64s": int64s, "integers": integers}

# Users of every kind: new, ordinary, with unknown and missing values, with a long history.
ROWS: dict[str, tuple[Row, ...]] = {
    "strings": (
        {"history_item_id": []},
        {
            "history_item_id": ["item 1", "-1", "été"],
            "history_gap": [0.0, 3.5, None],
            "history_tags": [[5], [7, -1, 5], []],
            "country": "nl",
            "hobbies": ["go", "tea", "chess"],
            "age": 20.5,
        },
        {
            "history_item_id": ["no such item", "nor this"],
            "history_gap": [1e6, -3.0],
            "history_tags": [[6], []],
            "country": "",
            "hobbies": ["no such"],
            "age": 200.0,
        },
        {
            "history_item_id": ["1", None, *ITEMS, None, "1", "tab\tin"],
            "history_gap": [float(step) for step in range(12)],
            "hobbies": [],
        },
    ),
    "int64s": (
        {"history_item_id": []},
        {"history_item_id": [100, -7]},
        {"history_item_id": [3, 5]},
        {"history_item_id": [0, 2**63 - 1, None, 100, 2**40]},
    ),
    "integers": (
        {"history_item_id": [], "household": 5},
        {"history_item_id": [0, 5], "household": None},
        {"history_item_id": [6, -2, 2**62], "household": -1},
        {"history_item_id": [1, 2, None, 3, 4, 5], "household": 2**40},
    ),
}


def make(spec: FeatureSpec, architecture: Architecture, **arguments: Any) -> Case:
    """A case with a model whose weights depend on their places alone."""
    model = amer.build(spec, architecture, embedding_dim=4, **arguments)
    helpers.fix_weights(model)
    return Case(spec, architecture, model)


def load(case: Case, folder: pathlib.Path, **arguments: Any) -> Exported:
    """Exports a case and loads it."""
    folder = export(case.model, case.spec, case.architecture, folder, **arguments)
    return Exported(case, folder, tf.saved_model.load(str(folder)))


def encode(vocabulary: Vocabulary, value: Any) -> int:
    """The id of one raw value: 1 for what is missing or unknown."""
    if value is None or value == "":
        return 1
    if vocabulary.source == "hash":
        return int(tf.strings.to_hash_bucket_fast(str(value), vocabulary.size)) + 2
    values = _values(vocabulary)
    return values.index(value) + 2 if value in values else 1


def normalized(normalization: Normalization, value: float | None) -> float:
    """The number in [-1, 1] of a raw one."""
    low, high, mean = normalization.low, normalization.high, normalization.mean
    assert low is not None
    assert high is not None
    assert mean is not None
    if value is None:
        value = mean
    elif normalization.log:
        value = math.log1p(max(value, 0.0))
    return 2.0 * (min(max(value, low), high) - low) / (high - low) - 1.0


def _values(vocabulary: Vocabulary) -> list[Any]:
    if vocabulary.source == "integer":
        return list(range(vocabulary.size or 0))
    return list(vocabulary.values)


def _dense(values: list[Any], rank: int, missing: Any) -> Any:
    """Nested lists of `rank` axes beside the first, None or too short where values are missing."""
    if rank == 0:
        return [missing if value is None else value for value in values]
    lists = [value or [] for value in values]
    longest = max(map(len, lists), default=0)
    flat = [entry for value in lists for entry in [*value, *[None] * (longest - len(value))]]
    dense = _dense(flat, rank - 1, missing)
    return [dense[start * longest : (start + 1) * longest] for start in range(len(lists))]
