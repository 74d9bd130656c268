"""Pinned pruning is exact with kinds mixed, posts and gated connections: numbers and decisions."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from connsearch.analysis.ablation_mask import soft_closure, soft_mask
from connsearch.graph.rules import validate
from connsearch.graph.spec import Attention, Edge, Post, Structure
from connsearch.models.exactness import Exactness, exactness, random_streams
from connsearch.models.gates import decides, let_decide, listening
from connsearch.models.structure import Network
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.cycle_consistency import GateTest
from connsearch.nn.temporal_gate import DecidingGate
from connsearch.pruning.pruner import Pruned, prune, prune_by
from tests.models.test_exactness import LAYOUTS, pruned_pair, random_options, randomised
from tests.pruning.gated import gated_by_hand, random_gated

CLIPS = 3
EASY = GateTest(normalise="zscore")
"""By the definition a cell that has not learned hardly ever agrees; by this one about half do."""


def undecided(structure: Structure, seed: int, test: GateTest = EASY) -> Network:
    """A network with random weights whose gates decide, open for some clips and shut for others."""
    network = randomised(structure, seed, LAYOUTS[seed % 2])
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if ".recursion." in name:
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
    let_decide(network, gated=True)
    return judging(network, test)


def judging(network: Network, test: GateTest) -> Network:
    for gate in _gates(network):
        gate.test = test
    return network


def _gates(network: Network) -> Iterator[DecidingGate]:
    return (module for module in network.modules() if isinstance(module, DecidingGate))


def compared(
    parent: Network, pruned: Pruned, child: Network | None = None, *, frames: int = 3, seed: int = 0
) -> Exactness:
    if child is None:
        child = judging(pruned_pair(parent, pruned, LAYOUTS[seed % 2]), next(_gates(parent)).test)
    return exactness(parent, child, pruned, clip=(frames, 9, 8), batch=CLIPS, seed=seed)


def verdicts(network: Network, frames: int, seed: int) -> list[torch.Tensor]:
    """What every gate decides of the clips of the comparison."""
    streams = random_streams(network, clip=(frames, 9, 8), batch=CLIPS, seed=seed)
    with torch.no_grad(), listening(network) as heard:
        network.eval()(streams)
    return [passes[0] for passes in heard.values() if passes]


def seen_in(parent: Structure, pruned: Pruned) -> Iterator[str]:
    """What a case is an example of, so that the test can say it met every kind."""
    left = pruned.structure
    yield f"attention {parent.network.attention}"
    yield f"fusion {parent.network.gate_fusion}"
    kinds = {block.kind for _, block in left.blocks()}
    yield from (["mixed kinds"] if len(kinds) > 1 else [])
    yield from (["gates inside kinds"] if any("srtg" in (kind or "") for kind in kinds) else [])
    yield from {f"post {block.post}" for _, block in left.blocks()}
    yield from (["strides in time"] if any(b.temporal_stride > 1 for _, b in left.blocks()) else [])
    yield from (["gated connections"] if any(c.gated for _, c in left.connections()) else [])
    yield from (["opened"] if pruned.opened else [])
    gated = {edge for edge, c in parent.connections() if c.gated}
    yield from (["gates removed"] if gated & set(pruned.removed) else [])
    yield from (["dead nodes"] if pruned.dead else [])


@pytest.mark.parametrize("cases", [50, pytest.param(240, marks=pytest.mark.slow)])
def test_pruning_is_exact_with_kinds_posts_and_gates(cases: int) -> None:
    """Every number and every decision is the same, and every kind of case was met."""
    seen: Counter[str] = Counter()
    for case in range(cases):
        rng = random.Random(case)
        parent = undecided(random_gated(rng), case, GateTest() if case % 5 == 0 else EASY)
        let_decide(parent, gated=case % 7 != 0)
        learned = parent.learned_structure()
        pruned = prune_by(learned, random_options(rng))
        validate(pruned.structure)
        child = pruned_pair(parent, pruned, LAYOUTS[case % 2])
        frames = rng.choice((2, 3, 4, 5))
        for gate in _gates(child):
            gate.test = GateTest() if case % 5 == 0 else EASY
        found = compared(parent, pruned, child, frames=frames, seed=case)
        assert found.max_abs_difference == 0.0, (case, found)
        assert found.equal, (case, found)
        assert decides(child) == pruned.structure.gates_decide == (case % 7 != 0 and _any(child))
        seen.update(seen_in(learned, pruned))
        if found.gates is not None:
            assert found.gates.equal
            seen["open and shut"] += 0 < found.gates.opened < found.gates.decisions
        if case % 4 == 0:
            open_GB = verdicts(child, frames, case)
            seen["open for some clips"] += any(bool(d.any() and not d.all()) for d in open_GB)
    wanted = {
        "attention none", "attention static", "attention self", "attention peer",
        "fusion one_plus", "fusion product", "fusion sigmoid", "mixed kinds", "gates inside kinds",
        "post none", "post sr", "post srtg", "strides in time", "gated connections", "opened",
        "gates removed", "dead nodes", "open and shut",
    }  # fmt: skip
    assert min(seen[kind] for kind in wanted) >= cases // 20, seen
    assert seen["open and shut"] >= cases // 5, seen
    assert seen["open for some clips"] >= cases // 40, seen


def _any(network: Network) -> bool:
    return any(True for _ in _gates(network))


FRAMES = 2


@pytest.fixture(scope="module")
def parent() -> Network:
    """Gates of connections and behind modules, each open for some of the clips only."""
    network = undecided(gated_by_hand(), 28)
    open_GB = torch.stack(verdicts(network, FRAMES, 0))
    assert (open_GB.any(1) & ~open_GB.all(1)).all(), "a fault of decisions would not be seen"
    return network


@pytest.fixture(scope="module")
def pruned(parent: Network) -> Pruned:
    """Without the connection 0->5; all gates stay."""
    learned = parent.learned_structure()
    return prune(learned, set(learned.edges()) - {Edge(0, 5)})


@pytest.fixture
def child(parent: Network, pruned: Pruned) -> Network:
    return judging(pruned_pair(parent, pruned, LAYOUTS[0]), EASY)


def test_without_a_fault_decisions_are_equal(
    parent: Network, pruned: Pruned, child: Network
) -> None:
    found = compared(parent, pruned, child, frames=FRAMES)
    assert found.equal
    assert found.gates is not None
    assert (found.gates.gates, found.gates.decisions) == (3, 3 * CLIPS)
    assert str(found.gates) in str(found)
    assert str(found.gates).startswith("3 temporal gates: decisions equal, open ")
    assert pruned.opened == ()


def test_gates_that_do_not_decide_are_noticed(
    parent: Network, pruned: Pruned, child: Network
) -> None:
    let_decide(child, gated=False)
    found = compared(parent, pruned, child, frames=FRAMES)
    assert not found.equal
    assert found.max_abs_difference > 0


@pytest.mark.parametrize("gate", range(3))
def test_another_cell_is_noticed(
    parent: Network, pruned: Pruned, child: Network, gate: int
) -> None:
    with torch.no_grad():
        next(list(_gates(child))[gate].recursion.parameters()).neg_()
    assert not compared(parent, pruned, child, frames=FRAMES).equal


def test_what_stays_shut_is_compared_open(parent: Network, pruned: Pruned) -> None:
    """By the definition these gates are shut for all clips, whatever their cells have learned."""
    child = pruned_pair(parent, pruned, LAYOUTS[0])
    for network in (parent, child):
        judging(network, GateTest())
    try:
        found = compared(parent, pruned, child, frames=FRAMES)
        assert found.gates is not None
        assert (found.gates.opened, found.equal) == (0, True)
        with torch.no_grad():
            for weight in next(_gates(child)).recursion.parameters():
                weight.mul_(0.5)
        found = compared(parent, pruned, child, frames=FRAMES)
        assert found.gates is not None
        assert (found.gates.opened, found.gates.equal) == (0, True)
        assert not found.equal
        assert found.max_abs_difference > 0
        assert decides(parent)
        assert decides(child)
    finally:
        judging(parent, EASY)


def test_decisions_that_change_no_number_are_noticed(
    parent: Network, pruned: Pruned, child: Network
) -> None:
    """They would change numbers as soon as gates decide."""
    for network in (parent, child):
        let_decide(network, gated=False)
    judging(child, GateTest())
    found = compared(parent, pruned, child, frames=FRAMES)
    let_decide(parent, gated=True)
    assert found.max_abs_difference == 0.0
    assert found.gates is not None
    assert not found.gates.equal
    assert not found.equal
    assert "decisions differ" in str(found)


def test_a_gate_without_anything_to_compare_with_is_opened_on_both_sides(parent: Network) -> None:
    learned = parent.learned_structure()
    pruned = prune(learned, {Edge(0, 2), Edge(1, 3), Edge(3, 4), Edge(2, 5), Edge(3, 5)})
    assert pruned.opened == (Edge(3, 4),)
    assert [c.gated for c in pruned.structure.block(4).connections] == [False]
    assert [c.gated for c in pruned.structure.block(5).connections] == [True, False]
    (told,) = pruned.told_opened()
    assert told.startswith("3->4: added to every clip, because no input without a temporal gate")
    assert compared(parent, pruned, frames=FRAMES).equal
    kept = replace(pruned, opened=())
    assert not compared(parent, kept, frames=FRAMES).equal, "the original keeps the gate"


def test_an_ablation_opens_what_a_pruning_opens(parent: Network) -> None:
    """Without attention both silence the same, so the logits are the same."""
    learned = parent.learned_structure()
    keep = {Edge(0, 2), Edge(1, 3), Edge(3, 4), Edge(2, 5), Edge(3, 5)}
    mask = soft_mask(soft_closure(learned, keep))
    assert mask.opened == {Edge(3, 4)}
    child = judging(pruned_pair(parent, prune(learned, keep), LAYOUTS[0]), EASY).eval()
    streams = random_streams(parent, clip=(FRAMES, 9, 8), batch=CLIPS, seed=0)
    parent.eval().mask(mask)
    with torch.no_grad():
        silenced, pruned_logits = parent(streams), child(streams)
        parent.mask(replace(mask, opened=frozenset()))
        kept = parent(streams)
    parent.mask(None)
    assert torch.equal(silenced, pruned_logits)
    assert not torch.equal(kept, pruned_logits)


def test_an_input_that_a_gate_should_not_see_is_noticed(
    parent: Network, pruned: Pruned, child: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Means that contain what another path adds: the zero of a masked one, or not."""
    right = ConnectionFusion.forward

    def with_zeros(self: ConnectionFusion, *given: object) -> torch.Tensor:
        return right(self, *given) + (0.0 if self.masked is None else 1e-6)  # type: ignore[arg-type]

    monkeypatch.setattr(ConnectionFusion, "forward", with_zeros)
    assert not compared(parent, pruned, child, frames=FRAMES).equal


