"""Tables for people (rich) and for further work (pandas).

Every function returns a value; printing is the command line's business. The tables fit 80 columns,
so that a pipe shows what a terminal does, and no colour carries meaning alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from connsearch.files.text import visible
from connsearch.graph.dag import peer_only_nodes
from connsearch.graph.families import FAMILIES, own_kind
from connsearch.graph.spec import FREE, Connection, Post, Stem, Structure
from connsearch.graph.temporal import has_dilation
from connsearch.pruning.remains import remains_of
from connsearch.pruning.scores import name_edges
from connsearch.view.structures.facts import dead_nodes, strength
from connsearch.view.structures.gate_marks import GATE, gate_facts, gate_mark
from connsearch.view.structures.markup import clean, filters_text, weight_text

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, ConsoleOptions, RenderResult

    from connsearch.graph.cost import Cost, NodeCost
    from connsearch.pruning.pruner import Pruned
    from connsearch.runs.formats.folds import FoldsRecord
    from connsearch.runs.formats.metrics import Metrics

WIDE = 120
"""Columns of a terminal that has room for the inputs beside the costs."""


class StructureTable:
    """A table of nodes that rich prints: one in a wide terminal, in a narrow one inputs below."""

    def __init__(self, structure: Structure, cost: Cost | None = None) -> None:
        self.structure = structure
        self.cost = cost

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yields one table, or two where the costs leave too little room for the inputs."""
        if self.cost is None or options.max_width >= WIDE:
            yield _nodes(self.structure, self.cost, inputs=True)
            return
        yield _nodes(self.structure, self.cost, inputs=False)
        yield _inputs(self.structure)


def structure_table(structure: Structure, cost: Cost | None = None) -> StructureTable:
    """Returns one row a node: index, level, kind, inputs with weights, filters, dilation, stride.

    A node whose kind is not its family's shows it, and what follows it. With ``cost`` the columns
    output (channels x frames x height x width), parameters, MACs and their part of all MACs in
    percent are added. Weights below 0.5 are dim; nodes
    that are dead say so, and those that only gate others have a star.
    """
    return StructureTable(structure, cost)


def totals_table(structure: Structure, cost: Cost) -> Table:
    """Returns two columns, name and value: family, attention, nodes, connections, parameters, MACs.

    What follows blocks and how many connections have temporal gates stand there if there are some.
    Says for which number of classes and which clip (frames x height x width) the cost was counted.
    """
    weights = list(structure.weights().values())
    free = sum(weight == FREE for weight in weights)
    learned = len(weights) - free - weights.count(None)
    connections = f"{len(weights)} ({learned} with a stored weight, frozen; {free} free)"
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, value in (
        ("structure", clean(structure.name)),
        ("family", f"{structure.family}, attention {structure.network.attention}"),
        ("nodes", f"{len(structure)} ({sum(1 for _ in structure.stems())} stems)"),
        ("connections", connections),
        *((("gates", ", ".join(gates)),) if (gates := gate_facts(structure)) else ()),
        ("classes", f"{cost.head.shape.channels:,}"),
        ("parameters", f"{cost.parameters:,}"),
        ("MACs", f"{cost.macs:,} for one clip of {' x '.join(map(str, cost.clip))}"),
    ):
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def connections_frame(structure: Structure) -> pd.DataFrame:
    """Returns one row a connection, in node order, then input order.

    Columns: ``source``, ``target`` (node indices), ``source_level``, ``target_level`` (-1: stem),
    ``stream`` (modality of a source stem, else ""), ``weight`` (post-sigmoid; NaN where none is
    learned), ``state`` (``learned``, ``free`` or ``fixed``: no weight, coefficient 1), ``peers``
    (``"2:0.70 3:0.30"``), ``gated`` (whether it has a temporal gate).
    """
    import pandas as pd

    rows = [
        {
            "source": edge.source,
            "target": edge.target,
            "source_level": getattr(structure.nodes[edge.source], "level", -1),
            "target_level": structure.block(edge.target).level,
            "stream": _stream(structure, edge.source),
            "weight": c.weight if isinstance(c.weight, float | int) else math.nan,
            "state": {None: "fixed", FREE: "free"}.get(c.weight, "learned"),  # type: ignore[arg-type]
            "peers": _peers(c),
            "gated": c.gated,
        }
        for edge, c in structure.connections()
    ]
    columns = "source target source_level target_level stream weight state peers gated".split()
    return pd.DataFrame(rows, columns=columns)


