"""A page as its reader sees it: tables, text, names, what it would load."""

from __future__ import annotations

import html.parser
import re

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(html.parser.HTMLParser):
    """The parts of a page that the tests ask for.

    Attributes:
        text: Everything that is shown, without the style sheet.
        tables: Rows of cells by caption.
        headings: Texts of `h1` and `h2`.
        ids: All names.
        links: All values of `href` and `src`.
        unclosed: Elements that were not closed in their order.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.text = ""
        self.tables: dict[str, list[list[str]]] = {}
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labels: list[str] = []
        self.unclosed: list[str] = []
        self._open: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(source)
        self.close()
        self.unclosed += self._open

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        if tag == "svg":
            self.labels.append(attributes.get("aria-label", ""))
        if tag in VOID:
            return
        self._open.append(tag)
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        elif tag in ("h1", "h2"):
            self.headings.append("")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.unclosed.append(tag)
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data):
        if "style" in self._open:
            return
        if "svg" in self._open:
            # Drawings in cells say in words what stands beside them.
            return
        self.text += data
        if "caption" in self._open:
            self._caption += data
        elif self._open and {"td", "th"} & set(self._open):
            self._rows[-1][-1] += data
        if self._open and self._open[-1] in ("h1", "h2"):
            self.headings[-1] += data

    def table(self, start: str) -> list[dict[str, str]]:
        """The rows of the table whose caption starts so, by the names of the columns."""
        [rows] = [rows for caption, rows in self.tables.items() if caption.startswith(start)]
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]

    def resources(self) -> list[str]:
        """Whatever the page would load, from the network or a file."""
        styles = re.findall(r"url\(([^)]*)\)|@import\s+(\S+)", self.source)
        found = [*self.links, *(one or other for one, other in styles)]
        return [link for link in found if not link.startswith("#")]
