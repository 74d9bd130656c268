"""Post and kind: what each does to a block, and how other mutations treat posts and gates."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from connsearch.evolution.initial import initial_structure
from connsearch.evolution.limits import Limits, kinds_of
from connsearch.evolution.steps import Step, replay
from connsearch.evolution.structure_editor import StructureEditor
from connsearch.graph.families import kind_name
from connsearch.graph.files import load_structure
from connsearch.graph.hashing import structure_hash
from connsearch.graph.kinds import BLOCK_KINDS
from connsearch.graph.rules import validate
from connsearch.graph.spec import Block, Edge, Post, Structure
from tests.evolution.mutations.test_block_mutations import made, twins, with_block
from tests.evolution.parents import gated, roomy_limits, step
from tests.evolution.promises import keeps_promises

RESIDUAL = ("r3d_basic", "srtg_r3d_basic", "r2plus1d_bottleneck")


def posted(structure: Structure, post: Post) -> Structure:
    nodes = (n if not isinstance(n, Block) else replace(n, post=post) for n in structure.nodes)
    return replace(structure, nodes=tuple(nodes))


def test_post_changes_what_follows_one_block_and_nothing_else() -> None:
    parent = gated(load_structure("starter"), 3)
    seen: Counter[tuple[Post, Post]] = Counter()
    for seed in range(60):
        child = made(parent, "post", seed, roomy_limits(parent)).structure
        changed = [i for i, n in enumerate(child.nodes) if n != parent.nodes[i]]
        assert len(changed) == 1
        before, after = parent.block(changed[0]), child.block(changed[0])
        assert replace(after, post=before.post, connections=()) == replace(before, connections=())
        seen[before.post, after.post] += 1
    assert len(seen) == 6, "every change of one to another"


def test_only_allowed_posts_come() -> None:
    parent = posted(load_structure("starter"), Post.SR)
    limits = Limits.of(parent, posts=[Post.SR, Post.NONE])
    for seed in range(10):
        posts = Counter(b.post for _, b in made(parent, "post", seed, limits).structure.blocks())
        assert posts == {Post.SR: 6, Post.NONE: 1}
    assert step(parent, "post", 0, Limits.of(parent, posts=[Post.SR])) is None
    assert step(parent, "post", 0, Limits.of(parent)) is None


def test_kind_changes_one_block_and_keeps_what_it_puts_out() -> None:
    parent = gated(load_structure("starter"), 5)
    limits = Limits.of(parent, kinds={*kinds_of(parent), *RESIDUAL})
    seen: Counter[str] = Counter()
    for seed in range(60):
        offspring = made(parent, "kind", seed, limits)
        keeps_promises(parent, offspring, limits)
        child = offspring.structure
        changed = [
            i
            for i, b in child.blocks()
            if kind_name(child, b) != kind_name(parent, parent.block(i))
        ]
        assert len(changed) == 1
        before, after = parent.block(changed[0]), child.block(changed[0])
        same = {"kind": before.kind, "filters": before.filters, "connections": ()}
        assert replace(after, **same) == replace(before, connections=())
        seen[kind_name(child, after)] += 1
    assert set(RESIDUAL) <= set(seen)


def test_a_kind_there_and_back_is_the_parent() -> None:
    parent = twins(3, 5)
    limits = Limits.of(parent, kinds={*kinds_of(parent), "inverted_bottleneck"})
    there = made(parent, "kind", 1, limits).structure
    swapped = next(b for _, b in there.blocks() if b.kind == "inverted_bottleneck")
    assert swapped.filters in ((27, 27, 12), (45, 45, 20), (18, 18, 8)), "2.25 times as wide inside"
    assert there.name == parent.name
    back = [step(there, "kind", seed, limits) for seed in range(20)]
    hashes = {structure_hash(found.structure) for found in back if found is not None}
    assert structure_hash(parent) in hashes


@pytest.mark.parametrize(
    ("width", "kinds"), [(7, ("bottleneck",)), (2, ("inverted_bottleneck",)), (4, ("r3d_basic",))]
)
def test_without_filters_of_that_width_there_is_no_such_block(
    width: int, kinds: tuple[str, ...]
) -> None:
    """7 channels are no multiple of 4; of 2 channels and of 4 some number is too small."""
    parent = twins(8)
    for index, _ in parent.blocks():
        parent = with_block(parent, index, kind="r3d_bottleneck", filters=width)
    limits = replace(Limits.of(parent, kinds=kinds), narrowest=5 if width == 4 else 3)
    assert step(parent, "kind", 0, limits) is None


def test_a_block_with_a_stride_in_time_takes_kinds_that_carry_one() -> None:
    parent = twins(8)
    parent = with_block(parent, 2, kind="r3d_basic", filters=32, temporal_stride=2)
    limits = Limits.of(parent, kinds={*kinds_of(parent), "srtg_r3d_basic", "inverted_bottleneck"})
    kinds: set[str] = set()
    for seed in range(30):
        child = made(parent, "kind", seed, limits).structure
        validate(child)
        kinds.add(kind_name(child, child.block(2)))
        assert child.block(2).temporal_stride == 2
    assert kinds == {"r3d_basic", "srtg_r3d_basic"}, "it stayed, or changed to what carries it"


def test_a_final_block_that_others_are_averaged_with_keeps_its_width() -> None:
    parent = load_structure("assemblenet-50")
    limits = Limits.of(parent, kinds=("bottleneck", "r3d_basic"))
    tops = {
        kind_name(child, b)
        for seed in range(40)
        for child in [made(parent, "kind", seed, limits).structure]
        for _, b in child.blocks()
        if b.level == 3
    }
    assert "r3d_basic" in tops


def test_halves_have_what_followed_the_block_and_its_strides() -> None:
    parent = twins(8)
    parent = with_block(
        parent, 2, kind="r3d_basic", filters=8, temporal_stride=2, post=Post.SRTG, spatial_stride=2
    )
    child = made(parent, "split", limits=Limits.of(parent)).structure
    halves = [b for _, b in child.blocks() if b.level == 0]
    assert len(halves) == 2
    for half in halves:
        assert (half.filters, half.kind, half.post) == (4, "r3d_basic", Post.SRTG)
        assert (half.temporal_stride, half.spatial_stride) == (2, 2)


@pytest.mark.parametrize(
    "change", [{"post": Post.SR}, {"kind": "r3d_basic", "filters": 32, "temporal_stride": 2}]
)
def test_only_blocks_that_are_alike_merge(change: dict[str, object]) -> None:
    parent = twins(8, 8)
    like = {k: v for k, v in change.items() if k != "temporal_stride" and k != "post"}
    parent = with_block(with_block(parent, 2, **like), 3, **like)
    assert step(parent, "merge", 0, Limits.of(parent)) is not None
    assert step(with_block(parent, 2, **change), "merge", 0, Limits.of(parent)) is None


def test_a_merged_connection_has_a_gate_where_both_had_one() -> None:
    parent = with_gates(twins(8, 8), (0, 2), (0, 3))
    child = made(parent, "merge").structure
    assert gates(child) == {Edge(0, 2)}
    child = made(with_gates(twins(8, 8), (0, 2), (1, 3)), "merge").structure
    assert gates(child) == set()


def with_gates(structure: Structure, *edges: tuple[int, int]) -> Structure:
    for source, target in edges:
        inputs = tuple(
            replace(c, gated=c.gated or c.source == source)
            for c in structure.block(target).connections
        )
        structure = with_block(structure, target, connections=inputs)
    return structure


def gates(structure: Structure) -> set[Edge]:
    return {edge for edge, connection in structure.connections() if connection.gated}


def test_a_block_whose_inputs_all_have_a_gate_loses_them() -> None:
    editor = StructureEditor(with_gates(twins(8, 8), (0, 2), (2, 4)))
    assert editor.gated == {Edge(0, 2), Edge(2, 4)}
    editor.disconnect(Edge(3, 4))
    assert gates(editor.finish().structure) == {Edge(0, 2)}
    editor.disconnect(Edge(1, 2))
    assert gates(editor.finish().structure) == set()


def test_founders_draw_posts_and_kinds_where_they_may_change() -> None:
    start = gated(load_structure("starter"), 1)
    plain = Limits.of(load_structure("starter"))
    free = Limits.of(start, posts=Post, kinds={*kinds_of(start), *RESIDUAL})
    posts: Counter[Post] = Counter()
    kinds: Counter[str] = Counter()
    for seed in range(30):
        found = validate(initial_structure(start, free, Random(seed)))
        assert not gates(found)
        posts.update(block.post for _, block in found.blocks())
        kinds.update(kind_name(found, block) for _, block in found.blocks())
        still = initial_structure(load_structure("starter"), plain, Random(seed))
        assert {block.post for _, block in still.blocks()} == {Post.NONE}
        assert kinds_of(still) == ("bottleneck",)
    assert set(posts) == set(Post)
    assert set(RESIDUAL) <= set(kinds)


def test_founders_have_the_posts_of_the_start_where_these_may_not_change() -> None:
    start = posted(load_structure("starter"), Post.SR)
    start = with_block(start, len(start) - 1, post=Post.SRTG)
    found = initial_structure(start, Limits.of(start), Random(2))
    assert {b.post for _, b in found.blocks() if b.level < 3} == {Post.SR}
    assert {b.post for _, b in found.blocks() if b.level == 3} == {Post.SRTG}


def test_recorded_steps_make_the_same_child_again() -> None:
    parent = gated(load_structure("starter"), 8)
    limits = roomy_limits(parent)
    steps = [Step(name, n) for n, name in enumerate(["post", "kind", "split", "post", "merge"])]
    first = replay(parent, steps, limits)
    assert replay(parent, steps, limits) == first
    assert first.structure != parent


EARLIER = {
    "starter": ("3c9e3dcd5a93", "cf4eca7aabae", "6a48ac872a15"),
    "assemblenet-50": ("0ce41605e05a", "04a150c9841f", "3ac5902ba987"),
    "assemblenet_plus_lite": ("1eda61db452a", "1a5107b055bb", "489ad72fd6d5"),
}
"""What the version before posts and kinds could change made of the same seeds."""


@pytest.mark.parametrize("name", list(EARLIER))
def test_studies_of_before_replay_as_before(name: str) -> None:
    start = load_structure(name)
    limits = Limits.of(start)
    for seed, digest in enumerate(EARLIER[name]):
        found = initial_structure(start, limits, Random(seed))
        operators = ("guided", "split", "merge", "filters", "uniform", "rewire", "dilation")
        for place, operator in enumerate(operators):
            offspring = step(found, operator, seed * 10 + place, limits)
            found = found if offspring is None else offspring.structure
        assert structure_hash(found).startswith(digest)


@pytest.mark.parametrize("name", list(BLOCK_KINDS))
def test_filters_of_a_width_put_it_out(name: str) -> None:
    kind = BLOCK_KINDS[name]
    for width in range(1, 41):
        filters = kind.filters_of(width)
        assert filters is None or (kind.filters.fits(filters) and kind.width(filters) == width)
    assert kind.filters_of(64) is not None
