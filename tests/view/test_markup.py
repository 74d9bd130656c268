"""Labels: what they say, and that no text in them can be read as anything else."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.graph.spec import Attention
from connsearch.view.structures.legend import header_label
from connsearch.view.structures.markup import clean, node_label, node_tooltip, weight_text
from connsearch.view.structures.scene import compose
from tests.view.structures import gated, large, small, without_inputs


def words(label: str) -> str:
    """The text of an HTML-like label; a label that is not well formed raises."""
    said = " ".join(ET.fromstring(label[1:-1]).itertext()).replace("\u200b", "")
    return " ".join(said.split())


def test_stem_label() -> None:
    scene = compose(small())
    assert words(node_label(scene, 0)) == "0 RGB dilation 4 64 channels"
    assert words(node_label(scene, 1)) == "1 FLOW 64 channels"


def test_block_label_lists_inputs_with_weights() -> None:
    said = words(node_label(compose(small()), 5))
    assert said.startswith("1 free 5 bottleneck 8 → 32 filters dilation 1, stride 1")
    assert said.endswith("2 0.90 3 0.20")
    assert words(node_label(compose(small()), 4)).endswith("4 dead bottleneck 8 → 32 filters "
        "dilation 1, stride 1 1 0.60")  # fmt: skip


def test_block_label_names_the_gating_peer() -> None:
    said = words(node_label(compose(gated({3: 1.0})), 5))
    assert "2 0.90 ⊙3" in said
    assert "⊙ peers" in said


def test_block_label_says_peer_only_and_no_inputs() -> None:
    assert "4 peer only" in words(node_label(compose(small(attention=Attention.PEER)), 4))
    assert "no inputs" in words(node_label(compose(without_inputs(small(), 2)), 2))


def test_compact_label() -> None:
    scene = compose(large(100, 300))
    index = scene.columns[1][1][0]
    assert words(node_label(scene, index)) == f"{index} 8 · d1 · s1"


def test_tooltip() -> None:
    said = node_tooltip(compose(small()), 5)
    assert said.startswith("node 5, bottleneck, 8 → 32 filters, dilation 1, stride 1")
    assert said.endswith("streams by weight: rgb 56% flow 44%")


def test_header_explains_what_occurs() -> None:
    said = words(header_label(compose(gated({3: 1.0})), "a title"))
    entries = (
        "a title|assemblenet_plus|6 nodes|7 connections|1 dead|rgb|flow|below 0.5|dead, no effect"
    )
    entries += "|⊙n gated by node n|free not learned yet|always coefficient 1"
    for entry in entries.split("|"):
        assert entry in said
    assert "object" not in said


@pytest.mark.parametrize(
    ("weight", "threshold", "expected"),
    [
        (0.5, 0.5, "0.50"),
        (0.4999, 0.5, "0.4999"),
        (0.49999999, 0.5, "0.500000"),
        (0.304, 0.3, "0.30"),
        (1.0, 0.5, "1.00"),
    ],
)
def test_weight_text_keeps_the_side(weight: float, threshold: float, expected: str) -> None:
    assert weight_text(weight, threshold) == expected


@given(st.text())
def test_any_title_makes_a_well_formed_label(title: str) -> None:
    said = words(header_label(compose(small()), title))
    assert " ".join(clean(title).split()) in said


@given(st.text())
def test_clean_is_one_short_printable_line(text: str) -> None:
    line = clean(text)
    assert line.isprintable()
    assert len(line) <= 90
    assert clean(line) == line
