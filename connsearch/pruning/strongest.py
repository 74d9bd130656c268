"""The strongest of all wirings within budgets.

Sets of nodes are tried in the order of their potential: the strength that they have with all
connections between them. The first whose connections all fit is the strongest there is, so on
structures of up to a dozen nodes the answer is proven; on larger ones each of two searches ends
after ``LOOKS`` wirings, and the best one found stays. Where not all connections between some nodes
fit, the weakest go. In the end, whatever fits comes back, and single connections and nodes change
places.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from connsearch.graph.cost import cost
from connsearch.graph.plan import pin
from connsearch.graph.spec import Attention, Block, Edge, Structure
from connsearch.pruning.budget import Budget
from connsearch.pruning.strength import Remainder, Remainders

LOOKS = 500
"""Wirings counted before a search by potential ends."""

TRIES = (60, 250)
"""Wirings of the same nodes counted before the weakest connections go together: in a first search
over many sets of nodes, and in a second one that stays longer with each."""

SETS = 20_000
"""Sets of nodes met before it ends."""

ROUNDING = 1e-12
"""More than sums of the same parts in another order differ by."""


@dataclass(slots=True)
class StrongestSearch:
    """A search for the strongest wiring within counted budgets.

    Args:
        space: the wirings there are.
        budgets: none of them a latency.
        starts: wirings to start from; the answer is never weaker than one of them that fits.
    """

    space: Remainders
    budgets: Sequence[Budget]
    starts: Iterable[Remainder] = ()
    best: Remainder | None = None
    looked: int = 0
    _edges: list[Edge] = field(init=False)
    _floors: Floors = field(init=False)
    _limits: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        """Lists the connections, the strongest first."""
        flows = self.space.flows
        self._edges = sorted(flows, key=lambda edge: -flows[edge])
        self._floors = Floors.of(self.space)
        self._limits = {b.quantity: b.limit(self.space.whole[b.quantity]) for b in self.budgets}

    def run(self) -> Remainder | None:
        """Returns the strongest wiring found within every budget, or None."""
        for start in self.starts:
            self._consider(start)
        if self._fits(everything := self.space.everything()):
            self.best = everything
            return everything
        for tries in TRIES:
            self._by_potential(tries)
        if self.best is not None:
            self._consider(self._grown(self.best))
            while self._replace():
                pass
        return self.best

    def _affordable(self, nodes: Collection[int]) -> bool:
        """Whether these nodes alone, without what feeds and gates them, could fit."""
        return all(self._floors.least(nodes, q) <= limit for q, limit in self._limits.items())

    def _fits(self, found: Remainder) -> bool:
        spent, whole = found.spent, self.space.whole
        return all(b.allows(spent[b.quantity], whole[b.quantity]) for b in self.budgets)

    def _consider(self, found: Remainder | None) -> bool:
        """Keeps it if it fits and is better; returns whether it is."""
        if found is None or not self._fits(found):
            return False
        if self.best is not None and found.worth <= self.best.worth:
            return False
        self.best = found
        return True

    # ---- sets of nodes ---------------------------------------------------------------------------

    def _by_potential(self, tries: int) -> None:
        self.looked, count = 0, len(self.space.structure)
        start = frozenset(range(count))
        ahead: list[tuple[float, tuple[int, ...]]] = [(-self._potential(start), ())]
        met = 0
        while ahead and met < SETS and self.looked < LOOKS:
            potential, dropped = heapq.heappop(ahead)
            if self.best is not None and -potential < self.best.strength:
                return
            met += 1
            nodes = start.difference(dropped)
            if self._affordable(nodes):
                self._fill(nodes, tries)
            for node in range(dropped[-1] + 1 if dropped else 0, count):
                smaller = self._potential(nodes - {node})
                if smaller > ROUNDING and (self.best is None or smaller >= self.best.strength):
                    heapq.heappush(ahead, (-smaller, (*dropped, node)))

    def _potential(self, nodes: Collection[int]) -> float:
        """The most that a wiring of some nodes may be worth."""
        return self.space.potential(nodes) + ROUNDING

    def _fill(self, nodes: Collection[int], tries: int) -> None:
        """Considers the nodes with the strongest of the connections between them that fit."""
        edges = [e for e in self._edges if e.source in nodes and e.target in nodes]
        whole = self.space.of(nodes, edges)
        self.looked += 1
        if whole is None or self._consider(whole) or self._fits(whole):
            return
        if not self._by_strength(whole, tries):
            self._without_weakest(nodes, edges)

    def _by_strength(self, whole: Remainder, tries: int) -> bool:
        """Takes connections away, always from the strongest wiring met; whether that succeeds.

        The first wiring that fits is the strongest with these nodes. There may be very many before
        it: after ``tries`` of them it gives up.
        """
        ahead, met, number = [(-whole.strength, 0, whole)], {whole.edges}, 0
        while ahead and number < tries:
            strength, _, found = heapq.heappop(ahead)
            if self.best is not None and -strength < self.best.strength:
                return True
            if self._fits(found):
                self._consider(found)
                return True
            for edge in found.edges:
                smaller = self.space.of(found.nodes, found.edges - {edge})
                if smaller is not None and smaller.edges not in met:
                    met.add(smaller.edges)
                    number += 1
                    self.looked += 1
                    heapq.heappush(ahead, (-smaller.strength, number, smaller))
        return not ahead

    def _without_weakest(self, nodes: Collection[int], edges: Sequence[Edge]) -> None:
        """Takes away as few of the weakest as it must, as if costs fell with each of them."""
        weak = [e for e in reversed(edges) if not self._is_top(e, nodes)]
        low, high = 1, len(weak)
        strong = frozenset(edges)
        fit: Remainder | None = None
        while low <= high:
            middle = high if fit is None else (low + high) // 2
            found = self.space.of(nodes, strong.difference(weak[:middle]))
            self.looked += 1
            if found is not None and self._fits(found):
                fit, high = found, middle - 1
            elif fit is None:
                return
            else:
                low = middle + 1
        self._consider(fit)

    def _is_top(self, edge: Edge, nodes: Collection[int]) -> bool:
        """Whether it is the strongest input of its block among some nodes."""
        parts = self.space.parts
        inputs = [e for e in self._edges if e.target == edge.target and e.source in nodes]
        return edge == max(inputs, key=parts.__getitem__)

    # ---- single connections and nodes ------------------------------------------------------------

    def _grown(self, found: Remainder, banned: Edge | int | None = None) -> Remainder:
        """The wiring with everything back that still fits, the strongest first."""
        ahead = [part for part in self.parts() if part != banned]
        while True:
            before, left = found, list[Edge | int]()
            for part in ahead:
                for nodes, edges in self.with_part(found, part):
                    if banned in nodes or banned in edges or not self._affordable(nodes):
                        continue
                    larger = self.space.of(nodes, edges)
                    if larger is not None and not self._fits(larger):
                        continue
                    if larger is not None and larger.worth > found.worth:
                        found = larger
                        break
                    left.append(part)  # of no use yet
            if found is before:
                return found
            ahead = left

    def larger(self, than: Remainder) -> Iterator[Remainder]:
        """Yields the wirings that have one part more, whether they fit or not."""
        for part in self.parts():
            for nodes, edges in self.with_part(than, part):
                found = self.space.of(nodes, edges)
                if found is not None and found.worth > than.worth:
                    yield found
                    break

    def parts(self) -> list[Edge | int]:
        """Returns everything that can come back: nodes, then connections, the strongest first."""
        return [*range(len(self.space.structure)), *self._edges]

    def with_part(
        self, of: Remainder, part: Edge | int
    ) -> Iterator[tuple[frozenset[int], frozenset[Edge]]]:
        """Yields nodes and connections of the next larger wirings that a part belongs to.

        A node comes with all its connections, or else as a peer alone, with its inputs or the
        strongest of them; a connection with the strongest by which it reaches the rest. Nothing is
        yielded for what is there.
        """
        if isinstance(part, int):
            nodes = of.nodes | {part}
            if nodes != of.nodes:
                own = [e for e in self._edges if part in e and nodes.issuperset(e)]
                inputs = [e for e in own if e.target == part]
                yield nodes, of.edges.union(own)
                yield nodes, of.edges.union(inputs)
                yield nodes, of.edges.union(inputs[:1])
        elif part not in of.edges:
            yield of.nodes.union(part), of.edges.union(self._needed(part, of.nodes))

    def _needed(self, edge: Edge, nodes: frozenset[int]) -> Iterator[Edge]:
        """A connection, and the strongest that lead from the nodes to it and from it to them."""
        yield edge
        into = (e for e in self._edges if e.target == edge.source and e.source in nodes)
        out = (e for e in self._edges if e.source == edge.target and e.target in nodes)
        if edge.source not in nodes:
            yield from islice(into, 1)
        if edge.target not in nodes:
            yield from islice(out, 1)

    def _replace(self) -> bool:
        """Takes a connection or a node away for what fits in its place; whether that is better."""
        assert self.best is not None
        best = self.best
        for gone in (*(e for e in reversed(self._edges) if e in best.edges), *sorted(best.nodes)):
            nodes = best.nodes - {gone} if isinstance(gone, int) else best.nodes
            rest = self.space.of(nodes, best.edges - {gone})
            if rest is not None and self._fits(rest) and self._consider(self._grown(rest, gone)):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Floors:
    """What nodes cost at least, whatever feeds and gates them.

    Attributes:
        own: by quantity, of every node.
    """

    own: dict[str, list[int]]

    @classmethod
    def of(cls, space: Remainders) -> Floors:
        """Returns the costs of nodes without inputs; nothing, where shapes follow from inputs."""
        count = len(space.structure)
        if space.options.mode != "pinned":
            return cls({name: [0] * count for name in space.whole})
        bare = without_inputs(pin(space.structure))
        found = cost(bare, num_classes=space.num_classes, clip=space.clip).nodes
        blocks = [int(isinstance(node, Block)) for node in bare.nodes]
        macs, params = [node.macs for node in found], [node.parameters for node in found]
        return cls({"macs": macs, "params": params, "connections": blocks})

    def least(self, nodes: Iterable[int], quantity: str) -> int:
        """Returns what these nodes cost at least together."""
        own = self.own[quantity]
        return sum(own[node] for node in nodes)


def without_inputs(pinned: Structure) -> Structure:
    """Returns a pinned structure whose blocks have no inputs: good for counting only."""
    nodes = tuple(
        replace(node, connections=(), pinned=replace(node.pinned, buckets=()))
        if isinstance(node, Block) and node.pinned is not None
        else node
        for node in pinned.nodes
    )
    return replace(pinned, nodes=nodes).with_settings(attention=Attention.NONE)
