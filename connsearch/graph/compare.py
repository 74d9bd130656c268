"""Two structures node by node: what was added, removed and changed from A to B.

What counts of wiring and shapes is what counts in ``hashing``: family, settings, nodes,
connections, which nodes are final, and in attention mode ``fixed`` the gating peers. Without
weights the comparison finds nothing exactly if ``hashing.same_structure`` is true. Names,
provenance, the order of inputs, and pins that change nothing are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from connsearch.errors import SettingsError
from connsearch.graph.families import kind_name
from connsearch.graph.hashing import USUAL_FACTS, node_facts, renumbering
from connsearch.graph.matching import Matching, match
from connsearch.graph.spec import Attention, Connection, Edge, Peer, Structure, Weight


@dataclass(frozen=True, slots=True)
class Change:
    """One named value before (in A) and after (in B); nodes among them have their own numbers."""

    name: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class NodeDifference:
    """A node of A, B or both that differs; ``before`` None was added, ``after`` None removed."""

    before: int | None
    after: int | None
    changes: tuple[Change, ...] = ()

    @property
    def state(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return _state(self.before, self.after)


@dataclass(frozen=True, slots=True)
class ConnectionDifference:
    """A connection that differs, with its name in A and in B.

    ``weights`` are its weights there; ``changes`` what changed of one that stayed: ``weight``,
    ``gate`` (whether it has a temporal gate), ``top peer`` (the strongest) or ``peers`` (others,
    or their coefficients).
    """

    before: Edge | None
    after: Edge | None
    weights: tuple[Weight, Weight]
    changes: tuple[Change, ...] = ()

    @property
    def state(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return _state(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between two structures.

    Attributes:
        a: the structure before.
        b: the structure after.
        matching: which node is which.
        settings: the family and network settings that differ.
        nodes: those added, removed or changed: removed and changed ones by their number in A,
            then added ones by their number in B.
        connections: those added, removed or changed, in the same order.
    """

    a: Structure
    b: Structure
    matching: Matching
    settings: tuple[Change, ...]
    nodes: tuple[NodeDifference, ...]
    connections: tuple[ConnectionDifference, ...]

    def __bool__(self) -> bool:
        return bool(self.settings or self.nodes or self.connections)

    def connections_where(self, state: str) -> tuple[ConnectionDifference, ...]:
        """The connections that were ``added``, ``removed`` or ``changed``."""
        return tuple(found for found in self.connections if found.state == state)


def compare(
    a: Structure, b: Structure, *, tolerance: float = 0.0, weights: bool = True
) -> Differences:
    """Returns what differs from ``a`` to ``b``, two valid structures; false where nothing does.

    Args:
        a: before.
        b: after.
        tolerance: weights and coefficients this far apart are still equal. A learned weight
            differs from one that is free or fixed, whatever its value.
        weights: False leaves out what was learned: weights, whether gates decide, and peers outside
            mode ``fixed``.

    Raises:
        SettingsError: a tolerance outside [0, 1].
    """
    if not 0.0 <= tolerance <= 1.0:
        raise SettingsError(f"tolerance: read {tolerance}, allowed is 0 to 1")
    matching = match(a, b)
    found = _Comparison(a, b, matching, tolerance, weights=weights).differences()
    if not found:
        return found
    same = _renumbering(a, b, learned=True)
    if same is None and _Comparison(a, b, matching, tolerance, weights=False).differences():
        same = _renumbering(a, b, learned=False)
    if same is None:
        return found
    matching = Matching("renumbering", same)
    return _Comparison(a, b, matching, tolerance, weights=weights).differences()


def _renumbering(a: Structure, b: Structure, *, learned: bool) -> dict[int, int] | None:
    """The renumbering of equal structures, the same from either side."""
    turned = repr(a.nodes) > repr(b.nodes)
    first, second = (b, a) if turned else (a, b)
    found = renumbering(first, second, learned=learned)
    if found is None:
        return None
    return {y: x for x, y in found.items()} if turned else found


