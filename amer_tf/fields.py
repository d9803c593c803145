"""The kinds of field: one raw column each, its role and how it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias, cast

from amer_tf.spec_checks import (
    SpecError,
    construct,
    require_choice,
    require_count,
    require_flag,
    require_name,
    require_number,
    to_plain,
)

ROLES = ("profile", "context", "target", "behavior")
COMBINERS = ("sum", "mean")


@dataclasses.dataclass(frozen=True)
class Normalization:
    """How a numeric column becomes a number in [-1, 1].

    `x = log1p(x)` where `log` is set; then `2 (clip(x, low, high) - low) / (high - low) - 1`.
    A missing number takes the normalised `mean`, and a flag beside it says that it was missing.

    Args:
        low: Lower bound, in the column's unit (after the logarithm); None until fitted.
        high: Upper bound, likewise.
        mean: Mean of the training split, likewise.
        log: Whether `log1p` is applied first; values below 0 count as 0 then.
        quantile: Fitting takes `low` and `high` at this quantile and at 1 minus it, in [0, 0.5).
    """

    low: float | None = None
    high: float | None = None
    mean: float | None = None
    log: bool = False
    quantile: float = 0.0

    def __post_init__(self) -> None:
        require_flag("`log`", self.log)
        require_number("`quantile`", self.quantile)
        if not 0.0 <= self.quantile < 0.5:
            raise SpecError(f"`quantile` must be in [0, 0.5). Received: quantile={self.quantile!r}")
        if self.low is None and self.high is None and self.mean is None:
            return
        if self.low is None or self.high is None or self.mean is None:
            raise SpecError(
                "A normalisation has all of low, high and mean, or none of them. "
                f"Received: low={self.low!r}, high={self.high!r}, mean={self.mean!r}"
            )
        for name in ("low", "high", "mean"):
            require_number(f"`{name}`", getattr(self, name))
        if not self.low < self.high:
            raise SpecError(
                f"`low` must be less than `high`. Received: low={self.low!r}, high={self.high!r}"
            )


@dataclasses.dataclass(frozen=True)
class Field:
    """What all kinds of field have: a column's name and its role.

    Args:
        name: The raw column's name.
        role: One of `ROLES`. A behaviour field holds one entry for each step of the sequence.
    """

    kind: ClassVar[str] = ""
    name: str
    role: str = "profile"

    def __post_init__(self) -> None:
        require_name("A field's name", self.name)
        require_choice(f"fields[{self.name!r}].role", self.role, ROLES)


@dataclasses.dataclass(frozen=True)
class CategoricalField(Field):
    """A column with one id.

    Args:
        vocabulary: Name of the `Vocabulary`; "" stands for the field's own name.
    """

    kind: ClassVar[str] = "categorical"
    vocabulary: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _name_vocabulary(self)


@dataclasses.dataclass(frozen=True)
class MultiValuedField(Field):
    """A column with a set of ids (multi-hot): its embedding is the sum of its values'.

    Args:
        vocabulary: Name of the `Vocabulary`; "" stands for the field's own name.
        max_values: Most values of a set that are kept: the first ones.
        combiner: `"sum"` (paper, stage 0) or `"mean"`.
        separator: What stands between the values in text files.
    """

    kind: ClassVar[str] = "multi_valued"
    vocabulary: str = ""
    max_values: int = 8
    combiner: str = "sum"
    separator: str = "|"

    def __post_init__(self) -> None:
        super().__post_init__()
        _name_vocabulary(self)
        require_count(f"fields[{self.name!r}].max_values", self.max_values)
        require_choice(f"fields[{self.name!r}].combiner", self.combiner, COMBINERS)
        if not isinstance(self.separator, str) or not self.separator:
            raise SpecError(
                f"fields[{self.name!r}].separator must be a non-empty text. "
                f"Received: {self.separator!r}"
            )


@dataclasses.dataclass(frozen=True)
class NumericField(Field):
    """A column with one number.

    Args:
        normalization: How it is brought to [-1, 1].
    """

    kind: ClassVar[str] = "numeric"
    normalization: Normalization = Normalization()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.normalization, Normalization):
            raise SpecError(
                f"fields[{self.name!r}].normalization must be a Normalization. "
                f"Received: {self.normalization!r}"
            )


AnyField: TypeAlias = CategoricalField | MultiValuedField | NumericField

KINDS: dict[str, type[AnyField]] = {
    kind.kind: kind for kind in (CategoricalField, MultiValuedField, NumericField)
}


def _name_vocabulary(field: CategoricalField | MultiValuedField) -> None:
    if field.vocabulary == "":
        object.__setattr__(field, "vocabulary", field.name)
    require_name(f"fields[{field.name!r}].vocabulary", field.vocabulary)


def field_to_dict(field: AnyField) -> dict[str, Any]:
    """A field as a JSON object, its kind first."""
    data = {"kind": field.kind, **to_plain(field)}
    if isinstance(field, NumericField):
        data["normalization"] = to_plain(field.normalization)
    return data


def field_from_dict(place: str, data: object) -> AnyField:
    """Rebuilds a field from `field_to_dict`, refusing what it does not know."""
    if not isinstance(data, Mapping) or data.get("kind") not in tuple(KINDS):
        raise SpecError(
            f"{place} must be an object whose `kind` is one of {', '.join(KINDS)}. "
            f"Received: {data!r}"
        )
    arguments = {key: value for key, value in data.items() if key != "kind"}
    if "normalization" in arguments:
        # A normalisation does not know the field that it belongs to.
        arguments["normalization"] = construct(
            Normalization, f"{place}.normalization", arguments["normalization"], say_place=True
        )
    return cast(AnyField, construct(KINDS[data["kind"]], place, arguments))
