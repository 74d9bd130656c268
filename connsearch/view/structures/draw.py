"""A structure -> a picture: SVG, PNG or PDF, without a display, a system Graphviz or system fonts.

The only file that knows graphviz (which writes the source) and pygraphviz (which carries Graphviz
in its wheel). Graphviz runs in a process of its own: its fonts are set there without touching this
process, and should it fail, the run that wanted a picture goes on.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from connsearch.errors import Failure, UnknownNameError, UserError
from connsearch.graph.files import atomic_write_bytes
from connsearch.graph.spec import Edge, Structure
from connsearch.registry import suggest
from connsearch.view.structures.legend import header_label
from connsearch.view.structures.markup import node_label, node_tooltip, output_label, weight_text
from connsearch.view.structures.palette import FAINT, MIXED, PAPER, TEXT, pen_width
from connsearch.view.structures.scene import Gate, Line, Scene, compose

if TYPE_CHECKING:
    import graphviz

Style = Mapping[str, str]
Column = tuple[str, Sequence[tuple[str, Style]]]
"""A heading, and the nodes below it: name and style."""
Arrow = tuple[str, str, Style]
"""Where a line starts and ends (name, port and side of a node), and its style."""


class Sheet(NamedTuple):
    """What Graphviz is told, in its own words; ``page`` is what differs from ``PAGE``."""

    header: str
    columns: Sequence[Column]
    edges: Sequence[Arrow]
    page: Style


FORMATS = ("pdf", "png", "svg")
FONT = "DejaVu Sans,Verdana,sans-serif"
PATIENCE = 120
"""Seconds Graphviz may take for one picture; the largest that is drawn needs a few."""

_GRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
picture = graph.draw(format=sys.argv[1], prog="dot")
graph.close()
sys.stdout.buffer.write(picture)
"""


def render(
    structure: Structure,
    path: str | Path,
    *,
    threshold: float = 0.5,
    title: str | None = None,
    scores: Mapping[Edge, float] | None = None,
) -> Path:
    """Returns ``path`` after writing the picture of a valid structure there, whole or not at all.

    Columns are levels; a connection has the colour of the only stream it carries (grey: several)
    and the width of its weight; dashed is below ``threshold``, dotted is peer attention, red is
    dead. Above 60 nodes or 200 connections only those at or above the threshold are drawn, and
    the picture says how many are not. The same structure gives the same bytes of SVG.

    Args:
        structure: what to draw.
        path: ends in .svg, .png or .pdf.
        threshold: in [0, 1].
        title: the structure's name where None.
        scores: numbers in [0, 1] by connection, shown in place of the learned weights.

    Raises:
        UnknownNameError: another suffix.
        UserError: ``path`` lies in no directory, or is one.
        SettingsError: a threshold or a score that cannot be used.
        Failure: Graphviz failed, in its own words, or the file could not be written.
    """
    dot = to_dot(structure, threshold=threshold, title=title, scores=scores)
    return save(dot, path)


def save(dot: graphviz.Digraph, path: str | Path) -> Path:
    """Returns ``path`` after writing the picture of a Graphviz source there.

    Arguments and errors as for :func:`render`.
    """
    path = Path(path)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UnknownNameError(f"{path.name}: {suggest('picture format', suffix, list(FORMATS))}")
    if path.is_dir() or not path.parent.is_dir():
        fault = "is a directory" if path.is_dir() else f"there is no directory {path.parent}"
        raise UserError(
            f"{path}: {fault}\n  cure: name a file in a directory that exists with --output"
        )
    picture = laid_out(dot, suffix)
    try:
        atomic_write_bytes(path, picture)
    except OSError as error:
        raise Failure(f"{path}: the picture could not be written: {error.strerror}") from None
    return path


def svg(structure: Structure, *, threshold: float = 0.5, title: str | None = None) -> str:
    """Returns the picture as an ``<svg>`` element that can stand in a page, ids as in the file.

    Raises:
        Failure: Graphviz failed, in its own words.
    """
    dot = to_dot(structure, threshold=threshold, title=title)
    picture = _run_graphviz(dot.source, "svg").decode()
    return picture[picture.index("<svg") :]


def to_dot(
    structure: Structure,
    *,
    threshold: float = 0.5,
    title: str | None = None,
    scores: Mapping[Edge, float] | None = None,
) -> graphviz.Digraph:
    """Returns the picture's Graphviz source; arguments and errors as for :func:`render`."""
    scene = compose(structure, threshold=threshold, scores=scores)
    return sheet_dot(_sheet(scene, structure.name if title is None else title))


def sheet_dot(sheet: Sheet) -> graphviz.Digraph:
    """Returns the Graphviz source of a sheet: one rank a column, its heading above the nodes."""
    import graphviz

    dot = graphviz.Digraph(
        "structure", graph_attr=PAGE | dict(sheet.page), node_attr=_NODE, edge_attr=_EDGE
    )
    dot.attr(label=sheet.header)
    for place, (heading, nodes) in enumerate(sheet.columns):
        rank = graphviz.Digraph(graph_attr={"rank": "same"})
        top = f"heading{place}"
        rank.node(top, label=heading, shape="plaintext", fontsize="12", fontcolor=FAINT)
        for name, style in nodes:
            rank.node(name, **style)
            rank.edge(top, name, style="invis")
        dot.subgraph(rank)
        if place:
            dot.edge(f"heading{place - 1}", f"heading{place}", style="invis", weight="1000")
    for tail, head, style in sheet.edges:
        dot.edge(tail, head, **style)
    return dot


