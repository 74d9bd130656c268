"""Random wirings to set beside a found one: alike in all but the wiring."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connsearch.analysis.wirings import WiringSampler, pruned_from
from connsearch.errors import RunError, SettingsError
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Peer, Structure
from connsearch.pruning.options import Mode, PruneOptions
from connsearch.pruning.pruner import prune_by


def searched(attention: Attention = Attention.NONE) -> Structure:
    """The starter structure, fully connected, with weights that differ."""
    space = over_connect(load_structure("starter")).with_settings(attention=attention)
    weights = {e: (7 * e.source + 3 * e.target) % 10 / 10 + 0.05 for e in space.edges()}
    if attention is Attention.PEER:
        space = space.with_peers({e: (Peer(0, 0.6), Peer(1, 0.4)) for e in space.edges()})
    return space.with_weights(weights)


def macs(structure: Structure) -> int:
    return cost(structure, num_classes=4, clip=(4, 16, 16)).macs


def peculiar(structure: Structure) -> int:
    """A cost that hardly two wirings share."""
    return sum(7 ** (edge.source % 5) * 3**edge.target for edge in structure.edges())


def lot(
    space: Structure, criterion: str, *, mode: Mode = "pinned", tolerance: float = 0.1
) -> WiringSampler:
    found = prune_by(space, PruneOptions(criterion=criterion, mode=mode))
    return WiringSampler(space, found, mode, macs, tolerance)


@pytest.mark.parametrize("mode", ["pinned", "published"])
@pytest.mark.parametrize("attention", [Attention.NONE, Attention.PEER])
@pytest.mark.parametrize("criterion", ["top_k:2", "threshold:0.5"])
def test_all_but_the_wiring_is_alike(mode: Mode, attention: Attention, criterion: str) -> None:
    given = lot(searched(attention), criterion, mode=mode)
    drawn = given.draw(6, seed=3)
    wirings = [given.found.edges, *(one.edges for one in drawn)]
    assert len(set(wirings)) == 7, "all different"
    cheap = macs(given.found.structure)
    for one in drawn:
        assert len(one.structure.edges()) == len(given.found.structure.edges())
        assert one.node_map == given.found.node_map
        assert one.finals == given.found.finals
        assert abs(macs(one.structure) / cheap - 1) <= 0.1
        assert not one.repairs
        assert one.structure.network == given.found.structure.network


def test_the_seed_decides_and_more_go_on_where_fewer_ended() -> None:
    given = lot(searched(), "threshold:0.5")
    few, many = given.draw(2, seed=0), given.draw(5, seed=0)
    assert [one.edges for one in many[:2]] == [one.edges for one in few]
    other = given.draw(5, seed=1)
    assert not {one.edges for one in other} & {one.edges for one in many}


def test_few_possible_wirings_are_drawn_once_each_with_all_nodes() -> None:
    given = lot(searched(), "top_k:2", tolerance=10)
    drawn = given.draw(25, seed=0)
    assert len({given.found.edges, *(one.edges for one in drawn)}) == 26
    assert all(one.node_map == given.found.node_map for one in drawn)


def test_every_connection_can_be_drawn() -> None:
    given = lot(searched(), "threshold:0.5")
    seen = {edge for one in given.draw(30, seed=0) for edge in one.edges}
    nodes = given.found.node_map
    assert seen == {e for e in given.space.edges() if e.source in nodes and e.target in nodes}


def test_a_narrow_bin_is_kept_by_drawing_again() -> None:
    given = lot(searched(), "threshold:0.5", mode="published", tolerance=0.005)
    target = macs(given.found.structure)
    assert all(abs(macs(o.structure) / target - 1) <= 0.005 for o in given.draw(3, seed=0))
    wide = lot(searched(), "threshold:0.5", mode="published", tolerance=0.5).draw(3, seed=0)
    assert any(abs(macs(o.structure) / target - 1) > 0.005 for o in wide), "or this tests nothing"


def test_what_cannot_be_reached_is_refused_with_what_could() -> None:
    given = replace(lot(searched(), "threshold:0.5"), macs=peculiar, tolerance=1e-6)
    with pytest.raises(SettingsError, match=r"(?s)others cost [\d,]+ to [\d,]+.*macs-tolerance"):
        given.draw(3, seed=0)


def test_a_wiring_that_lost_nothing_has_no_other() -> None:
    with pytest.raises(SettingsError, match="keeps all"):
        lot(searched(), "relative:0.01").draw(1, seed=0)


def test_a_pruned_structure_is_found_again_in_its_space() -> None:
    space = searched(Attention.PEER)
    for mode in ("pinned", "published"):
        found = prune_by(space, PruneOptions(criterion="top_k:2", mode=mode, peers=2))
        again, read = pruned_from(space, found.structure, name="it")
        assert read == mode
        assert (again.edges, again.peers) == (found.edges, found.peers)


def test_what_was_pruned_elsewhere_is_refused() -> None:
    space = searched()
    found = prune_by(space, PruneOptions(criterion="top_k:2")).structure
    other = space.with_weights({edge: 0.9 for edge in space.edges()})
    unknown = replace(found, provenance={})
    for where, smaller in ((other, found), (space, unknown), (space, space)):
        with pytest.raises(RunError, match="it: was not pruned from this search"):
            pruned_from(where, smaller, name="it")
