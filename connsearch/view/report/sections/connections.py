"""What was learned about connections: weights over time, where they ended, alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connsearch.graph.gating import gated_connections
from connsearch.graph.spec import FREE, Edge, Stem, Structure
from connsearch.pruning.options import PruneOptions, describe_criterion
from connsearch.pruning.scores import learned_weights
from connsearch.view.charts.chart import Chart
from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.runs.connections import connections_chart
from connsearch.view.structures.facts import strength
from connsearch.view.structures.gate_marks import gate_mark
from connsearch.view.structures.markup import weight_text

MOST_NUMBERS = 40_000
"""So many weights are kept for the slider: connections times steps."""
MOST_STEPS = 200
"""The slider has so many steps."""


@dataclass(frozen=True, slots=True)
class WeightBar:
    """A connection's weight as a bar, in percent of the full length."""

    key: str
    source: str
    text: str
    width: float
    ink: str
    kept: bool
    why: str


@dataclass(frozen=True, slots=True)
class Node:
    """A block and the bars of its inputs.

    ``cut`` is where the criterion cuts, in percent; ``dead`` says why the block would be dead.
    """

    title: str
    bars: Sequence[WeightBar]
    cut: float | None
    dead: str


@section("weights", 30)
def weights(material: Material, findings: Findings) -> Section | None:
    """Returns the weights of all connections, over time and at the end."""
    structure = material.structure
    if structure is None:
        return None
    learned = bool(learned_weights(structure)) and material.learned
    if not learned and not material.weights:
        return None
    values = {
        "chart": _chart(material),
        "nodes": list(_nodes(structure, findings)) if learned else [],
        "criterion": PruneOptions().criterion,
        "cut": describe_criterion(PruneOptions().criterion).get("share"),
        "remains": findings.remains,
        "searched": material.kind == "search",
        "stems": list(_dead_stems(structure, findings)),
        "slider": _slider(material),
        "inks": sorted(set(findings.inks.values())),
        "gated": len(gated_connections(structure)),
    }
    return Section("weights", "Connection weights", values, str(len(structure.edges())))


@section("alarms", 50)
def alarms(material: Material, findings: Findings) -> Section | None:
    """Returns what the search did not decide."""
    if material.kind != "search" or not material.learned:
        return None
    raised: list[dict[str, Any]] = [
        {
            "kind": alarm.kind,
            "what": alarm.what,
            "count": len(alarm.members),
            "of": alarm.of,
            "members": list(alarm.gates) or [_named(edge) for edge in alarm.edges],
            "node": alarm.node,
            "limit": alarm.limit,
            "meaning": alarm.meaning,
            "cure": alarm.cure,
        }
        for alarm in findings.alarms
    ]
    return Section("alarms", "Alarms", {"alarms": raised}, str(len(raised) or "none"))


def _chart(material: Material) -> Chart | None:
    """The weights over time, of the connections that the structure has."""
    structure = material.structure
    if structure is None:
        return None
    known = set(structure.edges())
    weights = {edge: series for edge, series in material.weights.items() if edge in known}
    return connections_chart(weights, structure) if weights else None


def _nodes(structure: Structure, findings: Findings) -> Iterator[Node]:
    cuts = describe_criterion(PruneOptions().criterion).get("share")
    for index, block in structure.blocks():
        strengths = {c.source: strength(c.weight) for c in block.connections}
        weighed = [strengths[c.source] for c in block.connections if c.weight not in (None, FREE)]
        cut: float | None = None
        if cuts is not None and weighed and findings.pruned is not None:
            cut = cuts * max(weighed)
        bars = [
            WeightBar(
                key=_key(edge := Edge(c.source, index)),
                source=f"{_source(structure, c.source)}{gate_mark(gated=c.gated)}",
                text=weight_text(c.weight),
                width=round(100 * strengths[c.source], 2),
                ink=findings.inks.get(c.source, "mixed"),
                kept=(kept := findings.pruned is None or edge in findings.pruned.edges),
                why=_why(edge, kept, cut, strengths[c.source], findings),
            )
            for c in sorted(block.connections, key=lambda c: -strengths[c.source])
        ]
        title = f"node {index}, level {block.level}"
        dead = findings.why_dead.get(index, "")
        yield Node(title, bars, None if cut is None else round(100 * cut, 2), dead)


def _dead_stems(structure: Structure, findings: Findings) -> Iterator[str]:
    """The stems that would be dead, each with the reason; they have no bars of their own."""
    for node, why in findings.why_dead.items():
        if isinstance(structure.nodes[node], Stem):
            yield f"{_source(structure, node)}: {why}"


def _why(edge: Edge, kept: bool, cut: float | None, weight: float, findings: Findings) -> str:
    """Why a connection stays or goes, in a few words."""
    if findings.pruned is None:
        return ""
    if kept:
        return "stays" if cut is None or weight >= cut else "stays: repaired"
    if edge.target in findings.why_dead:
        return f"goes: node {edge.target} is dead"
    if cut is not None and weight < cut:
        return "goes: below the cut"
    return f"goes: node {edge.source} is dead" if edge.source in findings.why_dead else "goes"


def _slider(material: Material) -> dict[str, Any] | None:
    """The weights at some of the logged steps, for the script of the page."""
    if not material.weights:
        return None
    steps = sorted({step for series in material.weights.values() for step in series.steps})
    most = max(MOST_NUMBERS // len(material.weights), 2)
    most = min(most, MOST_STEPS, len(steps))
    chosen = [steps[round(i * (len(steps) - 1) / max(most - 1, 1))] for i in range(most)]
    values: dict[str, list[float | None]] = {}
    for edge, series in material.weights.items():
        at = dict(zip(series.steps, series.values, strict=True))
        found = [at.get(step) for step in chosen]
        values[_key(edge)] = [None if v is None else round(v, 4) for v in found]
    shown: list[int | str] = [*chosen]
    if (kept := _kept_step(material)) is not None and material.structure is not None:
        shown.append(f"{kept}, which is kept")
        learned = learned_weights(material.structure)
        for edge in material.weights:
            value = learned.get(edge)
            values[_key(edge)].append(None if value is None else round(value, 4))
    of = len(steps) + len(shown) - len(chosen)
    return {"steps": shown, "weights": values, "of": of} if len(shown) > 1 else None


def _kept_step(material: Material) -> int | None:
    """The step of the best look, whose weights the page shows; None: they are the last ones."""
    choice = None if material.result is None else material.result.choice
    return None if choice is None or choice.step == choice.of else choice.step


def _source(structure: Structure, node: int) -> str:
    stem = structure.nodes[node]
    return f"{node} {stem.modality.value}" if isinstance(stem, Stem) else str(node)


def _key(edge: Edge) -> str:
    return f"{edge.source}-{edge.target}"


def _named(edge: Edge) -> str:
    return f"{edge.source} → {edge.target}"
