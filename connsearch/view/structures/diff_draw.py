"""Two structures -> one picture: what both have is grey, what went red and dashed, what came green.

Laid out once, as the union of both, so that nothing moves between before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connsearch.graph.compare import Differences
from connsearch.view.structures.diff_markup import (
    line_tooltip,
    union_header,
    union_label,
    union_tooltip,
)
from connsearch.view.structures.draw import save, sheet_dot
from connsearch.view.structures.markup import box, cell, row
from connsearch.view.structures.palette import KEPT, MIXED, PAPER, PEER, pen_width
from connsearch.view.structures.sheet import GATED_HEAD, Arrow, Column, Sheet, spacing
from connsearch.view.structures.union import INKS, Union, UnionGate, UnionLine, unite


def render_diff(
    found: Differences, paths: Sequence[str | Path], *, title: str, facts: Sequence[str] = ()
) -> list[Path]:
    """Returns ``paths`` after drawing both structures there, each path in its suffix's format.

    Args:
        found: the comparison; its structures are valid.
        paths: end in .svg, .png or .pdf.
        title: stands above.
        facts: said below the title, after the counts.

    Raises:
        UnknownNameError: another suffix.
        UserError: a path lies in no directory, or is one.
        Failure: Graphviz failed, or the file could not be written.
    """
    union = unite(found)
    sheet = _sheet(union, title, list(facts))
    return [save(sheet_dot(sheet), path) for path in paths]


def _sheet(union: Union, title: str, facts: list[str]) -> Sheet:
    columns: list[Column] = []
    for level, nodes in union.columns:
        drawn = [
            (
                node.key,
                {
                    "label": union_label(union, node),
                    "tooltip": union_tooltip(node),
                    "id": f"node-{node.key}",
                },
            )
            for node in nodes
        ]
        columns.append(("stems" if level < 0 else f"level {level}", drawn))
    label = box(row(cell("<B>output</B>", 'PORT="i" CELLPADDING="5"')), KEPT, PAPER)
    columns.append(("", [("output", {"label": label, "tooltip": "output", "id": "output"})]))
    edges = [_arrow(union, line) for line in union.lines]
    edges += [_gate(gate) for gate in union.gates]
    for node, state in union.finals:
        style = {"color": MIXED.line, "penwidth": "1.5", "id": f"final-{node.key}"}
        if state != "kept":
            style["color"] = INKS[state].line
        style |= {"style": "dashed"} if state == "removed" else {}
        edges.append((f"{node.key}:o:e", "output:i:w", style))
    page = spacing(len(union.lines), compact=union.compact)
    return Sheet(union_header(union, title, facts), columns, edges, page)


def _gate(gate: UnionGate) -> Arrow:
    """A peer link, dotted: it carries no features on, it only weighs them."""
    source, target = gate.source, gate.target
    style = {
        "id": f"peer-{source.key}-{target.key}",
        "class": gate.state,
        "style": "dotted",
        "color": PEER.line if gate.state == "kept" else INKS[gate.state].line,
        "penwidth": "1.50",
        "arrowhead": "odot",
        "weight": "0",
        "tooltip": f"{source.label} gates inputs of {target.label}: {gate.state}",
    }
    return f"{source.key}:o:e", f"{target.key}:w", style


def _arrow(union: Union, line: UnionLine) -> Arrow:
    source, target = line.source.key, line.target.key
    width = pen_width(line.strength, compact=union.compact)
    style = {
        "id": f"connection-{source}-{target}",
        "class": line.state,
        "color": INKS[line.state].line,
        "penwidth": "1.50" if line.state == "kept" else f"{max(width, 1.2):.2f}",
        "weight": "2",
        "tooltip": line_tooltip(line),
    }
    head = f"{target}:o:w" if union.compact else f"{target}:i{source}:w"
    style |= GATED_HEAD if line.gated else {}
    return f"{source}:o:e", head, style | ({"style": "dashed"} if line.state == "removed" else {})
