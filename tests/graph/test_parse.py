"""Published rows and weight lists become a structure and come back."""

from __future__ import annotations

import pytest
from hypothesis import given

from connsearch.errors import StructureError
from connsearch.graph.parse import connection_weights, parse_structure, rows
from connsearch.graph.spec import FREE, Connection, Modality, NetworkSettings, Stem, Structure
from tests.graph.strategies import LAW, structures

TINY = NetworkSettings(blocks=(1,), inner_widths=(4,))
STEMS = [[-1, 4], [-2, 1], [-3, 2]]


def tiny(*blocks: list[object], weights: object = None, family: str = "assemblenet") -> Structure:
    return parse_structure(
        [*STEMS, *blocks],
        family=family,
        network=TINY,
        connection_weights=weights,  # type: ignore[arg-type]
    )


def rules_broken(*blocks: list[object], weights: object = None) -> list[tuple[str, int | None]]:
    with pytest.raises(StructureError) as caught:
        tiny(*blocks, weights=weights)
    return [(fault.rule, fault.node) for fault in caught.value.faults]


def test_stems_read_their_streams():
    structure = tiny([0, [0], 8, 1, 1])
    assert [n for n in structure.nodes if isinstance(n, Stem)] == [
        Stem(Modality.RGB, 4),
        Stem(Modality.FLOW, 1),
        Stem(Modality.OBJECT, 2),
    ]


def test_the_sixth_entry_is_read_over():
    assert tiny([0, [0], 8, 2, 1, 0]) == tiny([0, [0], 8, 2, 1])
    assert rows(tiny([0, [0], 8, 2, 1, 0]))[3] == [0, [0], 8, 2, 1]


def test_a_sixth_entry_that_says_something_is_refused():
    assert rules_broken([0, [0], 8, 2, 1, 7]) == [("row-sixth", 3)]


def test_a_triple_becomes_a_tuple_and_comes_back_as_a_list():
    structure = tiny([0, [0, 1], [6, 6, 4], 1, 2], family="assemblenet_plus_lite")
    assert structure.block(3).filters == (6, 6, 4)
    assert rows(structure)[3] == [0, [0, 1], [6, 6, 4], 1, 2]


@pytest.mark.parametrize("weights", [None, [], [[], [], [], []], {}, {"3": []}])
def test_without_weights_one_input_has_none_and_several_are_free(weights: object):
    assert tiny([0, [0], 8, 1, 1], weights=weights).weights() == {(0, 3): None}
    assert tiny([0, [0, 1], 8, 1, 1], weights=weights).weights() == {(0, 3): FREE, (1, 3): FREE}


@pytest.mark.parametrize(
    "weights",
    [
        [[], [], [], [[0.25, 1]]],
        [[], [], [], [0.25, 1]],
        {"3": [0.25, 1]},
        {"3": [[0.25, 1]]},
        {3: [0.25, 1]},
    ],
)
def test_every_form_of_a_weight_list_is_read(weights: object):
    structure = tiny([0, [2, 0], 8, 1, 1], weights=weights)
    assert structure.block(3).connections == (Connection(2, 0.25), Connection(0, 1.0))
    assert isinstance(structure.block(3).connections[1].weight, float)


def test_a_weight_stored_for_a_single_input_is_kept():
    structure = tiny([0, [0], 8, 1, 1], weights=[[], [], [], [[0.25]]])
    assert structure.weights() == {(0, 3): 0.25}
    assert connection_weights(structure) == {"3": [0.25]}


def test_null_and_free_can_be_mixed_with_numbers():
    structure = tiny([0, [0, 1, 2], 8, 1, 1], weights={"3": [None, "free", 0.5]})
    assert list(structure.weights().values()) == [None, FREE, 0.5]


@LAW
@given(structures(pinned=False))
def test_rows_and_weights_say_it_all_but_peers(structure: Structure):
    bare = structure.with_peers({edge: () for edge in structure.edges()})
    again = parse_structure(
        rows(bare),
        name=bare.name,
        family=bare.family,
        network=bare.network,
        connection_weights=connection_weights(bare),
    )
    assert again == bare


