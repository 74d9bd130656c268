"""Does the supernet rank well? Sub-networks judged inside it, and trained alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from connsearch.analysis.agreement import Estimate, kendall, kendall_difference
from connsearch.analysis.alike import nothing_to_tell
from connsearch.analysis.searched_run import SearchedRun, free_weights, train_alone
from connsearch.analysis.units import UnitWork
from connsearch.errors import PruneError, SettingsError
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.criteria.random import Random
from connsearch.pruning.pruner import Pruned, prune
from connsearch.runs.events import Event, ResultEvent
from connsearch.runs.formats.analyses import RankRow
from connsearch.runs.formats.ledger import RankedUnit
from connsearch.runs.names import TRAININGS
from connsearch.seeds import derive
from connsearch.training.options import TrainOptions

FEWEST = 0.2
"""The smallest sub-networks keep this share of the connections."""

ATTEMPTS = 100
"""Draws for a sub-network that is not there yet."""


@dataclass(frozen=True)
class RankAgreement:
    """How well sub-networks are ranked without training them.

    Attributes:
        supernet: Kendall's tau of scores in the supernet with scores alone.
        macs: the same of multiply-accumulates.
        connections: the same of the number of connections.
        gain: tau of the supernet less that of multiply-accumulates.
        verdict: for people.
    """

    supernet: Estimate
    macs: Estimate
    connections: Estimate
    gain: Estimate
    verdict: str


def sample(space: Structure, count: int, *, seed: int) -> list[Pruned]:
    """Returns different sub-networks with various numbers of connections.

    The number is even between ``FEWEST`` of the connections and all but one, the connections are
    random (criterion ``random``). The first ones of a larger count are those of a smaller one.

    Raises:
        SettingsError: the space has fewer.
    """
    taken: set[frozenset[Edge]] = set()
    drawn: list[Pruned] = []
    most = len(space.edges()) - 1
    for number in range(count):
        for attempt in range(ATTEMPTS):
            rng = random.Random(derive(seed, "sub-network", number, attempt))
            wanted = rng.randint(max(1, round(FEWEST * most)), max(1, most))
            try:
                keep = Random(number=wanted, seed=rng.getrandbits(32))(space, {})
                pruned = prune(space, keep, repair="refuse")
            except PruneError:  # too few connections lie on paths, or no output is left
                continue
            if pruned.edges not in taken:
                break
        else:
            raise SettingsError(
                f"{space.name}: only {number} different sub-networks were found in {ATTEMPTS} "
                f"further draws\n  cure: --subnets {number} at most"
            )
        taken.add(pruned.edges)
        drawn.append(pruned)
    return drawn


def units(
    searched: SearchedRun, drawn: Sequence[Pruned], options: TrainOptions, directory: Path
) -> dict[str, UnitWork]:
    """Returns one unit per sub-network: judged in the supernet, then trained alone."""
    return {
        unit_name(number): _unit(
            searched, pruned, options, directory / TRAININGS / unit_name(number)
        )
        for number, pruned in enumerate(drawn, start=1)
    }


def unit_name(number: int) -> str:
    """Returns the name of a sub-network."""
    return f"subnet-{number}"


def judge(rows: Sequence[RankRow], *, seed: int) -> RankAgreement:
    """Returns how well the supernet, and size alone, rank the sub-networks of the rows."""
    alone, supernet, macs, connections = (
        [float(getattr(row, name)) for row in rows]
        for name in ("alone", "supernet", "macs", "connections")
    )
    ours, theirs = kendall(supernet, alone, seed=seed), kendall(macs, alone, seed=seed)
    gain = kendall_difference(supernet, macs, alone, seed=seed)
    same = [
        nothing_to_tell(scores, of="sub-networks", measure=f"score {where}", longer=longer)
        for scores, where, longer in (
            (alone, "trained alone", "cure: more --epochs or --steps for every sub-network"),
            (supernet, "in the supernet", "cure: search longer, with more --epochs"),
        )
    ]
    return RankAgreement(
        supernet=ours,
        macs=theirs,
        connections=kendall(connections, alone, seed=seed),
        gain=gain,
        verdict=same[0] or same[1] or _verdict(ours, theirs, gain, len(rows)),
    )


def _verdict(ours: Estimate, theirs: Estimate, gain: Estimate, count: int) -> str:
    if not gain.low <= gain.high:
        return (
            f"no ranking can be judged: too few of {count} sub-networks differ in the supernet or "
            "alone; more of them (--subnets), more --epochs or more clips are needed"
        )
    numbers = (
        f"tau {ours} against {theirs}, difference {gain}, over {count} sub-networks "
        "(95 % bootstrap intervals)"
    )
    if gain.low > 0:
        return f"the supernet ranking is better than MACs: {numbers}"
    if gain.high < 0:
        return f"the supernet ranking is worse than MACs: {numbers}"
    return f"the supernet ranking is not better than MACs, as far as this shows: {numbers}"


def _unit(searched: SearchedRun, pruned: Pruned, options: TrainOptions, place: Path) -> UnitWork:
    def work() -> Iterator[Event | RankedUnit]:
        child = searched.child(pruned).to(searched.compute.device)
        searched.recalibrate(child)
        supernet = searched.judge(child).score
        structure, result = free_weights(pruned.structure), None
        for event in train_alone(structure, searched.data, options, place):
            result = event if isinstance(event, ResultEvent) else result
            yield event
        assert result is not None, "a training ends with its result"
        alone, price = result.metrics["val"].score, searched.cost(structure)
        yield RankedUnit(
            supernet=supernet,
            alone=alone,
            macs=price.macs,
            connections=len(structure.edges()),
            parameters=price.parameters,
            summary=f"{len(structure.edges())} connections: {supernet:.3f} in the supernet, "
            f"{alone:.3f} alone",
        )

    return work
