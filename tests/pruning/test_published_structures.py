"""What thresholds do to the published structures: known facts, counted by hand elsewhere."""

from __future__ import annotations

import pytest

from connsearch.graph.cost import cost
from connsearch.graph.dag import live_nodes
from connsearch.graph.files import load_structure
from connsearch.graph.rules import validate
from connsearch.graph.spec import Attention, Edge, Structure
from connsearch.pruning.options import PruneOptions, build_criterion
from connsearch.pruning.pruner import Pruned, prune_by
from connsearch.pruning.scores import learned_weights

PUBLISHED = ("assemblenet-50", "assemblenet-101", "assemblenet_plus-50", "assemblenet_plus_lite")


def by_connections(name: str) -> Structure:
    """The structure without attention, where a node counts only by its connections."""
    return load_structure(name).with_settings(attention=Attention.NONE)


def pruned_at(name: str, threshold: float, mode: str = "pinned") -> Pruned:
    options = {"criterion": f"threshold:{threshold}", "mode": mode}
    return prune_by(by_connections(name), PruneOptions.model_validate(options))


@pytest.mark.parametrize(
    ("name", "threshold", "kept"),
    [
        ("assemblenet-50", 0.1, 29),
        ("assemblenet-50", 0.3, 22),
        ("assemblenet-50", 0.5, 19),
        ("assemblenet-50", 0.7, 13),
        ("assemblenet_plus-50", 0.1, 39),
        ("assemblenet_plus-50", 0.3, 32),
        ("assemblenet_plus-50", 0.5, 22),
        ("assemblenet_plus_lite", 0.3, 29),
        ("assemblenet_plus_lite", 0.5, 26),
        ("assemblenet_plus_lite", 0.7, 20),
        ("assemblenet_plus_lite", 0.9, 10),
    ],
)
def test_connections_that_reach_a_threshold(name: str, threshold: float, kept: int) -> None:
    structure = load_structure(name)
    criterion = build_criterion(f"threshold:{threshold}")
    assert len(criterion(structure, learned_weights(structure))) == kept


@pytest.mark.parametrize(
    ("name", "threshold", "dead"),
    [
        ("assemblenet-50", 0.3, ()),
        ("assemblenet-50", 0.5, ()),
        ("assemblenet-50", 0.7, (2, 3, 6, 7, 10)),  # 7 lost its inputs; 10 fed nobody else ...
        ("assemblenet-101", 0.7, (2, 3, 6, 7, 10)),
        ("assemblenet_plus-50", 0.3, (2, 8, 9, 10)),
        ("assemblenet_plus-50", 0.5, (2, 3, 8, 9, 10, 12)),  # 6 of 15, two stems among them
        ("assemblenet_plus_lite", 0.3, (3,)),
        ("assemblenet_plus_lite", 0.5, (3,)),
    ],
)
def test_nodes_that_die(name: str, threshold: float, dead: tuple[int, ...]) -> None:
    pruned = pruned_at(name, threshold)
    assert pruned.dead == dead
    assert pruned.repairs == ()


def test_at_07_node_7_of_assemblenet_has_no_input() -> None:
    structure = by_connections("assemblenet-50")
    keep = build_criterion("threshold:0.7")(structure, learned_weights(structure))
    assert not any(edge.target == 7 for edge in keep)
    assert {Edge(4, 8)} == {
        edge for edge in pruned_at("assemblenet-50", 0.7).edges if edge.target == 8
    }


def test_at_07_the_output_of_assemblenet_plus_needs_a_repair() -> None:
    """Its only final node and node 12 lose all their inputs; 13 -> 14 (.584) comes back."""
    pruned = pruned_at("assemblenet_plus-50", 0.7)
    assert [str(repair) for repair in pruned.repairs] == [
        "13->14 (weight 0.584) restored: no stem reaches a final node (14) any more; "
        "strongest path 4 -> 13 -> 14"
    ]
    assert pruned.finals == (14,)
    assert set(pruned.node_map) == {4, 11, 13, 14}


def test_single_inputs_of_assemblenet_at_05_lose_their_coefficient_as_published() -> None:
    changes = pruned_at("assemblenet-50", 0.5, "published").changes
    assert {(c.node, round(c.before, 2), c.after) for c in changes} == {
        (6, 0.85, 1.0), (10, 0.76, 1.0), (11, 0.78, 1.0)
    }  # fmt: skip
    assert pruned_at("assemblenet-50", 0.5).changes == ()


@pytest.mark.parametrize(("threshold", "width"), [(0.3, 32), (0.5, 42)])
def test_a_dead_stem_widens_the_others_as_published(threshold: float, width: int) -> None:
    changes = pruned_at("assemblenet_plus-50", threshold, "published").changes
    stems = [change for change in changes if change.what == "stem width"]
    assert {(change.before, change.after) for change in stems} == {(25, width)}


def test_a_lite_node_grows_in_size_as_published() -> None:
    """Its only input left is a stem: twice the height and width, four times the work."""
    pruned = pruned_at("assemblenet_plus_lite", 0.2, "published")
    sizes = {c.node: (c.before, c.after) for c in pruned.changes if c.what == "input stride"}
    assert sizes == {pruned.node_map[4]: (4, 2)}


def test_in_peer_mode_every_fed_lower_node_stays_until_peers_are_learned() -> None:
    """Node 9 of AssembleNet++-50 feeds nobody, but may gate node 14."""
    pruned = prune_by(
        load_structure("assemblenet_plus-50"), PruneOptions(criterion="threshold:0.3")
    )
    assert pruned.dead == ()
    assert pruned.structure.network.attention is Attention.PEER


@pytest.mark.parametrize("attention", [Attention.NONE, Attention.PEER])
@pytest.mark.parametrize("mode", ["pinned", "published"])
@pytest.mark.parametrize(
    "spec", ["relative", "threshold:0.3", "threshold:0.5", "threshold:0.7", "top_k:1"]
)
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_result_is_valid_alive_and_smaller(
    name: str, spec: str, mode: str, attention: Attention
) -> None:
    structure = load_structure(name).with_settings(attention=attention)
    options = PruneOptions.model_validate({"criterion": spec, "mode": mode})
    result = validate(prune_by(structure, options).structure)
    assert live_nodes(result) == set(range(len(result)))
    if mode == "pinned":
        before, after = (cost(s, num_classes=10, clip=(8, 64, 64)) for s in (structure, result))
        assert after.parameters <= before.parameters
        assert after.macs <= before.macs
        again = prune_by(result, options)
        assert again.structure.nodes == result.nodes
