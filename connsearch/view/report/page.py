"""Sections -> one page: templates, style and script in a single file, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from connsearch import __version__
from connsearch.view.charts.chart import Chart
from connsearch.view.charts.inks import INKS
from connsearch.view.charts.inline import MOST_VALUES, ShownChart, inline
from connsearch.view.report.section import Section
from connsearch.view.structures.palette import FAINT, PAPER, RULE, SHADES, TEXT


@dataclass(frozen=True, slots=True)
class Shown:
    """A section and its body."""

    section: Section
    body: Markup


class Page:
    """The page and its templates: sections are shown one by one, then put together."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("connsearch.view.report"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        self._charts = 0
        helpers: dict[str, Any] = {"drawn": self._drawn, "most_values": MOST_VALUES}
        self._templates.globals.update(helpers)

    def show(self, section: Section) -> Markup:
        """Returns a section's body; one without values has none."""
        if not section.values:
            return Markup("")
        if section.template:
            template = self._templates.from_string(section.template)
        else:
            template = self._templates.get_template(f"{section.anchor}.html")
        return Markup(template.render(values=section.values))

    def _drawn(self, chart: Chart) -> ShownChart:
        """A chart for a template, its ids unlike those of every other one on the page."""
        self._charts += 1
        return inline(chart, f"chart-{self._charts}")

    def whole(
        self,
        title: str,
        shown: Sequence[Shown],
        notes: Mapping[str, Sequence[str]],
    ) -> str:
        """Returns the page as HTML.

        Args:
            title: of the window.
            shown: the sections in their order.
            notes: what could not be read, by anchor.
        """
        style, script = self._templates.get_template("style.css"), _source("script.js")
        return self._templates.get_template("page.html").render(
            title=title,
            pairs=[(one.section, one.body) for one in shown],
            notes=notes,
            style=Markup(style.render(**_colours())),
            script=Markup(script),
            script_hash=_hash(script),
            version=__version__,
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )


def _source(name: str) -> str:
    return (files("connsearch.view.report") / "templates" / name).read_text(encoding="utf-8")


def _colours() -> dict[str, object]:
    """The house palette, as the pictures have it."""
    plain = {"text": TEXT, "faint": FAINT, "rule": RULE, "paper": PAPER}
    return {"inks": INKS, "shades": SHADES, **plain}


def _hash(script: str) -> str:
    """What the page's own policy names: only this script may run in it."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
