"""What is asked of every hand-made system of task ctr, as a class whose tests are inherited.

Also small specs, a batch of each, and NumPy formulas of parts that systems share.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any, ClassVar

import keras
import numpy as np
import pytest

from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    NumericField,
    SpecError,
    Vocabulary,
)
from tests import helpers
from tests.search import nets


def vocabularies(*names: str, size: int = 7) -> tuple[Vocabulary, ...]:
    return tuple(Vocabulary(name, "integer", "int64", size=size) for name in names)


SPEC = FeatureSpec(
    fields=(
        CategoricalField("user"),
        CategoricalField("hour", "context"),
        NumericField("price", "context"),
        CategoricalField("ad", "target"),
        MultiValuedField("tags", "target", max_values=2),
    ),
    vocabularies=vocabularies("user", "hour", "ad", "tags"),
    label="click",
)
FIELDS = ("user", "hour", "ad", "tags")
HYBRID = dataclasses.replace(
    SPEC,
    fields=(
        *SPEC.fields,
        CategoricalField("ad_history", "behavior", "ad"),
        CategoricalField("page_history", "behavior", "page"),
        MultiValuedField("tags_history", "behavior", "tags", max_values=2),
        NumericField("wait_history", "behavior"),
    ),
    vocabularies=(*SPEC.vocabularies, *vocabularies("page")),
    max_length=4,
    target_to_behavior={"ad": "ad_history"},
)
HISTORIES = ("ad_history", "page_history", "tags_history", "wait_history")
# Specs with a field less than pairs are made of, and without a field that has embeddings.
ONE_FIELD = dataclasses.replace(
    SPEC, fields=(SPEC.fields[0], SPEC.fields[2]), vocabularies=SPEC.vocabularies[:1]
)
NUMBERS = dataclasses.replace(SPEC, fields=(NumericField("price"),), vocabularies=())


def batch(spec: FeatureSpec, size: int = 5) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    inputs = {
        name: generator.integers(1, 9, size).astype("int32") for name in ("user", "hour", "ad")
    }
    inputs["price"] = generator.uniform(-1, 1, size).astype("float32")
    inputs["tags"] = np.array([[2, 3], [4, 0], [0, 0], [5, 5], [1, 2]], "int32")[:size]
    if spec.with_role("behavior"):
        inputs |= steps(generator, np.array([4, 2, 0, 1, 3])[:size])
    return inputs


def steps(
    generator: np.random.Generator, lengths: np.ndarray, max_length: int = 4
) -> dict[str, np.ndarray]:
    """Histories of these lengths for `HYBRID`: ids, sets of which some are empty, and numbers."""
    kept = np.arange(max_length) < lengths[:, None]
    drawn = {
        name: (generator.integers(2, 9, kept.shape) * kept).astype("int32")
        for name in HISTORIES[:2]
    }
    tags = generator.integers(0, 9, (*kept.shape, 2)) * kept[..., None]
    waits = generator.uniform(-1, 1, kept.shape) * kept
    return {
        **drawn,
        "tags_history": tags.astype("int32"),
        "wait_history": waits.astype("float32"),
    }


def longer_history(values: np.ndarray, empty_steps: int) -> np.ndarray:
    """A behaviour column with so many steps of padding more."""
    return np.pad(values, [(0, 0), (0, empty_steps), *[(0, 0)] * (values.ndim - 2)])


def others(values: np.ndarray) -> np.ndarray:
    """Other ids where there are ids, other numbers where there are numbers."""
    if values.dtype == np.int32:
        return np.where(values > 0, values % 8 + 1, 0).astype("int32")
    return 0.5 - values


class CtrContract:
    """Every test of a system but those of its own; a subclass names the system.

    It has the system's formula, too: `expected(model, inputs)` gives the logits by NumPy.
    """

    system: ClassVar[Any]
    title: ClassVar[str]  # in errors
    spec: ClassVar[FeatureSpec] = HYBRID
    options: ClassVar[dict[str, Any]] = {"embedding_dim": 3, "hidden_units": (6, 5)}
    # What no logit depends on but in training.
    of_training: ClassVar[dict[str, float]] = {"dropout": 0.2, "l2": 1e-3}
    unread: ClassVar[tuple[str, ...]] = ()

    def expected(self, model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
        raise NotImplementedError

    def inputs(self, spec: FeatureSpec) -> dict[str, np.ndarray]:
        return batch(spec)

    def build(self, spec: FeatureSpec, **options: Any) -> keras.Model:
        """The system with weights that depend on their places alone."""
        model = self.system.build(spec, **{**self.options, **self.of_training, **options})
        helpers.fix_weights(model)
        return model

    @pytest.fixture(scope="class")
    def model(self) -> keras.Model:
        return self.build(self.spec)

    def test_equals_numpy(self, model: keras.Model) -> None:
        inputs = self.inputs(self.spec)
        expected = self.expected(model, inputs)
        np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)

    def test_every_field_is_an_input_and_all_but_those_unread_count(
        self, model: keras.Model
    ) -> None:
        assert set(model.input) == {field.name for field in self.spec}
        inputs = self.inputs(self.spec)
        batches = [inputs, *({**inputs, name: others(inputs[name])} for name in inputs)]
        joined = {name: np.concatenate([each[name] for each in batches]) for name in inputs}
        logits, *changed = np.split(np.asarray(model(joined)), len(batches))
        for name, values in zip(inputs, changed, strict=True):
            moved = np.abs(values - logits).max() > 1e-6
            assert moved == (name not in self.unread), name

    def test_a_row_does_not_depend_on_the_others(self, model: keras.Model) -> None:
        inputs = self.inputs(self.spec)
        logits = np.asarray(model(inputs))
        rows = [4, 0, 2]
        some = model({name: values[rows] for name, values in inputs.items()})
        np.testing.assert_allclose(some, logits[rows], rtol=1e-5, atol=1e-6)

    def test_longer_padding_gives_the_same_logits(self, model: keras.Model) -> None:
        inputs = self.inputs(self.spec)
        length = self.spec.max_length + 5
        longer = self.build(dataclasses.replace(self.spec, max_length=length))
        padded = dict(inputs)
        for field in self.spec.with_role("behavior"):
            padded[field.name] = longer_history(inputs[field.name], 5)
        np.testing.assert_allclose(longer(padded), model(inputs), rtol=1e-5, atol=1e-5)

    def test_each_dropout_acts_in_training_alone(self) -> None:
        if "dropout" not in self.of_training:
            return
        model = self.build(self.spec, dropout=0.5)
        moved = helpers.dropped_in_training(model, functools.partial(model, self.inputs(self.spec)))
        assert moved
        assert min(moved.values()) > 1e-6, moved

    def test_users_without_a_history(self, model: keras.Model) -> None:
        inputs = self.inputs(self.spec)
        for field in self.spec.with_role("behavior"):
            inputs[field.name] = 0 * inputs[field.name]
        assert np.isfinite(np.asarray(model(inputs))).all()

    def test_saved_and_reloaded(self, model: keras.Model, tmp_path: Any) -> None:
        inputs = self.inputs(self.spec)
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(again(inputs), model(inputs))

    def test_all_that_is_no_input_has_a_name_of_ours(self, model: keras.Model) -> None:
        inputs = {tensor.name for tensor in model.inputs}
        names = {operation.name for operation in model.operations} - inputs
        assert all(name.startswith("amer.") for name in names), names

    def test_refuses_another_task(self) -> None:
        message = f"{self.title} is a model of task 'ctr'. Received: .*next_item"
        with pytest.raises(SpecError, match=message):
            self.system.build(nets.next_item_spec())


class TableContract(CtrContract):
    """What is asked beside of a system that reads rows without a behaviour, too."""

    num_fields: ClassVar[int] = 0  # the fewest with embeddings

    def test_equals_numpy_without_a_behavior(self) -> None:
        model, inputs = self.build(SPEC), batch(SPEC)
        expected = self.expected(model, inputs)
        np.testing.assert_allclose(model(inputs), expected, rtol=1e-4, atol=1e-5)

    def test_refuses_fewer_fields_than_it_needs(self) -> None:
        specs = [NUMBERS, ONE_FIELD, SPEC]
        message = f"{self.title} needs {self.num_fields} or more categorical .*Received: "
        for spec, names in zip(specs[: self.num_fields], (r"\[\]", r"\['user'\]"), strict=False):
            with pytest.raises(SpecError, match=message + names):
                self.system.build(spec)
        assert self.system.build(specs[self.num_fields]).output.shape == (None,)


class TargetContract(CtrContract):
    """What is asked beside of a system that attends to the behaviour from the target."""

    @pytest.mark.parametrize("spec", [SPEC, dataclasses.replace(HYBRID, target_to_behavior={})])
    def test_needs_a_target(self, spec: FeatureSpec) -> None:
        message = f"{self.title} needs a target field that is mapped .*Received: spec"
        with pytest.raises(SpecError, match=message):
            self.system.build(spec)


# Formulas in NumPy -------------------------------------------------------------------------------


def embeddings(model: keras.Model, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Field embeddings by the table alone."""
    layer = model.get_layer("amer.embedding")
    table = np.asarray(layer.table)
    rows = {
        name: table[inputs[name] + layer.offset(name)] * (inputs[name] > 0)[..., None]
        for name in FIELDS
    }
    return {**rows, "tags": rows["tags"].sum(axis=1)}


