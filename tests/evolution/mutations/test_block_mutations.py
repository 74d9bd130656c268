"""Dilation, split, merge and filters: what each does to the blocks it changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings

from connsearch.evolution.limits import Limits
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.hashing import renumbering
from connsearch.graph.plan import BlockPlan, plan
from connsearch.graph.rules import validate
from connsearch.graph.spec import FREE, Block, Edge, Filters, Structure, Weight
from tests.evolution.parents import SEEDS, parents, step
from tests.evolution.promises import entries
from tests.pruning.structures import drawn


def made(parent: Structure, name: str, seed: int = 0, limits: Limits | None = None) -> Offspring:
    offspring = step(parent, name, seed, limits or Limits.of(parent))
    assert offspring is not None
    return offspring


def with_block(structure: Structure, index: int, **changes: object) -> Structure:
    nodes = list(structure.nodes)
    nodes[index] = replace(structure.block(index), **changes)
    return validate(replace(structure, nodes=tuple(nodes)))


def twins(*filters: Filters, **changes: object) -> Structure:
    """Returns two stems, a block of level 0 for each of the filters, and one above them all."""
    count = len(filters)
    top = {2 + count: dict.fromkeys(range(2, 2 + count), 0.5)}
    inputs = {2 + i: {0: 0.25, 1: 0.75} for i in range(count)}
    structure = drawn((*[0] * count, 1), inputs | top)
    for index, number in enumerate(filters):
        structure = with_block(structure, 2 + index, filters=number, **changes)
    return structure


# dilation


def test_dilation_changes_one_dilation_and_nothing_else() -> None:
    parent = load_structure("assemblenet-50")
    seen: Counter[int] = Counter()
    for seed in range(300):
        child = made(parent, "dilation", seed).structure
        changed = [i for i, n in enumerate(child.nodes) if n != parent.nodes[i]]
        assert len(changed) == 1
        before, after = parent.block(changed[0]), child.block(changed[0])
        assert after.temporal_dilation != before.temporal_dilation
        assert replace(after, temporal_dilation=before.temporal_dilation) == before
        seen[changed[0]] += 1
    assert set(seen) == {index for index, _ in parent.blocks()}
    assert max(seen.values()) < 60  # 27 are expected of each of eleven


def test_dilation_passes_by_blocks_without_a_temporal_convolution() -> None:
    starter = load_structure("starter")
    assert starter.network.blocks == (1, 1, 1, 1)
    limits = Limits.of(starter)
    assert step(starter, "dilation", 0, limits) is None
    some = starter.with_settings(blocks=(1, 2, 1, 1))
    for seed in range(20):
        child = made(some, "dilation", seed).structure
        changed = {b.level for i, b in child.blocks() if b != some.nodes[i]}
        assert changed == {1}


def test_dilation_needs_another_one() -> None:
    parent = load_structure("assemblenet_plus_lite")
    assert step(parent, "dilation", 0, Limits.of(parent, dilations=())) is None
    only = Limits.of(parent, dilations=(1,))
    for seed in range(20):
        child = made(parent, "dilation", seed, only).structure
        assert sum(b.temporal_dilation != 1 for _, b in child.blocks()) == 4


# split


@pytest.mark.parametrize(
    ("filters", "halves"), [(8, [4, 4]), (9, [4, 5]), (5, [2, 3]), (4, [2, 2])]
)
def test_split_halves_the_filters(filters: int, halves: list[int]) -> None:
    child = made(twins(filters), "split").structure
    assert [b.filters for _, b in child.blocks() if b.level == 0] == halves


def test_split_halves_triples_entry_by_entry() -> None:
    parent = load_structure("assemblenet_plus_lite")
    roomy = replace(Limits.of(parent), blocks=(6, 6, 6, 6))
    found = [halved(parent, seed, roomy) for seed in range(60)]
    of = {
        parent.block(block).filters: tuple(child.filters for child in halves)
        for block, halves in found
    }
    assert of[27, 27, 12] == ((13, 13, 6), (14, 14, 6))
    assert of[152, 152, 68] == ((76, 76, 34), (76, 76, 34))
    assert (432, 432, 192) not in of, "the head reads one final block"
    # Half of 12 and of 24 would be narrower than 13, half of 68 is not.
    narrow = replace(Limits.of(parent), narrowest=13)
    assert {parent.block(halved(parent, seed, narrow)[0]).level for seed in range(20)} == {2}


def halved(parent: Structure, seed: int, limits: Limits) -> tuple[int, list[Block]]:
    """Returns the block that a split has taken, and its halves."""
    offspring = made(parent, "split", seed, limits)
    ((block,),) = (old for old, count in Counter(offspring.origins).items() if count == 2)
    halves = [
        offspring.structure.block(i) for i, old in enumerate(offspring.origins) if old == (block,)
    ]
    return block, halves


def test_split_copies_connections_and_weights() -> None:
    parent = twins(8, 3)
    offspring = made(parent, "split", limits=replace(Limits.of(parent), narrowest=2))
    assert offspring.origins == ((0,), (1,), (2,), (2,), (3,), (4,))
    expected: dict[Edge, Weight] = {
        **{Edge(0, b): 0.25 for b in (2, 3, 4)},
        **{Edge(1, b): 0.75 for b in (2, 3, 4)},
        **{Edge(b, 5): 0.5 for b in (2, 3, 4)},
    }
    assert offspring.structure.weights() == expected


def test_split_respects_narrowest_and_the_number_of_blocks() -> None:
    parent = twins(3)
    limits = Limits.of(parent)
    assert step(parent, "split", 0, limits) is None
    assert step(parent, "split", 0, replace(limits, narrowest=1)) is not None
    assert step(twins(8, 8), "split", 0, Limits.of(twins(8, 8), most_blocks=2)) is None


def test_split_keeps_final_blocks_equally_wide() -> None:
    tail = {2: {0: None}, 3: {1: None}}
    one_even = drawn((0, 1), {2: {0: None, 1: None}, 3: {2: None}}, filters={2: 2, 3: 8})
    child = made(one_even, "split").structure
    assert [b.filters for _, b in child.blocks()] == [2, 4, 4]
    one_odd = with_block(one_even, 3, filters=9)
    assert step(one_odd, "split", 0, Limits.of(one_odd)) is None
    two = drawn((0, 0), tail, filters={2: 8, 3: 8})
    assert step(two, "split", 0, Limits.of(two)) is None


@pytest.mark.parametrize("block", range(4, 15))
def test_split_keeps_the_parameters_it_says(block: int) -> None:
    """Kept: shortcut, first convolution of step 0, every 3x3 and last 1x1, by arithmetic."""
    parent = load_structure("assemblenet-50")
    filters, shape = parent.block(block).filters, plan(parent).nodes[block]
    assert isinstance(filters, int)
    assert isinstance(shape, BlockPlan)
    child = next(
        m for seed in range(400) if (m := made(parent, "split", seed)).origins.count((block,)) == 2
    )
    before, after = (cost(s, num_classes=10).nodes for s in (parent, child.structure))
    halves = [after[i].parameters for i, old in enumerate(child.origins) if old == (block,)]
    later = sum(3 if step % 2 else 1 for step in range(1, shape.modules))
    halved = later * 2 * filters**2  # 4C -> C becomes twice 2C -> C/2
    twice = 2 * shape.inner_width * shape.modules  # normalisation after the 3x3
    twice += sum(b.width * shape.fused_width for b in shape.buckets if b.project)
    assert sum(halves) == before[block].parameters - halved + twice


@settings(max_examples=40)
@given(parents(), SEEDS)
def test_merging_the_halves_of_a_split_restores_the_structure(parent: Structure, seed: int) -> None:
    parent = as_a_child(parent)
    limits = Limits.of(parent)
    offspring = step(parent, "split", seed, limits)
    assume(offspring is not None)
    assert offspring is not None
    halves = [i for i, old in enumerate(offspring.origins) if offspring.origins.count(old) == 2]
    for again in range(400):
        back = step(offspring.structure, "merge", again, limits)
        if back is not None and tuple(halves) in back.origins:
            assert renumbering(back.structure, parent, learned=True) is not None
            return
    pytest.fail("never merged")


def as_a_child(structure: Structure) -> Structure:
    """Returns the structure without what no offspring has: peers, and weights of single inputs."""
    single = {e: None for e in structure.edges() if len(structure.block(e.target).inputs) == 1}
    return structure.with_peers(dict.fromkeys(structure.edges(), ())).with_weights(single)


# merge


def test_merge_unites_connections_and_adds_filters() -> None:
    parent = drawn(
        (0, 0, 1),
        {2: {0: 0.2, 1: 0.6}, 3: {1: 0.9, 0: None}, 4: {0: 0.1, 2: 0.3, 3: 0.8}},
        filters={2: 4, 3: 7, 4: 8},
    )
    parent = with_block(parent, 2, temporal_dilation=8)
    dilations: set[int] = set()
    for seed in range(20):
        offspring = made(parent, "merge", seed)
        assert offspring.origins == ((0,), (1,), (2, 3), (4,))
        assert offspring.structure.block(2).filters == 11
        dilations.add(offspring.structure.block(2).temporal_dilation)
        assert offspring.structure.weights() == {
            Edge(0, 2): None,  # coefficient 1 is stronger than what was learned
            Edge(1, 2): 0.9,
            Edge(0, 3): 0.1,
            Edge(2, 3): 0.8,
        }
    assert dilations == {1, 8}


@pytest.mark.parametrize(
    ("a", "b", "stronger"),
    [(0.1, 0.2, 0.2), (0.0, FREE, 0.0), (FREE, 0.0, 0.0), (FREE, FREE, FREE), (None, FREE, None)],
)
def test_merge_keeps_the_stronger_weight(a: Weight, b: Weight, stronger: Weight) -> None:
    parent = drawn((0, 0, 1), {2: {0: 0.2, 1: 0.6}, 3: {1: 0.9, 0: 0.5}, 4: {2: 0.3, 3: 0.8}})
    parent = parent.with_weights({Edge(1, 2): a, Edge(1, 3): b})
    assert made(parent, "merge").structure.weights()[Edge(1, 2)] == stronger


def test_a_single_input_that_is_joined_starts_unlearned() -> None:
    parent = drawn((0, 0, 1), {2: {0: None}, 3: {1: None}, 4: {2: 0.3, 3: 0.8}})
    merged = made(parent, "merge").structure
    assert merged.weights() == {Edge(0, 2): FREE, Edge(1, 2): FREE, Edge(2, 3): None}


def test_merge_asks_for_one_level_and_stride_and_equal_final_widths() -> None:
    apart = drawn((0, 1), {2: {0: None, 1: None}, 3: {2: None}})
    assert step(apart, "merge", 0, Limits.of(apart)) is None
    strides = with_block(twins(4, 4), 2, spatial_stride=2)
    assert step(strides, "merge", 0, Limits.of(strides)) is None
    inputs = {2: {0: None}, 3: {1: None}, 4: {0: None}}
    three = drawn((0, 0, 0), inputs)
    assert step(three, "merge", 0, Limits.of(three)) is None
    two = drawn((0, 0), {2: {0: None}, 3: {1: None}})
    assert made(two, "merge").structure.block(2).filters == 4


# filters


def test_filters_moves_a_quarter_or_a_half() -> None:
    parent = twins(16, 6)
    found = {
        tuple(b.filters for _, b in made(parent, "filters", seed).structure.blocks())[:2]
        for seed in range(60)
    }
    assert found == {(12, 10), (8, 14), (17, 5), (19, 3)}


def test_filters_leaves_what_is_narrowest() -> None:
    parent = twins(3, 2)
    limits = Limits.of(parent)
    assert step(parent, "filters", 0, limits) is None  # 3 and 2 would only change places
    wider = twins(3, 3)
    seen = {
        tuple(b.filters for _, b in made(wider, "filters", seed).structure.blocks())[:2]
        for seed in range(20)
    }
    assert seen == {(2, 4), (4, 2)}
    assert step(wider, "filters", 0, replace(limits, narrowest=3)) is None


def test_filters_moves_triples_entry_by_entry() -> None:
    parent = load_structure("assemblenet_plus_lite")
    for seed in range(40):
        child = made(parent, "filters", seed).structure
        pairs = [
            (entries(parent.block(i).filters), entries(b.filters))
            for i, b in child.blocks()
            if b.filters != parent.block(i).filters
        ]
        assert len(pairs) == 2
        given = next(p for p in pairs if p[1] < p[0])
        moved = [b - a for b, a in zip(*given, strict=True)]
        assert moved in ([n // 4 for n in given[0]], [n // 2 for n in given[0]])


def test_filters_leaves_averaged_final_blocks_alone() -> None:
    two = drawn((0, 0), {2: {0: None}, 3: {1: None}}, filters={2: 8, 3: 8})
    assert step(two, "filters", 0, Limits.of(two)) is None
