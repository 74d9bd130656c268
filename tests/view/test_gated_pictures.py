"""Posts, kinds, strides in time and gates in pictures, tables and pages: all of it, only it."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from connsearch.graph.compare import compare
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.gates import connection_gate_name, post_gate_name
from connsearch.graph.hashing import same_structure
from connsearch.graph.plan import plan
from connsearch.graph.rules import validate
from connsearch.graph.spec import Attention, Block, Edge, Post, Structure
from connsearch.pruning.pruner import prune
from connsearch.view.notebook.structures import structure_facts
from connsearch.view.report.findings import Findings
from connsearch.view.report.sections.wiring import details
from connsearch.view.runs.connections import connections_chart, weights_chart
from connsearch.view.runs.series import Series
from connsearch.view.structures.before_after import render_pruning
from connsearch.view.structures.diff_draw import render_diff
from connsearch.view.structures.diff_tables import connections_diff_table, nodes_diff_table
from connsearch.view.structures.draw import render, to_dot
from connsearch.view.structures.gate_marks import (
    POSTS,
    gate_facts,
    gate_mark,
    inner_gates,
    rate_text,
)
from connsearch.view.structures.interactive import interactive_svg
from connsearch.view.structures.tables import structure_table, totals_table
from tests.graph.strategies import structures
from tests.view.gated import dressed, rates_of
from tests.view.report_files import searched
from tests.view.structures import large, small
from tests.view.svg import groups, node_boxes, text_boxes, texts

STARTER = searched()
BOW_TIE = 2
"""Polygons at the end of the line of a gated connection; an arrow has one."""


def words(path: Path, name: str) -> str:
    """Everything written in a node of a picture."""
    found = "".join(f"{t} " for t in groups(path)[name].itertext())
    return " ".join(found.split())


def heads(path: Path, edge: Edge) -> int:
    group = groups(path)[f"connection-{edge.source}-{edge.target}"]
    return sum(element.tag.endswith("polygon") for element in group.iter())


def whole(base: Structure, seed: int) -> Structure:
    """A valid structure with everything drawn at random."""
    return validate(dressed(base, seed))


def told_of(path: Path, structure: Structure, rates: dict[str, float]) -> None:
    """Asserts that the picture says all of a structure that is small enough to be drawn whole."""
    shapes = plan(structure).nodes
    for index, block in structure.blocks():
        said = words(path, f"node-{index}")
        badges = {"SR", "SRTG"}.intersection(said.split())
        assert badges == ({POSTS[block.post]} if block.post in POSTS else set[str]())
        if block.post is Post.SRTG:
            assert f"SRTG {rate_text(rates[post_gate_name(index)])}" in said
        assert (f"stride in time {block.temporal_stride}" in said) == (block.temporal_stride > 1)
        pace = shapes[index].temporal_stride
        assert (f"1/{pace} of the frames" in said) == (pace > 1)
        assert ("gates open" in said) == inner_gates(structure, block)
        if block.kind is not None:
            assert block.kind.replace("_", " ") in said
    for edge, connection in structure.connections():
        assert heads(path, edge) == (BOW_TIE if connection.gated else 1)
        if connection.gated:
            mark = gate_mark(gated=True, open_rate=rates[connection_gate_name(edge)])
            assert mark in words(path, f"node-{edge.target}")


@settings(max_examples=4)
@given(base=structures(most_blocks=2, pinned=False), seed=st.integers(0, 99))
def test_every_structure_is_drawn_and_the_picture_says_all(
    base: Structure, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    structure = whole(base, seed)
    rates = rates_of(structure)
    path = render(structure, tmp_path_factory.mktemp("drawn") / "a.svg", open_rates=rates)
    told_of(path, structure, rates)
    head = texts(path)[1:]
    gated = any(c.gated for _, c in structure.connections())
    assert ("connection with a temporal gate" in head) == gated
    for post, meaning in ((Post.SR, "squeeze and recursion"),
                          (Post.SRTG, "squeeze and recursion with a temporal gate")):  # fmt: skip
        assert (meaning in head) == any(b.post is post for _, b in structure.blocks())
    assert any("gates decide" in text or "gates always open" in text for text in head) == bool(
        rates
    )


@pytest.mark.parametrize("base", [STARTER, load_structure("assemblenet-50")], ids=lambda s: s.name)
def test_no_label_lies_on_another(base: Structure, tmp_path: Path) -> None:
    structure = whole(base, 3)
    path = render(structure, tmp_path / "a.svg", open_rates=rates_of(structure))
    for boxes in (text_boxes(path), node_boxes(path)):
        assert not [(a, b) for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]


def test_a_small_node_has_its_badge_beside_its_facts() -> None:
    source = to_dot(whole(large(70, 120), 1)).source
    assert "SRTG" in source
    assert " · t2" in source
    assert "arrowhead=invnormal" in source.replace('"', "")
    assert "always open" in source or "gates decide" in source


def with_gate(structure: Structure, edge: Edge, **changes: object) -> Structure:
    """The structure with a temporal gate on one connection, and its target changed."""
    nodes, block = list(structure.nodes), structure.block(edge.target)
    inputs = tuple(replace(c, gated=c.source == edge.source) for c in block.connections)
    nodes[edge.target] = replace(block, connections=inputs, **changes)  # pyright: ignore[reportArgumentType]
    return replace(structure, nodes=tuple(nodes))


GATED = with_gate(small(), Edge(3, 5), post=Post.SRTG)


def test_a_gate_that_pruning_took_is_told_in_the_picture_after_it(tmp_path: Path) -> None:
    parent = small().with_weights({Edge(1, 5): 0.3})
    parent = with_gate(parent, Edge(3, 5))
    keep = [edge for edge in parent.edges() if edge.target != 5 or edge.source == 3]
    pruned = prune(parent, keep)
    assert pruned.opened == (Edge(3, 5),)
    paths = {name: tmp_path / f"{name}.svg" for name in ("before", "after")}
    before, after = render_pruning(parent, pruned, paths)
    assert (heads(before, Edge(3, 5)), heads(after, Edge(3, 5))) == (BOW_TIE, 1)
    assert "⋈" in words(before, "node-5").split()
    assert "no ⋈" in words(after, "node-5")
    assert "its gate is gone: always adds" in texts(after)
    boxes = {box.text: box for box in node_boxes(before)}
    assert all(boxes[box.text] == box for box in node_boxes(after)), "nothing moves"


def test_gates_of_survivors_stay_in_the_picture_after_pruning(tmp_path: Path) -> None:
    structure = whole(STARTER.with_settings(attention=Attention.NONE), 4)
    pruned = prune(structure, [e for n, e in enumerate(structure.edges()) if n % 3])
    paths = {name: tmp_path / f"{name}.svg" for name in ("before", "after")}
    _, after = render_pruning(structure, pruned, paths)
    old = {new: number for number, new in pruned.node_map.items()}
    assert any(c.gated for _, c in pruned.structure.connections())
    for edge, connection in pruned.structure.connections():
        place = Edge(old[edge.source], old[edge.target])
        assert heads(after, place) == (BOW_TIE if connection.gated else 1)
    for index, block in pruned.structure.blocks():
        assert ("SRTG" in words(after, f"node-{old[index]}").split()) == (block.post is Post.SRTG)


def printed(*tables: object) -> str:
    found = io.StringIO()
    Console(width=130, file=found).print(*tables)
    return found.getvalue()


def test_a_comparison_tells_of_gates_posts_and_strides(tmp_path: Path) -> None:
    found = compare(small(), replace(GATED, gates_decide=True))
    assert [(c.name, c.before, c.after) for c in found.nodes[0].changes] == [
        ("post", "none", "srtg")
    ]
    (differing,) = found.connections
    assert [(c.name, c.before, c.after) for c in differing.changes] == [("gate", False, True)]
    assert [c.name for c in found.settings] == ["gates decide"]
    (path,) = render_diff(found, [tmp_path / "d.svg"], title="")
    assert "+⋈" in words(path, "node-5")
    assert "post none → srtg" in words(path, "node-5")
    assert heads(path, Edge(3, 5)) == BOW_TIE
    assert "its gate came, went" in texts(path)
    assert "gate came" in printed(connections_diff_table(found), nodes_diff_table(found))
    back = compare(GATED, small())
    (path,) = render_diff(back, [tmp_path / "b.svg"], title="")
    assert "−⋈" in words(path, "node-5")
    assert "gate went" in printed(connections_diff_table(back))
    same = render_diff(compare(GATED, GATED.with_weights({Edge(2, 5): 0.5})), [path], title="")[0]
    assert "SRTG" in words(same, "node-5").split()
    assert "⋈" in words(same, "node-5").split()


def test_without_weights_a_comparison_finds_what_identity_depends_on() -> None:
    for other in (GATED, replace(GATED, gates_decide=True), small(), whole(small(), 2)):
        assert same_structure(GATED, other) == (not compare(GATED, other, weights=False))
    assert not compare(GATED, replace(GATED, gates_decide=True), weights=False)


def test_tables_and_cards_tell_of_gates() -> None:
    kind, time = {"kind": "r3d_basic", "filters": 32}, {"temporal_stride": 2}
    structure = replace(with_gate(small(), Edge(3, 5), post=Post.SRTG, **kind, **time))
    told = printed(
        structure_table(structure), totals_table(structure, cost(structure, num_classes=3))
    )
    assert "r3d basic + srtg" in told
    assert "3:0.20⋈" in told
    assert "str: stride in time x space" in told
    assert " 2x1 " in told
    assert "1 SRTG, 1 gated connection, gates always open" in told
    assert ("gates", "1 SRTG, 1 gated connection, gates always open") in list(
        structure_facts(structure)
    )
    shown = details(structure, Findings(), {"node 5 <- 3": 0.25, "node 5": 0.5})
    assert ("temporal gate", "open for 25% of the val clips") in shown["connection-3-5"]["rows"]
    assert ("stride in time", "2") in shown["node-5"]["rows"]
    assert ("temporal gate", "open for 50% of the val clips") in shown["node-5"]["rows"]
    plain = printed(structure_table(small()))
    assert not any(word in plain for word in ("⋈", "srtg", "stride in time"))


def test_what_is_heard_tells_of_gates_only_where_there_are_some() -> None:
    picture = interactive_svg(GATED, open_rates={"node 5 <- 3": 0.25})
    assert 'aria-label="wiring of small: 1 SRTG, 1 gated connection, gates always open"' in picture
    assert picture.count('data-gated="true"') == 1
    assert 'data-open="0.25"' in picture
    plain = interactive_svg(small())
    assert 'aria-label="wiring of small"' in plain
    assert not any(word in plain for word in ("gated", "⋈", "SRTG"))
    assert gate_facts(small()) == []


def test_charts_of_weights_say_which_connections_have_a_gate() -> None:
    weights = {edge: Series([0, 1], [0.5, 0.6]) for edge in GATED.edges()}
    chart, plain = (connections_chart(weights, s) for s in (GATED, small()))
    assert "with a temporal gate (⋈)" in [key.name for key in chart.keys]
    assert "with a temporal gate (⋈)" not in [key.name for key in plain.keys]
    assert "3⋈" in repr(chart)
    assert "dotted" in repr(chart)
    assert weights_chart(GATED).note == "⋈: with a temporal gate"
    assert "0.20⋈" in repr(weights_chart(GATED))
    assert weights_chart(small()).note == ""


def test_sr_alone_has_a_badge_and_no_gate() -> None:
    block = small().block(5)
    assert isinstance(block, Block)
    nodes = (*small().nodes[:5], replace(block, post=Post.SR))
    assert gate_facts(replace(small(), nodes=nodes)) == ["1 SR"]
