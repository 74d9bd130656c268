"""Do several searches find the same? Frequencies, agreement beyond chance, and a consensus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from connsearch.analysis.agreement import Estimate, mean_jaccard
from connsearch.analysis.alike import EQUAL
from connsearch.analysis.units import UnitWork
from connsearch.data.loading.load import DataSplits
from connsearch.errors import RunError
from connsearch.graph.spec import Block, Edge, Structure
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import search
from connsearch.pruning.pruner import Pruned, prune
from connsearch.pruning.scores import learned_weights, unweighted
from connsearch.runs.events import Event, ResultEvent
from connsearch.runs.formats.ledger import SearchUnit
from connsearch.runs.formats.tables import StabilityRow
from connsearch.runs.record import open_run
from connsearch.runs.run import Run

DRAWS = 2000
"""Random drawings that agreement is compared with."""

MAJORITY = 0.5
"""Connections kept in this share of the searches, or more, are the consensus."""


@dataclass(frozen=True)
class Found:
    """The agreement of several searches.

    Attributes:
        space: the searched structure without anything learned.
        kept: the connections that each search keeps.
        frequency: of each connection of the space, the share of searches that keep it.
        weight: its mean learned weight.
        spread: the standard deviation of that weight between searches.
        agreement: mean Jaccard over pairs of searches; connections that cannot be removed do not
            count.
        chance: the same by chance: each block keeps its number of inputs, but random ones.
        p: the share of random drawings that agree at least as well; never below 1 / (DRAWS + 1).
        verdict: a sentence for users.
    """

    space: Structure
    kept: Sequence[frozenset[Edge]]
    frequency: Mapping[Edge, float]
    weight: Mapping[Edge, float]
    spread: Mapping[Edge, float]
    agreement: Estimate
    chance: float
    p: float
    verdict: str

    def rows(self) -> list[StabilityRow]:
        """Returns one row per connection, in the order of the structure."""
        return [
            StabilityRow(
                source=edge.source,
                target=edge.target,
                frequency=self.frequency[edge],
                weight=self.weight[edge],
                spread=self.spread[edge],
            )
            for edge in self.space.edges()
        ]

    def frequencies(self) -> Structure:
        """Returns the connections kept at least once, their weights the frequencies."""
        nodes = tuple(
            replace(
                node,
                pinned=None,
                connections=tuple(
                    replace(c, weight=self.frequency[Edge(c.source, index)], peers=())
                    for c in node.connections
                    if self.frequency[Edge(c.source, index)] > 0
                ),
            )
            if isinstance(node, Block)
            else node
            for index, node in enumerate(self.space.nodes)
        )
        return replace(self.space, nodes=nodes)

    def consensus(self) -> Pruned:
        """Returns the space pruned to the majority; its weights are the frequencies."""
        bare = self.space.with_peers({edge: () for edge in self.space.edges()})
        learned = {edge: self.frequency[edge] for edge in learned_weights(self.space)}
        majority = [edge for edge, share in self.frequency.items() if share >= MAJORITY]
        return prune(
            bare.with_weights(learned),
            majority,
            criterion={"name": "consensus", "searches": len(self.kept), "share": MAJORITY},
        )


def unit(
    structure: Structure,
    data: DataSplits,
    options: SearchOptions,
    place: Path,
    config: Mapping[str, Any],
) -> UnitWork:
    """Returns the work of one search in its own run directory."""

    def work() -> Iterator[Event | SearchUnit]:
        result = None
        with Run.open(place, config) as run:
            for event in search(structure, data, options, run=run):
                result = event if isinstance(event, ResultEvent) else result
                yield event
        assert result is not None, "a search ends with its result"
        metrics = result.metrics.get("val")
        yield SearchUnit(
            seed=options.seed,
            score=None if metrics is None else metrics.score,
            summary="searched" if metrics is None else f"val {metrics.measure} {metrics}",
        )

    return work


def learned(place: Path) -> Structure:
    """Returns the structure with the weights that a finished search has left.

    Raises:
        RunError: it is gone, or unfinished.
    """
    record = open_run(place)
    if record.result is None or record.outcome is None:
        raise RunError(
            f"{place}: this search is recorded as finished, but its result is missing\n"
            "  cure: choose another directory, or remove this one and search again"
        )
    return record.structure


def agree(results: Sequence[Structure], kept: Sequence[frozenset[Edge]], *, seed: int) -> Found:
    """Returns the agreement of the results of several searches of one space.

    Args:
        results: with learned weights; two at least.
        kept: the connections that pruning leaves of each.
        seed: of the random drawings.
    """
    weights = [learned_weights(result) for result in results]
    edges, fixed = results[0].edges(), unweighted(results[0])
    across = {e: [w[e] for w in weights] if e in weights[0] else [1.0] for e in edges}
    free = [edge for edge in edges if edge not in fixed]
    agreement = mean_jaccard([k - fixed for k in kept])
    lots = chance_agreements(free, [k - fixed for k in kept], seed=seed)
    chance = float(lots.mean())
    p = float((1 + (lots >= agreement.value - 1e-12).sum()) / (len(lots) + 1))
    return Found(
        space=results[0],
        kept=list(kept),
        frequency={edge: sum(edge in k for k in kept) / len(kept) for edge in edges},
        weight={edge: float(np.mean(values)) for edge, values in across.items()},
        spread={edge: _deviation(values) for edge, values in across.items()},
        agreement=agreement,
        chance=chance,
        p=p,
        verdict=_verdict(agreement, chance, p, len(kept)),
    )


def chance_agreements(
    edges: Sequence[Edge], kept: Sequence[frozenset[Edge]], *, seed: int
) -> np.ndarray[Any, Any]:
    """Returns the mean Jaccard of all pairs in ``DRAWS`` random drawings.

    In every drawing each set keeps its number of inputs of each block, but random ones: what is
    left to chance is which inputs, not how many.

    Args:
        edges: all connections that could be kept or not.
        kept: the sets; two at least.
        seed: of the drawings.
    """
    rng = np.random.default_rng(seed)
    drawn = np.zeros((DRAWS, len(kept), len(edges)), dtype=bool)
    for target in {edge.target for edge in edges}:
        columns = [place for place, edge in enumerate(edges) if edge.target == target]
        ranks = rng.random((DRAWS, len(kept), len(columns))).argsort(-1).argsort(-1)
        counts = np.array([sum(edge.target == target for edge in k) for k in kept])
        drawn[:, :, columns] = ranks < counts[None, :, None]
    bits = drawn.astype(np.float32)
    common = bits @ bits.transpose(0, 2, 1)
    sizes = bits.sum(-1)
    union = sizes[:, :, None] + sizes[:, None, :] - common
    share = np.where(union > 0, common / np.maximum(union, 1), 1.0)
    first, second = np.triu_indices(len(kept), 1)
    return share[:, first, second].mean(1)


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _verdict(agreement: Estimate, chance: float, p: float, searches: int) -> str:
    if chance > 1 - EQUAL:  # every block keeps all of its inputs, or has but one
        return (
            f"search longer: all {searches} searches keep every connection that could be removed, "
            "or none, so their agreement says nothing; cure: more --epochs, or a stricter "
            "--criterion"
        )
    known = agreement.low <= agreement.high
    interval = f" [{agreement.low:.2f}, {agreement.high:.2f}]" if known else ""
    numbers = (
        f"mean Jaccard {agreement.value:.2f}{interval} over all pairs of {searches} searches, "
        f"{chance:.2f} by chance (p = {p:.2g})"
    )
    if p <= 0.05:
        return f"the searches agree better than by chance: {numbers}"
    return f"no agreement beyond chance shown: {numbers}"
