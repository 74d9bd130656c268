"""What Graphviz is told of a scene: its columns, its lines, and how each of them looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from connsearch.graph.spec import Edge
from connsearch.view.structures.gate_marks import gate_words
from connsearch.view.structures.legend import header_label
from connsearch.view.structures.markup import node_label, node_tooltip, output_label, weight_text
from connsearch.view.structures.palette import MIXED, pen_width
from connsearch.view.structures.scene import Gate, Line, Scene

Style = Mapping[str, str]

GATED_HEAD = {"arrowhead": "invnormal", "arrowsize": "0.8"}
"""How the line of a connection with a temporal gate ends: a bow tie, as a valve is drawn. It tells
them apart without colours, and with any width and dash."""
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
    ordered: bool = True
    """Whether the nodes of a column stand in the given order, top down."""


def scene_sheet(scene: Scene, title: str) -> Sheet:
    """Returns what Graphviz is told of a scene: a column a level, its nodes by their numbers."""
    headed = [("stems" if level < 0 else f"level {level}", nodes) for level, nodes in scene.columns]
    columns: list[Column] = [
        (heading, [(str(node), _node_style(scene, str(node))) for node in nodes])
        for heading, nodes in headed
    ]
    columns.append(("", [("output", _node_style(scene, "output"))]))
    page = spacing(len(scene.lines) + len(scene.ghosts), compact=scene.compact)
    return Sheet(header_label(scene, title), columns, _arrows(scene), page)


def _arrows(scene: Scene) -> list[Arrow]:
    """Every line of a scene, those that only keep their place among them."""
    lines = {line.edge: _line_style(scene, line) for line in scene.lines}
    lines |= {line.edge: _ghost(_line_style(scene, line)) for line in scene.ghosts}
    edges: list[Arrow] = [
        (*_ends(scene, edge), lines[edge])
        for edge in sorted(lines, key=lambda edge: (edge.target, edge.source))
    ]
    gates = {(gate.target, gate.node): _gate_style(gate) for gate in scene.gates}
    gates |= {(gate.target, gate.node): _ghost(_gate_style(gate)) for gate in scene.ghost_gates}
    port = "w" if scene.compact else "p:w"
    edges += [
        (f"{node}:o:e", f"{target}:{port}", gates[target, node]) for target, node in sorted(gates)
    ]
    before = () if scene.beside is None else scene.beside.finals
    for final in dict.fromkeys(sorted({*scene.finals, *before})):
        style = {"color": MIXED.line, "penwidth": "1.5", "tooltip": f"{final} to the output"}
        style = {"id": f"final-{final}", **style}
        shown = style if final in scene.finals else _ghost(style)
        edges.append((f"{final}:o:e", "output:i:w", shown))
    return edges


def _ghost(style: Style) -> dict[str, str]:
    """A line that is not seen and takes the same way; it has no id."""
    kept = {name: value for name, value in style.items() if name not in ("id", "tooltip")}
    return kept | {"style": "invis"}


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
    if index in scene.gone and scene.beside is not None:
        return {"label": node_label(scene.beside, index), "style": "invis"}
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
        "weight": str(1 + round(4 * _pull(scene, line))),
        "tooltip": f"{source} to {target}: weight {_exact(line)}",
    }
    style |= {"style": "dashed"} if line.below else {}
    return style | (GATED_HEAD if line.gated else {})


def _pull(scene: Scene, line: Line) -> float:
    """How strongly a line draws its ends together: alike in both of two pictures."""
    beside = () if scene.beside is None else scene.beside.lines
    return max([line.strength, *(other.strength for other in beside if other.edge == line.edge)])


def _exact(line: Line) -> str:
    text = f"{line.weight:.6g}" if isinstance(line.weight, float) else weight_text(line.weight)
    peers = ", ".join(f"{peer.node} ({peer.coefficient:.3g})" for peer in line.peers)
    text = f"{text}, gated by {peers}" if peers else text
    told = gate_words(gated=line.gated, open_rate=line.open_rate, opened=line.opened)
    return f"{text}, {told}" if told else text


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
