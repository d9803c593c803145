"""The one contract between data, model and serving: fields, vocabularies and the FeatureSpec."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Hashable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

from amer_tf.fields import (
    COMBINERS,
    KINDS,
    ROLES,
    AnyField,
    CategoricalField,
    Field,
    MultiValuedField,
    Normalization,
    NumericField,
    field_from_dict,
    field_to_dict,
)
from amer_tf.files import write_text
from amer_tf.machine import machine_memory
from amer_tf.spec_checks import (
    SpecError,
    construct,
    first_duplicate,
    require_choice,
    require_count,
    require_list,
    require_name,
    require_object,
    to_plain,
)
from amer_tf.vocabulary import (
    DTYPES,
    NUM_RESERVED_IDS,
    PADDING_ID,
    UNKNOWN_ID,
    VOCABULARY_SOURCES,
    Vocabulary,
)
from amer_tf.wording import counted, did_you_mean

# `data_pipelines` imports this module and no other of the package.
__all__ = [
    "COMBINERS",
    "DTYPES",
    "KINDS",
    "MAX_INLINE_VALUES",
    "NUM_RESERVED_IDS",
    "PADDING_ID",
    "ROLES",
    "SPEC_FILE",
    "TASKS",
    "UNKNOWN_ID",
    "VERSION",
    "VOCABULARY_FOLDER",
    "VOCABULARY_SOURCES",
    "AnyField",
    "CategoricalField",
    "FeatureSpec",
    "Field",
    "MultiValuedField",
    "Normalization",
    "NumericField",
    "SpecError",
    "Vocabulary",
    "counted",
    "did_you_mean",
    "machine_memory",
]

VERSION = 1

TASKS = ("ctr", "next_item")
SPEC_FILE = "spec.json"
VOCABULARY_FOLDER = "vocabularies"
# A longer vocabulary stands in a file of its own beside spec.json.
MAX_INLINE_VALUES = 100


@dataclasses.dataclass(frozen=True, eq=False)
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

    fields: tuple[AnyField, ...]
    vocabularies: tuple[Vocabulary, ...] = ()
    task: str = "ctr"
    label: str | None = None
    group: str | None = None
    max_length: int = 50
    target_to_behavior: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", require_list("`fields`", self.fields))
        object.__setattr__(self, "vocabularies", require_list("`vocabularies`", self.vocabularies))
        mapping = require_object("`target_to_behavior`", self.target_to_behavior)
        object.__setattr__(self, "target_to_behavior", MappingProxyType(dict(mapping)))
        require_choice("task", self.task, TASKS)
        require_count("max_length", self.max_length)
        if not self.fields:
            raise SpecError("`fields` must hold at least one field. Received: fields=()")
        for field in self.fields:
            if type(field) not in KINDS.values():
                raise SpecError(
                    "`fields` must hold CategoricalField, MultiValuedField and NumericField only. "
                    f"Received: {field!r}"
                )
        for vocabulary in self.vocabularies:
            if type(vocabulary) is not Vocabulary:
                raise SpecError(
                    f"`vocabularies` must hold Vocabulary objects only. Received: {vocabulary!r}"
                )
        self._check_names()
        self._check_vocabularies()
        self._check_mapping()
        if self.task == "ctr" and self.label is None:
            raise SpecError("`label` must name a column for task 'ctr'. Received: label=None")
        if self.task == "next_item":
            self._check_next_item()

    def _key(self) -> Hashable:
        # The order of `target_to_behavior` counts, which equality of dicts does not see.
        pairs = tuple(self.target_to_behavior.items())
        return (
            (self.fields, self.vocabularies, self.task, self.label, self.group, self.max_length),
            pairs,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FeatureSpec) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only mapping can be neither pickled nor deep-copied.
        return FeatureSpec.from_dict, (self.to_dict(),)

    def _check_names(self) -> None:
        names = [field.name for field in self.fields]
        twice = first_duplicate(names)
        if twice is not None:
            raise SpecError(f"Field names must differ. Received twice: {twice!r}")
        for place in ("label", "group"):
            column = getattr(self, place)
            if column is not None:
                require_name(f"`{place}`", column)
        if self.label in names:
            raise SpecError(
                f"The label must not be a field: the model would read what it predicts. "
                f"Received: label={self.label!r}"
            )
        if self.label is not None and self.label == self.group:
            raise SpecError(
                "The label tells outcomes apart and the group users, so they must be two columns. "
                f"Received: label={self.label!r}, group={self.group!r}"
            )

    def _check_vocabularies(self) -> None:
        names = [vocabulary.name for vocabulary in self.vocabularies]
        used = {field.vocabulary for field in self.fields if not isinstance(field, NumericField)}
        twice = first_duplicate(names)
        if twice is not None:
            raise SpecError(f"Vocabulary names must differ. Received twice: {twice!r}")
        for name in names:
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
        twice = first_duplicate(map(str, self.target_to_behavior.values()))
        if twice is not None:
            raise SpecError(
                "`target_to_behavior` must map every target field to a behaviour field of its "
                f"own. Received twice: {twice!r}"
            )
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

    def field(self, name: str) -> AnyField:
        """The field of this name."""
        for field in self.fields:
            if field.name == name:
                return field
        raise SpecError(
            f"There is no field of this name; known are {[field.name for field in self.fields]}. "
            f"Received: {name!r}"
        )

    def require_task(self, task: str, system: str) -> None:
        """Raises `SpecError` where a system of `task` is asked for with a spec of another."""
        if self.task != task:
            raise SpecError(
                f"{system} is a model of task {task!r}. Received: spec.task={self.task!r}"
            )

    def with_role(self, *roles: str) -> tuple[AnyField, ...]:
        """The fields that have one of the roles, in order."""
        for role in roles:
            require_choice("A role", role, ROLES)
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
        """Name of the categorical field that tells which steps are events: if any, the item's."""
        mapped = map(self.field, self.target_to_behavior.values())
        for field in (*mapped, *self.with_role("behavior")):
            if isinstance(field, CategoricalField):
                return field.name
        raise SpecError(
            "A behaviour sequence needs a categorical field, whose padding tells how long it is. "
            f"Received: {[field.name for field in self.with_role('behavior')]}"
        )

    @property
    def catalog_fields(self) -> tuple[AnyField, ...]:
        """For next_item: target fields besides the item id, known from the catalog."""
        return tuple(field for field in self.with_role("target") if field.name != self.item_field)

    @property
    def input_fields(self) -> tuple[AnyField, ...]:
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

    def __iter__(self) -> Iterator[AnyField]:
        return iter(self.fields)

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "task": self.task,
            "label": self.label,
            "group": self.group,
            "max_length": self.max_length,
            "target_to_behavior": dict(self.target_to_behavior),
            "fields": [field_to_dict(field) for field in self.fields],
            "vocabularies": [
                {**to_plain(vocabulary), "values": list(vocabulary.values)}
                for vocabulary in self.vocabularies
            ],
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    @classmethod
    def from_dict(cls, data: object) -> FeatureSpec:
        """Rebuilds a spec from `to_dict`, refusing what it does not know."""
        data = require_object("A FeatureSpec", data)
        version = data.get("version")
        if type(version) is not int or version != VERSION:
            raise SpecError(
                f"This library reads FeatureSpecs of version {VERSION}. "
                f"Received: version={version!r}"
            )
        arguments = {key: value for key, value in data.items() if key != "version"}
        if "fields" in data:
            arguments["fields"] = tuple(
                field_from_dict(f"fields[{index}]", entry)
                for index, entry in enumerate(require_list("`fields`", data["fields"]))
            )
        if "vocabularies" in data:
            arguments["vocabularies"] = tuple(
                construct(Vocabulary, f"vocabularies[{index}]", entry)
                for index, entry in enumerate(require_list("`vocabularies`", data["vocabularies"]))
            )
        return cast(FeatureSpec, construct(cls, "A FeatureSpec", arguments))

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
                write_text(root / relative, "".join(f"{value}\n" for value in entry.read_values()))
                entry = dataclasses.replace(entry, source="file", file=relative, values=())
            vocabularies.append(entry)
        written = dataclasses.replace(self, vocabularies=tuple(vocabularies))
        write_text(root / SPEC_FILE, written.to_json())

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> FeatureSpec:
        """Reads what `save` wrote; vocabulary files are named by their full path."""
        root = pathlib.Path(folder)
        try:
            text = (root / SPEC_FILE).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"{root} holds no readable {SPEC_FILE}: {error}") from error
        try:
            spec = cls.from_json(text)
        except SpecError as error:
            raise SpecError(f"{root / SPEC_FILE}: {error}") from error
        return dataclasses.replace(
            spec,
            vocabularies=tuple(
                dataclasses.replace(entry, file=str(root / entry.file)) if entry.file else entry
                for entry in spec.vocabularies
            ),
        )