def laid_out(dot: graphviz.Digraph, suffix: str) -> bytes:
    """Returns the picture of a Graphviz source as the bytes of an svg, png or pdf file.

    Raises:
        Failure: Graphviz failed, in its own words.
    """
    if suffix == "png":
        dot.attr(dpi="144")
    return _run_graphviz(dot.source, suffix)


_NODE = {"shape": "plain", "fontname": FONT, "fontsize": "12", "fontcolor": TEXT}
_EDGE = {"arrowsize": "0.6"}
PAGE = {
    "rankdir": "LR",
    "bgcolor": PAPER,
    "fontname": FONT,
    "labelloc": "t",
    "labeljust": "l",
    "pad": "0.25",
    "outputorder": "edgesfirst",
    "tooltip": " ",
}


def _sheet(scene: Scene, title: str) -> Sheet:
    headed = [("stems" if level < 0 else f"level {level}", nodes) for level, nodes in scene.columns]
    columns: list[Column] = [
        (heading, [(str(node), _node_style(scene, str(node))) for node in nodes])
        for heading, nodes in headed
    ]
    columns.append(("", [("output", _node_style(scene, "output"))]))
    edges: list[Arrow] = [
        (*_ends(scene, line.edge), _line_style(scene, line)) for line in scene.lines
    ]
    for gate in scene.gates:
        port = "w" if scene.compact else "p:w"
        edges.append((f"{gate.node}:o:e", f"{gate.target}:{port}", _gate_style(gate)))
    for final in scene.finals:
        style = {"color": MIXED.line, "penwidth": "1.5", "tooltip": f"{final} to the output"}
        edges.append((f"{final}:o:e", "output:i:w", {"id": f"final-{final}", **style}))
    page = spacing(len(scene.lines), compact=scene.compact)
    return Sheet(header_label(scene, title), columns, edges, page)


def spacing(lines: int, *, compact: bool) -> dict[str, str]:
    """Returns how far nodes and columns stand apart, in inches, for so many lines."""
    return {
        "nodesep": "0.06" if compact else "0.1",
        "ranksep": f"{min(0.6 + 0.01 * lines, 1.5):.2f}",
    }


def _node_style(scene: Scene, name: str) -> dict[str, str]:
    if name == "output":
        return {"label": output_label(scene), "tooltip": "output", "id": "output"}
    index = int(name)
    return {
        "label": node_label(scene, index),
        "tooltip": node_tooltip(scene, index),
        "id": f"node-{index}",
    }


def _ends(scene: Scene, edge: Edge) -> tuple[str, str]:
    source, target = edge
    return f"{source}:o:e", f"{target}:o:w" if scene.compact else f"{target}:i{source}:w"


def _line_style(scene: Scene, line: Line) -> dict[str, str]:
    source, target = line.edge
    style = {
        "id": f"connection-{source}-{target}",
        "color": line.colour + ("B0" if line.below else ""),
        "penwidth": f"{pen_width(line.strength, compact=scene.compact):.2f}",
        "weight": str(1 + round(4 * line.strength)),
        "tooltip": f"{source} to {target}: weight {_exact(line)}",
    }
    return style | ({"style": "dashed"} if line.below else {})


def _exact(line: Line) -> str:
    text = f"{line.weight:.6g}" if isinstance(line.weight, float) else weight_text(line.weight)
    peers = ", ".join(f"{peer.node} ({peer.coefficient:.3g})" for peer in line.peers)
    return f"{text}, gated by {peers}" if peers else text


def _gate_style(gate: Gate) -> dict[str, str]:
    inputs = ", ".join(map(str, gate.gated))
    return {
        "id": f"peer-{gate.node}-{gate.target}",
        "style": "dotted",
        "color": gate.colour,
        "penwidth": f"{1 + gate.coefficient:.2f}",
        "arrowhead": "odot",
        "weight": "0",
        "tooltip": f"{gate.node} gates the inputs {inputs} of {gate.target}",
    }


def _run_graphviz(source: str, suffix: str) -> bytes:
    """The picture in one of the formats; Graphviz's own chatter is kept for the error message."""
    command = [sys.executable, "-P", "-c", _GRAPHVIZ, suffix]
    with tempfile.TemporaryDirectory(prefix="connsearch-fonts-") as folder:
        options: dict[str, Any] = {"capture_output": True, "timeout": PATIENCE, "check": False}
        env = os.environ | _fonts(Path(folder))
        try:
            done = subprocess.run(command, input=source.encode(), env=env, **options)
        except subprocess.TimeoutExpired:
            raise Failure(f"Graphviz took longer than {PATIENCE} s for one picture") from None
        except OSError as error:
            raise Failure(f"Graphviz could not be started: {error}") from None
    if done.returncode != 0 or not done.stdout:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise Failure(f"Graphviz failed ({done.returncode}): {' '.join(words[-3:]) or 'no word'}")
    return done.stdout


def _fonts(folder: Path) -> dict[str, str]:
    """Environment that gives Graphviz the fonts matplotlib carries, the same on every machine."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return {}
    fonts = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    config = folder / "fonts.conf"
    lines = f"<dir>{fonts}</dir><cachedir>{folder / 'cache'}</cachedir>"
    config.write_text(f"<fontconfig>{lines}</fontconfig>", encoding="utf-8")
    return {"FONTCONFIG_FILE": str(config)}
