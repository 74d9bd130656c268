"""The family of a child as a picture: its ancestors in a row, their other children around them.

Up to 60 children Graphviz lays them out, a column a generation; more are drawn over the number of
their birth, where a tree of any size stays legible.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from connsearch.evolution.review.children import Fate
from connsearch.evolution.review.lineage import ancestry, children_of, parent_of
from connsearch.view.charts.files import write_chart
from connsearch.view.evolution.lineage_plot import lineage_chart
from connsearch.view.evolution.story import Story, worth
from connsearch.view.structures.draw import FONT, laid_out, save, sheet_dot
from connsearch.view.structures.legend import entry, grid, header, sample, word
from connsearch.view.structures.markup import box, cell, escape, font, row
from connsearch.view.structures.palette import (
    DEAD,
    FAINT,
    KEPT,
    MIXED,
    PAPER,
    SHADES,
    STREAMS,
    TEXT,
    Ink,
)
from connsearch.view.structures.sheet import Arrow, Column, Sheet

MANY = 60
"""Above so many children the tree is drawn over the numbers of birth."""

_LINE = next(iter(STREAMS.values())).line
_WORDS: dict[Fate, str] = {"pruned": "ended early", "failed": "failed", "open": "not judged yet"}


def family(story: Story, number: int, *, others: bool = True) -> list[int]:
    """Returns the ancestors of a child and itself, and the other children of all these; sorted.

    Args:
        story: of the study.
        number: of the child.
        others: False leaves out the other children.

    Raises:
        UnknownNameError: no such child.
    """
    line = ancestry(story.history, number)
    children = children_of(story.history) if others else {}
    return sorted({*line, *(child for parent in line for child in children.get(parent, ()))})


def draw_lineage(
    story: Story, number: int, paths: Sequence[Path], *, others: bool = True
) -> list[Path]:
    """Returns ``paths`` after drawing the family of a child there, each in its suffix's format.

    Args:
        story: of the study.
        number: of the child.
        paths: end in .svg, .png or .pdf.
        others: whether the other children of its ancestors are shown.

    Raises:
        UnknownNameError: no such child, or another suffix.
        UserError: a path lies in no directory, or is one.
        Failure: Graphviz failed, or a file could not be written.
    """
    members = family(story, number, others=others)
    if len(members) > MANY:
        return write_chart(lineage_chart(story, number, members), paths)
    sheet = lineage_sheet(story, number, members)
    return [save(sheet_dot(sheet), path) for path in paths]


def lineage_svg(story: Story, number: int) -> str:
    """Returns the family of a child as an ``<svg>`` element for a page; above 60 only its line.

    Every id in it begins with ``family-``.

    Raises:
        Failure: Graphviz failed.
    """
    members = family(story, number)
    if len(members) > MANY:
        members = family(story, number, others=False)
    picture = laid_out(sheet_dot(lineage_sheet(story, number, members)), "svg").decode()
    return picture[picture.index("<svg") :].replace(' id="', ' id="family-')


def lineage_sheet(story: Story, number: int, members: Sequence[int]) -> Sheet:
    """Returns what Graphviz is told: a column a generation, operators on the lines.

    Where posts or kinds of blocks changed, a line says which.
    """
    line = ancestry(story.history, number)
    columns: dict[int, list[int]] = {}
    for child in members:
        depth = len(ancestry(story.history, child)) - 1
        columns.setdefault(depth, []).append(child)
    shown: list[Column] = [
        (
            "founder" if depth == 0 else f"generation {depth}",
            [(str(child), _node(story, child, bold=child in line)) for child in columns[depth]],
        )
        for depth in sorted(columns)
    ]
    edges: list[Arrow] = []
    for child in members:
        parent = parent_of(story.history, child)
        if parent is not None:
            edges.append((str(parent), str(child), _arrow(story, child, bold=child in line)))
    title = f"{story.title}: where {story.labelled(number)} comes from"
    steps = len(line) - 1
    facts = [
        f"{steps} generation{'' if steps == 1 else 's'}",
        f"{len(members)} of {len(story.entries)} children",
    ]
    label = header(title, facts, _key(story), [])
    return Sheet(label, shown, edges, {"ranksep": "0.7", "nodesep": "0.12"}, ordered=False)


def shade(story: Story, number: int) -> str:
    """Returns the colour of a child's worth; paper for one that was not judged."""
    place = story.rank(number)
    return PAPER if place is None else SHADES[min(int(place * len(SHADES)), len(SHADES) - 1)]


def _node(story: Story, number: int, *, bold: bool) -> dict[str, str]:
    found = story.entries[number]
    value = story.value(number)
    said = _WORDS.get(found.fate, "") if value is None else worth(story.objectives[0], value)
    text = f"<B>#{number}</B> {font(escape(said), 11, TEXT if value is not None else FAINT)}"
    if found.evaluations > 1:
        text += f" {font(f'{found.evaluations}×', 9, FAINT)}"
    ink = Ink(_LINE, "") if bold else DEAD if found.fate == "failed" else KEPT
    label = box(row(cell(text, 'CELLPADDING="4"')), ink, shade(story, number))
    if bold:
        label = label.replace('BORDER="1"', 'BORDER="2"', 1)
    tip = f"#{number}, {story.came(number)}, {found.connections} connections"
    return {"label": label, "tooltip": tip, "id": f"child-{number}"}


def _arrow(story: Story, child: int, *, bold: bool) -> dict[str, str]:
    said = filter(None, (story.steps(child), story.changed(child)))
    lines = [line for text in said for line in textwrap.wrap(text, 22, break_long_words=False)]
    words = "<BR/>".join(font(escape(line), 9, TEXT if bold else FAINT) for line in lines)
    words += f"<BR/>{font(' ', 5, FAINT)}" if words else ""  # lifts it off the line
    return {
        "label": f"<{words}>" if words else "",
        "fontname": FONT,
        "color": _LINE if bold else MIXED.line,
        "penwidth": "2.6" if bold else "0.8",
        "weight": "20" if bold else "1",
        "id": f"birth-{child}",
        "tooltip": "; ".join(filter(None, (story.steps(child), story.changed(child)))),
    }


def _key(story: Story) -> str:
    known = [story.value(n) for n in story.entries]
    values = sorted((v for v in known if v is not None), key=lambda v: v * story.history.signs[0])
    entries = [entry(sample(_LINE, 3), "line of ancestry")]
    if values:
        ends = [worth(story.objectives[0], value) for value in (values[0], values[-1])]
        colours = "".join(sample(colour, 8, 14) for colour in SHADES)
        entries.append(entry(colours, f"{story.objectives[0]} {ends[0]} to {ends[1]}"))
    if any(found.evaluations > 1 for found in story.entries.values()):
        entries.append(entry(word("2×"), "judged twice"))
    return grid(entries, per_row=3)
