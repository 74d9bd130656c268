"""What a network has learned goes into its structure and comes back out of it."""

from __future__ import annotations

import pytest
import torch

from connsearch.graph.files import load_structure
from connsearch.graph.parse import parse_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import FREE, Attention, NetworkSettings
from connsearch.models.structure import Network
from tests.nn.helpers import CLASSES, clips, fusions_of, network_of, starter


def with_moved_logits(network: Network) -> Network:
    generator = torch.Generator().manual_seed(2)
    for parameter in (*network.connection_parameters(), *network.peer_parameters()):
        parameter.data.normal_(generator=generator)
    return network


def take_over(child: Network, parent: Network) -> None:
    """Loads everything but what the structure carries."""
    carried = ("fusion.logits", "attention.logits", "coefficients")
    state = {n: v for n, v in parent.state_dict().items() if not n.endswith(carried)}
    missing, unexpected = child.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(n.endswith(carried) for n in missing)
    child.eval()


@pytest.mark.parametrize("mode", [Attention.NONE, Attention.STATIC, Attention.SELF])
def test_a_network_of_the_learned_structure_gives_the_same_bits(mode: Attention) -> None:
    parent = with_moved_logits(network_of(over_connect(starter(mode)), learn_connections=True))
    structure = parent.learned_structure()
    assert all(isinstance(w, float) for w in structure.weights().values())
    child = Network(structure, CLASSES, seed=9)
    assert not child.connection_parameters()
    take_over(child, parent)
    streams = clips(structure)
    assert torch.equal(child(streams), parent(streams))


@pytest.mark.parametrize("mode", [Attention.PEER, Attention.FIXED])
def test_learned_peers_round_trip(mode: Attention) -> None:
    parent = with_moved_logits(network_of(starter(), learn_connections=True))
    learned = parent.learned_structure()
    assert all(len(c.peers) > 1 for _, c in learned.connections())
    child = Network(learned.with_settings(attention=mode), CLASSES, seed=9)
    take_over(child, parent)
    streams = clips(learned)
    torch.testing.assert_close(child(streams), parent(streams), rtol=1e-4, atol=1e-5)


def test_a_warm_start_learns_and_starts_where_the_search_ended() -> None:
    parent = with_moved_logits(network_of(starter(), learn_connections=True))
    child = Network(parent.learned_structure(), CLASSES, seed=9, learn_connections=True)
    for edge, logit in child.connection_logits().items():
        torch.testing.assert_close(logit, parent.connection_logits()[edge], rtol=1e-4, atol=1e-4)
    for edge, logits in child.peer_logits().items():
        was = parent.peer_logits()[edge]
        torch.testing.assert_close(logits.softmax(0), was.softmax(0), rtol=1e-4, atol=1e-6)


def test_free_weights_start_undecided_and_learn_in_any_network() -> None:
    network = Network(starter(), CLASSES, seed=0)
    assert set(starter().weights().values()) == {FREE}
    for logit in network.connection_logits().values():
        assert logit.abs() < 0.02 + 1e-6
    assert network.connection_parameters()


def test_a_single_input_without_a_weight_has_coefficient_one() -> None:
    rows = [[-1, 1], [0, [0], 4, 1, 1], [3, [1], 4, 1, 2]]
    settings = NetworkSettings(blocks=(1, 1, 1, 1), inner_widths=(4, 4, 4, 4), stem_total=8)
    network = Network(parse_structure(rows, network=settings), 3, seed=0, learn_connections=True)
    assert network.connection_logits() == {}
    x = torch.rand(1, 8, 2, 8, 8)
    assert torch.equal(fusions_of(network)[1]({0: x}, (2, 8, 8), {}), x)


def test_a_stored_weight_of_a_single_input_is_applied() -> None:
    rows = [[-1, 1], [0, [0], 4, 1, 1], [3, [1], 4, 1, 2]]
    settings = NetworkSettings(blocks=(1, 1, 1, 1), inner_widths=(4, 4, 4, 4), stem_total=8)
    structure = parse_structure(rows, network=settings, connection_weights={"1": [0.25]})
    x = torch.rand(1, 8, 2, 8, 8)
    for learn in (False, True):
        network = Network(structure, 3, seed=0, learn_connections=learn)
        torch.testing.assert_close(fusions_of(network)[1]({0: x}, (2, 8, 8), {}), x * 0.25)


def test_dangling_weights_are_reported_like_any_other() -> None:
    structure = load_structure("assemblenet_plus-50").with_settings(
        blocks=(1, 1, 1, 1), inner_widths=(2, 2, 2, 2)
    )
    assert 9 in {e.target for e in Network(structure, 2, seed=0).connection_logits()}
