"""The supernet of step 2: one model with one interaction, for every candidate at once.

Letters: `B` batch, `C` candidates, `N` fields, `K` embedding dimension, `H` units of the first
hidden layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from amer_tf import layers
from amer_tf.features import FeatureSpec
from amer_tf.models import aggregation, components
from amer_tf.search.bilinear_sum import BilinearSum


class InteractionSupernet(keras.Model):
    """A model with `C` interactions side by side, of which the MLP reads one at a time.

    `z = MLP([e, p_c]) + sum_f <u_f, e_f> + sum_c' <w_c', p_c'>`: the logit has a linear part of
    every field and of every candidate, as it will have through the shortcut, and each example's
    MLP reads one candidate `c`. The first hidden layer is linear in its input, `W [e, p_c] = W_e e
    + W_c p_c`: the part of the fields is computed once, and each example adds that of its
    candidate (paper, section 2.3, step 2). A batch is dealt out to the candidates in equal hands,
    so that the part of the candidates is one batched matrix product and each is trained once in
    every update. The linear parts, in which this differs from the paper, learn from all rows:
    a hand alone is too few to learn the values of an interaction from.

    Args:
        spec: What the model reads and predicts, of task ctr. Behaviour is not read.
        candidates: The interactions: sets of field names.
        hidden_units: Sizes of the hidden layers of the predefined MLP, ReLU.
        embedding_dim: `K`.
        dropout: Rate of dropout on the hidden layers in training.
        l2: Weight of the squared embeddings that a batch gathers.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        candidates: Sequence[tuple[str, ...]],
        *,
        hidden_units: Sequence[int] = (200, 200, 200),
        embedding_dim: int = 16,
        dropout: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        super().__init__(name="interaction_supernet")
        if not candidates or not hidden_units:
            raise ValueError(
                "The supernet needs a candidate and a hidden layer. "
                f"Received: {len(candidates)} candidates, hidden_units={tuple(hidden_units)}"
            )
        self.spec = spec
        self.candidates = [tuple(group) for group in candidates]
        self.stem = _make_stem(spec, embedding_dim, l2)
        self.fields = aggregation.interaction_fields(spec)
        self.positions = _positions(self.candidates, self.fields)  # [R][C]
        units = hidden_units[0]
        self.projection = keras.layers.Dense(units, name=components.layer_name("hidden_0"))
        self.hidden_layers = [
            keras.layers.Dense(
                size, activation="relu", name=components.layer_name(f"hidden_{index}")
            )
            for index, size in enumerate(hidden_units[1:], 1)
        ]
        self.dropout_layer = layers.FusedDropout(
            dropout, name=components.layer_name("hidden_dropout")
        )
        self.output_layer = keras.layers.Dense(1, name=components.layer_name("output"))
        size = len(self.candidates)
        # Xavier, for each candidate by itself.
        limit = math.sqrt(6.0 / (embedding_dim + units))
        self.kernels = self.add_weight(
            name="kernels",
            shape=(size, embedding_dim, units),
            initializer=keras.initializers.RandomUniform(-limit, limit),
        )
        self.linear = self.add_weight(
            name="linear", shape=(size, embedding_dim), initializer="ones"
        )
        self.field_linear = self.add_weight(
            name="field_linear", shape=(len(self.fields), embedding_dim), initializer="ones"
        )
        self.products = BilinearSum(self.candidates, self.fields)
        width = sum(math.prod(tensor.shape[1:]) for tensor in self.stem.outputs)
        self.projection.build((None, width))
        for dense in (*self.hidden_layers, self.output_layer):
            dense.build((None, units))
            units = dense.units
        self.built = True

    def hand_size(self, batch_size: int) -> int:
        """Examples of one candidate in a batch of about this size."""
        return max(1, round(batch_size / len(self.candidates)))

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Logits `(B,)`; candidate `c` serves examples `c B / C` to `(c + 1) B / C`.

        `B` must be a multiple of `C`. Batches come shuffled, so that the hands are random.
        """
        matrix, numbers = self._read(inputs, training)
        size = len(self.candidates)
        hands = ops.reshape(matrix, (size, -1, *matrix.shape[1:]))  # [C, h, N, K]
        first = self._project(matrix, numbers)
        first = ops.reshape(first, (size, -1, first.shape[-1]))
        hidden = first + ops.matmul(self._own_products(hands), self.kernels)
        hidden = self.dropout_layer(ops.relu(hidden), training=training)
        for dense in self.hidden_layers:
            hidden = self.dropout_layer(dense(hidden), training=training)
        logits = ops.reshape(self.output_layer(hidden), (-1,))
        return logits + self._main_effects(matrix) + self.products(matrix, self.linear)

    def candidate_logits(self, inputs: dict[str, Any], chosen: Any) -> Any:
        """Logits with the fields and one candidate alone, for some candidates: `(c, B)`.

        Args:
            inputs: A batch named by the spec.
            chosen: Integer tensor of shape `(c,)`: numbers of candidates.
        """
        return self.finish(*self.candidate_hidden(inputs, chosen))

    def candidate_hidden(
        self, inputs: dict[str, Any], chosen: Any, dtype: str = "float32", unrolled: bool = False
    ) -> tuple[Any, Any]:
        """The first half of `candidate_logits`, which `finish` ends.

        Args:
            inputs: A batch named by the spec.
            chosen: Numbers of candidates, `(c,)`.
            dtype: Of the hidden units, and of all that `finish` does with them.
            unrolled: Whether `W_c p_c` is a sum over `K`, of which XLA makes one pass with all
                around it, and not a matrix product.

        Returns: The units of the first hidden layer `(c, B, H)`, and the logits' linear part
            `(c, B)`.
        """
        matrix, numbers = self._read(inputs, False)
        products = self._chosen_products(matrix, chosen)  # [c, B, K]
        kernels = ops.take(self.kernels, chosen, axis=0)  # [c, K, H]
        hidden = self._project(matrix, numbers)
        if unrolled:
            for index in range(products.shape[-1]):
                hidden = hidden + products[:, :, index : index + 1] * kernels[:, None, index]
        else:
            hidden = hidden + ops.matmul(products, kernels)
        linear = ops.sum(products * ops.take(self.linear, chosen, axis=0)[:, None], axis=-1)
        return ops.cast(ops.relu(hidden), dtype), self._main_effects(matrix) + linear

    def plain_hidden(self, inputs: dict[str, Any], dtype: str = "float32") -> tuple[Any, Any]:
        """The first half of `plain_logits`: `(B, H)` and `(B,)`."""
        matrix, numbers = self._read(inputs, False)
        hidden = ops.relu(self._project(matrix, numbers))
        return ops.cast(hidden, dtype), self._main_effects(matrix)

    def plain_logits(self, inputs: dict[str, Any]) -> Any:
        """Logits `(B,)` without any interaction."""
        return self.finish(*self.plain_hidden(inputs))

    def finish(self, hidden: Any, linear: Any) -> Any:
        """Logits of the units of the first hidden layer and the linear part, without dropout."""
        dtype = hidden.dtype
        # Backends fuse bias and ReLU into the product of two matrices only.
        flat = ops.reshape(hidden, (-1, hidden.shape[-1]))
        for dense in self.hidden_layers:
            flat = ops.matmul(flat, ops.cast(dense.kernel, dtype))
            flat = ops.relu(ops.add(flat, ops.cast(dense.bias, dtype)))
        logits = ops.cast(ops.matmul(flat, ops.cast(self.output_layer.kernel, dtype)), "float32")
        return ops.reshape(logits + self.output_layer.bias, ops.shape(linear)) + linear

    def inherit(self, other: InteractionSupernet) -> None:
        """Takes over embeddings, MLP, and what both have of the candidates (paper, step 2)."""
        self.stem.set_weights(other.stem.get_weights())
        for own, inherited in zip(self._dense_layers(), other._dense_layers(), strict=True):
            own.set_weights(inherited.get_weights())
        self.field_linear.assign(other.field_linear)
        numbers = {group: number for number, group in enumerate(other.candidates)}
        known = [
            (number, numbers[group])
            for number, group in enumerate(self.candidates)
            if group in numbers
        ]
        if not known:
            return
        to, origin = (list(part) for part in zip(*known, strict=True))
        for name in ("kernels", "linear"):
            values = ops.convert_to_numpy(getattr(self, name)).copy()
            values[to] = ops.convert_to_numpy(getattr(other, name))[origin]
            getattr(self, name).assign(values)

    def _dense_layers(self) -> list[Any]:
        return [self.projection, *self.hidden_layers, self.output_layer]

    def _read(self, inputs: dict[str, Any], training: bool) -> tuple[Any, Any]:
        outputs = self.stem(inputs, training=training)
        return outputs["fields"], outputs.get("numbers")

    def _project(self, matrix: Any, numbers: Any) -> Any:
        """`W_e [e, numbers] + b`, `(B, H)`."""
        flat = ops.reshape(matrix, (-1, matrix.shape[-2] * matrix.shape[-1]))
        if numbers is not None:
            flat = ops.concatenate([flat, numbers], axis=-1)
        return self.projection(flat)

    def _own_products(self, hands: Any) -> Any:
        """The product of each candidate on its own hand: `(C, h, K)` of `(C, h, N, K)`."""
        padded = _with_ones(hands)
        products = None
        for positions in self.positions:
            index = ops.convert_to_tensor(positions, "int32")[:, None, None, None]
            factor = ops.take_along_axis(padded, index, axis=2)[:, :, 0]
            products = factor if products is None else products * factor
        return products

    def _chosen_products(self, matrix: Any, chosen: Any) -> Any:
        """The products of some candidates on the whole batch: `(c, B, K)` of `(B, N, K)`."""
        padded = ops.transpose(_with_ones(matrix), (1, 0, 2))  # [N + 1, B, K]
        products = None
        for positions in self.positions:
            index = ops.take(ops.convert_to_tensor(positions, "int32"), chosen)
            factor = ops.take(padded, index, axis=0)
            products = factor if products is None else products * factor
        return products

    def _main_effects(self, matrix: Any) -> Any:
        """`sum_f <u_f, e_f>`, `(B,)`."""
        return ops.sum(matrix * self.field_linear, axis=(1, 2))


def _make_stem(spec: FeatureSpec, embedding_dim: int, l2: float) -> keras.Model:
    """From inputs to the field matrix `(B, N, K)` and, where there are any, numbers `(B, n)`."""
    embedding = components.make_embedding(spec, embedding_dim, l2)
    inputs = components.make_inputs(spec)
    fields = aggregation.read_fields(spec, inputs, embedding)
    outputs = {"fields": fields.matrix}
    if fields.numbers:
        outputs["numbers"] = components.side_by_side("numbers", *fields.numbers.values())
    return keras.Model(inputs, outputs, name="stem")


def _positions(
    candidates: Sequence[tuple[str, ...]], fields: Sequence[str]
) -> list[tuple[int, ...]]:
    """For each rank the position of every candidate's field; `N`, a row of ones, where it ends."""
    order = max(map(len, candidates))
    padded = [
        [fields.index(name) for name in group] + [len(fields)] * (order - len(group))
        for group in candidates
    ]
    return list(zip(*padded, strict=True))


def _with_ones(matrix: Any) -> Any:
    """The fields `(..., N, K)` and a row of ones."""
    return ops.concatenate([matrix, ops.ones_like(matrix[..., :1, :])], axis=-2)