@pytest.mark.parametrize(
    ("block", "rule"),
    [
        ("row", "row-form"),
        (None, "row-form"),
        ([], "row-form"),
        ([0], "row-form"),
        ([0, [0], 8, 1], "row-form"),
        ([0, [0], 8, 1, 1, 0, 0], "row-form"),
        ([0, 0, 8, 1, 1], "row-form"),
        ([-4, 1], "stem-modality"),
        ([0, 1], "stem-modality"),
        ([True, 1], "stem-modality"),
        ([[], 1], "stem-modality"),
    ],
)
def test_a_row_that_is_neither_stem_nor_block_is_named(block: list[object], rule: str):
    assert rules_broken(block, [0, [0], 8, 1, 1]) == [(rule, 3)]


def test_nodes_that_are_no_list_are_the_only_fault():
    with pytest.raises(StructureError, match=r"nodes are a list of rows, not 'abc'") as caught:
        parse_structure("abc")
    assert [fault.rule for fault in caught.value.faults] == ["nodes"]


@pytest.mark.parametrize(
    ("weights", "rule", "node"),
    [
        ({"3": [0.5]}, "weights-length", 3),
        ({"3": [0.5, 0.5, 0.5]}, "weights-length", 3),
        ({"4": [0.5]}, "weights-node", None),
        ({"x": [0.5]}, "weights-node", None),
        ({"-1": [0.5]}, "weights-node", None),
        ({True: [0.5]}, "weights-node", None),
        ({"0": [0.5]}, "weights-node", 0),
        ([[], [], [], [], [[0.5]]], "weights-node", None),
        ([[]], "weights-node", None),
        ([[0.5], [], [], []], "weights-node", 0),
        ({"3": 0.5}, "weights-form", 3),
        ("weights", "weights-form", None),
        (0.5, "weights-form", None),
        ({"3": [0.5, 1.5]}, "weight-range", 3),
        ({"3": [0.5, -0.1]}, "weight-range", 3),
        ({"3": [0.5, float("nan")]}, "weight-range", 3),
        ({"3": [0.5, float("inf")]}, "weight-range", 3),
        ({"3": [0.5, 10**400]}, "weight-range", 3),
        ({"3": [0.5, True]}, "weight-range", 3),
        ({"3": [0.5, "open"]}, "weight-range", 3),
        ({"3": [0.5, [1]]}, "weight-range", 3),
    ],
)
def test_weights_that_do_not_fit_are_named(weights: object, rule: str, node: int | None):
    assert rules_broken([0, [0, 1], 8, 1, 1], weights=weights) == [(rule, node)]


def test_all_faults_come_at_once_with_their_rows():
    with pytest.raises(StructureError) as caught:
        parse_structure(
            [[-1, 4], [0, [0, 11, 1], "x", 1, True, 0], [0, [0, 1], 32, 1, 0], [9, []], 3],
            name="five mistakes",
            connection_weights={"1": [2, 0.5], "99": [1], "0": [1]},
        )
    error = caught.value
    assert sorted((f.node if f.node is not None else -1, f.rule) for f in error.faults) == [
        (-1, "weights-node"),
        (0, "weights-node"),
        (1, "filters"),
        (1, "input-self"),
        (1, "input-unknown"),
        (1, "spatial-stride"),
        (1, "weights-length"),
        (2, "input-level"),
        (2, "spatial-stride"),
        (3, "stem-modality"),
        (4, "row-form"),
    ]
    assert str(error).startswith("structure five mistakes: 11 faults\n")
    assert "node 1: input 11 is not a node; nodes are 0 to 4 [input-unknown]" in str(error)
    assert "  read: [0, [0, 11, 1], 'x', 1, True, 0]" in str(error)
    assert "  cure: connections lead from an earlier node of a lower level" in str(error)


def test_a_row_that_cannot_be_read_leads_to_no_second_fault():
    """Node 3 reads from it and nothing is left of the stems: neither is worth a word."""
    with pytest.raises(StructureError) as caught:
        parse_structure([["rgb", 1], [0, [0], 8, 1, 1]], network=TINY)
    assert [fault.rule for fault in caught.value.faults] == ["stem-modality"]
