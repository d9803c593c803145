"""What a loader hands to the preparation: tables with agreed column names, and an unfitted spec."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from amer_tf.features import (
    AnyField,
    CategoricalField,
    FeatureSpec,
    Field,
    MultiValuedField,
    NumericField,
    Vocabulary,
    did_you_mean,
)
from data_pipelines.errors import DataError
from data_pipelines.splits import LeaveOneOut, Split
from data_pipelines.tables import Table

USER = "user_id"
ITEM = "item_id"
# No field can have such a name.
TIME = "event time"
ITEM_NAME = "item name"
HISTORY_PREFIX = "history_"
ITEM_VOCABULARIES = ("catalog", "train")


@dataclasses.dataclass(frozen=True)
class Source:
    """One data set, ready to be prepared.

    For `"next_item"` the columns `USER`, `ITEM` and, where there is one, `TIME` stand in
    `events`, which also has the behaviour and context fields under their own names; `items` has
    `ITEM`, the other target fields and, where there is one, `ITEM_NAME`; `users` has `USER`
    and the profile fields. For `"ctr"` all fields stand in `events`, one example a row, beside
    the label, the group and the time where the spec and the split name them; but for those of which
    there are tables: profile fields (but the group itself) stand in `users` beside the group's
    column, target fields (but `item`) in `items` beside the column `item`, and behaviour fields in
    `behaviors`, one event a row, beside the group's column and `TIME`. If `behaviors` has the
    column `item`, the histories of `item` and of the fields of `items` are those of its items.
    `gap_field` stands in no table.

    Args:
        name: Name of the data set.
        spec: Its FeatureSpec, vocabularies and normalisations not yet fitted.
        events: Table of events or examples.
        whole: Where `events` are a random share (`"ctr"`): the table that it is taken from, with
            the group's column and `TIME`, among whose rows the split `PerUser` places each. None:
            among `events`.
        items: Table of items, or None.
        users: Table of users, or None.
        behaviors: Table of the events that make up the histories (`"ctr"`), or None.
        item: Name of the target field that tells items apart (`"ctr"`), or None.
        steps_are_items: Whether `behaviors` has the column `item`.
        gap_field: Name of the numeric behaviour field that is computed: the time between each
            event of `behaviors` and its user's event before it (`"ctr"`); or None.
        files: The files that all this is read from.
        recipe: How they are read, as plain JSON: the description, or the options of the data set.
            Two sources of equal files, spec and recipe hold the same data.
        user_dtype: `"string"` or `"int64"`: the type of the user column.
        has_time: Whether `events` has the column `TIME`; without it the file's order counts.
        global_time: Whether times of different users can be compared.
        has_item_names: Whether `items` has the column `ITEM_NAME`.
        step_separator: What stands between the steps of a behaviour field in text (`"ctr"`).
        split: How examples are dealt out.
        k_core: Fewest events of a user and of an item (`"next_item"`); 0 keeps all.
        item_vocabulary: `"catalog"`: every item that is left after filtering is known, as in the
            published protocols; `"train"`: only those of the training split. None: catalog for
            leave-one-out, train for a split by time.
        user_id_field: Whether the user's id is to be a profile field (`"next_item"`).
    """

    name: str
    spec: FeatureSpec
    events: Table
    whole: Table | None = None
    items: Table | None = None
    users: Table | None = None
    behaviors: Table | None = None
    item: str | None = None
    steps_are_items: bool = False
    gap_field: str | None = None
    files: tuple[pathlib.Path, ...] = ()
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    user_dtype: str = "string"
    has_time: bool = False
    global_time: bool = True
    has_item_names: bool = False
    step_separator: str = "|"
    split: Split = dataclasses.field(default_factory=LeaveOneOut)
    k_core: int = 0
    item_vocabulary: str | None = None
    user_id_field: bool = False


def next_item_spec(
    *,
    item_dtype: str = "string",
    item_fields: Sequence[AnyField] = (),
    other_fields: Sequence[AnyField] = (),
    vocabularies: Iterable[Vocabulary] = (),
    max_length: int = 50,
) -> FeatureSpec:
    """An unfitted spec of task next_item under the names that the loaders agree on.

    Args:
        item_dtype: `"string"` or `"int64"`: the type of `item_id`.
        item_fields: What is known of an item: target fields; a behaviour field is added to each.
        other_fields: Behaviour, profile and context fields.
        vocabularies: Those that are not plain fitted ones of text, also that of `item_id`; unused
            ones are left out.
        max_length: Steps of the history.
    """
    for field in (*item_fields, *other_fields):
        if field.name in (USER, ITEM):
            raise DataError(
                f"A field must have another name than {USER} and {ITEM}, under which every table "
                f"has the user and the item. Received: fields[{field.name!r}]"
            )
    item = CategoricalField(ITEM, role="target")
    targets: list[AnyField] = [item, *item_fields]
    behavior = [history_of(field) for field in targets]
    known = {
        ITEM: Vocabulary(ITEM, dtype=item_dtype),
        **{vocabulary.name: vocabulary for vocabulary in vocabularies},
    }
    fields = (*behavior, *targets, *other_fields)
    used = {field.vocabulary for field in fields if not isinstance(field, NumericField)}
    return FeatureSpec(
        fields=fields,
        vocabularies=tuple(
            complete_vocabularies(fields, (known[name] for name in known if name in used))
        ),
        task="next_item",
        group=USER,
        max_length=max_length,
        target_to_behavior={field.name: HISTORY_PREFIX + field.name for field in targets},
    )


def with_user_id(spec: FeatureSpec, dtype: str) -> FeatureSpec:
    """An unfitted spec of task next_item with the user's id as a profile field, as BPR reads it.

    Args:
        spec: Without that field.
        dtype: `"string"` or `"int64"`: the type of the ids.
    """
    return dataclasses.replace(
        spec,
        fields=(*spec.fields, CategoricalField(USER, role="profile")),
        vocabularies=(*spec.vocabularies, Vocabulary(USER, dtype=dtype)),
    )


def ctr_spec(
    *,
    label: str,
    item: CategoricalField,
    item_fields: Sequence[AnyField] = (),
    other_fields: Sequence[AnyField] = (),
    vocabularies: Iterable[Vocabulary] = (),
    group: str = USER,
    max_length: int = 50,
) -> FeatureSpec:
    """An unfitted spec of task ctr with the history of the item and of what is known of it.

    Args:
        label: Column of the label.
        item: The target field that tells items apart.
        item_fields: What else is known of an item: target fields.
        other_fields: Behaviour, profile and context fields.
        vocabularies: Those that are not plain fitted ones of text; unused ones are left out.
        group: Column that tells users apart.
        max_length: Steps of the history.
    """
    targets = [item, *item_fields]
    fields = (*(history_of(field) for field in targets), *targets, *other_fields)
    used = {field.vocabulary for field in fields if not isinstance(field, NumericField)}
    known = [vocabulary for vocabulary in vocabularies if vocabulary.name in used]
    return FeatureSpec(
        fields=fields,
        vocabularies=tuple(complete_vocabularies(fields, known)),
        label=label,
        group=group,
        max_length=max_length,
        target_to_behavior={field.name: HISTORY_PREFIX + field.name for field in targets},
    )


def history_of(field: AnyField) -> AnyField:
    """The behaviour field that holds the history of a target field."""
    name = HISTORY_PREFIX + field.name
    return dataclasses.replace(field, name=name, role="behavior")


def require_task(task: str) -> str:
    """The option `task` of a data set that serves either."""
    if task not in ("next_item", "ctr"):
        raise DataError(f"`task` must be one of next_item, ctr. Received: task={task!r}")
    return task


def chosen_fields(
    option: str, chosen: str | Sequence[str], known: Sequence[AnyField]
) -> list[AnyField]:
    """The fields that an option names: `"all"`, or names as a list or between commas."""
    names = [name.strip() for name in chosen.split(",")] if isinstance(chosen, str) else chosen
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise DataError(
            f"`{option}` must be 'all', or names as a list or between commas. "
            f"Received: {option}={chosen!r}"
        )
    if list(names) == ["all"]:
        return list(known)
    by_name = {field.name: field for field in known}
    unknown = [name for name in names if name and name not in by_name]
    if unknown:
        raise DataError(
            f"{did_you_mean(unknown, by_name)}`{option}` must be 'all' or among {list(by_name)}. "
            f"Received: {option}={chosen!r}"
        )
    return [by_name[name] for name in names if name]


def complete_vocabularies(fields: Iterable[Field], given: Iterable[Vocabulary]) -> list[Vocabulary]:
    """The given vocabularies, and a fitted one of text for every other name that fields use."""
    known = {vocabulary.name: vocabulary for vocabulary in given}
    for field in fields:
        if isinstance(field, (CategoricalField, MultiValuedField)):
            known.setdefault(field.vocabulary, Vocabulary(field.vocabulary))
    return list(known.values())