@pytest.mark.parametrize("attention", [Attention.NONE, Attention.PEER])
@pytest.mark.parametrize("post", list(Post))
def test_published_shapes_keep_posts_and_gates(post: Post, attention: Attention) -> None:
    parent = undecided(gated_by_hand(post, attention), 1)
    learned = parent.learned_structure()
    pruned = prune(learned, set(learned.edges()) - {Edge(0, 5)}, mode="published")
    again = validate(pruned.structure)
    assert again.gates_decide
    assert {i: b.post for i, b in again.blocks() if b.post is not Post.NONE} == (
        {} if post is Post.NONE else {4: post}
    )
    assert [e for e, c in again.connections() if c.gated] == [Edge(3, 4), Edge(2, 5)]
    child = pruned_pair(parent, pruned, LAYOUTS[0])
    assert decides(child)
    streams = random_streams(child, clip=(4, 9, 8), batch=2, seed=0)
    with torch.no_grad():
        assert child.eval()(streams).isfinite().all()


def test_a_structure_left_without_gates_does_not_say_that_they_decide() -> None:
    parent = undecided(gated_by_hand(Post.SR), 1)
    learned = parent.learned_structure()
    assert learned.gates_decide
    pruned = prune(learned, {Edge(1, 3), Edge(3, 5)})
    assert not any(c.gated for _, c in pruned.structure.connections())
    assert not pruned.structure.gates_decide
    assert compared(parent, pruned).equal
