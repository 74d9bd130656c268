"""Selection by perturbation: node after node, the network tuned to what is left in between.

After DARTS-PT (Wang et al., arXiv 2108.04392, algorithm 1), adapted from the operations on an edge
to the inputs of a node.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Generator, Iterator
from functools import cached_property

from connsearch.analysis.ablation_mask import repaired_closure, soft_closure, soft_mask
from connsearch.analysis.cached_split import CachedSplit
from connsearch.analysis.fine_tune import tune
from connsearch.analysis.importance import (
    Importance,
    compared,
    importance_of,
    judge_alive,
    plain_result,
    scores_of,
)
from connsearch.analysis.searched_run import SearchedRun
from connsearch.analysis.units import UnitEvent, UnitWork, work_through
from connsearch.graph.spec import Edge
from connsearch.models.structure import Network
from connsearch.pruning.criteria import Criterion
from connsearch.pruning.scores import name_edges, unweighted
from connsearch.runs.events import Event
from connsearch.runs.formats.ledger import ImportanceUnit
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.ledger import Ledger
from connsearch.seeds import derive


def perturb(
    searched: SearchedRun, criterion: Criterion, ledger: Ledger, *, steps: int, seed: int
) -> Generator[UnitEvent, None, Importance]:
    """Yields the work of deciding node after node; returns what each connection was worth then.

    The keep-set is the criterion's word on these scores: it says of each node what it said on the
    way, as every criterion looks at one node, or at one connection, at a time.

    The nodes come in a random order. At a node's turn each of its present inputs is silenced alone
    on ``val``; the criterion decides from these rises which of them stay; the others are
    silent from then on, what only they fed dies, and the network is tuned for a few steps before
    the next node. A connection that was dead at its node's turn has rise 0.

    What was measured is in the ledger. The network on its way is not: a work that is taken up
    again masks and tunes its copy anew, node by node, which gives the same tensors (on a GPU: up to
    rounding) and costs ``steps`` training steps a node, less than measuring one input. So there
    is no checkpoint to write, to damage or to mismatch.

    Args:
        searched: the searched network; it is copied and never changed.
        criterion: decides at each node; it sees 1 for what was not measured yet.
        ledger: keeps the result of each connection.
        steps: training steps after each node.
        seed: of the order of the nodes, and of the tuning.

    Raises:
        DataError: no clip of ``val`` can be read.
        TrainingError: the tuning diverged.
    """
    work = _Perturbation(searched, criterion, ledger, steps=steps, seed=seed)
    results = yield from work_through(ledger, work.units())
    return importance_of(searched.structure, results)


class _Perturbation:
    """A copy of the network on its way, and how far it has come."""

    def __init__(
        self, searched: SearchedRun, criterion: Criterion, ledger: Ledger, *, steps: int, seed: int
    ) -> None:
        self._searched, self._criterion, self._ledger = searched, criterion, ledger
        self._steps, self._seed = steps, seed
        structure = searched.structure
        fixed = unweighted(structure)
        self._inputs = {
            index: [e for e in structure.edges() if e.target == index and e not in fixed]
            for index, _ in structure.blocks()
        }
        self._order = [index for index, edges in self._inputs.items() if edges]
        random.Random(derive(seed, "order of the nodes")).shuffle(self._order)
        self._kept = frozenset(structure.edges())
        self._settled = 0
        self._whole: Metrics | None = None

    def units(self) -> dict[str, UnitWork]:
        """Returns one unit a connection, node after node."""
        units: dict[str, UnitWork] = {}
        for place, node in enumerate(self._order):
            for edge in self._inputs[node]:
                units[name_edges([edge])] = lambda p=place, e=edge: self._measure(p, e)
        return units

    @cached_property
    def _network(self) -> Network:
        return copy.deepcopy(self._searched.network)

    @cached_property
    def _held(self) -> CachedSplit:
        return CachedSplit(self._searched)

    def _measure(self, place: int, edge: Edge) -> Iterator[Event | ImportanceUnit]:
        """Measures one input once all nodes before its own are settled."""
        for before in range(self._settled, place):
            yield from self._settle(before)
        closure = repaired_closure(self._searched.structure, self._kept)
        if edge not in closure.edges:
            yield ImportanceUnit(rise=0.0, drop=0.0, summary="dead by now")
            return
        if self._whole is None:
            self._whole = judge_alive(self._held, self._network, closure)
        without = soft_closure(self._searched.structure, closure.edges - {edge})
        found = judge_alive(self._held, self._network, without)
        yield compared(found, plain_result(self._whole))

    def _settle(self, place: int) -> Iterator[Event]:
        """Decides a node from its filed results, silences what goes, and tunes the rest."""
        node, structure = self._order[place], self._searched.structure
        inputs = set(self._inputs[node])
        scores = dict.fromkeys(structure.edges(), 1.0) | self._scores(node)
        self._kept -= inputs - self._criterion(structure, scores)
        self._settled, self._whole = place + 1, None
        self._network.mask(soft_mask(repaired_closure(structure, self._kept)))
        seed = derive(self._seed, "tuning", place)
        yield from tune(self._network, self._searched, steps=self._steps, seed=seed)

    def _scores(self, node: int) -> dict[Edge, float]:
        rises = {
            edge: self._ledger.read(name_edges([edge]), ImportanceUnit).rise
            for edge in self._inputs[node]
        }
        return scores_of(self._searched.structure, rises)
