"""A structure before and after pruning as two pictures: each node at one place, under one number.

What is pruned leaves its place empty, so that the pictures can be laid over each other. Pictures of
more than 60 nodes or 200 connections have only the order of their nodes in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from connsearch.graph.plan import final_nodes, plan
from connsearch.graph.spec import Block, Connection, Node, Peer, Structure
from connsearch.pruning.pruner import Pruned
from connsearch.view.structures.draw import save, sheet_dot
from connsearch.view.structures.legend import entries_of
from connsearch.view.structures.scene import Scene, compose
from connsearch.view.structures.sheet import scene_sheet


def render_pruning(structure: Structure, pruned: Pruned, paths: Mapping[str, Path]) -> list[Path]:
    """Returns the paths after drawing a structure ``before`` and ``after`` its pruning there.

    Args:
        structure: what was pruned.
        pruned: what came of it.
        paths: by ``before`` and ``after``, each ending in .svg, .png or .pdf.

    Raises:
        UnknownNameError: another suffix.
        UserError: a path lies in no directory, or is one.
        Failure: Graphviz failed, or a file could not be written.
    """
    before, after = before_and_after(structure, pruned)
    sheets = {
        "before": scene_sheet(before, structure.name),
        "after": scene_sheet(after, pruned.structure.name),
    }
    return [save(sheet_dot(sheets[name]), path) for name, path in paths.items()]


def before_and_after(structure: Structure, pruned: Pruned) -> tuple[Scene, Scene]:
    """Returns what to draw of a structure before and after pruning, under the numbers before."""
    whole = compose(structure)
    if whole.compact:
        return whole, compose(pruned.structure)
    left = _left(structure, pruned)
    key = tuple(dict.fromkeys([*entries_of(whole), *entries_of(left)]))
    lines = max(len(whole.notes), len(left.notes))
    first, second = (
        replace(one, key=key, notes=(*one.notes, *" " * (lines - len(one.notes))))
        for one in (whole, left)
    )
    first = replace(first, beside=left)
    return first, replace(second, beside=first)


def _left(structure: Structure, pruned: Pruned) -> Scene:
    """What remains, under the old numbers; what is gone is there and not seen."""
    gone = frozenset(pruned.dead)
    old = {new: number for number, new in pruned.node_map.items()}
    shapes = {old[new]: shape for new, shape in enumerate(plan(pruned.structure).nodes)}
    scene = compose(
        _under_old_numbers(structure, pruned, old),
        widths={number: shape.width for number, shape in shapes.items()},
    )
    gated = {edge for edge, connection in structure.connections() if connection.gated}
    return replace(
        scene,
        lines=tuple(
            replace(line, opened=line.edge in gated and not line.gated) for line in scene.lines
        ),
        paces={n: s.temporal_stride for n, s in shapes.items() if s.temporal_stride != 1},
        dead=scene.dead - gone,
        peer_only=scene.peer_only - gone,
        before={},
        after=dict(pruned.node_map),
        gone=gone,
    )


def _under_old_numbers(structure: Structure, pruned: Pruned, old: Mapping[int, int]) -> Structure:
    """The pruned structure with the numbers it had; nodes that are gone have no connections."""
    finals = tuple(old[node] for node in final_nodes(pruned.structure))
    nodes = tuple(_nodes(structure, pruned, old))
    return replace(pruned.structure, nodes=nodes, finals=finals, provenance={})


def _nodes(structure: Structure, pruned: Pruned, old: Mapping[int, int]) -> Iterator[Node]:
    for number, node in enumerate(structure.nodes):
        if number in pruned.node_map:
            node = pruned.structure.nodes[pruned.node_map[number]]
        elif isinstance(node, Block):
            node = replace(node, connections=(), pinned=None)
        if not isinstance(node, Block):
            yield node
            continue
        connections = tuple(_moved(connection, old) for connection in node.connections)
        yield replace(node, connections=connections, pinned=None)


def _moved(connection: Connection, old: Mapping[int, int]) -> Connection:
    """The connection under the numbers before."""
    peers = tuple(Peer(old[peer.node], peer.coefficient) for peer in connection.peers)
    return replace(connection, source=old[connection.source], peers=peers)
