"""HTML as a notebook reads it: every element closed, and what it holds."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser

_EMPTY = frozenset("br hr img input meta link".split())


class Page(HTMLParser):
    """What a piece of HTML holds.

    Attributes:
        text: that is shown.
        ids: of its elements.
        links: where they lead to.
        tags: all that occur.
        cells: texts of the cells of its tables.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.cells = "", list[str]()
        self.ids, self.links, self.tags = list[str](), list[str](), set[str]()
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} has a script: {name}={value}"
            self.ids += [value or ""] if name == "id" else []
            self.links += [value or ""] if name.endswith(("href", "src")) else []
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1:] == [tag], f"</{tag}> after {self._open[-3:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if self.cells and {"td", "th"} & set(self._open):
            self.cells[-1] += data


def picture_of(html: str) -> ET.Element:
    """Returns the one picture in a piece of HTML."""
    assert html.count("<svg") == 1
    return ET.fromstring(html[html.index("<svg") : html.index("</svg>") + len("</svg>")])
