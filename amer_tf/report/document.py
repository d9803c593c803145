"""One HTML page of sections, with its style in it: what all reports are written as."""

from __future__ import annotations

import pathlib
import string
from collections.abc import Sequence
from typing import NamedTuple

from amer_tf.report.markup import Html, element, escape, joined

_FOLDER = pathlib.Path(__file__).parent


class Section(NamedTuple):
    """A part of the page with a heading; left out where its content is None."""

    name: str
    title: str
    content: Html | None


def document(
    title: str, kind: str, verdict: Html, sections: Sequence[Section], version: str
) -> str:
    """The whole page as HTML.

    Args:
        title: What it is about.
        kind: What was done, in a line.
        verdict: What there is to know when nothing else is read.
        sections: The rest.
        version: Of the library that made what it is about.
    """
    shown = [section for section in sections if section.content]
    contents = [
        element("li", element("a", section.title, href=f"#{section.name}")) for section in shown
    ]
    return string.Template(_read("page.html")).substitute(
        title=escape(title),
        style=_read("page.css"),
        kind=escape(kind),
        verdict=verdict,
        contents=joined(contents),
        sections=joined(map(_rendered, shown), "\n"),
        footer=escape(
            f"Written by amer_tf {version}. This file needs no network and no other file."
        ),
    )


def title_of(what: str, dataset: object) -> str:
    """A title with the name of the data set, which may be the file that describes it."""
    if not dataset:
        return what
    name = str(dataset)
    is_file = name.endswith((".yaml", ".yml", ".json"))
    return f"{what}: {pathlib.PurePath(name).stem if is_file else name}"


def _rendered(section: Section) -> Html:
    return element(
        "section",
        element("h2", section.title, id=f"{section.name}-title"),
        section.content or "",
        id=section.name,
        aria_labelledby=f"{section.name}-title",
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
