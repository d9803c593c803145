"""Products of pairs of fields after a linear map."""

from __future__ import annotations

import itertools
from typing import Any

import keras
from keras import ops

from amer_tf.layers.sequence_ops import require_static_units, xavier_uniform

BILINEAR_KINDS = ("all", "each", "interaction")


@keras.saving.register_keras_serializable(package="amer_tf")
class BilinearInteraction(keras.layers.Layer):
    """Multiplies each pair of field embeddings, the first of which goes through a matrix before.

    `p_ij = (e_i W) * e_j` for `i < j`, in the order of `itertools.combinations`. Of the kind "all"
    there is one `W`, of "each" one `W_i` for each first field, of "interaction" one `W_ij` for
    each pair.

    Reference: Huang et al., "FiBiNET: combining feature importance and bilinear feature
    interaction for click-through rate prediction", 2019. Xavier initialisation.

    Args:
        kind: `"all"`, `"each"` or `"interaction"`.

    Call arguments:
        fields: Float tensor of shape `(..., fields, units)`, of two or more fields.

    Output shape: `(..., fields * (fields - 1) / 2, units)`.
    """

    def __init__(self, kind: str = "interaction", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if kind not in BILINEAR_KINDS:
            raise ValueError(f"`kind` must be one of {BILINEAR_KINDS}. Received: kind={kind!r}")
        self.kind = kind

    def build(self, fields_shape: Any) -> None:
        units = require_static_units("BilinearInteraction", fields_shape)
        num_fields = fields_shape[-2]
        if num_fields is None or num_fields < 2:
            raise ValueError(
                "BilinearInteraction needs a known number of fields, two or more. "
                f"Received: fields_shape={tuple(fields_shape)}"
            )
        num_kernels = {
            "all": 1,
            "each": num_fields - 1,  # the last field is never the first of a pair
            "interaction": _num_pairs(num_fields),
        }[self.kind]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(num_kernels, units, units),
            initializer=xavier_uniform(units, units),
        )

    def call(self, fields: Any) -> Any:
        pairs = itertools.combinations(range(fields.shape[-2]), 2)
        first, second = map(list, zip(*pairs, strict=True))
        if self.kind == "interaction":
            mapped = _times_own(ops.take(fields, first, axis=-2), self.kernel)
        elif self.kind == "each":
            mapped = ops.take(_times_own(fields[..., :-1, :], self.kernel), first, axis=-2)
        else:
            mapped = ops.take(ops.matmul(fields, self.kernel[0]), first, axis=-2)
        return mapped * ops.take(fields, second, axis=-2)

    def compute_output_shape(self, fields_shape: Any) -> Any:
        return (*fields_shape[:-2], _num_pairs(fields_shape[-2]), fields_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kind": self.kind}


def _num_pairs(num_fields: int) -> int:
    return num_fields * (num_fields - 1) // 2


def _times_own(vectors: Any, kernels: Any) -> Any:
    """Vectors `(..., n, units)`, each times its own of `n` matrices."""
    return ops.squeeze(ops.matmul(ops.expand_dims(vectors, -2), kernels), -2)
