"""Accuracy over cost: prunings of one network from the whole to its strongest path, all judged.

Every point inherits its weights and has its batch-norm statistics recomputed; nothing is trained.
Accuracy is that on ``val``; times are of all networks measured in turn.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

import torch

from connsearch.analysis.searched_run import SearchedRun
from connsearch.analysis.units import UnitEvent, UnitWork, work_through
from connsearch.graph.spec import NetworkSettings
from connsearch.models.latency import summarise_times, timed_rounds
from connsearch.models.structure import Network
from connsearch.pruning.pruner import Pruned, spares_peers
from connsearch.runs.checkpoint import digest
from connsearch.runs.formats.analyses import CurveRow
from connsearch.runs.formats.ledger import CurveUnit, TimingUnit
from connsearch.runs.ledger import Ledger
from connsearch.training.environment import processor_threads

PASSES = 5
"""Timed passes of every network in one round."""


@dataclass(frozen=True, slots=True)
class CurvePoints:
    """The points, the whole searched network first, and what they were measured with."""

    points: tuple[CurveRow, ...]
    measure: str
    clip: tuple[int, int, int]
    device: str
    threads: int
    precision: str
    recalibrate_clips: int


def spread_evenly(macs: Sequence[int], whole: int, count: int) -> list[int]:
    """Returns the places of ``count`` members whose MACs are spread evenly below ``whole``.

    Many members may cost the same: of those the first is taken, and where that leaves fewer than
    ``count``, the widest gaps between places are halved. The last member is always among them.

    >>> spread_evenly([100, 90, 90, 90, 50, 10], whole=100, count=3)
    [1, 4, 5]
    >>> spread_evenly([100, 90, 90, 90, 50, 10], whole=100, count=9)
    [0, 1, 2, 3, 4, 5]
    """
    places, last = range(len(macs)), len(macs) - 1
    step = (whole - macs[last]) / count
    targets = [whole - step * number for number in range(1, count)]
    chosen = {min(places, key=lambda p: (abs(macs[p] - goal), p)) for goal in targets} | {last}
    while len(chosen) < min(count, len(macs)):
        ends = sorted(chosen | {-1})
        gap, start = max((b - a, -a) for a, b in pairwise(ends))
        chosen.add(-start + gap // 2)
    return sorted(chosen)


def curve(
    searched: SearchedRun, path: Sequence[Pruned], ledger: Ledger, *, points: int, rounds: int
) -> Generator[UnitEvent, None, CurvePoints]:
    """Yields events while the points are judged and timed; returns the curve.

    Args:
        searched: the searched network and its data.
        path: its nested prunings, the least pruned first.
        ledger: opened with :func:`curve_settings`.
        points: how many networks, the whole one among them; at least 2.
        rounds: of timing; each has five passes of every network.
    """
    members = _members(searched, path, points)
    units: dict[str, UnitWork] = {
        name: _judging(searched, pruned) for name, pruned in members.items()
    }
    timing = _TimedInTurn(searched, list(members.values()))
    for number in range(1, rounds + 1):
        units[f"round {number} of {len(members)} points"] = timing.round
    found = yield from work_through(ledger, units)
    passes: list[list[float]] = []
    for name in units:
        if name not in members:
            passes += found.read(name, TimingUnit).seconds
    by_point = list(zip(*passes, strict=True))
    networks = [found.read(name, CurveUnit) for name in members]
    return CurvePoints(
        points=tuple(
            _point(judged, times) for judged, times in zip(networks, by_point, strict=True)
        ),
        measure=networks[0].measure,
        clip=searched.data.clip,
        device=searched.compute.device,
        threads=_threads(searched),
        precision=searched.compute.precision,
        recalibrate_clips=_recalibrate_clips(searched),
    )


def curve_settings(searched: SearchedRun, path: Sequence[Pruned]) -> dict[str, Any]:
    """Returns what a ledger of a curve has to be opened with: all that decides its results."""
    members = [f"{sorted(one.edges)} {_as_before(one.structure.network)}" for one in path]
    if any(spares_peers(searched.structure, one) for one in path):  # nodes do not follow, then
        members += [str(sorted(one.node_map)) for one in path]
    return {
        "network": digest(searched.network.state_dict(), {}),
        "data": searched.data.fingerprint,
        "path": sha256("\n".join(members).encode()).hexdigest(),
        "mode": path[0].structure.provenance["mode"],
        "clip": list(searched.data.clip),
        "recalibrate_clips": _recalibrate_clips(searched),
        "device": searched.compute.device,
        "threads": _threads(searched),
        "precision": searched.compute.precision,
    }


def _as_before(settings: NetworkSettings) -> str:
    """The settings as ledgers have always noted them."""
    return f"NetworkSettings({', '.join(f'{n}={v!r}' for n, v in settings.told().items())})"


def _members(
    searched: SearchedRun, path: Sequence[Pruned], points: int
) -> dict[str, Pruned | None]:
    """The networks by the names of their units; None is the whole one."""
    whole = searched.cost(searched.structure).macs
    macs = [searched.cost(one.structure).macs for one in path]
    same = macs[0] == whole and len(path[0].edges) == len(searched.structure.edges())
    rest = range(1 if same and len(path) > 1 else 0, len(path))
    places = spread_evenly([macs[p] for p in rest], whole, points - 1)
    chosen = [path[rest[place]] for place in places]
    return {"whole": None} | {f"{len(one.edges)} connections": one for one in chosen}


def _judging(searched: SearchedRun, pruned: Pruned | None) -> UnitWork:
    """Judges one network, recalibrated."""

    def work() -> Iterator[CurveUnit]:
        network = _network(searched, pruned)
        searched.recalibrate(network)
        found = searched.judge(network)
        structure = searched.structure if pruned is None else pruned.structure
        cost = searched.cost(structure)
        yield CurveUnit(
            nodes=len(structure),
            connections=len(structure.edges()),
            parameters=cost.parameters,
            macs=cost.macs,
            accuracy=found.accuracy,
            low=found.low,
            high=found.high,
            score=found.score,
            clips=found.clips,
            measure=found.measure,
            summary=f"{found.measure} {found}",
        )

    return work


class _TimedInTurn:
    """All networks in memory at once, from the first round that is still to do."""

    def __init__(self, searched: SearchedRun, members: Sequence[Pruned | None]) -> None:
        self._searched = searched
        self._members = members
        self._rounds: Iterator[list[float]] | None = None

    def round(self) -> Iterator[TimingUnit]:
        """Times every network a few times, in turn."""
        searched = self._searched
        with processor_threads(_threads(searched)):
            if self._rounds is None:
                self._rounds = timed_rounds(
                    [_network(searched, pruned) for pruned in self._members],
                    clip=searched.data.clip,
                    rounds=2**31,
                    precision=searched.compute.precision,
                )
            seconds = [next(self._rounds) for _ in range(PASSES)]
        slowest = max(map(max, seconds))
        summary = f"{PASSES} passes, {slowest * 1e3:.3g} ms at most"
        yield TimingUnit(seconds=seconds, summary=summary)


def _network(searched: SearchedRun, pruned: Pruned | None) -> Network:
    network = copy.deepcopy(searched.network) if pruned is None else searched.child(pruned)
    return network.to(searched.compute.device)


def _point(judged: CurveUnit, times: Sequence[float]) -> CurveRow:
    seconds, spread = summarise_times(times)
    return CurveRow(
        nodes=judged.nodes,
        connections=judged.connections,
        parameters=judged.parameters,
        macs=judged.macs,
        latency_ms=seconds * 1e3,
        latency_spread=spread,
        passes=len(times),
        accuracy=judged.accuracy,
        low=judged.low,
        high=judged.high,
        score=judged.score,
        clips=judged.clips,
    )


def _threads(searched: SearchedRun) -> int:
    return searched.options.compute.threads or torch.get_num_threads()


def _recalibrate_clips(searched: SearchedRun) -> int:
    return searched.options.logging.recalibrate_clips or 128
