"""The laws of comparing: nothing differs from itself, both sides tell the same, a prune is seen."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connsearch.errors import PruneError, SettingsError
from connsearch.graph.compare import Change, Differences, NodeDifference, compare
from connsearch.graph.files import load_structure
from connsearch.graph.hashing import renumbering, same_structure
from connsearch.graph.matching import match
from connsearch.graph.spec import (
    FREE,
    Attention,
    Block,
    Connection,
    Edge,
    Modality,
    NetworkSettings,
    Peer,
    Stem,
    Structure,
)
from connsearch.pruning.pruner import prune
from tests.graph.strategies import LAW, renumbered, structures

STARTER = load_structure("starter").with_weights(
    {e: round(0.1 + 0.04 * n, 2) for n, e in enumerate(load_structure("starter").edges())}
)


def with_node(structure: Structure, index: int, **changes: object) -> Structure:
    nodes = list(structure.nodes)
    nodes[index] = replace(nodes[index], **changes)
    return replace(structure, nodes=tuple(nodes))


def nodes_where(found: Differences, state: str) -> list[NodeDifference]:
    return [node for node in found.nodes if node.state == state]


def mirrored(found: Differences) -> tuple[object, ...]:
    """What the other side should say, without order."""

    def turned(changes: tuple[Change, ...]) -> frozenset[str]:
        return frozenset(repr((c.name, c.after, c.before)) for c in changes)

    return (
        found.matching.rule,
        found.matching.to_a,
        turned(found.settings),
        {(n.after, n.before, turned(n.changes)) for n in found.nodes},
        {(c.after, c.before, c.weights[::-1], turned(c.changes)) for c in found.connections},
    )


def plain(found: Differences) -> tuple[object, ...]:
    def told(changes: tuple[Change, ...]) -> frozenset[str]:
        return frozenset(repr((c.name, c.before, c.after)) for c in changes)

    return (
        found.matching.rule,
        dict(found.matching.to_b),
        told(found.settings),
        {(n.before, n.after, told(n.changes)) for n in found.nodes},
        {(c.before, c.after, c.weights, told(c.changes)) for c in found.connections},
    )


@LAW
@given(structures())
def test_nothing_differs_from_itself(structure: Structure) -> None:
    other = replace(structure, name="other", provenance={"seed": 2})
    found = compare(structure, other)
    assert not found
    assert found.matching.rule == "number"


@LAW
@given(structures(most_blocks=2), structures(most_blocks=2))
def test_either_side_tells_the_same(a: Structure, b: Structure) -> None:
    assert mirrored(compare(a, b)) == plain(compare(b, a))


@LAW
@given(structures(), st.integers(0, 2**32), st.data())
def test_either_side_tells_the_same_of_one_changed_thing(
    a: Structure, seed: int, data: st.DataObject
) -> None:
    edge = data.draw(st.sampled_from(a.edges()))
    b = renumbered(a.with_weights({edge: 0.123}), Random(seed))
    found = compare(a, b)
    assert mirrored(found) == plain(compare(b, a))
    assert not found.settings
    assert not found.nodes
    assert {c.state for c in found.connections} <= {"changed"}


@LAW
@given(structures(most_blocks=2), structures(most_blocks=2), st.integers(0, 2**32))
def test_without_weights_it_finds_nothing_exactly_where_the_structures_are_the_same(
    a: Structure, b: Structure, seed: int
) -> None:
    moved = renumbered(a, Random(seed))
    for x, y in ((a, b), (a, moved), (moved, b)):
        assert bool(compare(x, y, weights=False)) != same_structure(x, y)


@LAW
@given(structures(), st.integers(0, 2**32))
def test_a_renumbered_structure_differs_in_nothing(structure: Structure, seed: int) -> None:
    assert not compare(structure, renumbered(structure, Random(seed)))


@LAW
@given(structures(), st.data())
def test_a_prune_removes_exactly_what_it_says(structure: Structure, data: st.DataObject) -> None:
    keep = data.draw(st.sets(st.sampled_from(structure.edges())))
    try:
        pruned = prune(structure, keep)
    except PruneError:
        assume(False)
        return
    found = compare(structure, pruned.structure)
    assert {c.before for c in found.connections_where("removed")} == set(pruned.removed)
    assert {n.before for n in nodes_where(found, "removed")} == set(pruned.dead)
    assert not nodes_where(found, "added")
    assert not found.connections_where("added")
    assert not nodes_where(found, "changed")  # pinned: every shape stays
    assert dict(found.matching.to_b) == dict(pruned.node_map)


@LAW
@given(structures(), st.data())
def test_a_prune_of_a_prune_goes_by_the_first_one_s_numbers(
    structure: Structure, data: st.DataObject
) -> None:
    structure = replace(structure, name="first")
    keep = st.sets(st.sampled_from(structure.edges()), min_size=1)
    try:
        once = prune(structure, data.draw(keep))
        twice = prune(once.structure, data.draw(st.sets(st.sampled_from(once.structure.edges()))))
    except PruneError:
        assume(False)
        return
    assert match(structure, twice.structure).to_b == {
        old: twice.node_map[new] for old, new in once.node_map.items() if new in twice.node_map
    }


def test_twins_that_changed_places_with_their_weights_are_the_same() -> None:
    """By number only weights differ, which would hide that it is the same network."""
    network = NetworkSettings(blocks=(1,), inner_widths=(4,))
    stems = (Stem(Modality.RGB), Stem(Modality.RGB))
    a, b = (
        Structure("twins", "assemblenet", (*stems, Block(0, inputs, 4)), network)
        for inputs in (
            (Connection(0, 0.2), Connection(1, 0.9)),
            (Connection(0, 0.9), Connection(1, 0.2)),
        )
    )
    found = compare(a, b)
    assert not found
    assert found.matching.rule == "renumbering"
    assert found.matching.to_b == {0: 1, 1: 0, 2: 2}
    assert compare(a, b.with_weights({Edge(0, 2): 0.8})).matching.rule == "number"


def test_two_prunes_of_one_parent_go_by_the_parent_s_numbers() -> None:
    structure = replace(STARTER, provenance={})
    kept = [e for e in structure.edges() if e.source not in (0, 5)], structure.edges()
    a, b = (prune(structure, keep) for keep in kept)
    found = match(a.structure, b.structure)
    assert found.rule == "provenance"
    assert found.to_b == {new: b.node_map[old] for old, new in a.node_map.items()}


def test_a_search_between_two_structures_changes_no_number() -> None:
    facts = {"operator": "search", "parents": ["starter"], "seed": 3}
    searched = replace(STARTER, provenance={**facts, "earlier": dict(STARTER.provenance)})
    keep = [e for e in searched.edges() if e.source != 5]
    pruned = prune(searched, keep)
    trained = replace(
        pruned.structure,
        provenance={
            "operator": "train",
            "parents": [pruned.structure.name],
            "earlier": dict(pruned.structure.provenance),
        },
    )
    assert match(STARTER, trained).to_b == pruned.node_map
    other = replace(STARTER, provenance={**facts, "seed": 4, "earlier": dict(STARTER.provenance)})
    assert match(other, trained).to_b == pruned.node_map


@pytest.mark.parametrize(
    "provenance",
    [
        {"operator": "prune", "parents": ["starter"], "nodes": "0 1 2"},
        {"operator": "prune", "parents": ["starter"], "nodes": [0, 0, 1]},
        {"operator": "prune", "parents": ["starter"], "nodes": [True, 1]},
        {"operator": "prune", "parents": "starter", "nodes": [0]},
        {"operator": "prune", "parents": ["starter"], "nodes": [11, 1], "parent_provenance": 3},
        {"operator": "prune", "parents": ["starter"], "nodes": list(range(12, 0, -1))},
    ],
)
def test_a_provenance_that_makes_no_sense_is_passed_over(provenance: dict[str, object]) -> None:
    found = compare(STARTER, replace(STARTER, name="x", provenance=provenance))
    assert found.matching.rule == "number"


def test_a_node_more_goes_by_order() -> None:
    nodes = list(STARTER.nodes)
    nodes.insert(5, Stem(Modality.OBJECT))
    moved = [
        n
        if isinstance(n, Stem)
        else replace(
            n,
            connections=tuple(replace(c, source=c.source + (c.source >= 5)) for c in n.connections),
        )
        for n in nodes
    ]
    larger = replace(STARTER, nodes=tuple(moved), provenance={})
    found = compare(STARTER, larger)
    assert found.matching.rule == "order"
    assert [n.after for n in nodes_where(found, "added")] == [5]
    assert not found.connections
    assert found.matching.to_b[11] == 12


@pytest.mark.parametrize(
    ("index", "change", "name"),
    [
        (5, {"filters": 8}, "filters"),
        (5, {"temporal_dilation": 4}, "dilation"),
        (7, {"spatial_stride": 1}, "stride"),
        (0, {"temporal_dilation": 4}, "dilation"),
        (0, {"width": 12}, "width"),
    ],
)
def test_a_changed_node_says_what_changed(index: int, change: dict[str, object], name: str) -> None:
    start = STARTER.with_settings(blocks=(2, 2, 2, 2))  # with temporal convolutions
    found = compare(start, with_node(start, index, **change))
    assert found.nodes[0].before == found.nodes[0].after == index
    assert name in {c.name for c in found.nodes[0].changes}


def test_settings_are_compared() -> None:
    found = compare(STARTER, STARTER.with_settings(attention=Attention.SELF, dropout=0.5))
    assert {c.name for c in found.settings} == {"attention", "dropout"}


def test_weights_within_the_tolerance_are_equal() -> None:
    edge = STARTER.edges()[3]
    weight = STARTER.weights()[edge]
    assert isinstance(weight, float)
    other = STARTER.with_weights({edge: weight + 0.25})
    (found,) = compare(STARTER, other, tolerance=0.24).connections
    assert found.changes == (Change("weight", weight, weight + 0.25),)
    assert not compare(STARTER, other, tolerance=0.26)
    assert not compare(STARTER, other, weights=False)


def test_free_is_not_a_half_and_fixed_is_not_one() -> None:
    edge = STARTER.edges()[0]
    states = [STARTER.with_weights({edge: w}) for w in (FREE, 0.5, None, 1.0)]
    for n, a in enumerate(states):
        for m, b in enumerate(states):
            assert bool(compare(a, b, tolerance=0.4)) == (n != m)


def test_another_top_peer_is_told() -> None:
    edge = Edge(9, 11)
    a = STARTER.with_peers({edge: (Peer(1, 0.7), Peer(2, 0.3))})
    b = STARTER.with_peers({edge: (Peer(1, 0.3), Peer(2, 0.7))})
    (found,) = compare(a, b).connections
    assert found.changes == (Change("top peer", (1,), (2,)),)
    c = STARTER.with_peers({edge: (Peer(1, 0.8), Peer(2, 0.2))})
    (found,) = compare(a, c).connections
    assert [change.name for change in found.changes] == ["peers"]
    assert not compare(a, c, tolerance=0.11)
    assert not compare(a, b, weights=False)


def test_in_mode_fixed_peers_are_wiring() -> None:
    fixed = STARTER.with_settings(attention=Attention.FIXED)
    edge = Edge(9, 11)
    a, b = (fixed.with_peers({edge: (Peer(n, 1.0),)}) for n in (1, 2))
    assert compare(a, b, weights=False)
    assert compare(a, b, tolerance=1.0)


def test_a_tolerance_out_of_range_is_refused() -> None:
    with pytest.raises(SettingsError, match="tolerance: read 2, allowed is 0 to 1"):
        compare(STARTER, STARTER, tolerance=2)


@LAW
@given(structures(), st.integers(0, 2**32))
def test_a_renumbering_keeps_every_connection(structure: Structure, seed: int) -> None:
    moved = renumbered(structure, Random(seed))
    found = renumbering(structure, moved, learned=True)
    assert found is not None
    weights = {Edge(found[e.source], found[e.target]): w for e, w in structure.weights().items()}
    assert weights == moved.weights()
