"""Pieces of HTML and SVG. Whatever is not `Html` already is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from amer_tf.wording import number_text


class Html(str):
    """Text that is HTML already."""


class NumberText(str):
    """A number that is written already; it is aligned as numbers are."""


class Estimate(NamedTuple):
    """A number and how sure it is.

    Attributes:
        value: The number.
        error: Its standard error, or its spread; None where that is not known.
        digits: Digits after the point.
    """

    value: float
    error: float | None = None
    digits: int = 4

    def __str__(self) -> str:
        text = number_text(self.value, self.digits)
        return text if self.error is None else f"{text} ± {number_text(self.error, self.digits)}"


def escape(value: object) -> Html:
    """The text of a value as HTML."""
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def joined(parts: Iterable[object], separator: str = "") -> Html:
    """Parts one after another."""
    return Html(separator.join(escape(part) for part in parts))


def element(tag: str, *content: object, **attributes: object) -> Html:
    """An element.

    Args:
        tag: Its name.
        *content: What stands in it.
        **attributes: Underscores become hyphens; one at the end (`class_`) is dropped; those that
            are None are left out.
    """
    words = [
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    ]
    return Html(f"<{tag}{''.join(words)}>{joined(content)}</{tag}>")


def paragraph(*content: object, **attributes: object) -> Html:
    """A paragraph."""
    return element("p", *content, **attributes)


def cell_text(value: object) -> str:
    """A value as people read it: thousands set apart, four digits after the point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return number_text(value) if isinstance(value, float) else str(value)


def table(
    caption: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    marked: Iterable[int] = (),
) -> Html:
    """A table whose first column names the rows; columns of numbers are aligned.

    Args:
        caption: What it shows.
        headers: One a column.
        rows: Values; None leaves a cell empty.
        marked: Numbers of the rows to set off.
    """
    numeric = [all(_is_number(row[index]) for row in rows) for index in range(len(headers))]
    classes = ["number" if is_number else None for is_number in numeric]
    head = element(
        "tr",
        *(
            element("th", text, scope="col", class_=name)
            for text, name in zip(headers, classes, strict=True)
        ),
    )
    marked = set(marked)
    body = []
    for number, row in enumerate(rows):
        cells = [
            element("td" if index else "th", _content(value), scope=scope, class_=name)
            for index, (value, name) in enumerate(zip(row, classes, strict=True))
            for scope in (None if index else "row",)
        ]
        body.append(element("tr", *cells, class_="marked" if number in marked else None))
    inner = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
    )
    return element("div", inner, class_="table", tabindex="0", role="region", aria_label=caption)


def _is_number(value: Any) -> bool:
    kinds = (int, float, Estimate, NumberText, type(None))
    return isinstance(value, kinds) and not isinstance(value, bool)


def _content(value: Any) -> object:
    return value if isinstance(value, Html) else cell_text(value)


def figure(image: Html, how_to_read: object) -> Html:
    """A picture with a sentence on how to read it."""
    return element("figure", image, element("figcaption", how_to_read))


def details(summary: str, *content: object) -> Html:
    """What only some want to see."""
    return element("details", element("summary", summary), *content)


def drawing(width: float, height: float, description: str, *content: object) -> Html:
    """An SVG drawing of our own, which grows no larger than its size.

    Args:
        width: In pixels.
        height: In pixels.
        description: The same in words, for who cannot see it.
        *content: Its elements.
    """
    return element(
        "svg",
        element("title", description),
        *content,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=description,
        style=f"width:{width:g}px",
        class_="drawing",
    )
