"""Tables of what differs between two structures, for people; each fits 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from connsearch.graph.compare import Change, Differences
from connsearch.graph.cost import Cost
from connsearch.graph.hashing import structure_hash
from connsearch.graph.spec import Edge
from connsearch.view.structures.diff_markup import value_text, weights_text
from connsearch.view.structures.markup import clean, weight_text

MOST_ROWS = 40
"""Differing connections a table lists; the rest is counted."""


def told_apart(found: Differences, names: tuple[str, str]) -> list[str]:
    """Returns a line each about A and B: what it was found by, its name, the hash of its wiring.

    Structures that are alike but for the numbers of their nodes and their weights have one hash.
    """
    return [
        f"{side}: {clean(name)} ({clean(structure.name)}, wiring {structure_hash(structure)[:10]})"
        for side, name, structure in zip("AB", names, (found.a, found.b), strict=True)
    ]


def totals_diff_table(found: Differences, before: Cost, after: Cost) -> Table:
    """Returns one row a number of the whole: nodes, connections, parameters, MACs in A and in B."""
    table = _table()
    table.add_column("")
    for heading in ("A", "B", "change"):
        table.add_column(heading, justify="right", overflow="fold")
    for name, x, y in (
        ("nodes", len(found.a), len(found.b)),
        ("connections", len(found.a.edges()), len(found.b.edges())),
        ("parameters", before.parameters, after.parameters),
        ("MACs", before.macs, after.macs),
    ):
        table.add_row(name, f"{x:,}", f"{y:,}", _change(x, y))
    return table


def settings_diff_table(found: Differences) -> Table:
    """Returns one row a setting that differs."""
    table = _table()
    for heading in ("setting", "A", "B"):
        table.add_column(heading, overflow="fold")
    for change in found.settings:
        values = (value_text(value) for value in (change.before, change.after))
        table.add_row(change.name, *values)
    return table


def nodes_diff_table(found: Differences) -> Table:
    """Returns one row a changed value of a node, with its number in A and in B."""
    table = _table()
    for heading in ("node A", "node B"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("what", "A", "B"):
        table.add_column(heading, overflow="fold")
    for node in found.nodes:
        names = _number(node.before), _number(node.after)
        if not node.changes:
            table.add_row(*names, _state(node.state), "", "")
        for change in node.changes:
            values = (value_text(value) for value in (change.before, change.after))
            table.add_row(*names, change.name, *values)
    return table


def connections_diff_table(found: Differences, *, limit: int | None = MOST_ROWS) -> Table:
    """Returns one row a differing connection: added, removed, or what of it changed."""
    rows = list(_connection_rows(found))
    shown = rows if limit is None else rows[:limit]
    left = len(rows) - len(shown)
    table = _table(caption=f"and {left} more; --json lists them all" if left else None)
    for heading in ("in A", "in B"):
        table.add_column(heading, no_wrap=True)
    for heading in ("what", "weight", "peers"):
        table.add_column(heading, overflow="fold")
    for row in shown:
        table.add_row(*row)
    return table


def _connection_rows(found: Differences) -> Iterator[Sequence[str | Text]]:
    for c in found.connections:
        names = _edge(c.before), _edge(c.after)
        if not c.changes:
            yield *names, _state(c.state), weight_text(c.weights[c.state == "added"]), ""
            continue
        told = {change.name: change for change in c.changes}
        weight = weights_text(*c.weights) if "weight" in told else ""
        peers = [_pair(told[name]) for name in ("top peer", "peers") if name in told]
        what = ", ".join(_gate(change) if name == "gate" else name for name, change in told.items())
        yield *names, what, weight, " ".join(peers)


def _gate(change: Change) -> str:
    return "gate came" if change.after else "gate went"


def _pair(change: Change) -> str:
    return "→".join(value_text(value) for value in (change.before, change.after))


def _edge(edge: Edge | None) -> str:
    return "-" if edge is None else f"{edge.source}->{edge.target}"


def _number(node: int | None) -> str:
    return "-" if node is None else str(node)


def _state(state: str) -> Text:
    return Text(state, style="green" if state == "added" else "red")


def _change(before: int, after: int) -> str:
    if before == after:
        return "="
    share = f" ({(after - before) / before:+.1%})" if before else ""
    return f"{after - before:+,}{share}"


def _table(*, caption: str | None = None) -> Table:
    text = Text(caption) if caption else None
    return Table(box=SIMPLE_HEAD, caption=text, caption_justify="left", pad_edge=False)
