"""What schema 2 has added to structure files; files and hashes without it stay what they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connsearch.errors import StructureError
from connsearch.graph.files import (
    from_json,
    load_structure,
    read_structure,
    to_json,
    write_structure,
)
from connsearch.graph.hashing import renumbering, same_structure, structure_hash
from connsearch.graph.plan import pin
from connsearch.graph.rules import faults, validate
from connsearch.graph.spec import Block, Connection, Edge, Post, Structure
from tests.graph.strategies import gated_structures, renumbered, structures

SHIPPED = {
    "assemblenet-101": ("965140ffa756cdc5e2f4f886dd2e690a", "d4a7dc68038d7eb0", "28790d1884897620"),
    "assemblenet-50": ("b94826845a7529f450c7989becd1e867", "d32399b235a3917d", "90a7fb185eb28845"),
    "assemblenet_plus-50": (
        "3dbe68553b334c8e932ab98a2b0c7bfa",
        "047a4f10c33ef86a",
        "c3bd22400ab1377b",
    ),
    "assemblenet_plus_lite": (
        "a277d14addd568b15bdcf1d057c393e3",
        "44bb0fa13e5d17f7",
        "8c54734c8071f19f",
    ),
    "starter": ("78dec93f04ec422245c3849cf1cb1b2c", "d042466f6b82cf89", "f4d82b23a78b0983"),
    "starter_rgb_flow": (
        "4ec8d55c38ea3c62570bf8bfc3096f26",
        "ff710213ff5b0b78",
        "8524272c04bdb06f",
    ),
}
"""Hash, and digests of the written file, not pinned and pinned: from before schema 2."""

LAW = settings(max_examples=20, deadline=None)
LATER = ("posts", "temporal_strides", "gates", "gates_decide")

DOCUMENT: dict[str, Any] = {
    "schema": 2,
    "name": "small",
    "family": "assemblenet",
    "nodes": [
        [-1, 1],
        [-2, 1],
        [0, [0, 1], 4, 1, 1],
        [0, [0], 16, 1, 1],
        [1, [2, 3, 0], 8, 1, 2],
    ],
    "kinds": {"3": "r3d_basic"},
    "network": {"blocks": [1, 1], "inner_widths": [4, 4]},
    "posts": {"2": "sr", "4": "srtg"},
    "temporal_strides": {"3": 2},
    "gates": ["1->2", "0->4"],
    "gates_decide": True,
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**DOCUMENT, **changes}


def fault_of(document: object) -> tuple[str, int | None, str]:
    """The one fault of a document: its rule, its node, and all that is said."""
    with pytest.raises(StructureError) as caught:
        from_json(document)
    (fault,) = caught.value.faults
    return fault.rule, fault.node, str(caught.value)


def test_a_document_is_read() -> None:
    structure = from_json(DOCUMENT)
    assert [structure.block(i).post for i in (2, 3, 4)] == [Post.SR, Post.NONE, Post.SRTG]
    assert [structure.block(i).temporal_stride for i in (2, 3, 4)] == [1, 2, 1]
    assert [edge for edge, c in structure.connections() if c.gated] == [Edge(1, 2), Edge(0, 4)]
    assert structure.gates_decide
    assert faults(structure) == []
    assert validate(pin(structure)).gates_decide


@LAW
@given(gated_structures())
def test_json_holds_everything(structure: Structure) -> None:
    document = to_json(structure)
    again = from_json(json.loads(json.dumps(document, allow_nan=False)))
    assert again == structure
    assert to_json(again) == document
    assert document["schema"] == (2 if _is_later(structure) else 1)


def _is_later(structure: Structure) -> bool:
    """By the values, not by the document."""
    pins = (block.pinned for _, block in structure.blocks())
    return (
        any(connection.gated for _, connection in structure.connections())
        or any(b.post is not Post.NONE or b.temporal_stride > 1 for _, b in structure.blocks())
        or any(pinned is not None and pinned.input_temporal_stride > 1 for pinned in pins)
        or structure.gates_decide
        or structure.network.gate_fusion != "one_plus"
    )


@LAW
@given(structures())
def test_what_schema_1_can_hold_is_written_in_it(structure: Structure) -> None:
    document = to_json(structure)
    assert document["schema"] == 1
    assert not set(LATER) & set(document)
    assert "gate_fusion" not in document["network"]
    pins: dict[str, dict[str, Any]] = document.get("pinned", {}).get("blocks", {})
    assert not any("input_temporal_stride" in pinned for pinned in pins.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_structures_keep_their_bytes_and_their_hash(name: str, tmp_path: Path) -> None:
    structure, (identity, *digests) = load_structure(name), SHIPPED[name]
    assert structure_hash(structure) == identity
    for each, digest in zip((structure, pin(structure)), digests, strict=True):
        write_structure(each, tmp_path / "again.json")
        found = sha256((tmp_path / "again.json").read_bytes()).hexdigest()
        assert found.startswith(digest)


def test_a_file_of_schema_2_keeps_its_bytes(tmp_path: Path) -> None:
    write_structure(from_json(DOCUMENT), tmp_path / "a.json")
    write_structure(read_structure(tmp_path / "a.json"), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


PINNED = {"fused_width": 16, "input_stride": 4, "buckets": [[2], [3], [0]]}

WRONG: dict[str, tuple[dict[str, Any], str, int | None, str]] = {
    "posts are no object": ({"posts": ["sr"]}, "document", None, "posts is an object, not"),
    "post of no node": ({"posts": {"9": "sr"}}, "posts-node", None, "posts of '9', which is not"),
    "post of a stem": ({"posts": {"0": "sr"}}, "posts-node", 0, "name a block by its number"),
    "post of a word": ({"posts": {"two": "sr"}}, "posts-node", None, "posts of 'two'"),
    "unknown post": ({"posts": {"2": "strg"}}, "post", 2, "did you mean 'srtg'"),
    "post that is no text": ({"posts": {"2": 1}}, "post", 2, "none, sr, srtg"),
    "stride of a stem": ({"temporal_strides": {"1": 2}}, "temporal-strides-node", 1, "a block"),
    "gates are no list": ({"gates": {"1": 2}}, "gates-form", None, 'write for instance ["3->8"]'),
    "gate of a word": ({"gates": ["first"]}, "gates-edge", None, "a gate of 'first', which is not"),
    "gate of a number": ({"gates": [3]}, "gates-edge", None, "a gate of 3, which is not"),
    "gate of no node": ({"gates": ["1->9"]}, "gates-edge", None, "1->9, but the nodes are 0 to "),
    "gate of no connection": (
        {"gates": ["1->4"]},
        "gates-edge",
        4,
        "name one of the node's inputs",
    ),
    "gate of a stem": ({"gates": ["1->0"]}, "gates-edge", 0, "1->0, which does not exist"),
    "only gates": ({"gates": ["0->2", "1->2"]}, "gates-all", 2, "all of its inputs have a gate"),
    "only one gate": ({"gates": ["0->3"]}, "gates-all", 3, "leave at least one without"),
    "gates decide a word": (
        {"gates_decide": "yes"},
        "gates-decide",
        None,
        "neither true nor false",
    ),
    "unknown fusion": (
        {"network": {**DOCUMENT["network"], "gate_fusion": "products"}},
        "setting-gate-fusion",
        None,
        "did you mean 'product'",
    ),
    "stride of a kind without": (
        {"temporal_strides": {"3": 2, "4": 2}},
        "temporal-stride-kind",
        4,
        "bottleneck",
    ),
    "stride of a half": ({"temporal_strides": {"3": 0.5}}, "temporal-stride", 3, "0.5"),
    "stride of nothing": ({"temporal_strides": {"3": 0}}, "temporal-stride", 3, "0"),
    "pinned frames": (
        {"pinned": {"blocks": {"4": {**PINNED, "input_temporal_stride": 0}}}},
        "pinned-input-temporal-stride",
        4,
        "0",
    ),
    "newer": ({"schema": 3}, "schema-newer", None, "schema 3 is newer than 2"),
    "unknown key": ({"gated": []}, "key-unknown", None, "did you mean 'gates'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_fault_says_where_what_and_the_cure(what: str) -> None:
    changes, rule, node, words = WRONG[what]
    found_rule, found_node, text = fault_of(changed(**changes))
    assert (found_rule, found_node) == (rule, node), text
    assert words in text, text


PIN = {"pinned": {"blocks": {"4": {**PINNED, "input_temporal_stride": 2}}}}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        *(({key: DOCUMENT[key]}, key) for key in LATER),
        ({"network": {**DOCUMENT["network"], "gate_fusion": "one_plus"}}, "network.gate_fusion"),
        (PIN, "pinned.blocks.4.input_temporal_stride"),
    ],
)
def test_schema_1_does_not_know_it(changes: dict[str, Any], named: str) -> None:
    first = {key: value for key, value in DOCUMENT.items() if key not in LATER}
    with pytest.raises(StructureError) as caught:
        from_json({**first, "schema": 1, **changes})
    (fault,) = (fault for fault in caught.value.faults if fault.rule == "schema-older")
    assert str(fault).count("\n") <= 1
    assert f"{named}: known from schema 2 on, this is schema 1" in str(caught.value)
    assert 'write "schema": 2' in str(caught.value)


def test_all_faults_are_told_together() -> None:
    with pytest.raises(StructureError) as caught:
        from_json(changed(posts={"0": "sr"}, gates=["x", "0->3"], gates_decide=1))
    rules = [fault.rule for fault in caught.value.faults]
    assert sorted(rules) == ["gates-all", "gates-decide", "gates-edge", "posts-node"]


def _of_block(index: int, **changes: Any) -> Callable[[Structure], Structure]:
    def change(structure: Structure) -> Structure:
        nodes = list(structure.nodes)
        nodes[index] = replace(structure.block(index), **changes)
        return replace(structure, nodes=tuple(nodes))

    return change


def _gate(*gated: Edge) -> Callable[[Structure], Structure]:
    def change(structure: Structure) -> Structure:
        nodes = list(structure.nodes)
        for index, block in structure.blocks():
            inputs = (replace(c, gated=Edge(c.source, index) in gated) for c in block.connections)
            nodes[index] = replace(block, connections=tuple(inputs))
        return replace(structure, nodes=tuple(nodes))

    return change


def test_everything_it_adds_counts_for_identity_but_what_was_learned() -> None:
    plain = from_json({k: v for k, v in DOCUMENT.items() if k not in LATER})
    changes: dict[str, Callable[[Structure], Structure]] = {
        "nothing": lambda structure: structure,
        "sr": _of_block(2, post=Post.SR),
        "srtg": _of_block(2, post=Post.SRTG),
        "another block": _of_block(4, post=Post.SR),
        "stride": _of_block(3, temporal_stride=2),
        "more": _of_block(3, temporal_stride=4),
        "gate": _gate(Edge(0, 4)),
        "another gate": _gate(Edge(2, 4)),
        "two gates": _gate(Edge(0, 4), Edge(2, 4)),
        "fusion": lambda structure: structure.with_settings(gate_fusion="product"),
    }
    found = {name: change(plain) for name, change in changes.items()}
    hashes = {name: structure_hash(validate(structure)) for name, structure in found.items()}
    assert len(set(hashes.values())) == len(hashes), hashes
    for structure in found.values():
        decided = replace(structure, gates_decide=True)
        assert structure_hash(decided) == structure_hash(structure)
        assert same_structure(decided, structure)


@LAW
@given(gated_structures(), st.integers(0, 2**32))
def test_a_renumbered_structure_is_the_same(structure: Structure, seed: int) -> None:
    moved = renumbered(structure, Random(seed))
    assert structure_hash(moved) == structure_hash(structure)
    found = renumbering(structure, moved)
    assert found is not None
    gates = {Edge(found[e.source], found[e.target]) for e, c in structure.connections() if c.gated}
    assert gates == {edge for edge, c in moved.connections() if c.gated}
    for old, new in found.items():
        before, after = structure.nodes[old], moved.nodes[new]
        if isinstance(before, Block) and isinstance(after, Block):
            assert (before.post, before.temporal_stride) == (after.post, after.temporal_stride)


@LAW
@given(gated_structures(), st.integers(0, 2**32))
def test_a_gate_elsewhere_is_another_structure(structure: Structure, seed: int) -> None:
    """Whatever the numbers: a gate more is found among all renumberings."""
    ungated = [
        (index, place)
        for index, block in structure.blocks()
        for place, c in enumerate(block.connections)
        if not c.gated and sum(not other.gated for other in block.connections) > 1
    ]
    if not ungated:
        return
    index, place = Random(seed).choice(ungated)
    inputs: list[Connection] = list(structure.block(index).connections)
    inputs[place] = replace(inputs[place], gated=True)
    other = validate(_of_block(index, connections=tuple(inputs))(structure))
    moved = renumbered(other, Random(seed))
    assert structure_hash(moved) != structure_hash(structure)
    assert not same_structure(moved, structure)
