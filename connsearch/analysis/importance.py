"""How much a searched network needs each connection: measured by silencing it, on ``val``.

Larger weights need not mean larger contributions (Wang et al., arXiv 2108.04392), and weights of
different nodes are not on one scale at all: a factor common to a node's inputs is absorbed by its
batch normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from connsearch.analysis.ablation_mask import soft_closure, soft_mask
from connsearch.analysis.cached_split import CachedSplit
from connsearch.analysis.searched_run import SearchedRun
from connsearch.analysis.units import UnitEvent, UnitWork, work_through
from connsearch.graph.spec import Edge, Structure
from connsearch.models.structure import Network
from connsearch.pruning.closure import Closure
from connsearch.pruning.scores import name_edges
from connsearch.runs.formats.ledger import ImportanceUnit, WholeUnit
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.ledger import Ledger

WHOLE = "whole network"
"""The unit against which the others are measured."""

NOTHING = 1e-6
"""A rise of the loss by this little is rounding: below it, weights decide."""


@dataclass(frozen=True)
class Importance:
    """What every connection was found to be worth.

    Attributes:
        rises: of the loss without it, in nats; negative where the network does better without.
        drops: of the accuracy (mAP in multi-label data) without it, in [-1, 1].
    """

    rises: Mapping[Edge, float]
    drops: Mapping[Edge, float]

    def scores(self, structure: Structure) -> dict[Edge, float]:
        """Returns what a criterion compares, for every connection that has a weight."""
        return scores_of(structure, self.rises)

    def columns(self, edge: Edge) -> dict[str, float | None]:
        """Returns what the table of scores says of a connection."""
        return {"rise": self.rises.get(edge), "drop": self.drops.get(edge)}


def scores_of(structure: Structure, rises: Mapping[Edge, float]) -> dict[Edge, float]:
    r"""Returns ``max(0, rise) + NOTHING * weight`` for every connection of ``rises`` with a weight.

    None is negative. In a node where nothing matters the weights decide, as without any
    measurement; next to a rise above rounding they decide nothing. Connections of
    coefficient 1 have no score: no criterion removes them.
    """
    weights = structure.weights()
    scores: dict[Edge, float] = {}
    for edge, rise in rises.items():
        weight = weights[edge]
        if isinstance(weight, float | int):
            scores[edge] = rise if math.isnan(rise) else max(0.0, rise) + NOTHING * weight
    return scores


def ablate(searched: SearchedRun, ledger: Ledger) -> Generator[UnitEvent, None, Importance]:
    """Yields the work of silencing each connection alone; returns the effect on ``val``.

    The peers of other connections stay as they are, the silent connection's own source among them.
    Batch-norm statistics are those of the search: recomputing them for every connection would cost
    a pass over training clips each time. One pass over ``val`` per connection, and one more.

    Args:
        searched: the searched network; masked while it is measured, and as it was at the end.
        ledger: keeps the result of each connection.

    Raises:
        DataError: no clip of ``val`` can be read.
    """
    structure, network = searched.structure, searched.network

    @cache
    def held() -> CachedSplit:
        return CachedSplit(searched)

    def without(edge: Edge) -> Iterator[ImportanceUnit]:
        closure = soft_closure(structure, set(structure.edges()) - {edge})
        found = judge_alive(held(), network, closure)
        yield compared(found, ledger.read(WHOLE, WholeUnit))

    units: dict[str, UnitWork] = {WHOLE: lambda: iter([plain_result(held().judge(network))])}
    for edge in structure.edges():
        units[name_edges([edge])] = _bound(without, edge)
    results = yield from work_through(ledger, units)
    return importance_of(structure, results)


def judge_alive(held: CachedSplit, network: Network, closure: Closure) -> Metrics:
    """Returns the metrics of a network with only the alive parts; its mask is removed afterwards.

    If nothing reaches the head any more, all logits are zero.
    """
    if not closure.finals:
        return held.judge_masked()
    network.mask(soft_mask(closure))
    try:
        return held.judge(network)
    finally:
        network.mask(None)


def plain_result(found: Metrics) -> WholeUnit:
    """Returns an evaluation as a unit's result."""
    return WholeUnit(loss=found.loss, score=found.score, clips=found.clips, summary=str(found))


def compared(found: Metrics, whole: WholeUnit) -> ImportanceUnit:
    """Returns the result of a connection: what changed against the network that has it."""
    rise, drop = found.loss - whole.loss, whole.score - found.score
    summary = f"loss {rise:+.4f}, {found.measure} {0.0 - drop:+.3f}"
    return ImportanceUnit(loss=found.loss, rise=rise, drop=drop, summary=summary)


def importance_of(structure: Structure, results: Ledger) -> Importance:
    """Returns the importance in the results of units that are named after connections."""
    named = {edge: name_edges([edge]) for edge in structure.edges()}
    found = {
        edge: results.read(name, ImportanceUnit) for edge, name in named.items() if name in results
    }
    return Importance(
        {edge: unit.rise for edge, unit in found.items()},
        {edge: unit.drop for edge, unit in found.items()},
    )


def _bound(work: Callable[[Edge], Iterator[ImportanceUnit]], edge: Edge) -> UnitWork:
    return lambda: work(edge)
