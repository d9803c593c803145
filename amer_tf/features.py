"""The one contract between data, model and serving: fields, vocabularies and the FeatureSpec."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

VERSION = 1
PADDING_ID = 0
UNKNOWN_ID = 1
NUM_RESERVED_IDS = 2

ROLES = ("profile", "context", "target", "behavior")
TASKS = ("ctr", "next_item")
VOCABULARY_SOURCES = ("values", "file", "fit", "hash", "integer")
DTYPES = ("string", "int64")
COMBINERS = ("sum", "mean")
SPEC_FILE = "spec.json"
VOCABULARY_FOLDER = "vocabularies"
# A longer vocabulary stands in a file of its own beside spec.json.
MAX_INLINE_VALUES = 100

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class SpecError(ValueError):
    """A FeatureSpec that is wrong in itself or does not fit the data."""


def _require_name(place: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SpecError(
            f"{place} must be a letter followed by letters, digits and underscores. "
            f"Received: {name!r}"
        )


def _require_choice(place: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SpecError(f"{place} must be one of {', '.join(choices)}. Received: {value!r}")


def _require_count(place: str, value: object, minimum: int = 1) -> None:
    if type(value) is not int or value < minimum:
        raise SpecError(f"{place} must be an integer of at least {minimum}. Received: {value!r}")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The values of a categorical column and their ids; fields that name it share embeddings.

    Id 0 is padding, id 1 every unknown value, and the known values follow from id 2 on.

    Args:
        name: Name by which fields refer to it.
        source: `"values"` (listed here), `"file"` (one value a line), `"fit"` (found in the
            training split when the data are prepared; becomes `"values"` or `"file"`),
            `"hash"` (a stable hash into `size` buckets), `"integer"` (ids 0 ... `size` - 1).
        dtype: `"string"` or `"int64"`: the type of the raw column.
        values: The known values in the order of their ids, for `"values"`.
        file: Path of the values, for `"file"`.
        size: Number of known values, buckets or integer ids; None until fitted.
        min_count: For `"fit"`: rarer values are unknown.
        max_size: For `"fit"`: only the most frequent `max_size` values are known.
    """

    name: str
    source: str = "fit"
    dtype: str = "string"
    values: tuple[str | int, ...] = ()
    file: str | None = None
    size: int | None = None
    min_count: int = 1
    max_size: int | None = None

    def __post_init__(self) -> None:
        place = f"vocabularies[{self.name!r}]"
        _require_name("A vocabulary's name", self.name)
        _require_choice(f"{place}.source", self.source, VOCABULARY_SOURCES)
        _require_choice(f"{place}.dtype", self.dtype, DTYPES)
        _require_count(f"{place}.min_count", self.min_count)
        if self.max_size is not None:
            _require_count(f"{place}.max_size", self.max_size)
        object.__setattr__(self, "values", tuple(self.values))
        if self.source == "values":
            self._check_values(place)
        elif self.values:
            raise SpecError(
                f"{place} lists values, so its source must be 'values'. Received: {self.source!r}"
            )
        if (self.source == "file") != (self.file is not None):
            raise SpecError(
                f"{place} takes `file` with source 'file' and only then. "
                f"Received: source={self.source!r}, file={self.file!r}"
            )
        if self.source in ("hash", "integer", "file"):
            _require_count(f"{place}.size", self.size)
        if self.source == "integer" and self.dtype != "int64":
            raise SpecError(
                f"{place}.dtype must be 'int64' for source 'integer'. Received: {self.dtype!r}"
            )
        if self.source == "fit" and self.size is not None:
            raise SpecError(f"{place}.size is found by fitting. Received: {self.size!r}")

    def _check_values(self, place: str) -> None:
        expected = str if self.dtype == "string" else int
        for value in self.values:
            if type(value) is not expected:
                raise SpecError(f"{place}.values must all be {self.dtype}. Received: {value!r}")
        if len(set(self.values)) < len(self.values):
            twice = next(v for i, v in enumerate(self.values) if v in self.values[:i])
            raise SpecError(f"{place}.values must differ. Received twice: {twice!r}")
        if not self.values:
            raise SpecError(f"{place}.values must hold at least one value. Received: ()")
        if self.size not in (None, len(self.values)):
            raise SpecError(
                f"{place}.size must be the number of values, {len(self.values)}. "
                f"Received: {self.size!r}"
            )
        object.__setattr__(self, "size", len(self.values))

    @property
    def num_rows(self) -> int:
        """Rows of the embedding table: padding, unknown and the known values."""
        if self.size is None:
            raise SpecError(
                f"vocabularies[{self.name!r}] has not been fitted: prepare the data first. "
                f"Received: source={self.source!r}"
            )
        return self.size + NUM_RESERVED_IDS

    def read_values(self) -> tuple[str | int, ...]:
        """The known values in the order of their ids (`"values"` and `"file"` only)."""
        if self.source == "values":
            return self.values
        if self.source != "file":
            raise SpecError(
                f"vocabularies[{self.name!r}] has no list of values. "
                f"Received: source={self.source!r}"
            )
        assert self.file is not None
        try:
            text = pathlib.Path(self.file).read_text(encoding="utf-8")
        except OSError as error:
            raise SpecError(
                f"The file of vocabularies[{self.name!r}] cannot be read: {error}"
            ) from error
        lines = text.split("\n")[:-1]
        if len(lines) != self.size or not text.endswith("\n"):
            raise SpecError(
                f"The file of vocabularies[{self.name!r}] must have {self.size} lines and end "
                f"with a line break: it is truncated or of other data. "
                f"Received: {len(lines)} lines in {self.file}"
            )
        if self.dtype == "string":
            return tuple(lines)
        try:
            return tuple(int(line) for line in lines)
        except ValueError as error:
            raise SpecError(
                f"The file of vocabularies[{self.name!r}] must hold integers: {error}"
            ) from error


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
        if not 0.0 <= self.quantile < 0.5:
            raise SpecError(f"`quantile` must be in [0, 0.5). Received: quantile={self.quantile!r}")
        given = [value is not None for value in (self.low, self.high, self.mean)]
        if any(given) and not all(given):
            raise SpecError(
                "A normalisation has all of low, high and mean, or none of them. "
                f"Received: low={self.low!r}, high={self.high!r}, mean={self.mean!r}"
            )
        if self.low is not None and self.high is not None and not self.low < self.high:
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
        _require_name("A field's name", self.name)
        _require_choice(f"fields[{self.name!r}].role", self.role, ROLES)


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
        if not self.vocabulary:
            object.__setattr__(self, "vocabulary", self.name)


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
        if not self.vocabulary:
            object.__setattr__(self, "vocabulary", self.name)
        _require_count(f"fields[{self.name!r}].max_values", self.max_values)
        _require_choice(f"fields[{self.name!r}].combiner", self.combiner, COMBINERS)
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