def field_matrix(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The field embeddings, `(B, 4, K)`."""
    embedded = embeddings(model, inputs)
    return np.stack([embedded[name] for name in FIELDS], axis=1)


def pair_products(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """`e_i * e_j` of all pairs of fields, `(B, 6, K)`."""
    fields = np.moveaxis(field_matrix(model, inputs), 1, 0)
    pairs = itertools.combinations(fields, 2)
    return np.stack([one * other for one, other in pairs], axis=1)


def behavior_states(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The embeddings `(B, T, D)` of a behaviour's fields by the table alone, zeros at padding."""
    layer = model.get_layer("amer.embedding")
    table = np.asarray(layer.table)
    kept = (inputs["ad_history"] > 0)[..., None]
    ad, page, tags = (
        table[inputs[name] + layer.offset(name.removesuffix("_history"))] for name in HISTORIES[:3]
    )
    # An id of 0 is no tag.
    tags = (tags * (inputs["tags_history"] > 0)[..., None]).sum(axis=2)
    [kernel] = model.get_layer("amer.embedding.wait_history").get_weights()
    number = inputs["wait_history"][..., None] * kernel
    return kept * np.concatenate([ad, page, tags, number], axis=-1)


def beside(model: keras.Model, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What an MLP reads beside the fields: the number and, where there is one, the behaviour."""
    number = inputs["price"][:, None]
    if "ad_history" not in inputs:
        return [number]
    return [number, behavior_states(model, inputs).sum(axis=1)]


def flat_input(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """`h_0` of a hand-made system: the embeddings, the number and the summed behaviour."""
    fields = field_matrix(model, inputs)
    return np.concatenate([fields.reshape(len(fields), -1), *beside(model, inputs)], axis=1)


def dense(model: keras.Model, name: str, hidden: np.ndarray) -> np.ndarray:
    kernel, bias = model.get_layer(name).get_weights()
    return hidden @ kernel + bias


def deep_part(model: keras.Model, hidden: np.ndarray) -> np.ndarray:
    """Two hidden layers, ReLU."""
    for index in range(2):
        hidden = np.maximum(dense(model, f"amer.hidden_{index}", hidden), 0)
    return hidden


def output(model: keras.Model, *hidden: np.ndarray) -> np.ndarray:
    """`w^T [h_1, h_2, ...] + b`, `(B,)`."""
    return dense(model, "amer.output", np.concatenate(hidden, axis=1))[:, 0]


def dice(model: keras.Model, hidden: np.ndarray) -> np.ndarray:
    """Two hidden layers, Dice with its running mean and variance, as in inference."""
    for index in range(2):
        hidden = dense(model, f"amer.hidden_{index}", hidden).astype("float32")
        layer = model.get_layer(f"amer.hidden_{index}.activation")
        hidden = np.asarray(layer(hidden, training=False))
    return hidden


def projected_target(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The ad as a step: what else the history says of a step has no counterpart."""
    [projection] = model.get_layer("amer.target_projection").get_weights()
    return embeddings(model, inputs)["ad"] @ projection


def attention(
    states: np.ndarray, mask: np.ndarray, target: np.ndarray, kernel: np.ndarray
) -> np.ndarray:
    """The softmax over valid steps of `h W t`, a row at a time."""
    weights = np.zeros(mask.shape)
    for row in range(len(states)):
        scores = np.exp(states[row, mask[row]] @ (target[row] @ kernel))
        weights[row, mask[row]] = scores / scores.sum()
    return weights


def linear_part(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The sum of one weight for each value, and for the number where the system has no MLP."""
    layer = model.get_layer("amer.linear")
    weights = np.asarray(layer.table)[:, 0]
    ids = {name: inputs[name].reshape(len(inputs[name]), -1) for name in FIELDS}
    summed = sum(
        (weights[each + layer.offset(name)] * (each > 0)).sum(axis=1) for name, each in ids.items()
    )
    if any(layer.name == "amer.linear.number_weights" for layer in model.layers):
        ((weight,),) = model.get_layer("amer.linear.number_weights").get_weights()[0]
        summed = summed + weight * inputs["price"]
    return summed


def scaled_logit(model: keras.Model, *parts: np.ndarray) -> np.ndarray:
    """The sum of logits, with the slope and intercept of the model."""
    slope, intercept = model.get_layer("amer.platt_scaling").get_weights()
    return slope * sum(parts) + intercept
