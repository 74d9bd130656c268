"""The picture of the wiring, and what is shown of a node or connection that is pointed at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from connsearch.errors import Failure
from connsearch.graph.cost import Cost, NodeCost
from connsearch.graph.families import kind_name
from connsearch.graph.gates import connection_gate_name, post_gate_name
from connsearch.graph.spec import Block, Connection, Edge, Post, Structure
from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import large, share
from connsearch.view.structures.draw import svg
from connsearch.view.structures.facts import dead_nodes, stream_shares
from connsearch.view.structures.gate_marks import (
    gate_facts,
    inner_rates_text,
    post_words,
    rate_text,
)
from connsearch.view.structures.markup import filters_text, weight_text

Rows = list[tuple[str, str]]


@section("wiring", 20)
def wiring(material: Material, findings: Findings) -> Section | None:
    """Returns the picture; a picture that fails leaves a note and the list of details."""
    structure = material.structure
    if structure is None:
        return Section("wiring", "Wiring", {}) if material.notes.get("wiring") else None
    rates = material.open_rates
    values: dict[str, Any] = {"details": details(structure, findings, rates)}
    values["gates"] = gate_facts(structure)
    try:
        # Graphviz escapes every text it puts into the picture, and draws only what we name.
        values["picture"] = Markup(svg(structure, open_rates=rates))
    except Failure as error:
        values["failure"] = str(error)
    return Section("wiring", "Wiring", values)


def details(
    structure: Structure, findings: Findings, rates: Mapping[str, float] | None = None
) -> dict[str, dict[str, Any]]:
    """Returns heading and rows of every node and connection, by its id in the picture.

    Args:
        structure: what is drawn.
        findings: what is known about it.
        rates: shares of clips for which temporal gates are open, by their names.
    """
    rates = rates or {}
    dead, shares = dead_nodes(structure), stream_shares(structure)
    found: dict[str, dict[str, Any]] = {}
    for index, node in enumerate(structure.nodes):
        entry = _node(findings.cost, index)
        rows: Rows = []
        if isinstance(node, Block):
            title = f"Node {index}: {kind_name(structure, node).replace('_', ' ')}"
            rows += [("level", str(node.level)), ("filters", filters_text(node))]
            rows.append(("stride", str(node.spatial_stride)))
            if node.temporal_stride != 1:
                rows.append(("stride in time", str(node.temporal_stride)))
            rows += _post(index, node, rates)
        else:
            title = f"Node {index}: {node.modality.value} stem"
        rows.append(("dilation", str(node.temporal_dilation)))
        rows += _cost_rows(entry)
        mixed = ", ".join(f"{m.value} {part:.0%}" for m, part in shares[index].items())
        rows.append(("streams by weight", mixed or "none"))
        if index in dead:
            rows.append(("state", "dead: cannot change the output"))
        elif index in findings.why_dead:
            rows.append(("default pruning", f"goes, dead: {findings.why_dead[index]}"))
        found[f"node-{index}"] = {"title": title, "rows": rows}
    for edge, connection in structure.connections():
        title = f"Connection {edge.source} → {edge.target}"
        rows = _connection(edge, connection, findings)
        if connection.gated:
            rows.append(("temporal gate", _open(rates.get(connection_gate_name(edge)))))
        found[f"connection-{edge.source}-{edge.target}"] = {"title": title, "rows": rows}
    return found


def _post(index: int, block: Block, rates: Mapping[str, float]) -> Rows:
    """What follows a block, and how often its gate is open."""
    rows: Rows = [] if block.post is Post.NONE else [("after it", post_words(block))]
    if inside := inner_rates_text(rates, index):
        rows.append(("gates inside", inside.removeprefix("gates ")))
    if block.post is Post.SRTG:
        rows.append(("temporal gate", _open(rates.get(post_gate_name(index)))))
    return rows


def _open(rate: float | None) -> str:
    return "yes" if rate is None else f"open for {rate_text(rate)} of the val clips"


def _connection(edge: Edge, connection: Connection, findings: Findings) -> Rows:
    rows: Rows = [("weight", weight_text(connection.weight))]
    if isinstance(connection.weight, float):
        rows[0] = ("weight", f"{connection.weight:.4f}")
    if findings.pruned is not None:
        kept = edge in findings.pruned.edges
        rows.append(("default pruning", "stays" if kept else "goes"))
    source, target = (_node(findings.cost, node) for node in edge)
    if source is not None and target is not None:
        rows.append(("carries", _shape(source)))
        rows.append(("into", _shape(target)))
        rows.append(("cost of its block", f"{large(target.macs)} MACs"))
    if connection.peers:
        ranked = sorted(connection.peers, key=lambda p: -p.coefficient)[:3]
        rows.append(("peers", ", ".join(f"{p.node} ({share(p.coefficient)})" for p in ranked)))
    if edge in findings.mixtures:
        entropy = findings.mixtures[edge].entropy_share
        rows.append(("entropy of its peers", f"{entropy:.0%} of the largest"))
    return rows


def _node(cost: Cost | None, index: int) -> NodeCost | None:
    return None if cost is None else cost.nodes[index]


def _cost_rows(entry: NodeCost | None) -> Rows:
    if entry is None:
        return []
    return [
        ("output", _shape(entry)),
        ("parameters", f"{entry.parameters:,}"),
        ("multiply-accumulates", f"{entry.macs:,} a clip"),
    ]


def _shape(entry: NodeCost) -> str:
    return " × ".join(map(str, entry.shape))
