"""Connection weights of a structure: over time, and as a map of where they ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connsearch.graph.gating import gated_connections
from connsearch.graph.spec import FREE, Edge, Stem, Structure, Weight
from connsearch.view.charts.chart import Axis, Chart, LegendKey, Panel
from connsearch.view.charts.inks import InkName
from connsearch.view.charts.marks import Cell, Cells, Mark, Polyline, Rule
from connsearch.view.runs.series import Series
from connsearch.view.structures.facts import strength
from connsearch.view.structures.gate_marks import GATE

MANY_BLOCKS = 16
"""Up to so many blocks each has its own panel of weights over time; above, each level has one."""
MANY_LABELS = 16
"""Up to so many lines in a panel, or columns in a map, are labelled with numbers."""
_SHADES = (0.0, 0.25, 0.5, 0.75, 1.0)


def connections_chart(
    weights: Mapping[Edge, Series], structure: Structure, *, threshold: float = 0.5
) -> Chart:
    """Returns every connection's weight over time, a panel a block (a level when there are many).

    Lines out of a stem have its stream's colour, all others are grey; each ends at its source.
    """
    known = set(structure.edges())
    groups = _groups([edge for edge in weights if edge in known], structure)
    by_level = len({edge.target for edges in groups.values() for edge in edges}) > MANY_BLOCKS
    panels = [
        Panel(
            name,
            [
                Rule("", "faint", threshold, width=0.8),
                *_lines({edge: weights[edge] for edge in edges}, structure, both_ends=by_level),
            ],
            Axis("step"),
            Axis(low=-0.03, high=1.03, ticks=[(at / 4, f"{at / 4:g}") for at in range(5)]),
        )
        for name, edges in groups.items()
    ]
    columns = min(4, max(len(panels), 1))
    edges = known & set(weights)
    gated = [LegendKey(f"with a temporal gate ({GATE})", "text", "dotted")]
    gated = gated if any(edge in edges for edge in gated_connections(structure)) else []
    rows = max(-(-len(panels) // columns), 1)
    return Chart(
        f"{structure.name}: connection weights over time",
        panels,
        (2.6 * columns + 0.6, 2.1 * rows + 0.8),
        columns=columns,
        share_x=True,
        share_y=True,
        keys=[
            *(
                LegendKey(f"from {found.value}", found.value, "line")
                for found in structure.modalities()
            ),
            LegendKey("from a block", "mixed", "line"),
            LegendKey(f"weight {threshold:g}", "faint", "dashed"),
            *gated,
        ],
        page="small",
    )


def weights_chart(structure: Structure) -> Chart:
    """Returns a map of the weights, a row a block and a column a source; gaps are no connection.

    Numbers stand in the cells when there are few; levels are parted by lines.
    """
    blocks = [index for index, _ in structure.blocks()]
    used = {edge.source for edge in structure.edges()}
    sources = [i for i in range(len(structure)) if i in used or i < blocks[0]]
    large = len(sources) > MANY_LABELS
    size = 0.12 if large else 0.46
    every = max(len(sources) // 30, 1) if large else 1
    borders: list[Mark] = [
        Rule("", "faint", place - 0.5, upright=upright, dash="solid", width=0.8)
        for upright, nodes in ((True, sources), (False, blocks))
        for place in _level_borders(structure, nodes)
    ]
    panel = Panel(
        "",
        [Cells(list(_map_cells(structure, blocks, sources, numbers=not large))), *borders],
        Axis(
            "source",
            -0.5,
            len(sources) - 0.5,
            [(at, str(sources[at])) for at in range(0, len(sources), every)],
            on_top=True,
            grid=False,
            inks=[node_ink(structure, source) for source in sources[::every]],
        ),
        Axis(
            "target",
            len(blocks) - 0.5,
            -0.5,
            [(at, str(blocks[at])) for at in range(0, len(blocks), every)],
            grid=False,
        ),
        square=True,
    )
    width = min(size * len(sources) + 1.6, 16.0)
    return Chart(
        f"{structure.name}: connection weights",
        [panel],
        (max(width, 5.2), min(size * len(blocks) + 1.9, 16.0)),
        keys=[
            *(LegendKey(f"{share:g}", "rgb", "area", share) for share in _SHADES),
            LegendKey("no connection", "rule", "area"),
        ],
        note=f"{GATE}: with a temporal gate" if gated_connections(structure) else "",
    )


def node_ink(structure: Structure, node: int) -> InkName:
    """Returns the ink of what leaves a node: its stream's if it is a stem."""
    stem = structure.nodes[node]
    return stem.modality.value if isinstance(stem, Stem) else "mixed"


def _groups(edges: Sequence[Edge], structure: Structure) -> dict[str, list[Edge]]:
    """Connections by block, or by level of their block, in order."""
    few = len({edge.target for edge in edges}) <= MANY_BLOCKS
    groups: dict[str, list[Edge]] = {}
    for edge in sorted(edges, key=lambda edge: (edge.target, edge.source)):
        level = structure.block(edge.target).level
        name = f"into node {edge.target}, level {level}" if few else f"into level {level}"
        groups.setdefault(name, []).append(edge)
    return groups


def _lines(
    weights: Mapping[Edge, Series], structure: Structure, *, both_ends: bool
) -> Iterator[Polyline]:
    few, gated = len(weights) <= MANY_LABELS, gated_connections(structure)
    for edge, series in weights.items():
        name = f"{edge.source} → {edge.target}" if both_ends else f"from {edge.source}"
        yield Polyline(
            name,
            node_ink(structure, edge.source),
            series.steps,
            series.values,
            1.4 if few else 0.7,
            dash="dotted" if edge in gated else "solid",
            opacity=1.0 if few else 0.5,
            listed=False,
            end=f"{edge.source}{GATE if edge in gated else ''}" if few else "",
        )


def _map_cells(
    structure: Structure, blocks: Sequence[int], sources: Sequence[int], *, numbers: bool
) -> Iterator[Cell]:
    """A cell a connection, and grey ones, as wide as they can be, where there is none."""
    weights, gated = structure.weights(), gated_connections(structure)
    for row, target in enumerate(blocks):
        gap = 0
        for column, source in enumerate([*sources, -1]):
            known = Edge(source, target) in weights
            if gap and (known or source == -1):
                yield Cell(column - gap, row, 1.0, "rule", wide=gap)
            gap = 0 if known else gap + 1
            if known:
                weight = weights[Edge(source, target)]
                mark = GATE if Edge(source, target) in gated else ""
                text = _weight_text(weight) + mark if numbers else mark
                yield Cell(column, row, strength(weight), "rgb", text)


def _weight_text(weight: Weight) -> str:
    return "1" if weight is None else "free" if weight == FREE else f"{weight:.2f}"


def _level_borders(structure: Structure, nodes: Sequence[int]) -> Iterator[int]:
    """Places in ``nodes`` where another level begins."""
    levels = [getattr(structure.nodes[node], "level", -1) for node in nodes]
    return (place for place in range(1, len(nodes)) if levels[place] != levels[place - 1])
