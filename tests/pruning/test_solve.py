"""Budgets are met: counted by other means than those that solved them, and by the largest."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from connsearch.errors import PruneError, SettingsError
from connsearch.graph.cost import cost
from connsearch.graph.dag import as_networkx
from connsearch.graph.files import load_structure, to_json
from connsearch.graph.spec import Structure
from connsearch.models.exactness import exactness
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.pruning.options import Mode, PruneOptions
from connsearch.pruning.path import pruning_path
from connsearch.pruning.pruner import prune_by
from connsearch.pruning.reached import Solved, describe_reached
from connsearch.pruning.solve import Timing, prune_counted, within_budget
from tests.pruning.exhaustive import CLIP as SMALL
from tests.pruning.exhaustive import best_within, everything_left, strength, with_peers
from tests.pruning.exhaustive import counted as exhaustive_count
from tests.pruning.structures import random_tiny

CLASSES, CLIP = 3, (2, 32, 32)

seeds = st.integers(0, 10_000)
percents = st.integers(5, 100)


def slowly(first: int, end: int) -> list[Any]:
    """Cases that run with the slow tests."""
    return [pytest.param(seed, marks=pytest.mark.slow) for seed in range(first, end)]


def solve(structure: Structure, *budget: str, mode: Mode = "pinned") -> Solved:
    options = PruneOptions(budget=budget, mode=mode)
    return within_budget(structure, options, num_classes=CLASSES, clip=CLIP)


def counted(structure: Structure) -> dict[str, int]:
    """What torch and networkx count, knowing nothing of ``graph.cost``."""
    once = structure.with_settings(flow_iterations=1)  # the flow is not counted
    channels = {"rgb": 3, "flow": 2, "object": structure.network.object_classes}
    with torch.device("meta"), torch.no_grad():
        network = Network(once, CLASSES).eval()
        streams = {m.value: torch.empty(1, channels[m], *CLIP) for m in structure.modalities()}
        with FlopCounterMode(display=False) as counter:
            network(streams)
    return {
        "macs": counter.get_total_flops() // 2,
        "params": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "connections": as_networkx(structure).number_of_edges(),
    }


@pytest.mark.parametrize("seed", [*range(10), *slowly(10, 50)])
def test_an_independent_counter_confirms_the_budget(seed: int) -> None:
    """And nothing on the path from the weakest connection on is within it where it is refused."""
    rng = random.Random(seed)
    structure = random_tiny(rng)
    quantities = rng.sample(("macs", "params", "connections"), rng.randint(1, 3))
    share = {q: rng.randint(10, 95) for q in quantities}
    mode: Mode = "published" if seed % 3 == 0 else "pinned"
    path = pruning_path(structure, mode=mode)
    whole = counted(structure)

    def within(found: Mapping[str, int]) -> bool:
        return all(100 * found[q] <= share[q] * whole[q] for q in quantities)

    def quickly(one: Structure) -> dict[str, int]:
        """The arithmetic, which other tests compare with torch's counts."""
        found = cost(one, num_classes=CLASSES, clip=CLIP)
        edges = len(one.edges())
        return {"macs": found.macs, "params": found.parameters, "connections": edges}

    first = next((member for member in path if within(quickly(member.structure))), None)
    try:
        solved = solve(structure, *(f"{q}<={s}%" for q, s in share.items()), mode=mode)
    except SettingsError:
        assert first is None
        return
    found = counted(solved.pruned.structure)
    assert within(found)
    assert {q: r.value for q, r in solved.reached.items()} == {q: found[q] for q in quantities}
    assert {q: r.whole for q, r in solved.reached.items()} == {q: whole[q] for q in quantities}
    if first is not None:
        assert solved.strength >= strength(structure, first) - 1e-9


# ---- against all there is --------------------------------------------------------------------

LIMITS = (
    {"macs": 30}, {"macs": 60}, {"macs": 85}, {"params": 35}, {"params": 60}, {"params": 85},
    {"connections": 30}, {"connections": 60}, {"connections": 85},
    {"macs": 70, "params": 80, "connections": 75}, {"macs": 85, "connections": 60},
)  # fmt: skip


