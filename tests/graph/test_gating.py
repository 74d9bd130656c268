"""Rules that put temporal gates on connections, and what follows every block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.graph.gates import has_gates
from connsearch.graph.gating import Gating, gated_connections, streams_of, with_gates, with_post
from connsearch.graph.kinds import (
    BLOCK_KINDS,
    STEM_KINDS,
    BlockModule,
    StemModule,
    block_kind,
    stem_kind,
)
from connsearch.graph.layers import Convolution, Gate, Layer
from connsearch.graph.rules import validate
from connsearch.graph.space import over_connect
from connsearch.graph.spec import (
    Attention,
    Block,
    Connection,
    Edge,
    Modality,
    NetworkSettings,
    Post,
    Stem,
    Structure,
)
from connsearch.models.gates import temporal_gates
from connsearch.models.structure import Network
from connsearch.view.structures.gate_marks import inner_gates
from tests.graph.strategies import LAW, structures

RULES: tuple[Gating, ...] = get_args(Gating)
rules = st.sampled_from(RULES)


def firsts(structure: Structure) -> set[Edge]:
    """The first input of each block."""
    return {Edge(block.inputs[0], index) for index, block in structure.blocks()}


def stem_of(structure: Structure, node: int) -> Stem:
    """The stem that is reached over first inputs, step by step."""
    while isinstance(found := structure.nodes[node], Block):
        node = found.inputs[0]
    return found


def same_stream(structure: Structure, edge: Edge) -> bool:
    one, other = (stem_of(structure, node) for node in edge)
    return (one.modality, one.temporal_dilation) == (other.modality, other.temporal_dilation)


def bare(structure: Structure) -> Structure:
    return with_post(with_gates(structure, "none"), Post.NONE)


@LAW
@given(structures(), rules)
def test_a_rule_decides_by_the_structure_as_it_is_given(given_: Structure, rule: Gating) -> None:
    """Over-connecting sorts inputs, and must not change what a stream or a first input is."""
    space = with_gates(over_connect(given_), rule, given=given_)
    wanted = {
        edge
        for edge in space.edges()
        if edge not in firsts(given_)
        and (rule == "all" or (rule == "streams" and not same_stream(given_, edge)))
    }
    assert set(gated_connections(space)) == wanted
    own = set(gated_connections(with_gates(given_, rule)))
    assert own == wanted & set(given_.edges())


@LAW
@given(structures(), rules, st.sampled_from(Post))
def test_nothing_else_changes_and_the_result_is_valid(
    structure: Structure, rule: Gating, post: Post
) -> None:
    found = with_post(with_gates(structure, rule), post)
    assert validate(found) is found
    assert all(block.post is post for _, block in found.blocks())
    assert bare(found) == bare(structure) == structure
    assert with_gates(found, rule) == found


def two_streams(*inputs: int) -> Structure:
    """Two stems and a block of each, and one above with these inputs."""
    stems = (Stem(Modality.RGB), Stem(Modality.FLOW))
    low = tuple(Block(0, (Connection(i),), filters=8) for i in (0, 1))
    top = Block(1, tuple(Connection(i) for i in inputs), filters=8)
    settings = NetworkSettings(blocks=(1, 1), inner_widths=(8, 8))
    return Structure("two", "assemblenet", (*stems, *low, top), settings)


@pytest.mark.parametrize(
    ("inputs", "wanted"), [((2, 3), {(3, 4)}), ((3, 2), {(2, 4)}), ((3, 1), set())]
)
def test_the_first_input_says_which_stream_a_block_belongs_to(
    inputs: tuple[int, ...], wanted: set[tuple[int, int]]
) -> None:
    assert set(gated_connections(with_gates(two_streams(*inputs), "streams"))) == wanted


def test_the_dilation_of_a_stem_makes_a_stream_of_its_own() -> None:
    structure = two_streams(2, 3)
    nodes = (structure.nodes[0], Stem(Modality.RGB, 4), *structure.nodes[2:])
    slow = replace(structure, nodes=nodes)
    assert [name.temporal_dilation for name in streams_of(slow)] == [1, 4, 1, 4, 1]
    assert set(gated_connections(with_gates(slow, "streams"))) == {(3, 4)}


def test_gates_that_the_structure_has_make_way_for_the_rule() -> None:
    structure = with_gates(two_streams(2, 3, 0), "all")
    assert set(gated_connections(structure)) == {(0, 4), (3, 4)}
    assert set(gated_connections(with_gates(structure, "streams"))) == {(3, 4)}


@pytest.fixture
def gates_in_odd_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds whose gates are in a stem, and in the second module of a block only."""
    for kinds in (BLOCK_KINDS, STEM_KINDS):
        monkeypatch.setattr(kinds, "_members", {name: kinds[name] for name in kinds})

    @block_kind("late_gate", out_width=lambda filters: filters[0])
    def late(module: BlockModule) -> Iterator[Layer]:
        yield Convolution("conv", module.in_width, module.filters[0], stride=module.stride)
        if module.step:
            yield Gate("gate")
            yield Gate("second")

    @stem_kind("gated_stem")
    def gated(stem: StemModule) -> Iterator[Layer]:
        yield Convolution("conv", stem.in_width, stem.width, stride=2)
        yield Gate("gate")

    assert late is not gated


@pytest.mark.usefixtures("gates_in_odd_places")
def test_gates_of_any_node_and_module_are_seen() -> None:
    settings = NetworkSettings(
        blocks=(1,), inner_widths=(8,), attention=Attention.NONE, stem_total=8
    )
    block = Block(0, (Connection(0, None),), 8, kind="late_gate")
    one = Structure("one", "assemblenet", (Stem(Modality.RGB), block), settings)
    two = one.with_settings(blocks=(2,))
    stem = replace(one, nodes=(Stem(Modality.RGB, kind="gated_stem"), replace(block, kind=None)))
    assert [has_gates(validate(s)) for s in (one, two, stem)] == [False, True, True]
    assert [inner_gates(s, s.block(1)) for s in (one, two)] == [False, True]
    found = [list(temporal_gates(Network(structure, 2))) for structure in (one, two, stem)]
    assert found == [[], ["node 1, module 1", "node 1, module 1, second"], ["nodes.0"]]
