"""Pinned pruning is exact: the masked original and the pruned network agree in every bit."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from connsearch.errors import PruneError
from connsearch.graph.files import load_structure
from connsearch.graph.rules import validate
from connsearch.graph.spec import Attention, Edge, Modality, Structure
from connsearch.models.exactness import Exactness, exactness, random_streams
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.pruning.options import PeerOnly, PruneOptions
from connsearch.pruning.pruner import Pruned, prune, prune_by
from tests.pruning.structures import drawn, random_tiny

CASES = 240
SIZES = ((33, 29), (16, 16), (36, 20), (17, 32), (32, 32), (23, 31))
LAYOUTS = (torch.channels_last_3d, torch.contiguous_format)
CLASSES = 3


def randomised(
    structure: Structure, seed: int, layout: torch.memory_format, *, learn: bool = True
) -> Network:
    """A network in which nothing is at its first value: weights, gates, statistics."""
    network = Network(structure, CLASSES, learn_connections=learn, seed=seed, memory_format=layout)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("logits"):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 2)
            elif name.endswith("running_var"):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            elif tensor.is_floating_point() and re.search(r"bn|bias|gates|head", name):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return network


def random_options(rng: random.Random) -> PruneOptions:
    criterion = rng.choice(
        (
            f"threshold:{rng.uniform(0.05, 0.95):.3f}",
            f"threshold:{rng.uniform(0.3, 0.8):.3f}",
            f"relative:{rng.uniform(0.1, 1):.3f}",
            f"top_k:{rng.randint(1, 4)}",
            f"random:share={rng.uniform(0.1, 0.9):.2f},seed={rng.randint(0, 99)}",
        )
    )
    peer_only = rng.choice(("reassign", "keep"))
    return PruneOptions(criterion=criterion, peers=rng.choice((1, 1, 2, 3)), peer_only=peer_only)


def pruned_pair(
    parent: Network, pruned: Pruned, layout: torch.memory_format, *, learn: bool = False
) -> Network:
    child = Network(
        pruned.structure, CLASSES, learn_connections=learn, seed=999, memory_format=layout
    )
    inherit(child, parent, pruned)
    return child


def seen_in(parent: Structure, pruned: Pruned) -> list[str]:
    """What a case is an example of, so that the test can say it met every kind."""
    stems = {i for i, _ in parent.stems()}
    kinds = [parent.family, f"attention {parent.network.attention}"]
    kinds += ["dead stem"] if stems & set(pruned.dead) else []
    kinds += ["dead block"] if set(pruned.dead) - stems else []
    kinds += ["repair"] if pruned.repairs else []
    kinds += ["several peers"] if any(len(p) > 1 for p in pruned.peers.values()) else []
    kinds += ["substitute peer"] if pruned.substitutes else []
    kinds += ["several finals"] if len(pruned.finals) > 1 else []
    tops = [i for i, b in parent.blocks() if b.level == parent.network.levels - 1]
    one = parent.family == "assemblenet_plus_lite"
    kinds += ["dead final"] if not one and len(pruned.finals) < len(tops) else []
    kinds += ["object"] if Modality.OBJECT in parent.modalities() else []
    kinds += ["connections removed"] if pruned.removed else []
    single = [b for _, b in pruned.structure.blocks() if len(b.connections) == 1]
    kinds += ["single input with a weight"] if any(b.connections[0].weight for b in single) else []
    return kinds


def output_depends_on_clips(network: Network) -> bool:
    streams = [random_streams(network, clip=(4, 17, 16), batch=1, seed=seed) for seed in (1, 2)]
    with torch.no_grad():
        first, second = (network.eval()(clips) for clips in streams)
    return not torch.equal(first, second)


@pytest.mark.parametrize("cases", [CASES // 5, pytest.param(CASES, marks=pytest.mark.slow)])
def test_pinned_pruning_is_exact_on_random_structures(cases: int) -> None:
    """Structures and thresholds: max |difference| = 0.0, and every kind of case was met."""
    seen: Counter[str] = Counter()
    for case in range(cases):
        rng = random.Random(case)
        layout = LAYOUTS[case % 2]
        searched = rng.random() < 0.8  # the others have fixed coefficients, as published
        normalised = case % 6 == 5
        drawn_now = random_tiny(rng).with_settings(normalise_inputs=normalised)
        parent = randomised(drawn_now, case, layout, learn=searched)
        options = random_options(rng)
        learned = parent.learned_structure()
        soft = learned.network.attention is Attention.PEER and rng.random() < 0.4
        if soft:  # as published: weights, but nobody learned the peers
            learned = learned.with_peers(dict.fromkeys(learned.edges(), ()))
        pruned = prune_by(learned, options)
        validate(pruned.structure)
        child = pruned_pair(parent, pruned, layout, learn=searched and rng.random() < 0.4)
        found = exactness(
            parent, child, pruned, clip=(4, *rng.choice(SIZES)), batch=rng.randint(1, 2), seed=case
        )
        assert found.max_abs_difference == 0.0, (case, options, found)
        assert found.equal
        assert found.largest_logit > 0
        seen.update(seen_in(learned, pruned))
        seen["fixed coefficients"] += not searched
        seen["normalised inputs"] += normalised
        seen["soft peers, nodes gone"] += soft and bool(pruned.dead)
        seen["clips matter"] += output_depends_on_clips(child)
        if case % 4 == 0:
            again = prune_by(pruned.structure, PruneOptions(criterion="top_k:1"))
            seen["pruned twice"] += 1
            seen["fixed pruned again"] += pruned.structure.network.attention is Attention.FIXED
            grandchild = pruned_pair(child, again, layout)
            assert exactness(child, grandchild, again, clip=(4, 17, 32), seed=case).equal, case
    wanted = {
        "assemblenet", "assemblenet_plus", "assemblenet_plus_lite", "attention none",
        "attention static", "attention self", "attention peer", "dead stem", "dead block",
        "repair", "several peers", "substitute peer", "several finals", "dead final", "object",
        "connections removed", "single input with a weight", "fixed coefficients",
        "pruned twice", "fixed pruned again", "soft peers, nodes gone", "normalised inputs",
    }  # fmt: skip
    assert wanted <= set(seen), wanted - set(seen)
    assert min(seen[kind] for kind in wanted) >= 5 * cases // CASES, seen
    assert seen["clips matter"] >= 5 * cases // 6  # the others are dead by their random weights


def in_peer_mode(seed: int) -> Structure:
    """A random structure in which every connection has a learned mixture of all lower nodes."""
    rng = random.Random(seed)
    while True:
        structure = random_tiny(rng)
        if structure.network.attention is Attention.PEER:
            return structure


def peers_left(parent: Structure, pruned: Pruned) -> list[tuple[int, int]]:
    """For every kept connection: how many peers it has, and how many of its own are alive."""
    before = {edge: connection.peers for edge, connection in parent.connections()}
    return [
        (len(kept), sum(p.node in pruned.node_map and p.coefficient > 0 for p in before[edge]))
        for edge, kept in pruned.peers.items()
    ]


def check_peers(
    seed: int, criterion: str, kept: int, size: tuple[int, int], peer_only: PeerOnly = "keep"
) -> Structure:
    """Prunes the peers of a random structure and compares; returns what is left."""
    parent = randomised(in_peer_mode(seed), seed, LAYOUTS[seed % 2])
    learned = parent.learned_structure()
    pruned = prune_by(learned, PruneOptions(criterion=criterion, peers=kept, peer_only=peer_only))
    validate(pruned.structure)
    child = pruned_pair(parent, pruned, LAYOUTS[seed % 2])
    found = exactness(parent, child, pruned, clip=(3, *size), batch=2, seed=seed)
    assert found.max_abs_difference == 0.0, found
    assert found.equal
    assert pruned.structure.network.attention is Attention.FIXED
    assert all(len(c.peers) <= kept for _, c in pruned.structure.connections())
    assert all(left == min(kept, alive) for left, alive in peers_left(learned, pruned))
    return pruned.structure


CRITERIA_SPECS = ("relative", "threshold:0.5", "top_k:2", "random:share=0.6,seed=3")
EVERY_PEER = 99


@pytest.mark.parametrize("criterion", CRITERIA_SPECS)
@pytest.mark.parametrize("kept", [1, 2, 3, 4, EVERY_PEER])
def test_pruning_peers_is_exact_for_every_number_and_criterion(kept: int, criterion: str) -> None:
    counts = {
        len(c.peers)
        for seed in (3, 8, 21)
        for _, c in check_peers(seed, criterion, kept, (17, 20)).connections()
    }
    assert max(counts) >= min(kept, 4), "no connection had so many peers to choose from"


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kept=st.sampled_from([1, 2, 3, 4, EVERY_PEER]),
    criterion=st.one_of(
        st.sampled_from(CRITERIA_SPECS),
        st.integers(1, 99).map(lambda percent: f"threshold:{percent / 100}"),
        st.integers(1, 4).map(lambda k: f"top_k:{k}"),
    ),
    size=st.sampled_from(SIZES),
    peer_only=st.sampled_from(["reassign", "keep"]),
)
def test_pruning_peers_is_exact_whatever_is_pruned(
    seed: int, kept: int, criterion: str, size: tuple[int, int], peer_only: PeerOnly
) -> None:
    check_peers(seed, criterion, kept, size, peer_only)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kept=st.sampled_from([1, 1, 2]),
    criterion=st.sampled_from(CRITERIA_SPECS),
    wish=st.integers(0, 10**6),
)
def test_pruning_is_exact_whatever_may_gate(
    seed: int, kept: int, criterion: str, wish: int
) -> None:
    """Each connection is gated by some of the nodes it was gated by, or by none of them."""
    rng, layout = random.Random(wish), LAYOUTS[seed % 2]
    parent = randomised(in_peer_mode(seed), seed, layout)
    learned = parent.learned_structure()
    gates = {
        edge: [p.node for p in c.peers if rng.random() < rng.choice((0.0, 0.3, 0.8))]
        for edge, c in learned.connections()
        if rng.random() < 0.8
    }
    keep = prune_by(learned, PruneOptions(criterion=criterion, peer_only="keep")).edges
    pruned = prune(learned, keep, peers_kept=kept, gates=gates)
    found = exactness(parent, pruned_pair(parent, pruned, layout), pruned, clip=(3, 17, 20))
    assert found.equal, (found, pruned.substitutes)
    assert found.max_abs_difference == 0.0
    told = {done.edge for done in pruned.substitutes}
    left = {edge for edge, c in learned.connections() if c.peers} & pruned.edges
    assert {edge for edge in left if edge not in pruned.peers} == set(pruned.ungated) <= told
    again = prune_by(pruned.structure, PruneOptions(criterion="top_k:1"))
    child = pruned_pair(parent, pruned, layout)
    assert exactness(child, pruned_pair(child, again, layout), again, clip=(3, 17, 20)).equal


def test_a_gate_that_was_not_dropped_in_the_original_is_noticed() -> None:
    """And one that another node opens there."""
    parent = randomised(in_peer_mode(3), 3, torch.channels_last_3d)
    learned = parent.learned_structure()
    everyone = learned.edges()
    dropped = prune(learned, everyone, gates=dict.fromkeys(everyone, ()))
    assert set(dropped.ungated) == dropped.edges
    child = pruned_pair(parent, dropped, torch.channels_last_3d)
    assert exactness(parent, child, dropped, clip=(3, 17, 20)).equal
    gated = replace(dropped, ungated=())
    assert not exactness(parent, child, gated, clip=(3, 17, 20)).equal
    second = {
        edge: [sorted(c.peers, key=lambda p: -p.coefficient)[1].node]
        for edge, c in learned.connections()
        if len(c.peers) > 1
    }
    moved = prune(learned, everyone, gates=second)
    child = pruned_pair(parent, moved, torch.channels_last_3d)
    assert exactness(parent, child, moved, clip=(3, 17, 20)).equal
    strongest = replace(moved, peers=prune(learned, everyone).peers)
    assert not exactness(parent, child, strongest, clip=(3, 17, 20)).equal


def test_a_peer_that_was_left_out_is_noticed() -> None:
    """The check sees a mixture of two of which only the stronger one was kept."""
    parent = randomised(in_peer_mode(3), 3, torch.channels_last_3d)
    learned = parent.learned_structure()
    pruned = prune_by(learned, PruneOptions(criterion="threshold:0.01", peers=2))
    weaker = {edge: peers[:1] for edge, peers in pruned.peers.items()}
    child = pruned_pair(parent, pruned, torch.channels_last_3d)
    assert exactness(parent, child, pruned, clip=(3, 17, 20)).equal
    assert not exactness(parent, child, replace(pruned, peers=weaker), clip=(3, 17, 20)).equal


def many_addends() -> Structure:
    """Two finals fed by many inputs of one width, so that the order of addition can matter."""
    weights = {source: 0.3 + 0.1 * source for source in range(4)}
    return drawn(
        (0, 0, 0, 1, 1, 1),
        {
            4: {0: 0.9, 1: 0.7},
            5: {1: 0.8, 2: 0.6},
            6: {2: 0.9, 3: 0.8},
            7: {**weights, 4: 0.5, 5: 0.6, 6: 0.7},
            8: {**weights, 4: 0.8, 5: 0.9, 6: 0.7},
            9: {5: 0.04, 6: 0.03},
        },
        stems=(Modality.RGB, Modality.FLOW, Modality.RGB, Modality.OBJECT),
    )


@pytest.fixture(scope="module")
def parent() -> Network:
    return randomised(many_addends(), 1, torch.channels_last_3d)


def compared(parent: Network, pruned: Pruned, structure: Structure | None = None) -> Exactness:
    """Exactness of a child; ``structure`` plants a fault in its shapes."""
    if structure is not None:
        pruned = replace(pruned, structure=structure)
    child = pruned_pair(parent, pruned, torch.channels_last_3d)
    return exactness(parent, child, pruned, clip=(4, 33, 29), batch=2, seed=3)


@pytest.fixture(scope="module")
def pruned(parent: Network) -> Pruned:
    """Keeps everything but the inputs of final node 9 and one input of node 7."""
    learned = parent.learned_structure()
    keep = {e for e in learned.edges() if e.target != 9 and e != Edge(0, 7)}
    return prune(learned, keep)


def test_without_a_fault_the_pruned_network_is_exact(parent: Network, pruned: Pruned) -> None:
    assert pruned.dead == (9,)
    assert pruned.finals == (7, 8)
    assert compared(parent, pruned).max_abs_difference == 0.0


def test_another_addend_order_is_noticed(parent: Network, pruned: Pruned) -> None:
    block = pruned.structure.block(8)
    assert block.pinned is not None
    turned = tuple(tuple(reversed(bucket)) for bucket in reversed(block.pinned.buckets))
    assert turned != block.pinned.buckets
    nodes = list(pruned.structure.nodes)
    nodes[8] = replace(block, pinned=replace(block.pinned, buckets=turned))
    found = compared(parent, pruned, replace(pruned.structure, nodes=tuple(nodes)))
    assert not found.equal
    assert found.first_difference == 8
    assert 0.0 < found.max_abs_difference < 1e-4  # rounding, no more


def test_a_divisor_that_counts_the_dead_final_is_noticed(parent: Network, pruned: Pruned) -> None:
    child = pruned_pair(parent, pruned, torch.channels_last_3d)
    wrong = replace(pruned, finals=(7, 8, 9))
    found = exactness(parent, child, wrong, clip=(4, 33, 29))
    assert not found.equal
    assert found.max_abs_logit_difference > 1e-3 * found.largest_logit
    assert found.first_difference is None  # only the head sees it


def test_a_mask_without_the_dead_branch_closure_is_noticed() -> None:
    """A block that lost its inputs still emits the bias of its normalisation."""
    structure = drawn((0, 0, 1), {2: {0: 0.9}, 3: {1: 0.1}, 4: {2: 0.9, 3: 0.8}})
    parent = randomised(structure, 4, torch.channels_last_3d)
    pruned = prune(parent.learned_structure(), {Edge(0, 2), Edge(2, 4), Edge(3, 4)})
    assert pruned.dead == (1, 3)
    child = pruned_pair(parent, pruned, torch.channels_last_3d)
    assert exactness(parent, child, pruned, clip=(4, 16, 16)).equal
    keep_set = replace(pruned, edges=pruned.edges | {Edge(3, 4)})
    assert not exactness(parent, child, keep_set, clip=(4, 16, 16)).equal


def test_a_weight_rounded_on_the_way_is_noticed(parent: Network, pruned: Pruned) -> None:
    child = pruned_pair(parent, pruned, torch.channels_last_3d)
    for name, buffer in child.named_buffers():
        if name == "nodes.8.fusion.coefficients":
            buffer.copy_((buffer * 1000).round() / 1000)
    assert not exactness(parent, child, pruned, clip=(4, 33, 29)).equal


def test_published_shapes_are_another_function() -> None:
    """A stem less: the other widens, and a single input loses its coefficient."""
    structure = drawn((0, 1), {2: {0: 0.9, 1: 0.1}, 3: {2: None}})
    parent = randomised(structure, 5, torch.channels_last_3d)
    pruned = prune(parent.learned_structure(), {Edge(0, 2)}, mode="published")
    assert pruned.dead == (1,)
    child = Network(pruned.structure, CLASSES, seed=0)
    report = inherit(child, parent, pruned)
    assert not report.complete
    found = exactness(parent, child, pruned, clip=(4, 16, 16))
    assert not found.equal
    assert found.first_difference == 0
    assert found.max_abs_logit_difference > 0


def test_what_the_check_leaves_behind(parent: Network, pruned: Pruned) -> None:
    """The mask is lifted, training modes and weights are as they were."""
    child = pruned_pair(parent, pruned, torch.channels_last_3d)
    parent.train()
    parent.head.eval()
    before = {name: tensor.clone() for name, tensor in parent.state_dict().items()}
    exactness(parent, child, pruned, clip=(4, 16, 16))
    assert parent.training
    assert not parent.head.training
    parent.eval()
    assert all(torch.equal(before[name], tensor) for name, tensor in parent.state_dict().items())
    streams = random_streams(parent, clip=(4, 16, 16), batch=1, seed=0)
    with torch.no_grad():
        free = parent(streams)
        parent.mask(None)
        assert torch.equal(free, parent(streams))
        assert not torch.equal(free, child.eval()(streams))  # what was pruned did matter


def test_a_network_that_is_not_finite_is_not_called_equal(parent: Network, pruned: Pruned) -> None:
    child = pruned_pair(parent, pruned, torch.channels_last_3d)
    with torch.no_grad():
        child.head.dense.bias[0] = torch.nan
    found = exactness(parent, child, pruned, clip=(4, 16, 16))
    assert not found.equal
    assert found.max_abs_difference != found.max_abs_difference


def test_the_same_seed_gives_the_same_clips(parent: Network) -> None:
    first, again, other = (
        random_streams(parent, clip=(4, 9, 7), batch=2, seed=seed) for seed in (1, 1, 2)
    )
    assert {n: tuple(x.shape) for n, x in first.items()} == {
        "rgb": (2, 3, 4, 9, 7), "flow": (2, 2, 4, 9, 7), "object": (2, 3, 4, 9, 7)
    }  # fmt: skip
    assert all(torch.equal(first[n], again[n]) for n in first)
    assert not torch.equal(first["rgb"], other["rgb"])


def test_the_account_reads_well(parent: Network, pruned: Pruned) -> None:
    text = str(compared(parent, pruned))
    assert text.startswith("largest difference of a logit: 0.0 (bit-equal")
    assert "2 clips 4x33x29, fp32, cpu" in text


def test_networks_of_other_classes_are_not_compared(parent: Network, pruned: Pruned) -> None:
    child = Network(pruned.structure, CLASSES + 1, seed=0)
    with pytest.raises(PruneError, match=r"3 classes in the original, 4 in the pruned"):
        exactness(parent, child, pruned, clip=(4, 16, 16))


@pytest.mark.slow
@pytest.mark.parametrize("attention", [Attention.NONE, Attention.PEER])
@pytest.mark.parametrize("name", ["assemblenet-50", "assemblenet_plus-50", "assemblenet_plus_lite"])
def test_published_structures_are_exact_at_full_width(name: str, attention: Attention) -> None:
    structure = load_structure(name).with_settings(attention=attention)
    parent = randomised(structure, 1, torch.channels_last_3d)
    for criterion in ("relative", "threshold:0.7"):
        pruned = prune_by(parent.learned_structure(), PruneOptions(criterion=criterion))
        child = pruned_pair(parent, pruned, torch.channels_last_3d)
        assert exactness(parent, child, pruned, clip=(4, 64, 48), batch=1).equal