def check_against_all(seed: int, most: int) -> None:
    """A budget gives the best of all networks within it: >= .95 of its use, no connection fewer."""
    structure = with_peers(seed, most=most)
    found = everything_left(structure)
    whole = exhaustive_count(structure)
    for limits in LIMITS:
        best = best_within(found, whole, limits)
        budget = [f"{quantity}<={share}%" for quantity, share in limits.items()]
        options = PruneOptions(budget=tuple(budget))
        try:
            solved = within_budget(structure, options, num_classes=CLASSES, clip=SMALL)
        except SettingsError:
            assert best is None, (seed, limits)
            continue
        assert best is not None, (seed, limits)
        got = exhaustive_count(solved.pruned.structure)
        assert all(100 * got[q] <= share * whole[q] for q, share in limits.items())
        assert solved.strength == pytest.approx(float(best.strength)), (seed, limits)
        assert got["macs"] >= 0.95 * best.spent["macs"], (seed, limits)
        assert got["connections"] >= best.spent["connections"], (seed, limits)


@pytest.mark.parametrize("seed", [3, 4, 6, 18])
def test_no_network_within_the_budget_is_better(seed: int) -> None:
    check_against_all(seed, 7)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_no_network_within_the_budget_is_better_on_many_structures(seed: int) -> None:
    check_against_all(seed, 9)


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(seeds, percents)
def test_the_pruned_network_is_the_masked_original(seed: int, share: int) -> None:
    structure = random_tiny(random.Random(seed))
    before = to_json(structure)
    try:
        pruned = solve(structure, f"connections<={share}%").pruned
    except SettingsError:
        return
    parent = Network(structure, CLASSES, seed=0)
    child = Network(pruned.structure, CLASSES, seed=1)
    inherit(child, parent, pruned)
    assert exactness(parent, child, pruned, clip=(2, 16, 16)).max_abs_difference == 0.0
    assert to_json(structure) == before
    assert to_json(solve(structure, f"connections<={share}%").pruned.structure) == to_json(
        pruned.structure
    )


@settings(max_examples=20)
@given(seeds, percents, percents)
def test_a_smaller_budget_leaves_nothing_stronger(seed: int, one: int, other: int) -> None:
    structure = with_peers(seed, most=7)
    small, large = sorted((one, other))
    try:
        less = solve(structure, f"params<={small}%")
    except SettingsError:
        return
    assert less.strength <= solve(structure, f"params<={large}%").strength


@pytest.mark.parametrize("quantity", ["macs", "params", "connections"])
@pytest.mark.parametrize("seed", [3, 4, 6])
def test_a_refusal_shows_what_is_within_reach(seed: int, quantity: str) -> None:
    """The smallest of all there is can be reached, and nothing below it."""
    structure = with_peers(seed, most=7)
    least = min(one.spent[quantity] for one in everything_left(structure))
    options = PruneOptions(budget=(f"{quantity}<={least}",))
    solved = within_budget(structure, options, num_classes=CLASSES, clip=SMALL)
    assert solved.reached[quantity].smallest == solved.reached[quantity].value == least
    if least > 1:
        options = PruneOptions(budget=(f"{quantity}<={least - 1}",))
        with pytest.raises(SettingsError, match=f"reachable: {least:,} "):
            within_budget(structure, options, num_classes=CLASSES, clip=SMALL)


def test_a_budget_is_never_passed_over() -> None:
    """Who cannot count says so; where it is counted it is kept to."""
    structure = random_tiny(random.Random(3))
    options = PruneOptions(budget=("connections<=50%",))
    with pytest.raises(SettingsError, match="connections<=50%: what a network costs depends on"):
        prune_by(structure, options)
    counted = {"num_classes": CLASSES, "clip": SMALL}
    found = prune_counted(structure, options, **counted)
    assert found == within_budget(structure, options, **counted).pruned
    assert len(found.edges) <= len(structure.edges()) // 2
    plain = PruneOptions(criterion="top_k:1")
    assert prune_counted(structure, plain, **counted) == prune_by(structure, plain)
    with pytest.raises(SettingsError, match="measured again, it may keep other"):
        prune_counted(structure, PruneOptions(budget=("latency<=9ms",)), **counted)


def test_every_budget_that_cannot_be_met_is_named_with_its_range() -> None:
    structure = random_tiny(random.Random(3))
    with pytest.raises(SettingsError) as caught:
        solve(structure, "macs<=1,params<=1,connections<=100%")
    assert str(caught.value).count("reachable: ") == 2
    assert "cure:" in str(caught.value)


def test_the_provenance_says_what_was_asked_for() -> None:
    pruned = solve(random_tiny(random.Random(3)), "connections<=50%").pruned
    wanted = {"name": "budget", "budget": ["connections<=50%"], "order": "strength"}
    assert pruned.structure.provenance["criterion"] == wanted


def test_free_weights_are_refused() -> None:
    with pytest.raises(PruneError, match="never searched"):
        solve(load_structure("starter"), "macs<=60%")


# ---- latency ---------------------------------------------------------------------------------


@dataclass
class Timed:
    seconds: float
    spread: float = 0.02


