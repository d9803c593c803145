"""The libFM format in which Frappe is published: `label id:1 id:1 ...`, one id a field."""

from __future__ import annotations

SEPARATOR = " "
LABEL = "label"
FIELDS = (
    "user",
    "item",
    "daytime",
    "weekday",
    "isweekend",
    "homework",
    "cost",
    "weather",
    "country",
    "city",
)
HEADER = (LABEL, *FIELDS)
_LABELS = {"1": "1", "-1": "0", "0": "0"}


def parse_label(text: str) -> str:
    """1 stands for 1, and -1 for 0."""
    if text not in _LABELS:
        raise ValueError(text)
    return _LABELS[text]


def parse_feature(text: str) -> str:
    """The id of a feature such as `204:1`."""
    identifier, colon, value = text.partition(":")
    if not (identifier.isdecimal() and colon and value == "1"):
        raise ValueError(text)
    return identifier
