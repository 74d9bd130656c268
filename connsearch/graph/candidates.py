"""Who may act as a peer: all nodes of lower levels, in the published order."""

from __future__ import annotations

from collections.abc import Callable

from connsearch.graph.spec import Modality, Stem, Structure


def candidate_peers(structure: Structure, index: int) -> tuple[int, ...]:
    """Returns all nodes of a lower level than block ``index``: objects, flow, RGB, levels up."""
    return CandidatePeers(structure)(structure.block(index).level)


class CandidatePeers:
    """Candidate peers by level; one sort serves the whole structure (nodes are listed by level)."""

    def __init__(self, structure: Structure) -> None:
        rank = {Modality.OBJECT: -3, Modality.FLOW: -2, Modality.RGB: -1}
        self._ranked = sorted(
            (rank[n.modality] if isinstance(n, Stem) else n.level, i)
            for i, n in enumerate(structure.nodes)
        )
        self._place = {node: place for place, (_, node) in enumerate(self._ranked)}
        self._by_level: dict[int, tuple[int, ...]] = {}
        self._widest: dict[int, int] = {}

    def __call__(self, level: int) -> tuple[int, ...]:
        """Returns the candidate peers of the blocks of a level."""
        if level not in self._by_level:
            self._by_level[level] = tuple(i for r, i in self._ranked if r < level)
        return self._by_level[level]

    def place(self, node: int) -> int:
        """Returns a node's place in the published order of peers."""
        return self._place[node]

    def widest(self, level: int, width: Callable[[int], int]) -> int:
        """Returns the widest candidate's channels: the published width peers are projected to."""
        if level not in self._widest:
            self._widest[level] = max(map(width, self(level)))
        return self._widest[level]
