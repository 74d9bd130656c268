"""Random wirings to set beside a found one: its nodes, its number of connections, its cost."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from connsearch.errors import RunError, SettingsError
from connsearch.graph.space import random_wiring
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.closure import Gates, close
from connsearch.pruning.options import Mode
from connsearch.pruning.pruner import Pruned, prune, spares_peers
from connsearch.seeds import derive

ATTEMPTS = 200
"""Number of draws for a fitting wiring before an error."""

UNIFORM = 50
"""Uniform draws in each of them before connections are taken away one by one instead."""


@dataclass(frozen=True)
class WiringSampler:
    """What random wirings are drawn like.

    Attributes:
        space: the searched structure: its connections are those that can be drawn.
        found: what pruning left of it: its nodes, number of connections and cost are matched.
        mode: how shapes follow, as it was for the found one.
        macs: what a structure costs, in multiply-accumulates of a clip.
        tolerance: share by which the cost may differ, 0.1 for 10 % up or down.
    """

    space: Structure
    found: Pruned
    mode: Mode
    macs: Callable[[Structure], int]
    tolerance: float

    @property
    def peers_kept(self) -> int:
        """Peers left to each connection of the found wiring."""
        return max((len(peers) for peers in self.found.peers.values()), default=1)

    @cached_property
    def gates(self) -> Gates | None:
        """The nodes of the found wiring alone gate; None where that follows from its connections.

        It does not follow if others would gate, but were left out because they would only do that.
        """
        if not spares_peers(self.space, self.found):
            return None
        return dict.fromkeys(self.space.edges(), tuple(self.found.node_map))

    def fits(self, macs: int) -> bool:
        """Returns whether a cost is near enough to that of the found wiring."""
        return abs(macs / self.macs(self.found.structure) - 1) <= self.tolerance

    def draw(self, count: int, *, seed: int) -> list[Pruned]:
        """Returns random wirings, all different and none of them the found one.

        They are drawn uniformly among those with the same nodes and number of connections. If
        such are rare, connections are removed from the search space one by one instead, unless
        a node would go with them. Wirings of too high or too low cost are drawn again. The first
        ones of a larger count are those of a smaller one.

        Raises:
            SettingsError: no further wiring fits; names what was found.
        """
        if len(self.found.edges) == len(self.space.edges()):
            raise SettingsError(
                f"{self.space.name}: the found wiring keeps all {len(self.found.edges)} "
                "connections of the search space, so no other wiring has as many\n"
                "  cure: a stricter --criterion, such as relative:0.8, top_k:2 or threshold:0.6"
            )
        drawn: list[Pruned] = []
        for number in range(count):
            drawn.append(self._one(number, {self.found.edges, *(d.edges for d in drawn)}, seed))
        return drawn

    def _one(self, number: int, taken: set[frozenset[Edge]], seed: int) -> Pruned:
        costs: list[int] = []
        repeated = 0
        for attempt in range(ATTEMPTS):
            keep = self._keep(random.Random(derive(seed, "random wiring", number, attempt)))
            if keep is None:
                continue
            if keep in taken:
                repeated += 1
                continue
            pruned = prune(
                self.space,
                keep,
                mode=self.mode,
                peers_kept=self.peers_kept,
                gates=self.gates,
                criterion={"name": "random wiring", "number": number, "seed": seed},
            )
            costs.append(self.macs(pruned.structure))
            if self.fits(costs[-1]):
                return pruned
        raise SettingsError(self._refusal(number, costs, repeated))

    def _keep(self, rng: random.Random) -> frozenset[Edge] | None:
        """A random keep-set of the found one's nodes and number; None if none was found."""
        nodes, number = self.found.node_map, len(self.found.edges)
        weights = self.space.weights()
        drawn = random_wiring(
            [e for e in weights if e.source in nodes and e.target in nodes],
            rng,
            number=number,
            fixed=frozenset(edge for edge, weight in weights.items() if weight is None),
            living=lambda keep: keep if self._is_whole(keep) else frozenset(),
            draws=UNIFORM,
        )
        return drawn if len(drawn) == number else None

    def _is_whole(self, keep: frozenset[Edge]) -> bool:
        """Whether all of these connections live, and exactly the nodes of the found wiring."""
        closure = close(self.space, keep, peers_kept=self.peers_kept, gates=self.gates)
        same = closure.nodes == tuple(sorted(self.found.node_map)) and closure.edges == keep
        return same and not closure.starved and {*closure.ungated} <= {*self.found.ungated}

    def _refusal(self, number: int, costs: list[int], repeated: int) -> str:
        target = self.macs(self.found.structure)
        if costs:
            had = f"{len(costs)} others cost {min(costs):,} to {max(costs):,}"
        else:
            had = "no other one has that number of connections"
        return (
            f"only {number} random wirings fit the found one: {len(self.found.node_map)} nodes, "
            f"{len(self.found.edges)} connections, {target:,} MACs within {self.tolerance:.0%}\n"
            f"  of {ATTEMPTS} draws, {repeated} repeated a wiring; {had}\n"
            "  cure: a larger --macs-tolerance, or fewer --random"
        )


def pruned_from(space: Structure, smaller: Structure, *, name: str) -> tuple[Pruned, Mode]:
    """Returns what pruning the space to a smaller structure does, and the mode it was done in.

    Args:
        space: the searched structure.
        smaller: what a pruning of it has left.
        name: of the smaller one, for messages.

    Raises:
        RunError: it was not pruned from that space.
    """
    strange = RunError(
        f"{name}: was not pruned from this search\n"
        "  allowed: a directory that connsearch prune wrote for it, such as RUN/pruned"
    )
    nodes = cast("list[int]", smaller.provenance.get("nodes", []))
    mode: Mode = "published" if smaller.provenance.get("mode") == "published" else "pinned"
    if len(nodes) != len(smaller):
        raise strange
    keep = {Edge(nodes[e.source], nodes[e.target]) for e in smaller.edges()}
    if not keep <= set(space.edges()):
        raise strange
    peers = max((len(c.peers) for _, c in smaller.connections()), default=1)
    gates = {
        Edge(nodes[e.source], nodes[e.target]): [nodes[peer.node] for peer in c.peers]
        for e, c in smaller.connections()
    }
    pruned = prune(space, keep, mode=mode, peers_kept=max(peers, 1), gates=gates)
    if pruned.structure.nodes != smaller.nodes:
        raise strange
    return pruned, mode
