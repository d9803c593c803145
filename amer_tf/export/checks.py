"""What an export needs, looked at before anything is written."""

from __future__ import annotations

import dataclasses

import keras

from amer_tf.architecture import Architecture
from amer_tf.export.errors import ExportError
from amer_tf.features import FeatureSpec, NumericField
from amer_tf.layers import FusedEmbedding
from amer_tf.models.cross_parts import CROSSES


def with_values(spec: FeatureSpec) -> FeatureSpec:
    """The spec with the values of all vocabulary files in it."""
    vocabularies = []
    for entry in spec.vocabularies:
        if entry.source == "file":
            values = tuple(entry.read_values())
            entry = dataclasses.replace(entry, source="values", file=None, values=values)
        vocabularies.append(entry)
    return dataclasses.replace(spec, vocabularies=tuple(vocabularies))


def check(
    model: keras.Model, spec: FeatureSpec, architecture: Architecture | str, top_k: int
) -> None:
    """Raises where there is nothing that could be exported."""
    if not isinstance(architecture, (Architecture, str)):
        raise ExportError(
            "`architecture` must be an Architecture, or the name of a hand-made system. "
            f"Received: architecture={architecture!r}"
        )
    if type(top_k) is not int or top_k < 1:
        raise ExportError(f"`top_k` must be a positive integer. Received: top_k={top_k!r}")
    require_fitted(spec)
    for vocabulary in spec.vocabularies:
        if "" in vocabulary.values:
            raise ExportError(
                "A vocabulary must not list the empty text: in a request it stands for a missing "
                f"value. Received: vocabularies[{vocabulary.name!r}].values, with '' in it"
            )
    if not isinstance(model, keras.Model):
        raise ExportError(f"`model` must be a keras.Model. Received: model={model!r}")
    _check_inputs(model, spec)


def require_fitted(spec: FeatureSpec) -> None:
    """Raises where a numeric field has no range yet; unfitted vocabularies say so themselves."""
    for field in spec.input_fields:
        if isinstance(field, NumericField) and field.normalization.mean is None:
            raise ExportError(
                "The spec must be fitted: prepare the data first, or fit it to a table by "
                "data_pipelines.fit_spec. "
                f"Received: fields[{field.name!r}].normalization={field.normalization!r}"
            )


def _check_inputs(model: keras.Model, spec: FeatureSpec) -> None:
    wanted = sorted(field.name for field in spec.input_fields)
    if spec.task == "next_item":
        wanted = sorted([*wanted, spec.item_field])
    inputs = sorted(tensor.name for tensor in model.inputs or ())
    if inputs != wanted:
        raise ExportError(
            f"The model must have the inputs {wanted} of the spec: it was built for another one. "
            f"Received: model.inputs={inputs}"
        )
    rows = {entry.name: entry.num_rows for entry in spec.vocabularies}
    for layer in model.layers:
        if layer.name == CROSSES:  # of no vocabulary
            continue
        if isinstance(layer, FusedEmbedding) and layer.num_rows != rows:
            raise ExportError(
                f"The model must embed the vocabularies of the spec, {rows}: it was built for "
                f"another one. Received: num_rows={layer.num_rows}"
            )
