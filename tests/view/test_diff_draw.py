"""The picture of two structures: everything of both is there, and looks as it fared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings

from connsearch.graph.compare import compare
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Edge, Peer, Structure
from connsearch.pruning.pruner import prune
from connsearch.view.structures.diff_draw import render_diff
from connsearch.view.structures.palette import ADDED, CHANGED, KEPT, REMOVED, pen_width
from connsearch.view.structures.union import unite
from tests.graph.strategies import structures
from tests.view.structures import large
from tests.view.svg import groups, node_boxes, stroke, text_boxes, texts

STARTER = load_structure("starter")
SEARCHED = STARTER.with_weights(
    {e: round(0.1 + 0.04 * n, 2) for n, e in enumerate(STARTER.edges())}
)


def drawn(a: Structure, b: Structure, tmp_path: Path) -> Path:
    path = tmp_path / "diff.svg"
    render_diff(compare(a, b), [path], title="A one → B two", facts=["parameters 2 → 1"])
    return path


def test_a_prune_shows_what_went_and_what_stayed(tmp_path: Path) -> None:
    parent = SEARCHED.with_settings(attention=Attention.NONE)
    pruned = prune(parent, [e for e in parent.edges() if e not in {(0, 5), (9, 11)}])
    assert pruned.dead == (9,)
    path = drawn(parent, pruned.structure, tmp_path)
    found = groups(path)
    for source, target in SEARCHED.edges():
        line = found[f"connection-{source}-{target}"]
        gone = Edge(source, target) in pruned.removed
        ink = REMOVED if gone else KEPT
        assert stroke(line, "stroke") == ink.line.lower()
        assert (stroke(line, "stroke-dasharray") is not None) == gone
    said = texts(path)
    assert "−9" in said
    assert "10→9" in said
    assert "only in A: removed" in said
    assert any("1 node removed · " in text for text in said)


def test_what_came_is_green_and_solid(tmp_path: Path) -> None:
    larger = over_connect(SEARCHED)
    found = groups(drawn(SEARCHED, larger, tmp_path))
    for source, target in set(larger.edges()) - set(SEARCHED.edges()):
        line = found[f"connection-{source}-{target}"]
        assert stroke(line, "stroke") == ADDED.line.lower()
        assert stroke(line, "stroke-dasharray") is None


def test_a_changed_weight_is_as_wide_as_its_change(tmp_path: Path) -> None:
    edge, other = Edge(9, 11), Edge(10, 11)
    a = SEARCHED.with_weights({edge: 0.9, other: 0.5})
    path = drawn(a, a.with_weights({edge: 0.1, other: 0.8}), tmp_path)
    for name, change in (("9-11", 0.8), ("10-11", 0.3)):
        line = groups(path)[f"connection-{name}"]
        assert stroke(line, "stroke") == CHANGED.line.lower()
        assert float(stroke(line, "stroke-width") or 1) == round(pen_width(change), 2)
    assert {"0.90→0.10", "0.50→0.80"} <= set(texts(path))


def test_changed_nodes_peers_and_settings_are_in_words(tmp_path: Path) -> None:
    deep = SEARCHED.with_settings(blocks=(2, 2, 2, 2))  # with temporal convolutions
    a = deep.with_peers({Edge(9, 11): (Peer(1, 0.9), Peer(2, 0.1))})
    b = deep.with_peers({Edge(9, 11): (Peer(1, 0.1), Peer(2, 0.9))})
    nodes = list(b.nodes)
    nodes[9] = replace(b.block(9), temporal_dilation=4)
    path = drawn(a, replace(b.with_settings(dropout=0.5), nodes=tuple(nodes)), tmp_path)
    said = texts(path)
    assert "dilation 1 → 4" in said
    assert "⊙1→2" in said
    assert "dropout 0 → 0.5" in said


@settings(max_examples=15, deadline=None)
@given(structures(most_blocks=2), structures(most_blocks=2))
def test_the_union_has_everything_of_both_once(a: Structure, b: Structure) -> None:
    union = unite(compare(a, b))
    nodes = [node for _, column in union.columns for node in column]
    assert sorted(n.before for n in nodes if n.before is not None) == list(range(len(a)))
    assert sorted(n.after for n in nodes if n.after is not None) == list(range(len(b)))
    in_a = [line for line in union.lines if line.state != "added"]
    in_b = [line for line in union.lines if line.state != "removed"]
    assert {(x.source.before, x.target.before) for x in in_a} == set(a.edges())
    assert {(x.source.after, x.target.after) for x in in_b} == set(b.edges())
    assert len({node.key for node in nodes}) == len(nodes)


def test_any_two_structures_can_be_drawn(tmp_path: Path) -> None:
    path = drawn(STARTER, load_structure("assemblenet-50"), tmp_path)
    boxes = node_boxes(path)
    assert len(boxes) == 12 + 4 + 1  # of both, and the output
    for n, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[n + 1 :])
    words = text_boxes(path)
    for n, box in enumerate(words):
        assert not any(box.overlaps(other, 2.0) for other in words[n + 1 :]), box.text


def test_a_large_one_draws_only_what_differs(tmp_path: Path) -> None:
    a = large(30, 210)
    edge = a.edges()[0]
    path = drawn(a, a.with_weights({edge: 0.987}), tmp_path)
    lines = [name for name in groups(path) if name.startswith("connection-")]
    assert lines == [f"connection-{edge.source}-{edge.target}"]
    assert f"{len(a.edges()) - 1} connections are not drawn" in texts(path)


def test_a_title_is_text(tmp_path: Path) -> None:
    path = tmp_path / "diff.svg"
    render_diff(compare(STARTER, SEARCHED), [path], title="<b>&\\G")
    assert any(text.startswith("<b>&\\") for text in texts(path))


def test_a_node_that_only_gates_is_marked_with_what_it_gates(tmp_path: Path) -> None:
    """In B nothing but a peer link leaves node 9."""
    a = SEARCHED.with_settings(attention=Attention.FIXED)
    gated = next(edge for edge in a.edges() if edge.target == 11 and edge.source != 9)
    a = a.with_peers({**dict.fromkeys(a.edges(), (Peer(0, 1.0),)), gated: (Peer(9, 1.0),)})
    b = prune(a, [edge for edge in a.edges() if edge.source != 9])
    assert 9 in b.node_map
    path = drawn(a, b.structure, tmp_path)
    assert any("peer only in B" in text for text in texts(path))
    gate = groups(path)["peer-9-11"]
    assert stroke(gate, "stroke-dasharray") is not None
    assert "of a node that is peer only: it gates" in texts(path)
    same = drawn(SEARCHED, over_connect(SEARCHED), tmp_path)
    assert not any(name.startswith("peer-") for name in groups(same))
