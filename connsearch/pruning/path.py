"""The path from the whole searched network to its strongest path, one connection after the other.

Weights compare within a block, not across blocks: a common factor on all of a block's inputs is
absorbed by its batch normalisation. So a connection's rank is its score as a share of the strongest
of its block; the weakest goes first. Once every block has one input left, whole blocks go, weakest
last input first; a block whose last input is another block goes before it. The strongest
path from a stem to a final node stays to the end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf
from typing import Any

from connsearch.graph.plan import final_nodes
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.options import Mode, PeerOnly
from connsearch.pruning.pruner import Pruned, prune
from connsearch.pruning.repair import strongest_path
from connsearch.pruning.scores import learned_weights, scored_inputs


def removal_order(structure: Structure, scores: Mapping[Edge, float]) -> tuple[Edge, ...]:
    """Returns the connections that may be removed, in the order of removal.

    Of equally weak ones, the one listed last goes first. Missing are connections of coefficient 1
    (they go only with their block) and those of the strongest path by the learned weights.

    Raises:
        PruneError: connections without a score, or a score that is not a number; names them.
    """
    stays = frozenset(strongest_path(structure, final_nodes(structure)))
    inputs = {block: found for block, found in scored_inputs(structure, scores) if found}
    lasts = _lasts(inputs, {edge.target for edge in stays})
    ranked: list[tuple[tuple[bool, float, int], Edge]] = []
    for found in inputs.values():
        top = max(found.values())
        for edge, score in found.items():
            last = edge in lasts
            rank = lasts[edge] if last else _share(score, top)
            if edge not in stays:
                ranked.append(((last, rank, -len(ranked)), edge))
    return tuple(edge for _, edge in sorted(ranked))


def _lasts(inputs: Mapping[int, Mapping[Edge, float]], safe: Collection[int]) -> dict[Edge, float]:
    """The strongest input of every block, ranked by the strongest last input that goes with it.

    A block that is the last input of others takes them along; a ``safe`` one is never removed. So
    the rank of a block is not below that of what depends on it, and it goes later: leaves first.
    """
    tops = {block: max(found, key=found.__getitem__) for block, found in inputs.items()}
    ranks: dict[Edge, float] = {}
    hanging: dict[int, float] = {}
    for block in sorted(tops, reverse=True):
        edge = tops[block]
        ranks[edge] = max(inputs[block][edge], hanging.get(block, -inf))
        if block not in safe:
            hanging[edge.source] = max(ranks[edge], hanging.get(edge.source, -inf))
    return ranks


def pruning_path(
    structure: Structure,
    scores: Mapping[Edge, float] | None = None,
    *,
    mode: Mode = "pinned",
    peers_kept: int = 1,
    peer_only: PeerOnly = "reassign",
    criterion: Mapping[str, Any] | None = None,
) -> tuple[Pruned, ...]:
    """Returns the nested prunings of a structure, from all connections to the strongest path.

    Each has fewer connections than the one before and no other; what a removal leaves without an
    input or without a consumer goes with it. Blocks never come back. (With ``peer_only="keep"`` a
    stem may, as a peer: when a connection's peer dies, the strongest that is alive takes its
    place.) A connection whose removal would take the last peer of another stays until that one is
    gone.

    Args:
        structure: with learned weights.
        scores: take the place of the learned weights in the ranking.
        mode: as in :func:`~connsearch.pruning.pruner.prune`.
        peers_kept: likewise.
        peer_only: likewise; a node that is needed only as a peer goes with the connection by which
            it was needed otherwise.
        criterion: what to note in the provenance of every member.

    Raises:
        PruneError: the structure was never searched, or scores are missing.
    """
    order = removal_order(structure, learned_weights(structure) if scores is None else scores)

    def cut(keep: frozenset[Edge]) -> Pruned:
        return prune(
            structure,
            keep,
            mode=mode,
            peers_kept=peers_kept,
            peer_only=peer_only,
            criterion=criterion,
        )

    path = [cut(frozenset(structure.edges()))]
    waiting = list(order)
    while waiting:
        for edge in waiting:
            if edge not in path[-1].edges:
                break
            found = cut(path[-1].edges - {edge})
            if found.edges < path[-1].edges:  # otherwise a repair brought something back
                path.append(found)
                break
        else:
            break
        waiting = [edge for edge in waiting if edge in path[-1].edges]
    return tuple(path)


def _share(score: float, top: float) -> float:
    """The score as a share of its block's strongest; at most 1, also where scores are negative."""
    return score / top if top > 0 else score - top
