"""Which nodes were chosen to gate which connections, and how clearly."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connsearch.graph.spec import Attention
from connsearch.oneshot.alarms import COLLAPSED, UNIFORM, collapses
from connsearch.oneshot.peers import Mixture
from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import share

SHOWN = 3
"""So many of the strongest peers of a connection are named."""


@section("peers", 40)
def peers(material: Material, findings: Findings) -> Section | None:
    """Returns the peers of every connection; nothing without peer attention."""
    structure = material.structure
    modes = (Attention.PEER, Attention.FIXED)
    if structure is None or structure.network.attention not in modes:
        return None
    rows: list[dict[str, Any]] = []
    for edge, connection in structure.connections():
        if not connection.peers:
            continue
        ranked = sorted(connection.peers, key=lambda p: (-p.coefficient, p.node))
        mixture = findings.mixtures.get(edge)
        entropy = None if mixture is None else mixture.entropy_share
        rows.append(
            {
                "edge": f"{edge.source} → {edge.target}",
                "top": [(p.node, share(p.coefficient)) for p in ranked[:SHOWN]],
                "of": len(ranked),
                "entropy": entropy,
                "text": share(entropy),
                "state": _state(mixture),
            }
        )
    if not rows:
        return None
    rows.sort(key=lambda row: 2.0 if row["entropy"] is None else row["entropy"])
    soft = {edge: mixture.peers for edge, mixture in findings.mixtures.items()}
    values = {
        "rows": rows,
        "states": Counter(row["state"] for row in rows if row["state"]),
        "uniform": UNIFORM,
        "chosen": COLLAPSED,
        "collapsed": [(node, len(edges)) for node, edges in collapses(soft).items()],
        "favourites": Counter(row["top"][0][0] for row in rows).most_common(5),
        "mode": structure.network.attention.value,
    }
    return Section("peers", "Peer attention", values)


def _state(mixture: Mixture | None) -> str:
    if mixture is None:
        return ""
    if mixture.uniform:
        return "near-uniform"
    return "one node" if mixture.chosen else "decided" if mixture.entropy_share < 0.5 else "mixed"
