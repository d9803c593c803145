"""The README of an export folder: its signatures, their columns, and requests to copy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from amer_tf.export import example_requests
from amer_tf.export.columns import Column
from amer_tf.export.signatures import Signature

README_FILE = "README.md"


_RULES = """How columns are read, whatever the signature:

- Axes of one name have one size. A history has its oldest event first.
- Lists of different length in one batch are filled up with the missing value of their column,
  anywhere. A step of a history does not count at all where the column that tells the steps has a
  missing value, and without that column there is no history.
- A value outside the vocabulary counts as unknown: every request of the right form gets a score.
- A number beyond the range that data preparation has fitted, an infinite one too, counts as the end
  of that range.
- An input that may be left out is then missing for all, as it is where it has no rows. The
  functions of `tf.saved_model.load(...).signatures` in Python, and servers that do not know default
  inputs, want every input. A server that joins requests into batches wants one row for each user
  in every input, also in those that take a single value.
- Sizes that do not fit are an error that names the column. A column of another type is refused by
  TensorFlow before it reaches the model: where its error counts inputs instead of naming them, in
  Python as `input #7(zero-based)`, that is the `#` of the tables below; in a session they are
  counted in the order in which they were fed.
"""


def text(title: str, facts: Iterable[str], signatures: Iterable[Signature]) -> str:
    """Markdown that tells a user of the folder all that is needed for a request.

    Args:
        title: What the model is.
        facts: What else is to be known of it, a line each.
        signatures: Its signatures.
    """
    parts = [
        f"# {title}\n",
        "Written by amer_tf as a TensorFlow SavedModel. It answers raw columns, its vocabularies\n"
        "inside, and needs neither Keras nor amer_tf.\n",
        "".join(f"- {fact}\n" for fact in facts),
        _RULES,
        *(_signature(signature) for signature in signatures),
    ]
    return "\n".join(parts)


def _signature(signature: Signature) -> str:
    rows = [
        f"## {signature.name}",
        "",
        signature.summary,
        "",
        "| # | input | type | shape | missing | may be left out | meaning |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {number} {_row(column, with_default=True)}"
            for number, column in enumerate(sorted(signature.inputs, key=_name))
        ),
        "",
        "| output | type | shape | missing | meaning |",
        "|---|---|---|---|---|",
        *(_row(column, with_default=False) for column in signature.outputs),
    ]
    request = _request(signature)
    if request is not None:
        rows += [
            "",
            f"A request, as it is posted to a model server (`/v1/models/NAME:{signature.method}`):",
            "",
            "```json",
            json.dumps(request, ensure_ascii=False),
            "```",
        ]
    return "\n".join(rows) + "\n"


def _request(signature: Signature) -> dict[str, Any] | None:
    """The example request in JSON; None where it would hold bytes."""
    if signature.method != "predict":
        # Model servers write the `tf.Example`s themselves.
        [serialized] = signature.example.values()
        examples = [example_requests.features(entry) for entry in serialized]
        return {"signature_name": signature.name, "examples": examples}
    if any(column.name == "examples" for column in signature.inputs):
        return None
    return {"signature_name": signature.name, "inputs": dict(signature.example)}


def _name(column: Column) -> str:
    return column.name


def _row(column: Column, with_default: bool) -> str:
    shape = "scalar, or [batch]" if column.axes is None else f"[{', '.join(column.axes)}]"
    missing = "" if column.missing is None else f"`{json.dumps(column.missing)}`"
    cells = [f"`{column.name}`", column.dtype.name, shape, missing]
    if with_default:
        cells.append(_default(column.default))
    return "| " + " | ".join([*cells, column.note]) + " |"


def _default(default: Any) -> str:
    if default is None:
        return "no"
    return "yes" if not isinstance(default, (bool, int)) else f"yes: `{json.dumps(default)}`"