_KINDS: dict[str, type[Field]] = {
    kind.kind: kind for kind in (CategoricalField, MultiValuedField, NumericField)
}


@dataclasses.dataclass(frozen=True)
class FeatureSpec:
    """Which columns a model reads, how they become ids and numbers, and what it predicts.

    Args:
        fields: The columns. Their order is the order in the model.
        vocabularies: The vocabularies that categorical and multi-valued fields name.
        task: `"ctr"` (binary label) or `"next_item"` (retrieval from a history).
        label: Name of the label column (`"ctr"`).
        group: Name of the column that tells users apart, for per-user metrics; or None.
        max_length: Steps of the behaviour sequence that are kept: the newest ones.
        target_to_behavior: Which behaviour field holds the same thing as a target field. For
            `"next_item"` the first entry is the item id.

    Raises:
        SpecError: Where the spec contradicts itself; the message names the place and the value.
    """

    fields: tuple[CategoricalField | MultiValuedField | NumericField, ...]
    vocabularies: tuple[Vocabulary, ...] = ()
    task: str = "ctr"
    label: str | None = None
    group: str | None = None
    max_length: int = 50
    target_to_behavior: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))
        object.__setattr__(self, "vocabularies", tuple(self.vocabularies))
        object.__setattr__(self, "target_to_behavior", dict(self.target_to_behavior))
        _require_choice("task", self.task, TASKS)
        _require_count("max_length", self.max_length)
        if not self.fields:
            raise SpecError("`fields` must hold at least one field. Received: fields=()")
        for field in self.fields:
            if type(field) not in _KINDS.values():
                raise SpecError(
                    "`fields` must hold CategoricalField, MultiValuedField and NumericField only. "
                    f"Received: {field!r}"
                )
        self._check_names()
        self._check_vocabularies()
        self._check_mapping()
        if self.task == "ctr" and self.label is None:
            raise SpecError("`label` must name a column for task 'ctr'. Received: label=None")
        if self.task == "next_item":
            self._check_next_item()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def _check_names(self) -> None:
        names = [field.name for field in self.fields]
        for name in names:
            if names.count(name) > 1:
                raise SpecError(f"Field names must differ. Received twice: {name!r}")
        for place in ("label", "group"):
            column = getattr(self, place)
            if column is not None:
                _require_name(f"`{place}`", column)
        if self.label in names:
            raise SpecError(
                f"The label must not be a field: the model would read what it predicts. "
                f"Received: label={self.label!r}"
            )

    def _check_vocabularies(self) -> None:
        names = [vocabulary.name for vocabulary in self.vocabularies]
        used = {field.vocabulary for field in self.fields if not isinstance(field, NumericField)}
        for name in names:
            if names.count(name) > 1:
                raise SpecError(f"Vocabulary names must differ. Received twice: {name!r}")
            if name not in used:
                raise SpecError(
                    f"No field uses vocabularies[{name!r}]: name it in a field's "
                    f"`vocabulary` or drop it."
                )
        for field in self.fields:
            if not isinstance(field, NumericField) and field.vocabulary not in names:
                raise SpecError(
                    f"fields[{field.name!r}] names a vocabulary that is not there; known are "
                    f"{names}. Received: vocabulary={field.vocabulary!r}"
                )

    def _check_mapping(self) -> None:
        for target, behavior in self.target_to_behavior.items():
            for name, role in ((target, "target"), (behavior, "behavior")):
                field = next((field for field in self.fields if field.name == name), None)
                if field is None or field.role != role:
                    raise SpecError(
                        f"`target_to_behavior` maps target fields to behaviour fields. "
                        f"Received: {name!r}, which is "
                        + ("no field" if field is None else f"a {field.role} field")
                    )
            first, second = self.field(target), self.field(behavior)
            if first.kind != second.kind or (
                not isinstance(first, NumericField)
                and not isinstance(second, NumericField)
                and first.vocabulary != second.vocabulary
            ):
                raise SpecError(
                    f"A target field and its behaviour field must be of one kind and share one "
                    f"vocabulary. Received: {target!r} and {behavior!r}"
                )

    def _check_next_item(self) -> None:
        if not self.target_to_behavior:
            raise SpecError(
                "Task 'next_item' needs `target_to_behavior`, its first entry the item id. "
                "Received: {}"
            )
        if not isinstance(self.field(self.item_field), CategoricalField):
            raise SpecError(
                "The item id of task 'next_item' must be a CategoricalField. "
                f"Received: {self.field(self.item_field)!r}"
            )
        vocabulary = self.vocabulary(self.item_field)
        if vocabulary.source == "hash":
            raise SpecError(
                "The item id of task 'next_item' cannot be hashed: a hash cannot be turned back "
                f"into an item. Received: vocabularies[{vocabulary.name!r}].source='hash'"
            )

    def field(self, name: str) -> CategoricalField | MultiValuedField | NumericField:
        """The field of this name."""
        for field in self.fields:
            if field.name == name:
                return field
        raise SpecError(
            f"There is no field of this name; known are {[field.name for field in self.fields]}. "
            f"Received: {name!r}"
        )

    def with_role(
        self, *roles: str
    ) -> tuple[CategoricalField | MultiValuedField | NumericField, ...]:
        """The fields that have one of the roles, in order."""
        return tuple(field for field in self.fields if field.role in roles)

    def vocabulary(self, field_name: str) -> Vocabulary:
        """The vocabulary of a field."""
        field = self.field(field_name)
        if isinstance(field, NumericField):
            raise SpecError(f"A numeric field has no vocabulary. Received: {field_name!r}")
        return next(entry for entry in self.vocabularies if entry.name == field.vocabulary)

    @property
    def item_field(self) -> str:
        """Name of the target field that identifies the item."""
        if not self.target_to_behavior:
            raise SpecError("This spec maps no target field to a behaviour field. Received: {}")
        return next(iter(self.target_to_behavior))

    @property
    def history_field(self) -> str:
        """Name of the behaviour field that identifies the item of each step."""
        return self.target_to_behavior[self.item_field]

    @property
    def catalog_fields(self) -> tuple[CategoricalField | MultiValuedField | NumericField, ...]:
        """For next_item: target fields besides the item id, known from the catalog."""
        return tuple(field for field in self.with_role("target") if field.name != self.item_field)

    @property
    def input_fields(self) -> tuple[CategoricalField | MultiValuedField | NumericField, ...]:
        """The fields that a batch carries.

        For `"next_item"` neither the target fields nor the behaviour fields that the catalog
        knows of each item are among them.
        """
        if self.task == "ctr":
            return self.fields
        known = {self.target_to_behavior.get(field.name) for field in self.catalog_fields}
        return tuple(
            field for field in self.fields if field.role != "target" and field.name not in known
        )

    def __iter__(self) -> Iterator[CategoricalField | MultiValuedField | NumericField]:
        return iter(self.fields)

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "task": self.task,
            "label": self.label,
            "group": self.group,
            "max_length": self.max_length,
            "target_to_behavior": dict(self.target_to_behavior),
            "fields": [{"kind": field.kind, **dataclasses.asdict(field)} for field in self.fields],
            "vocabularies": [
                {**dataclasses.asdict(vocabulary), "values": list(vocabulary.values)}
                for vocabulary in self.vocabularies
            ],
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    @classmethod
    def from_dict(cls, data: object) -> FeatureSpec:
        """Rebuilds a spec from `to_dict`, refusing what it does not know."""
        if not isinstance(data, Mapping):
            raise SpecError(f"A FeatureSpec must be an object. Received: {data!r}")
        if data.get("version") != VERSION:
            raise SpecError(
                f"This library reads FeatureSpecs of version {VERSION}. "
                f"Received: version={data.get('version')!r}"
            )
        arguments = {key: value for key, value in data.items() if key != "version"}
        arguments["fields"] = tuple(_field_from_dict(entry) for entry in data.get("fields", ()))
        arguments["vocabularies"] = tuple(
            _construct(Vocabulary, f"vocabularies[{index}]", entry)
            for index, entry in enumerate(data.get("vocabularies", ()))
        )
        spec = _construct(cls, "A FeatureSpec", arguments)
        assert isinstance(spec, FeatureSpec)
        return spec

    @classmethod
    def from_json(cls, text: str) -> FeatureSpec:
        """Rebuilds a spec from the text of `to_json`."""
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise SpecError(
                f"A FeatureSpec must be JSON: {error}. Received: {text[:60]!r}"
            ) from error
        return cls.from_dict(data)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes `spec.json` into the folder, and long vocabularies as files beside it."""
        root = pathlib.Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        vocabularies = []
        for entry in self.vocabularies:
            long = entry.source == "values" and len(entry.values) > MAX_INLINE_VALUES
            if long or entry.source == "file":
                relative = f"{VOCABULARY_FOLDER}/{entry.name}.txt"
                (root / VOCABULARY_FOLDER).mkdir(exist_ok=True)
                _write(root / relative, "".join(f"{value}\n" for value in entry.read_values()))
                entry = dataclasses.replace(entry, source="file", file=relative, values=())
            vocabularies.append(entry)
        written = dataclasses.replace(self, vocabularies=tuple(vocabularies))
        _write(root / SPEC_FILE, written.to_json())

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> FeatureSpec:
        """Reads what `save` wrote; vocabulary files are named by their full path."""
        root = pathlib.Path(folder)
        try:
            text = (root / SPEC_FILE).read_text(encoding="utf-8")
        except OSError as error:
            raise SpecError(f"{root} holds no readable {SPEC_FILE}: {error}") from error
        spec = cls.from_json(text)
        return dataclasses.replace(
            spec,
            vocabularies=tuple(
                dataclasses.replace(entry, file=str(root / entry.file)) if entry.file else entry
                for entry in spec.vocabularies
            ),
        )


def _field_from_dict(data: object) -> CategoricalField | MultiValuedField | NumericField:
    if not isinstance(data, Mapping) or data.get("kind") not in _KINDS:
        raise SpecError(f"A field's kind must be one of {', '.join(_KINDS)}. Received: {data!r}")
    arguments = {key: value for key, value in data.items() if key != "kind"}
    if isinstance(arguments.get("normalization"), Mapping):
        arguments["normalization"] = _construct(
            Normalization, f"fields[{data.get('name')!r}].normalization", arguments["normalization"]
        )
    field = _construct(_KINDS[data["kind"]], f"fields[{data.get('name')!r}]", arguments)
    assert isinstance(field, (CategoricalField, MultiValuedField, NumericField))
    return field


def _construct(kind: type[Any], place: str, arguments: object) -> Any:
    if not isinstance(arguments, Mapping):
        raise SpecError(f"{place} must be an object. Received: {arguments!r}")
    known = [entry.name for entry in dataclasses.fields(kind)]
    unknown = [key for key in arguments if key not in known]
    if unknown:
        raise SpecError(f"{place} has unknown keys; known are {known}. Received: {unknown}")
    required = [
        entry.name
        for entry in dataclasses.fields(kind)
        if entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
    ]
    missing = [name for name in required if name not in arguments]
    if missing:
        raise SpecError(f"{place} lacks {missing}. Received: {dict(arguments)!r}")
    return kind(**arguments)


def _write(file: pathlib.Path, text: str) -> None:
    # Written whole under another name first, so that a full disk leaves the old file intact.
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise
