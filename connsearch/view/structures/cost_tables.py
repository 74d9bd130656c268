"""What every node costs, and what pruning has saved: a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from connsearch.runs.formats.prune import NodeCosts
from connsearch.view.structures.tables import short


def saved_table(costs: Sequence[NodeCosts]) -> Table:
    """Returns one row a node: its MACs and parameters, before and after, and their part of all.

    The part is that of the unpruned network, in percent. A node that is gone says so, and one that
    only gates others, before or after.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.caption, table.caption_justify = "%: part of the MACs of the unpruned network", "left"
    table.add_column("node", justify="right", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for heading in ("MACs", "%", "left", "params", "left"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    whole = sum(cost.macs for cost in costs)
    for cost in costs:
        table.add_row(
            "" if cost.node is None else str(cost.node),
            cost.kind,
            short(cost.macs),
            f"{100 * cost.macs / whole:.1f}" if whole else "",
            "-" if cost.macs_left is None else short(cost.macs_left),
            short(cost.parameters),
            "-" if cost.parameters_left is None else short(cost.parameters_left),
            _state(cost),
        )
    return table


def _state(cost: NodeCosts) -> str:
    only = "only a peer" if cost.peer_only else ""
    return ", ".join(filter(None, ("gone" if cost.macs_left is None else "", only)))
