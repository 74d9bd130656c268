"""A keep-set -> a smaller structure whose remaining nodes compute what they computed before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connsearch import __version__
from connsearch.errors import PruneError, SettingsError
from connsearch.graph.gates import comparable, has_gates
from connsearch.graph.plan import pin, unpin
from connsearch.graph.spec import (
    Attention,
    Block,
    Edge,
    Node,
    Peer,
    Stem,
    Structure,
)
from connsearch.pruning.changes import ShapeChange, changes
from connsearch.pruning.closure import Closure, Gates, close, feeding_gates, has_learned_peers
from connsearch.pruning.options import (
    Mode,
    PeerOnly,
    PruneOptions,
    RepairRule,
    build_criterion,
    describe_criterion,
)
from connsearch.pruning.repair import Repair, close_with_repairs
from connsearch.pruning.scores import learned_weights, name_edges, unweighted


@dataclass(frozen=True, slots=True)
class Substitute:
    """A connection that its strongest peers do not gate any more.

    Attributes:
        edge: the connection.
        before: the stronger peers it had, with their coefficients, strongest first.
        after: the peers that gate it now, with what their coefficients were; empty: it lost its
            gate.
    """

    edge: Edge
    before: tuple[Peer, ...]
    after: tuple[Peer, ...]

    def __str__(self) -> str:
        gate = f"gated by {_named(self.after)}" if self.after else "without a gate"
        verb = "is" if len(self.before) == 1 else "are"
        return f"{name_edges([self.edge])}: {gate}, because {_named(self.before)} {verb} gone"


def _named(peers: Sequence[Peer]) -> str:
    shown = " and ".join(f"{peer.node} ({peer.coefficient:.2f})" for peer in peers)
    return f"node {shown}" if len(peers) == 1 else f"nodes {shown}"


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
        substitutes: connections whose strongest peer is gone, and what gates them now.
        changes: what the published rules derive differently (published mode; empty when pinned).
        ungated: connections that peers do not gate any more.
        opened: connections that lost their temporal gate, as no input without one is left to their
            block: they are added to every clip.
        made_way: nodes that went because they would only gate, with what only they needed.
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
    ungated: tuple[Edge, ...] = ()
    made_way: tuple[int, ...] = ()
    opened: tuple[Edge, ...] = ()

    def told_opened(self) -> Iterator[str]:
        """Yields a sentence for every connection that lost its temporal gate."""
        for edge in self.opened:
            yield (
                f"{name_edges([edge])}: added to every clip, because no input without a temporal "
                f"gate is left to node {edge.target}"
            )


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
        SettingsError: the options have a budget.
        PruneError: connections were never searched (and the criterion needs weights), or see
            :func:`prune`.
    """
    options = options or PruneOptions()
    if options.budget:
        raise SettingsError(
            f"budget {', '.join(options.budget)}: what a network costs depends on its clips and "
            "classes\n  cure: pruning.solve.within_budget, which is told them"
        )
    criterion = build_criterion(options.criterion)
    return prune(
        structure,
        criterion(structure, learned_weights(structure) if scores is None else scores),
        mode=options.mode,
        repair=options.repair,
        peers_kept=options.peers,
        peer_only=options.peer_only,
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
    peer_only: PeerOnly = "keep",
    gates: Gates | None = None,
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

    Where all inputs left to a block have a temporal gate, they lose it: there is nothing to compare
    with, and they are added to every clip (``opened``).

    A node that no final node depends on over connections, and that is kept only because it gates,
    stays with ``peer_only="keep"``. With ``"reassign"`` its connections go to their strongest peer
    that stays anyway, and it dies; where one names no such peer, it stays.

    ``gates`` names, for some connections, the only peers that may gate them. A connection to which
    it leaves no live peer stays without a gate.

    ``criterion`` is what to note in the provenance about how ``keep`` came about.

    Raises:
        PruneError: an unknown connection in ``keep``; ``repair="refuse"`` and a repair is due;
            attention mode ``peer`` with peers named by some connections only.
    """
    _check_keep(structure, keep, peers_kept)
    closure, repairs = close_with_repairs(
        structure, frozenset(keep) | unweighted(structure), peers_kept=peers_kept, gates=gates
    )
    if repairs and repair == "refuse":
        raise PruneError(
            f"{structure.name}: the connections to keep leave no usable network; it would need\n"
            + "\n".join(f"  {done}" for done in repairs)
            + "\n  cure: a less strict --criterion, or --repair strongest-path"
        )
    before = closure.nodes
    if peer_only == "reassign":
        wishes = feeding_gates(structure, closure.edges)
        wishes = {e: set(w).intersection((gates or {}).get(e, w)) for e, w in wishes.items()}
        closure = close(structure, closure.edges, peers_kept=peers_kept, gates=wishes)
        repairs = tuple(done for done in repairs if done.edge in closure.edges)
    pinned = remaining(pin(structure), closure)
    pinned = replace(pinned, provenance=_provenance(structure, closure, mode, criterion))
    result = pinned if mode == "pinned" else derived(pinned)
    node_map = {old: new for new, old in enumerate(closure.nodes)}
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
        ungated=closure.ungated,
        made_way=tuple(node for node in before if node not in alive),
        opened=closure.opened,
    )


def spares_peers(structure: Structure, pruned: Pruned) -> bool:
    """Returns whether a pruning left out nodes that would gate some of its connections."""
    return not needless(structure, pruned) <= set(pruned.node_map)


def needless(structure: Structure, pruned: Pruned) -> frozenset[int]:
    """Returns the nodes that only gate, whether the pruning left them out or not.

    Such a node made way, or it is the strongest peer of a connection that stays, or feeds one that
    is, and no final node depends on it over these connections.
    """
    most = max((len(peers) for peers in pruned.peers.values()), default=1)
    alive = close(structure, pruned.edges, peers_kept=most).nodes
    heard = set(pruned.finals)
    for edge in sorted(pruned.edges, key=lambda edge: -edge.target):
        if edge.target in heard:
            heard.add(edge.source)
    return frozenset({*alive, *pruned.made_way}) - heard


def _check_keep(structure: Structure, keep: Collection[Edge], peers_kept: int) -> None:
    unknown = sorted(set(keep) - set(structure.edges()))
    if unknown:
        raise PruneError(
            f"{structure.name}: has no connections {name_edges(unknown)}, but they are to be kept"
        )
    if peers_kept < 1:
        raise PruneError(f"{structure.name}: at least 1 peer must stay; read {peers_kept}")


def remaining(structure: Structure, closure: Closure) -> Structure:
    """Returns the pinned structure with only what is alive, renumbered without gaps."""
    node_map = {old: new for new, old in enumerate(closure.nodes)}
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
    return replace(pruned, gates_decide=pruned.gates_decide and has_gates(pruned))


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
            replace(
                c,
                source=node_map[c.source],
                peers=tuple(
                    Peer(node_map[peer.node], peer.coefficient)
                    for peer in closure.peers.get(Edge(c.source, old), ())
                ),
            )
            for c in comparable(kept)
        ),
        pinned=replace(block.pinned, buckets=tuple(bucket for bucket in buckets if bucket)),
    )


def derived(pinned: Structure) -> Structure:
    """Returns the same wiring with every shape derived again and single inputs of coefficient 1."""
    structure = unpin(pinned)
    single = {Edge(b.inputs[0], i): None for i, b in structure.blocks() if len(b.inputs) == 1}
    return structure.with_weights(single)


def _substitutes(structure: Structure, closure: Closure) -> tuple[Substitute, ...]:
    """Connections that have not their strongest peers any more, in connection order."""
    found: list[Substitute] = []
    ungated = frozenset(closure.ungated)
    for edge, connection in structure.connections():
        chosen = {peer.node for peer in closure.peers.get(edge, ())}
        if not chosen and edge not in ungated:
            continue
        after = tuple(peer for peer in connection.peers if peer.node in chosen)
        weakest = min((peer.coefficient for peer in after), default=0.0)
        before = [p for p in connection.peers if p.node not in chosen and p.coefficient > weakest]
        if before:
            before.sort(key=lambda peer: -peer.coefficient)
            found.append(Substitute(edge, tuple(before), after))
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
