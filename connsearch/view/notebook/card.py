"""The HTML that every value of a notebook is made of: a title, facts, tables, a picture.

Everything that others chose is escaped here, once. No colour of a text or a line is fixed: they
follow the notebook's theme. Nothing has an id, so any number of cards can stand in one notebook,
and showing a value again gives the same bytes. Where a notebook removes styles (an untrusted one,
a preview on a web page), plain tables remain.
"""

from __future__ import annotations

import html
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from connsearch.evolution.study.address import without_secrets
from connsearch.files.text import visible

STYLE = """\
.connsearch-card{line-height:1.45;max-width:64rem;margin:.25rem 0}
.connsearch-card .title{font-weight:600;font-size:1.1em}
.connsearch-card .kind,.connsearch-card .note{opacity:.75}
.connsearch-card table{border-collapse:collapse;margin:.5rem 0;font-size:.95em}
.connsearch-card table th,.connsearch-card table td{padding:.15rem .8rem .15rem 0;\
text-align:left!important;vertical-align:top;border:0;\
border-bottom:1px solid rgba(128,128,128,.35);white-space:normal;\
overflow-wrap:anywhere;max-width:44rem}
.connsearch-card table td.number,.connsearch-card table th.number{\
text-align:right!important;white-space:nowrap;font-variant-numeric:tabular-nums}
.connsearch-card table.facts th{font-weight:normal;opacity:.75;white-space:nowrap}
.connsearch-card .warning{border-left:3px solid #d98200;padding-left:.6rem;margin:.3rem 0}
.connsearch-card details{margin:.3rem 0}
.connsearch-card summary{cursor:pointer}
.connsearch-card a{color:inherit;text-decoration:underline}
"""

MOST_ROWS = 40
"""Rows of a table; of more it says how many are not shown."""


class Html(str):
    """Text that is HTML already; all other text is escaped before it is shown."""

    __slots__ = ()


def escaped(value: object) -> Html:
    """Returns a value as HTML: numbers as people read them, any text visible and never obeyed.

    >>> escaped("<b>"), escaped(None), escaped(0.70833), escaped(1234567)
    ('&lt;b&gt;', '–', '0.7083', '1,234,567')
    """
    if isinstance(value, Html):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Html("–")
    if isinstance(value, bool):
        return Html("yes" if value else "no")
    if isinstance(value, int):
        return Html(f"{value:,}")
    if isinstance(value, float):
        return Html(f"{value:.4g}")
    return Html(html.escape(visible(without_secrets(str(value)))))


def card(title: str, kind: str, *parts: str | None) -> Html:
    """Returns a value's HTML.

    Args:
        title: its name.
        kind: what it is, in a few words.
        parts: HTML, from top to bottom; None is left out.
    """
    head = f'<div><span class="title">{escaped(title)}</span> <span class="kind">{escaped(kind)}'
    inside = "".join(part for part in parts if part)
    style = f"<style>{STYLE}</style>"
    return Html(f'<div class="connsearch-card">{style}{head}</span></div>{inside}</div>')


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Returns a table of names and values; a value that is None is left out."""
    rows = "".join(
        f"<tr><th>{escaped(name)}</th><td>{escaped(value)}</td></tr>"
        for name, value in pairs
        if value is not None
    )
    return Html(f'<table class="facts">{rows}</table>') if rows else Html("")


def table(rows: Sequence[Mapping[str, object]], *, most: int = MOST_ROWS) -> Html:
    """Returns one row a mapping, a column per key in order of first appearance.

    Of more than ``most`` rows the first ones are shown, and how many are not.
    """
    if not rows:
        return Html("")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    numeric = {c for c in columns if all(_is_number(row.get(c)) for row in rows)}
    mark = {column: ' class="number"' if column in numeric else "" for column in columns}
    head = "".join(f"<th{mark[column]}>{escaped(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td{mark[c]}>{escaped(row.get(c))}</td>" for c in columns) + "</tr>"
        for row in rows[:most]
    )
    left = len(rows) - most
    more = f'<div class="note">{left:,} more rows not shown</div>' if left > 0 else ""
    return Html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}")


def note(text: str) -> Html:
    """Returns a sentence."""
    return Html(f'<div class="note">{escaped(text)}</div>')


def warning(text: str) -> Html:
    """Returns a sentence that a person should not miss."""
    return Html(f'<div class="warning">{escaped(text)}</div>')


def folded(title: str, inside: str) -> Html:
    """Returns HTML that is shown when its title is clicked; nothing where there is none."""
    if not inside:
        return Html("")
    return Html(f"<details><summary>{escaped(title)}</summary>{inside}</details>")


def link(path: str | Path, text: str | None = None) -> Html:
    """Returns a link to a file or directory below the working directory, elsewhere its name only.

    Notebooks open links that are relative to where they lie, and no others.
    """
    shown = escaped(str(path) if text is None else text)
    try:
        there = os.path.relpath(path)
    except ValueError:  # on another drive
        return shown
    if there.startswith(os.pardir) or not os.path.exists(path):
        return shown
    return Html(f'<a href="{html.escape(quote(os.fsencode(there)))}">{shown}</a>')


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