def _state(before: object, after: object) -> str:
    return "added" if before is None else "removed" if after is None else "changed"


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One comparison under way."""

    a: Structure
    b: Structure
    matching: Matching
    tolerance: float
    weights: bool

    def differences(self) -> Differences:
        found = tuple(self._settings()), tuple(self._nodes()), tuple(self._connections())
        return Differences(self.a, self.b, self.matching, *found)

    def _settings(self) -> Iterator[Change]:
        before = {"family": self.a.family, **asdict(self.a.network)}
        after = {"family": self.b.family, **asdict(self.b.network)}
        yield from (Change(k, v, after[k]) for k, v in before.items() if v != after[k])
        if self.weights and self.a.gates_decide != self.b.gates_decide:
            yield Change("gates decide", self.a.gates_decide, self.b.gates_decide)

    def _nodes(self) -> Iterator[NodeDifference]:
        before, after = node_facts(self.a), node_facts(self.b)
        for index in range(len(self.a)):
            there = self.matching.to_b.get(index)
            if there is None:
                yield NodeDifference(index, None)
                continue
            old, new = before[index], after[there]
            if "kind" in old or "kind" in new:
                old, new = _with_kind(self.a, index, old), _with_kind(self.b, there, new)
            both = {name: (_fact(old, name), _fact(new, name)) for name in {**old, **new}}
            changes = tuple(Change(name, x, y) for name, (x, y) in both.items() if x != y)
            if changes:
                yield NodeDifference(index, there, changes)
        taken = self.matching.to_a
        yield from (NodeDifference(None, n) for n in range(len(self.b)) if n not in taken)

    def _connections(self) -> Iterator[ConnectionDifference]:
        after = dict(self.b.connections())
        to_b = self.matching.to_b
        for edge, connection in self.a.connections():
            there = Edge(to_b.get(edge.source, -1), to_b.get(edge.target, -1))
            other = after.pop(there, None)
            if other is None:
                yield ConnectionDifference(edge, None, (connection.weight, None))
                continue
            changes = tuple(self._changes(connection, other))
            if changes:
                pair = connection.weight, other.weight
                yield ConnectionDifference(edge, there, pair, changes)
        for edge, connection in after.items():
            yield ConnectionDifference(None, edge, (None, connection.weight))

    def _changes(self, old: Connection, new: Connection) -> Iterator[Change]:
        if self.weights and not self._equal(old.weight, new.weight):
            yield Change("weight", old.weight, new.weight)
        if old.gated != new.gated:
            yield Change("gate", old.gated, new.gated)
        yield from self._peers(old, new)

    def _peers(self, old: Connection, new: Connection) -> Iterator[Change]:
        modes = {self.a.network.attention, self.b.network.attention}
        fixed = modes == {Attention.FIXED}
        if not fixed and not (self.weights and modes <= {Attention.PEER, Attention.FIXED}):
            return
        to_b = self.matching.to_b
        before = {to_b.get(n, -1 - n): share for n, share in old.peers if share > 0}
        after = {n: share for n, share in new.peers if share > 0}
        far = any(
            abs(before.get(n, 0.0) - after.get(n, 0.0)) > self.tolerance for n in {*before, *after}
        )
        top = _strongest(old.peers), _strongest(new.peers)
        moved = {to_b.get(n, -1 - n) for n in top[0]}
        another = (top[0] or top[1]) and moved.isdisjoint(top[1])
        if self.weights and another and (far or len(modes) == 2):
            yield Change("top peer", *top)
        elif (fixed and before.keys() != after.keys()) or (
            self.weights and far and len(modes) == 1
        ):
            yield Change("peers", old.peers, new.peers)

    def _equal(self, x: Weight, y: Weight) -> bool:
        if isinstance(x, int | float) and isinstance(y, int | float):
            return abs(x - y) <= self.tolerance
        return x == y


def _fact(facts: Mapping[str, object], name: str) -> object:
    """A fact of a node, also where it is left out because it is the usual one."""
    return facts[name] if name in facts else USUAL_FACTS.get(name)


def _with_kind(structure: Structure, index: int, facts: dict[str, object]) -> dict[str, object]:
    """A node's facts with its kind, also where it is the family's."""
    return {**facts, "kind": kind_name(structure, structure.nodes[index])}


def _strongest(peers: tuple[Peer, ...]) -> tuple[int, ...]:
    """The strongest peers, if any gates at all."""
    most = max((peer.coefficient for peer in peers), default=0.0)
    return tuple(sorted(peer.node for peer in peers if peer.coefficient == most > 0))
