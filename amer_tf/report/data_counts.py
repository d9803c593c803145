"""The data of a run: what they are and how many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amer_tf.features import NumericField
from amer_tf.report import words
from amer_tf.report.markup import Html, details, element, joined, paragraph, table
from amer_tf.report.run_record import RunRecord
from amer_tf.wording import counted

_KINDS = {
    "CategoricalField": "one value",
    "MultiValuedField": "a set of values",
    "NumericField": "a number",
}


def data_counts(record: RunRecord) -> Html:
    """Counts and split, as `amer prepare` wrote them, and the fields that the model reads."""
    parts = []
    data = record.data
    if data:
        name = data.get("dataset")
        parts.append(paragraph("Data set: ", element("strong", name or "without a name"), "."))
        counts = list(_flat(data.get("counts") or {}))
        if counts:
            parts.append(table("Counts", ["What", "Number"], counts))
        split = dict(data.get("split") or {})
        if split:
            kind = words.plain(str(split.pop("kind", "own"))).lower()
            options = ", ".join(f"{words.plain(key).lower()} {split[key]}" for key in split)
            how = f"{kind} ({options})" if options else kind
            parts.append(paragraph(f"How examples were dealt out: {how}."))
    else:
        parts.append(
            paragraph(
                "The run does not say which data folder it was made on, so its counts are not "
                "known."
            )
        )
    summary = f"What the model reads: {counted(len(record.spec.fields), 'field')}"
    parts.append(details(summary, _fields(record)))
    return joined(parts)


def _flat(counts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Counts by their names in words."""
    found: list[tuple[str, Any]] = []
    for name, value in counts.items():
        text = f"{prefix}{words.plain(name)}"
        if isinstance(value, Mapping):
            found += _flat(value, f"{text}, ")
        else:
            found.append((text, value))
    return found


def _fields(record: RunRecord) -> Html:
    rows = []
    for field in record.spec.fields:
        values = None
        if not isinstance(field, NumericField):
            values = record.spec.vocabulary(field.name).num_rows
        kind = type(field).__name__
        rows.append([field.name, words.plain(field.role), _KINDS.get(kind, kind), values])
    return table("Fields", ["Field", "Role", "Holds", "Rows of its embedding"], rows)
