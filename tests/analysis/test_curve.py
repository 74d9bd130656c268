"""The curve of accuracy over cost: which networks are on it, and that it adds up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from connsearch.analysis.curve import CurvePoints, curve, curve_settings, spread_evenly
from connsearch.analysis.searched_run import SearchedRun
from connsearch.analysis.units import UnitFinished
from connsearch.data.loading.loader import SplitLoaders
from connsearch.errors import RunError
from connsearch.graph.spec import Attention
from connsearch.models.structure import Network
from connsearch.pruning.path import pruning_path
from connsearch.pruning.pruner import Pruned
from connsearch.runs.ledger import Ledger
from connsearch.training.evaluate import Compute
from tests.training.tiny import TinyData, tiny_options, tiny_structure


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30), st.integers(1, 40))
def test_members_are_spread_over_the_whole_range(macs: list[int], count: int) -> None:
    macs.sort(reverse=True)
    places = spread_evenly(macs, macs[0], count)
    assert places == sorted(set(places))
    assert places[-1] == len(macs) - 1
    assert len(places) == min(count, len(macs))


def test_where_macs_fall_evenly_every_nth_member_is_taken() -> None:
    macs = list(range(99, -1, -1))
    assert spread_evenly(macs, 100, 5) == [19, 39, 59, 79, 99]


class ClipData(TinyData):
    """Tiny data that says how large a clip is."""

    clip = (4, 16, 16)


@pytest.fixture
def searched(tmp_path: Path) -> SearchedRun:
    """The tiny network with weights that differ, not searched."""
    structure = tiny_structure(attention=Attention.NONE)
    weights = {edge: 0.3 + 0.05 * n for n, edge in enumerate(structure.edges())}
    structure = structure.with_weights(weights)
    network = Network(structure, 2, seed=1, learn_connections=True)
    data: Any = ClipData()
    loaders = SplitLoaders(data.parts())
    return SearchedRun(tmp_path, network, structure, data, tiny_options(), Compute(), loaders)


def drawn(
    searched: SearchedRun,
    directory: Path,
    path: Sequence[Pruned],
    *,
    points: int = 4,
    rounds: int = 1,
) -> tuple[CurvePoints, list[UnitFinished]]:
    """The curve, and the units that took work."""
    done: list[UnitFinished] = []
    with Ledger(directory, curve_settings(searched, path)) as ledger:
        events = curve(searched, path, ledger, points=points, rounds=rounds)
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value, done
            if isinstance(event, UnitFinished) and not event.filed:
                done.append(event)


def test_the_first_point_is_the_whole_network_and_the_last_the_smallest(
    searched: SearchedRun, tmp_path: Path
) -> None:
    path = pruning_path(searched.structure)
    before = {name: x.clone() for name, x in searched.network.state_dict().items()}
    found, _ = drawn(searched, tmp_path / "curve", path)
    whole, *_, last = found.points
    assert whole.connections == len(searched.structure.edges())
    assert whole.macs == searched.cost(searched.structure).macs
    assert last.connections == len(path[-1].edges)
    assert len(found.points) == 4
    for point in found.points:
        assert point.clips == 6
        assert 0 <= point.low <= point.accuracy + 1e-9 <= point.high + 1e-9 <= 1 + 1e-9
        assert (point.passes, point.latency_ms > 0) == (5, True)
    after = searched.network.state_dict()
    assert all(torch.equal(x, after[name]) for name, x in before.items())


def test_networks_are_judged_with_statistics_of_their_own(
    searched: SearchedRun, tmp_path: Path
) -> None:
    """The same numbers as by hand: child, recalibrated, judged."""
    path = pruning_path(searched.structure)
    found, _ = drawn(searched, tmp_path / "curve", path)
    child = searched.child(path[-1])
    searched.recalibrate(child)
    by_hand = searched.judge(child)
    last = found.points[-1]
    assert (last.accuracy, last.low, last.high) == (by_hand.accuracy, by_hand.low, by_hand.high)


def test_more_points_and_rounds_add_to_what_is_there(searched: SearchedRun, tmp_path: Path) -> None:
    path = pruning_path(searched.structure)
    first, done = drawn(searched, tmp_path / "curve", path, points=3)
    assert len(done) == 4
    again, done = drawn(searched, tmp_path / "curve", path, points=3)
    assert (again, done) == (first, [])
    more, done = drawn(searched, tmp_path / "curve", path, points=3, rounds=2)
    assert [event.name for event in done] == ["round 2 of 3 points"]
    assert more.points[0].passes == 10
    _, done = drawn(searched, tmp_path / "curve", path, points=4)
    assert len(done) == 2
    assert done[-1].name == "round 1 of 4 points"


def test_killed_between_units_it_goes_on(searched: SearchedRun, tmp_path: Path) -> None:
    path = pruning_path(searched.structure)
    with Ledger(tmp_path / "curve", curve_settings(searched, path)) as ledger:
        events = curve(searched, path, ledger, points=4, rounds=2)
        while not (isinstance(event := next(events), UnitFinished) and event.number == 2):
            pass
        events.close()
    _, done = drawn(searched, tmp_path / "curve", path, rounds=2)
    assert [event.number for event in done] == [3, 4, 5, 6]


def test_another_path_or_network_does_not_mix(searched: SearchedRun, tmp_path: Path) -> None:
    path = pruning_path(searched.structure)
    drawn(searched, tmp_path / "curve", path, points=2)
    turned = {edge: 1 - float(w) for edge, w in searched.structure.weights().items()}  # type: ignore[arg-type]
    other = pruning_path(searched.structure, turned)
    with pytest.raises(RunError, match="path"):
        drawn(searched, tmp_path / "curve", other, points=2)
    with torch.no_grad():
        next(searched.network.parameters()).add_(1)
    with pytest.raises(RunError, match="network"):
        drawn(searched, tmp_path / "curve", path, points=2)
