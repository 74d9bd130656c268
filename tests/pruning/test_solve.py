"""Budgets are met: counted by other means than those that solved them, and by the largest."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from connsearch.errors import PruneError, SettingsError
from connsearch.graph.cost import cost
from connsearch.graph.dag import as_networkx
from connsearch.graph.files import load_structure, to_json
from connsearch.graph.spec import Attention, Structure
from connsearch.models.exactness import exactness
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.pruning.options import Mode, PruneOptions
from connsearch.pruning.path import pruning_path
from connsearch.pruning.solve import Solved, Timing, describe_reached, within_budget
from tests.pruning.structures import random_tiny

CLASSES, CLIP = 3, (2, 32, 32)

seeds = st.integers(0, 10_000)
shares = st.integers(5, 100)


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


@pytest.mark.parametrize("seed", range(50))
def test_an_independent_counter_confirms_the_budget(seed: int) -> None:
    """And that nothing before it on the path is within it; or that nothing is, where refused."""
    rng = random.Random(seed)
    structure = random_tiny(rng)
    quantities = rng.sample(("macs", "params", "connections"), rng.randint(1, 3))
    share = {q: rng.randint(10, 95) for q in quantities}
    mode: Mode = "published" if seed % 3 == 0 else "pinned"
    path = [member.structure for member in pruning_path(structure, mode=mode)]
    whole = counted(structure)

    def within(found: Mapping[str, int]) -> bool:
        return all(100 * found[q] <= share[q] * whole[q] for q in quantities)

    def quickly(one: Structure) -> dict[str, int]:
        """The arithmetic, which other tests compare with torch's counts."""
        found = cost(one, num_classes=CLASSES, clip=CLIP)
        edges = len(one.edges())
        return {"macs": found.macs, "params": found.parameters, "connections": edges}

    try:
        solved = solve(structure, *(f"{q}<={s}%" for q, s in share.items()), mode=mode)
    except SettingsError:
        assert not any(within(quickly(one)) for one in path)
        return
    found = counted(solved.pruned.structure)
    assert within(found)
    assert not any(within(quickly(one)) for one in path[: solved.member])
    assert {q: r.value for q, r in solved.reached.items()} == {q: found[q] for q in quantities}
    assert {q: r.whole for q, r in solved.reached.items()} == {q: whole[q] for q in quantities}
    assert solved.members == len(path)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(seeds, shares)
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


@given(seeds, shares, shares)
def test_a_smaller_budget_prunes_as_much_or_more(seed: int, one: int, other: int) -> None:
    structure = random_tiny(random.Random(seed))
    small, large = sorted((one, other))
    try:
        less = solve(structure, f"params<={small}%")
    except SettingsError:
        return
    assert less.pruned.edges <= solve(structure, f"params<={large}%").pruned.edges


def test_the_smallest_reachable_value_is_reached_and_no_less() -> None:
    structure = random_tiny(random.Random(3))
    smallest = int(solve(structure, "macs<=100%").reached["macs"].smallest)
    assert solve(structure, f"macs<={smallest}").reached["macs"].value == smallest
    with pytest.raises(SettingsError, match=f"reachable: {smallest:,} "):
        solve(structure, f"macs<={smallest - 1}")


def test_every_budget_that_cannot_be_met_is_named_with_its_range() -> None:
    structure = random_tiny(random.Random(3))
    with pytest.raises(SettingsError) as caught:
        solve(structure, "macs<=1,params<=1,connections<=100%")
    assert str(caught.value).count("reachable: ") == 2
    assert "cure:" in str(caught.value)


def test_the_provenance_says_what_was_asked_for() -> None:
    pruned = solve(random_tiny(random.Random(3)), "connections<=50%").pruned
    wanted = {"name": "budget", "budget": ["connections<=50%"], "order": "relative"}
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


def by_connections(structure: Structure) -> float:
    """A millisecond each, less a nanosecond, so that no limit is met by rounding alone."""
    return len(structure.edges()) * 1e-3 - 1e-9


def timed(structure: Structure, clock: Clock, *budget: str) -> Solved:
    options = PruneOptions(budget=budget)
    return within_budget(structure, options, num_classes=CLASSES, clip=CLIP, measure=clock)


def tiny(seed: int) -> Structure:
    return random_tiny(random.Random(seed)).with_settings(attention=Attention.NONE)


@given(seeds, st.integers(1, 40), st.booleans())
def test_latency_is_bisected_to_the_least_pruned(seed: int, most: int, share: bool) -> None:
    structure, clock = tiny(seed), Clock(by_connections)
    path = pruning_path(structure)
    whole = len(structure.edges())
    limit = most * whole / 40 if share else most
    budget = f"latency<={most * 2.5}%" if share else f"latency<={most}ms"
    sizes = [len(member.edges) for member in path]
    if min(sizes) > limit:
        with pytest.raises(SettingsError, match="smallest network within the other budgets takes"):
            timed(structure, clock, budget)
        return
    solved = timed(structure, clock, budget)
    assert len(solved.pruned.edges) == max(size for size in sizes if size <= limit)
    assert solved.reached["latency"].spread == 0.02
    assert clock.asked[-1] == len(solved.pruned.edges), "the answer is measured last"
    assert len(clock.asked) <= 2 * (len(path).bit_length() + 3)
    assert describe_reached(solved.reached)["latency"]["value"] == by_connections(
        solved.pruned.structure
    )


def test_an_answer_that_is_too_slow_when_measured_again_is_not_taken() -> None:
    structure = tiny(7)
    sizes = [len(member.edges) for member in pruning_path(structure)]
    lucky = sizes[2]
    seen: list[int] = []

    def sometimes(one: Structure) -> float:
        edges = len(one.edges())
        seen.append(edges)
        return 9.0 if edges == lucky and seen.count(edges) > 1 else by_connections(one)

    solved = timed(structure, Clock(sometimes), f"latency<={lucky}ms")
    assert len(solved.pruned.edges) == sizes[3]


def test_counted_budgets_come_first_and_nothing_is_measured_in_vain() -> None:
    structure, clock = tiny(7), Clock(by_connections)
    with pytest.raises(SettingsError, match="macs"):
        timed(structure, clock, "latency<=1s", "macs<=1")
    assert clock.asked == []
    sizes = [len(member.edges) for member in pruning_path(structure)]
    solved = timed(structure, clock, "latency<=1s", f"connections<={sizes[1]}")
    assert len(solved.pruned.edges) == sizes[1]
    assert max(clock.asked) == sizes[1]
    assert list(solved.reached) == ["latency", "connections"]