@dataclass
class Clock:
    """Says how long a network takes, and remembers what it was asked."""

    time: Callable[[Structure], float]
    asked: list[int] = field(default_factory=list[int])

    def __call__(self, structure: Structure) -> Timing:
        self.asked.append(len(structure.edges()))
        return Timed(self.time(structure))


def by_macs(structure: Structure) -> float:
    """A microsecond each, less a nanosecond, so that no limit is met by rounding alone."""
    return exhaustive_count(structure)["macs"] * 1e-6 - 1e-9


def timed(structure: Structure, clock: Clock, *budget: str) -> Solved:
    options = PruneOptions(budget=budget)
    return within_budget(structure, options, num_classes=CLASSES, clip=SMALL, measure=clock)


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("seed", [3, 6, 18])
def test_latency_is_bisected_to_the_strongest(seed: int, share: bool) -> None:
    """The strongest of all there is with at most so many MACs, up to a step of the bisection."""
    structure, clock = with_peers(seed, most=7), Clock(by_macs)
    everything = everything_left(structure)
    whole = exhaustive_count(structure)["macs"]
    for percent in (20, 45, 70, 100):
        budget = f"latency<={percent}%" if share else f"latency<={whole * percent // 100}us"
        asked = len(clock.asked)
        try:
            solved = timed(structure, clock, budget)
        except SettingsError:
            assert best_within(everything, exhaustive_count(structure), {"macs": percent}) is None
            continue
        found = exhaustive_count(solved.pruned.structure)["macs"]
        assert 100 * found <= percent * whole
        nearly = best_within(everything, exhaustive_count(structure), {"macs": percent - 1})
        assert nearly is None or solved.strength >= float(nearly.strength) - 1e-9
        assert solved.reached["latency"].spread == 0.02
        assert clock.asked[-1] == len(solved.pruned.edges), "the answer is measured last"
        assert len(clock.asked) - asked <= 24
        told = describe_reached(solved.reached)["latency"]["value"]
        assert told == by_macs(solved.pruned.structure)


def test_an_answer_that_is_too_slow_when_measured_again_is_not_taken() -> None:
    structure = with_peers(6, most=7)
    steady = timed(structure, Clock(by_macs), "latency<=60%")
    lucky = exhaustive_count(steady.pruned.structure)["macs"]
    seen: list[int] = []

    def sometimes(one: Structure) -> float:
        macs = exhaustive_count(one)["macs"]
        seen.append(macs)
        return 9.0 if macs == lucky and seen.count(macs) > 1 else by_macs(one)

    solved = timed(structure, Clock(sometimes), "latency<=60%")
    assert exhaustive_count(solved.pruned.structure)["macs"] < lucky


def test_counted_budgets_come_first_and_nothing_is_measured_in_vain() -> None:
    structure, clock = with_peers(6, most=7), Clock(by_macs)
    with pytest.raises(SettingsError, match="macs"):
        timed(structure, clock, "latency<=1000s", "macs<=1")
    assert clock.asked == []
    solved = timed(structure, clock, "latency<=1000s", "connections<=4")
    assert len(solved.pruned.edges) == 4
    assert max(clock.asked) == 4
    assert list(solved.reached) == ["latency", "connections"]


def test_a_latency_out_of_reach_says_how_long_the_smallest_takes() -> None:
    with pytest.raises(SettingsError, match="smallest network within the other budgets takes"):
        timed(with_peers(6, most=7), Clock(by_macs), "latency<=1us")


# ---- what stood next -------------------------------------------------------------------------


def test_what_stood_next_does_not_fit() -> None:
    """It has a part more than the result, it is over a limit, and nothing cheaper has more."""
    structure = with_peers(6, most=7)
    solved = solve(structure, "macs<=60%")
    following = solved.following
    assert following is not None
    assert following.over["macs"] == solved.reached["macs"].limit < following.values["macs"]
    assert re.fullmatch(
        r"with (node \d+ .+|connection .+) it would have [\d,]+ macs, over [\d,.]+", str(following)
    )
    assert solve(structure, f"macs<={following.values['macs']}").strength > solved.strength


def test_nothing_stood_next_where_everything_fits() -> None:
    solved = solve(with_peers(6, most=7), "macs<=100%")
    assert solved.following is None
    assert not solved.far_under


def test_a_result_far_under_its_budget_says_so() -> None:
    structure = with_peers(6, most=7)
    next_one = solve(structure, "macs<=60%").following
    assert next_one is not None
    solved = solve(structure, f"macs<={next_one.values['macs'] - 1}")
    assert solved.far_under == (solved.reached["macs"].used < 0.9)
