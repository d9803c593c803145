"""Which field of task ctr stands in which table of a source."""

from __future__ import annotations

from typing import NamedTuple

from amer_tf.features import AnyField, FeatureSpec
from data_pipelines.errors import DataError
from data_pipelines.sources import Source


class FieldPlaces(NamedTuple):
    """The fields of a spec by the table that they are read from.

    Attributes:
        own: Beside each example.
        profile: Of each user.
        item: Of each item, the item's own field first; empty where there are no items.
        step: Of each event of the history, in its own columns.
        of_item: The histories of fields of the item: name of the target by that of the behaviour.
        gap: The field of the history that is computed from the times of its events; one or none.
    """

    own: tuple[AnyField, ...]
    profile: tuple[AnyField, ...]
    item: tuple[AnyField, ...]
    step: tuple[AnyField, ...]
    of_item: dict[str, str]
    gap: tuple[AnyField, ...]

    @property
    def of_event(self) -> tuple[AnyField, ...]:
        """All that is stored with each event of the history."""
        return (*self.step, *self.gap)

    @property
    def has_sides(self) -> bool:
        """Whether anything is read beside the examples."""
        return bool(self.profile or self.item or self.of_event)


def places_of(source: Source) -> FieldPlaces:
    """Where the fields of a source of task ctr stand.

    Raises:
        DataError: Where a table lacks what tells its rows apart.
    """
    spec = source.spec
    _require_keys(source)
    profile = tuple(
        field
        for field in spec.with_role("profile")
        if source.users is not None and field.name != spec.group
    )
    item: tuple[AnyField, ...] = ()
    if source.item is not None and (source.items is not None or source.steps_are_items):
        others = [field for field in spec.with_role("target") if field.name != source.item]
        item = (spec.field(source.item), *(others if source.items is not None else ()))
    step: tuple[AnyField, ...] = ()
    gap: tuple[AnyField, ...] = ()
    of_item: dict[str, str] = {}
    if source.behaviors is not None:
        of_item = _of_item(spec, item) if source.steps_are_items else {}
        stored = [field for field in spec.with_role("behavior") if field.name not in of_item]
        step = tuple(field for field in stored if field.name != source.gap_field)
        gap = tuple(field for field in stored if field.name == source.gap_field)
    elsewhere = {field.name for field in (*profile, *item, *step, *gap)} | set(of_item)
    own = tuple(field for field in spec.fields if field.name not in elsewhere)
    return FieldPlaces(own, profile, item, step, of_item, gap)


def _of_item(spec: FeatureSpec, item: tuple[AnyField, ...]) -> dict[str, str]:
    known = {field.name for field in item}
    return {
        behavior: target for target, behavior in spec.target_to_behavior.items() if target in known
    }


def _require_keys(source: Source) -> None:
    """Checks that rows of side tables can be told apart, and joined to the examples."""
    if source.spec.group is None and (source.users is not None or source.behaviors is not None):
        raise DataError(
            "Tables of users and of behaviors are joined by the user: name the column of the user. "
            "Received: user=None"
        )
    if source.item is None and (source.items is not None or source.steps_are_items):
        raise DataError(
            "A table of items is joined by the item: name the field of the item. "
            "Received: item=None"
        )
    if source.behaviors is not None and not source.has_time:
        raise DataError(
            "A history is what stands before an example: name the column of the time. "
            "Received: time=None"
        )
