"""A keep-set -> a smaller structure whose remaining nodes compute what they computed before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connsearch import __version__
from connsearch.errors import PruneError
from connsearch.graph.plan import pin, unpin
from connsearch.graph.spec import (
    Attention,
    Block,
    Connection,
    Edge,
    Node,
    Peer,
    Stem,
    Structure,
)
from connsearch.pruning.changes import ShapeChange, changes
from connsearch.pruning.closure import Closure, has_learned_peers
from connsearch.pruning.options import (
    Mode,
    PruneOptions,
    RepairRule,
    build_criterion,
    describe_criterion,
)
from connsearch.pruning.repair import Repair, close_with_repairs
from connsearch.pruning.scores import learned_weights, name_edges, unweighted


@dataclass(frozen=True, slots=True)
class Substitute:
    """A peer that replaces a stronger one that is dead."""

    edge: Edge
    dead: tuple[int, ...]
    chosen: tuple[int, ...]

    def __str__(self) -> str:
        dead, chosen = (" and ".join(map(str, nodes)) for nodes in (self.dead, self.chosen))
        return f"{name_edges([self.edge])}: gated by node {chosen}, because node {dead} is dead"


@dataclass(frozen=True, slots=True)
class Pruned:
    """The result of a pruning, and all it did; only ``structure`` and ``changes`` use new numbers.

    Attributes:
        structure: the smaller structure; its nodes are renumbered without gaps.
        node_map: old node number -> new one.
        dead: nodes that are gone.
        removed: connections that are gone, those of dead nodes among them.
        edges: connections that stay.
        finals: nodes the head still reads.
        peers: the peers left to each connection that has any.
        repairs: connections that came back against the keep-set, each with its reason.
        substitutes: connections whose chosen peer is not the strongest, because that one is dead.
        changes: what the published rules derive differently (published mode; empty when pinned).
    """

    structure: Structure
    node_map: Mapping[int, int]
    dead: tuple[int, ...]
    removed: tuple[Edge, ...]
    edges: frozenset[Edge]
    finals: tuple[int, ...]
    peers: Mapping[Edge, tuple[Peer, ...]]
    repairs: tuple[Repair, ...] = ()
    substitutes: tuple[Substitute, ...] = ()
    changes: tuple[ShapeChange, ...] = ()


def prune_by(
    structure: Structure,
    options: PruneOptions | None = None,
    *,
    scores: Mapping[Edge, float] | None = None,
    measured: str = "weight",
) -> Pruned:
    """Returns the structure pruned as the options say; by default what ``PruneOptions()`` says.

    ``scores`` replaces the learned weights: an importance measured in another way, which
    ``measured`` names in the provenance.

    Raises:
        PruneError: connections were never searched (and the criterion needs weights), or see
            :func:`prune`.
    """
    options = options or PruneOptions()
    criterion = build_criterion(options.criterion)
    return prune(
        structure,
        criterion(structure, learned_weights(structure) if scores is None else scores),
        mode=options.mode,
        repair=options.repair,
        peers_kept=options.peers,
        criterion=describe_criterion(options.criterion)
        | ({} if scores is None else {"scores": measured}),
    )


def prune(
    structure: Structure,
    keep: Collection[Edge],
    *,
    mode: Mode = "pinned",
    repair: RepairRule = "strongest-path",
    peers_kept: int = 1,
    criterion: Mapping[str, Any] | None = None,
) -> Pruned:
    """Returns the structure that remains when only the connections in ``keep`` stay.

    Dead branches go both ways; the ``peers_kept`` strongest live peers of each connection stay
    (attention mode ``peer`` becomes ``fixed``); connections of coefficient 1 always stay.
    A network without a fed final node, or a live connection without a live peer, is repaired by
    its strongest path, or refused.

    Mode ``pinned`` keeps every width, size, order and coefficient, so that the pruned network
    equals the hard-masked original bit for bit. Mode ``published`` derives them from the remaining
    neighbours, gives a single input coefficient 1, and reports what differs in ``changes``.

    ``criterion`` is what to note in the provenance about how ``keep`` came about.

    Raises:
        PruneError: an unknown connection in ``keep``; ``repair="refuse"`` and a repair is due;
            attention mode ``peer`` with peers named by some connections only.
    """
    _check_keep(structure, keep, peers_kept)
    closure, repairs = close_with_repairs(
        structure, frozenset(keep) | unweighted(structure), peers_kept=peers_kept
    )
    if repairs and repair == "refuse":
        raise PruneError(
            f"{structure.name}: the connections to keep leave no usable network; it would need\n"
            + "\n".join(f"  {done}" for done in repairs)
            + "\n  cure: a less strict --criterion, or --repair strongest-path"
        )
    node_map = {old: new for new, old in enumerate(closure.nodes)}
    pinned = _restrict(pin(structure), closure, node_map)
    pinned = replace(pinned, provenance=_provenance(structure, closure, mode, criterion))
    result = pinned if mode == "pinned" else _published(pinned)
    alive = frozenset(closure.nodes)
    return Pruned(
        structure=result,
        node_map=node_map,
        dead=tuple(index for index in range(len(structure)) if index not in alive),
        removed=tuple(edge for edge in structure.edges() if edge not in closure.edges),
        edges=closure.edges,
        finals=closure.finals,
        peers=closure.peers,
        repairs=repairs,
        substitutes=_substitutes(structure, closure),
        changes=changes(pinned, result),
    )


def _check_keep(structure: Structure, keep: Collection[Edge], peers_kept: int) -> None:
    unknown = sorted(set(keep) - set(structure.edges()))
    if unknown:
        raise PruneError(
            f"{structure.name}: has no connections {name_edges(unknown)}, but they are to be kept"
        )
    if peers_kept < 1:
        raise PruneError(f"{structure.name}: at least 1 peer must stay; read {peers_kept}")


def _restrict(structure: Structure, closure: Closure, node_map: Mapping[int, int]) -> Structure:
    """The pinned structure with only what is alive, renumbered."""
    nodes: list[Node] = []
    for old in closure.nodes:
        node = structure.nodes[old]
        nodes.append(node if isinstance(node, Stem) else _block(old, node, closure, node_map))
    pruned = replace(
        structure,
        name=structure.name.removesuffix("-pruned") + "-pruned",
        nodes=tuple(nodes),
        finals=tuple(node_map[node] for node in closure.finals),
    )
    if structure.network.attention is Attention.PEER and has_learned_peers(structure):
        pruned = pruned.with_settings(attention=Attention.FIXED)
    return pruned


def _block(old: int, block: Block, closure: Closure, node_map: Mapping[int, int]) -> Block:
    """A live block with its live inputs and peers, in their order, renumbered."""
    kept = [c for c in block.connections if Edge(c.source, old) in closure.edges]
    sources = {c.source for c in kept}
    assert block.pinned is not None
    buckets = (
        tuple(node_map[source] for source in bucket if source in sources)
        for bucket in block.pinned.buckets
    )
    return replace(
        block,
        connections=tuple(
            Connection(
                source=node_map[c.source],
                weight=c.weight,
                peers=tuple(
                    Peer(node_map[peer.node], peer.coefficient)
                    for peer in closure.peers.get(Edge(c.source, old), ())
                ),
            )
            for c in kept
        ),
        pinned=replace(block.pinned, buckets=tuple(bucket for bucket in buckets if bucket)),
    )


def _published(pinned: Structure) -> Structure:
    """The same wiring with every shape derived again and single inputs of coefficient 1."""
    structure = unpin(pinned)
    single = {Edge(b.inputs[0], i): None for i, b in structure.blocks() if len(b.inputs) == 1}
    return structure.with_weights(single)


def _substitutes(structure: Structure, closure: Closure) -> tuple[Substitute, ...]:
    alive = frozenset(closure.nodes)
    found: list[Substitute] = []
    for edge, connection in structure.connections():
        chosen = tuple(peer.node for peer in closure.peers.get(edge, ()))
        if not chosen:
            continue
        strength = {peer.node: peer.coefficient for peer in connection.peers}
        weakest = min(strength[node] for node in chosen)
        dead = tuple(n for n, c in strength.items() if n not in alive and c > weakest)
        if dead:
            found.append(Substitute(edge, dead, chosen))
    return tuple(found)


def _provenance(
    structure: Structure, closure: Closure, mode: Mode, criterion: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Where the result comes from; ``nodes`` are its nodes' numbers in the parent."""
    return {
        "parents": [structure.name],
        "operator": "prune",
        "criterion": dict(criterion or {}),
        "mode": mode,
        "nodes": list(closure.nodes),
        "versions": {"connsearch": __version__},
        "parent_provenance": dict(structure.provenance),
    }
