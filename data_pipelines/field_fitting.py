"""Fits the vocabularies and normalisations of a whole spec from coded rows."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import AnyField, FeatureSpec, NumericField, Vocabulary
from data_pipelines.fitting import NumberSummary, final_ids, fit_vocabulary
from data_pipelines.vocabulary_coding import VocabularyCoder

IdTables = dict[str, npt.NDArray[np.int32]]

_log = logging.getLogger(__name__)


class FieldCounter:
    """Counts codes and sums up numbers of the training split, chunk by chunk.

    Args:
        spec: The unfitted spec.
        coders: Those coders that made the codes whose vocabularies are to be fitted here; all
            codes must be known already.
    """

    def __init__(self, spec: FeatureSpec, coders: Mapping[str, VocabularyCoder]) -> None:
        self._spec = spec
        self._coders = coders
        self._counts = {
            name: np.zeros(len(coder.index), np.int64)
            for name, coder in coders.items()
            if coder.vocabulary.source == "fit"
        }
        self._codes = {
            field.name: _CodeRange() for field in spec.fields if not isinstance(field, NumericField)
        }
        self._numbers = {
            field.name: NumberSummary(field.normalization)
            for field in spec.fields
            if isinstance(field, NumericField)
        }

    def add(
        self,
        fields: Iterable[AnyField],
        coded: npt.NDArray[Any],
        weights: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Takes in the members of a structured array that hold these fields.

        Args:
            fields: The fields.
            coded: The array.
            weights: How often each row counts for fields of one value a row; None for once.
        """
        for field in fields:
            values = coded[field.name].ravel()
            if isinstance(field, NumericField):
                self._numbers[field.name].add(values)
                continue
            self._codes[field.name].add(coded[field.name])
            if field.vocabulary in self._counts:
                counts = self._counts[field.vocabulary]
                known = values >= 0
                own = None if weights is None else weights[known]
                counts += np.bincount(values[known], own, len(counts)).astype(np.int64)

    def fit_vocabularies(self) -> tuple[dict[str, Vocabulary], IdTables]:
        """The fitted vocabularies, and a look-up table from codes to ids for each."""
        vocabularies, ids = {}, {}
        for name, coder in self._coders.items():
            vocabulary = coder.vocabulary
            if vocabulary.source == "fit":
                vocabularies[name], ids[name] = fit_vocabulary(
                    vocabulary, coder.index.values, self._counts[name]
                )
            else:
                vocabularies[name], ids[name] = vocabulary, final_ids(vocabulary)
        return vocabularies, ids

    def warn_of_constants(self, but: Collection[str] = ()) -> None:
        """Names on the log each field that is the same, or missing, in all training rows.

        Args:
            but: Names of fields that were not counted.
        """
        for field in self._spec.fields:
            if field.name in but:
                continue
            if isinstance(field, NumericField):
                is_constant, is_missing = self._numbers[field.name].is_constant, False
            else:
                codes = self._codes[field.name]
                is_constant, is_missing = codes.is_constant, codes.is_missing
            if is_constant or is_missing:
                _log.warning(
                    "The field %r has %s in the training split, which tells a model nothing: "
                    "leave the field out, or check its column.",
                    field.name,
                    "no value that its vocabulary knows" if is_missing else "one value",
                )

    def fitted_spec(
        self, vocabularies: Mapping[str, Vocabulary], measured_as: Mapping[str, str] | None = None
    ) -> FeatureSpec:
        """The spec with these vocabularies and with fitted normalisations.

        Args:
            vocabularies: Fitted ones, by name.
            measured_as: Of fields whose numbers are those of another one, which of which.
        """
        fields: list[AnyField] = []
        for field in self._spec.fields:
            if isinstance(field, NumericField):
                measured = (measured_as or {}).get(field.name, field.name)
                normalization = self._numbers[measured].normalization(measured)
                field = dataclasses.replace(field, normalization=normalization)
            fields.append(field)
        return dataclasses.replace(
            self._spec,
            fields=tuple(fields),
            vocabularies=tuple(vocabularies[entry.name] for entry in self._spec.vocabularies),
        )


class _CodeRange:
    """Which codes a field has, as far as it matters for telling rows apart."""

    def __init__(self) -> None:
        self._bounds: list[int] = []
        self._has_empty_rows = False

    def add(self, codes: npt.NDArray[np.int32]) -> None:
        """Takes in codes of rows; negative ones are missing or padding."""
        if not len(codes):
            return
        rows = codes.reshape(len(codes), -1)
        self._has_empty_rows = self._has_empty_rows or bool((rows.max(axis=1) < 0).any())
        present = rows[rows >= 0]
        if len(present):
            self._bounds = [
                min([*self._bounds[:1], int(present.min())]),
                max([*self._bounds[1:], int(present.max())]),
            ]

    @property
    def is_missing(self) -> bool:
        """Whether no row has a value."""
        return not self._bounds

    @property
    def is_constant(self) -> bool:
        """Whether every row has a value, and all the same."""
        return not (self.is_missing or self._has_empty_rows) and self._bounds[0] == self._bounds[1]