def prune_table(pruned: Pruned, *, logit_difference: float | None = None) -> Table:
    """Returns what pruning did: removed connections, dead nodes, repairs, changed shapes.

    All but the changes name nodes by their old numbers. ``logit_difference`` is the largest
    difference of a logit from the masked original, where that was computed.
    """
    table = _table()
    table.add_column("pruning", no_wrap=True)
    table.add_column("what (old node numbers)")
    table.add_row("left", str(remains_of(pruned)))
    removed = name_edges(pruned.removed, most=24) if pruned.removed else "none"
    table.add_row("removed", f"{len(pruned.removed)} connections: {removed}")
    table.add_row("dead nodes", ", ".join(map(str, pruned.dead)) or "none")
    for name, found in (
        ("repair", pruned.repairs),
        ("peer", pruned.substitutes),
        ("gate", tuple(pruned.told_opened())),
        ("change", pruned.changes),
    ):
        for place, one in enumerate(found):
            table.add_row(name if place == 0 else "", Text(str(one)))
    if logit_difference is not None:
        told = f"largest difference of a logit: {logit_difference}"
        table.add_row("exactness", f"{told}, against the masked original")
    return table


def metrics_table(rows: Sequence[Mapping[str, object]], *, title: str = "metrics") -> Table:
    """Returns one row a mapping (a column per key, in order of first appearance).

    Floats show four significant digits, missing and NaN values a dash.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = _table(title=Text(title))
    for column in columns:
        numeric = all(isinstance(row.get(column), int | float | None) for row in rows)
        table.add_column(Text(column), justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(Text(visible(_value(row.get(column)))) for column in columns))
    return table


def metrics_rows(metrics: Mapping[str, Metrics]) -> list[dict[str, object]]:
    """Returns one row a split for :func:`metrics_table`, with only what is known of some split."""
    rows: list[dict[str, object]] = [
        {
            "split": name,
            "clips": found.clips,
            "left out": found.left_out or None,
            "views": found.views if found.views > 1 else None,
            "mAP": found.mAP,
            "accuracy": found.accuracy,
            "95% interval": f"{found.low:.3f} to {found.high:.3f}",
            "top-5": found.top5,
            "balanced": found.balanced_accuracy,
            "loss": found.loss,
        }
        for name, found in metrics.items()
    ]
    used = {key for row in rows for key, value in row.items() if value is not None}
    return [{key: row[key] for key in row if key in used} for row in rows]


def fold_rows(found: FoldsRecord) -> list[dict[str, object]]:
    """Returns one row a fold for :func:`metrics_table`, with only what is known of some fold."""
    named = found.by == "the column cv"
    rows: list[dict[str, object]] = [
        {
            "fold": row.fold,
            "cv": row.name if named else None,
            "groups": row.groups if found.by != "clips" else None,
            "clips": row.clips,
            "left out": row.test.left_out or None,
            "mAP": row.test.mAP,
            "accuracy": row.test.accuracy,
            "balanced": row.test.balanced_accuracy,
            "loss": row.test.loss,
            "val": row.val,
        }
        for row in found.rows
    ]
    used = {key for row in rows for key, value in row.items() if value is not None}
    return [{key: row[key] for key in row if key in used} for row in rows]


def short(count: int) -> str:
    """Returns a count with three significant digits and its unit.

    >>> short(951), short(36_900_957), short(10_000_000_000)
    ('951', '36.9 M', '10.0 G')
    """
    value, units = float(count), iter(("", "k", "M", "G", "T", "P"))
    unit = next(units)
    while value >= 999.5 and unit != "P":
        value, unit = value / 1000, next(units)
    return f"{value:#.3g}".rstrip(".") + f" {unit}" if unit else str(count)


def _nodes(structure: Structure, cost: Cost | None, *, inputs: bool) -> Table:
    kind = FAMILIES[structure.family].block.replace("_", " ")
    peers = peer_only_nodes(structure)
    marked = "; *: only gates others" if peers else ""
    temporal = _has_temporal_strides(structure)
    strides = "str: stride in time x space" if temporal else "str: spatial stride"
    gated = f"; {GATE}: temporal gate" if any(c.gated for _, c in structure.connections()) else ""
    table = _table(caption=f"block: {kind}; dil: temporal dilation; {strides}{marked}{gated}")
    table.collapse_padding = cost is not None
    for heading in ("node", "lvl"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for heading in ("filters", "dil", "str"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("output", "params", "MACs", "%") if cost else ():
        table.add_column(heading, justify="right", no_wrap=True)
    if inputs:
        table.add_column("inputs (source:weight)")
    dead = dead_nodes(structure)
    for index in range(len(structure)):
        row: list[str | Text] = list(_facts(structure, index, dead=index in dead))
        row[2] = f"{row[2]}*" if index in peers else row[2]
        row += _costs(cost, cost.nodes[index]) if cost else []
        table.add_row(*row, *([_weights(structure, index)] if inputs else []))
    if cost:
        table.add_row(
            "", "", "head", "", "", "", *_costs(cost, cost.head), *([""] if inputs else [])
        )
    return table


def _inputs(structure: Structure) -> Table:
    table = _table()
    table.add_column("node", justify="right", no_wrap=True)
    table.add_column("inputs (source:weight)")
    for index, _ in structure.blocks():
        table.add_row(str(index), _weights(structure, index))
    return table


def _facts(structure: Structure, index: int, *, dead: bool) -> Iterator[str]:
    node = structure.nodes[index]
    state, own = " dead" if dead else "", (own_kind(structure, node) or "").replace("_", " ")
    if isinstance(node, Stem):
        yield from (str(index), "-", f"{node.modality} {own}".strip() + state, "-")
        yield from (str(node.temporal_dilation) if has_dilation(structure, node) else "-", "-")
    else:
        post = f" + {node.post}" if node.post is not Post.NONE else ""
        named = f"{own or 'block'}{post}{state}"
        yield from (str(index), str(node.level), named, filters_text(node))
        time = f"{node.temporal_stride}x" if _has_temporal_strides(structure) else ""
        yield from (str(node.temporal_dilation), f"{time}{node.spatial_stride}")


def _has_temporal_strides(structure: Structure) -> bool:
    return any(block.temporal_stride != 1 for _, block in structure.blocks())


def _costs(cost: Cost, found: NodeCost) -> list[str]:
    share = f"{100 * cost.share(found):.1f}"
    return ["x".join(map(str, found.shape)), short(found.parameters), short(found.macs), share]


def _weights(structure: Structure, index: int) -> Text:
    """A block's inputs, the weak ones dim."""
    node = structure.nodes[index]
    if isinstance(node, Stem):
        return Text("-")
    text = Text()
    for place, c in enumerate(node.connections):
        text.append("  " if place else "")
        text.append(f"{c.source}:", style="dim")
        text.append(_weight(c), style="dim" if strength(c.weight) < 0.5 else "")
    return text


def _weight(connection: Connection) -> str:
    return f"{weight_text(connection.weight)}{gate_mark(gated=connection.gated)}"


def _peers(connection: Connection) -> str:
    return " ".join(f"{peer.node}:{peer.coefficient:.2f}" for peer in connection.peers)


def _stream(structure: Structure, index: int) -> str:
    node = structure.nodes[index]
    return node.modality.value if isinstance(node, Stem) else ""


def _value(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(*, title: Text | None = None, caption: str | None = None) -> Table:
    caption_text = Text(caption) if caption else None
    return Table(
        box=SIMPLE_HEAD,
        title=title,
        caption=caption_text,
        title_justify="left",
        caption_justify="left",
        pad_edge=False,
    )
