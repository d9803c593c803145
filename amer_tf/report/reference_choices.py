"""What hand-made systems with a search of their own have chosen: pairs and crosses of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amer_tf.report import words
from amer_tf.report.interactions import product
from amer_tf.report.markup import Html, details, joined, paragraph, table
from amer_tf.report.run_record import RunRecord
from amer_tf.search.reference_options import OPTIONS_FILE
from amer_tf.wording import counted


def reference_choices(record: RunRecord) -> Html | None:
    """A sentence and a table for each such system of a run; None where there is none."""
    parts = []
    for name in record.references:
        found = record.result.run.read_json(OPTIONS_FILE.format(name=name))
        if found is not None:
            choices = _pairs(name, found) if "pairs" in found else _crosses(name, found)
            parts.append(choices)
    return joined(parts) if parts else None


def _pairs(name: str, found: Mapping[str, Any]) -> Html:
    pairs, weights = found["pairs"], found["attention"]
    if not pairs:
        return paragraph(f"{words.system(name)}, made by hand, kept no pair of fields.")
    title = f"Pairs that {words.system(name)} kept"
    rows = [[product(pair), weight] for pair, weight in zip(pairs, weights, strict=True)]
    return joined(
        [
            paragraph(
                f"{words.system(name)}, made by hand, kept {counted(len(pairs), 'pair')} of "
                "fields, each with a weight, which its final training started from."
            ),
            details(title, table(title, ["Pair", "Weight"], rows)),
        ]
    )


def _crosses(name: str, found: Mapping[str, Any]) -> Html:
    crosses, boundaries = found["crosses"], found["boundaries"]
    if not crosses:
        return paragraph(
            f"{words.system(name)}, made by hand, found no cross of fields that predicts better."
        )
    title = f"Crosses that {words.system(name)} found"
    in_buckets = (
        f" Numbers are crossed by their buckets: {', '.join(map(_buckets, boundaries.items()))}."
        if boundaries
        else ""
    )
    return joined(
        [
            paragraph(
                f"{words.system(name)}, made by hand, found "
                f"{counted(len(crosses), 'cross', 'crosses')} of fields, each better than "
                f"those before it alone.{in_buckets}"
            ),
            details(title, table(title, ["Cross"], [[product(cross)] for cross in crosses])),
        ]
    )


def _buckets(item: tuple[str, list[float]]) -> str:
    name, edges = item
    return f"{name} has {len(edges) + 1}"
