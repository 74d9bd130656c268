"""Peer attention: each mode, what it hears, what it may not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from connsearch.graph.spec import Attention, Edge, Peer
from connsearch.models.structure import Network
from connsearch.nn.attention import PeerAttention, frame_means
from tests.nn.helpers import CLASSES, clips, fusion_of, fusions_of, network_of, starter


def gates_of(network: Network, streams: dict[str, Tensor]) -> dict[Edge, Tensor]:
    """Returns the gate of every connection in one forward pass."""
    seen: dict[Edge, Tensor] = {}
    hooks: list[Any] = []
    for target, fusion in fusions_of(network).items():
        attention = fusion.attention
        assert attention is not None

        def keep(_module: Any, given: tuple[Any, ...], gate: Tensor, target: int = target) -> None:
            seen[Edge(given[0], target)] = gate

        hooks.append(attention.register_forward_hook(keep))
    network(streams)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("mode", [Attention.STATIC, Attention.SELF, Attention.PEER])
def test_every_connection_has_a_gate_per_clip_channel_and_frame(mode: Attention) -> None:
    network = network_of(starter(mode))
    gates = gates_of(network, clips(network.structure))
    assert set(gates) == set(network.structure.edges())
    for edge, gate in gates.items():
        batch, frames = (1, 1) if mode is Attention.STATIC else (2, 3)
        assert gate.shape == (batch, network.plan.width(edge.source), frames, 1, 1)
        assert gate.dtype == torch.float32
        assert ((gate > 0) & (gate < 1)).all()


@pytest.mark.parametrize("mode", [Attention.SELF, Attention.PEER])
def test_gates_of_a_frame_hear_that_frame_of_stems(mode: Attention) -> None:
    """Peers are pooled per frame: object maps of frame 0 do not gate frame 2."""
    network = network_of(starter(mode))
    streams = clips(network.structure)
    other = {**streams, "object": streams["object"].clone()}
    other["object"][:, :, 0] += 1.0
    before, after = gates_of(network, streams), gates_of(network, other)
    edge = Edge(4, 5)  # object stem into the first block
    assert not torch.allclose(before[edge][:, :, 0], after[edge][:, :, 0])
    torch.testing.assert_close(before[edge][:, :, 1:], after[edge][:, :, 1:])


def test_a_connection_hears_peers_it_is_not_connected_to() -> None:
    network = network_of(starter())
    streams = clips(network.structure)
    assert 3 not in network.structure.block(5).inputs
    gates = gates_of(network, streams)
    moved = {**streams, "flow": torch.rand(2, 2, 3, 32, 32)}
    assert not torch.allclose(gates[Edge(4, 5)], gates_of(network, moved)[Edge(4, 5)])


def test_candidates_are_all_lower_nodes_objects_flow_rgb_then_levels() -> None:
    attention = fusion_of(Network(starter(), CLASSES, seed=0), 7).attention
    assert isinstance(attention, PeerAttention)
    assert attention.candidates == (4, 2, 3, 0, 1, 5, 6)
    assert attention.logits is not None
    assert attention.logits.shape == (3, 7)
    width = max(attention.project[str(n)].in_features for n in attention.candidates)  # type: ignore[type-var]
    assert {m.out_features for m in attention.project.values()} == {width}


def test_mixture_is_the_softmax_of_the_logits() -> None:
    network = network_of(starter())
    attention = fusion_of(network, 7).attention
    assert isinstance(attention, PeerAttention)
    assert attention.logits is not None
    attention.logits.data.normal_()
    means = {n: torch.rand(2, 3, network.plan.width(n)) for n in attention.candidates}
    mixed = attention.mix(means)
    for row, source in enumerate(attention.sources):
        coefficients = attention.logits[row].softmax(0)
        pairs = zip(coefficients, attention.candidates, strict=True)
        expected = sum(c * attention.project[str(n)](means[n]) for c, n in pairs)
        torch.testing.assert_close(mixed[source], expected)


def test_self_gates_come_from_the_weighted_input() -> None:
    network = network_of(starter(Attention.SELF))
    fusion = fusion_of(network, 5)
    x = torch.rand(2, network.plan.width(0), 3, 8, 8)
    attention: Any = fusion.attention
    expected = attention.gates["0"](frame_means(x) * 0.25).sigmoid()
    gate = attention(0, x, torch.tensor(0.25))
    torch.testing.assert_close(gate[..., 0, 0].transpose(1, 2), expected)


def test_fixed_peers_gate_only_the_connections_that_name_them() -> None:
    structure = starter(Attention.FIXED)
    edge = Edge(0, 5)
    named = structure.with_peers({edge: (Peer(3, 1.0),)})
    network = network_of(named)
    streams = clips(structure)
    gates: dict[Edge, Any] = {}
    attention = fusion_of(network, 5).attention
    assert attention is not None
    attention.register_forward_hook(lambda _m, given, y: gates.__setitem__(Edge(given[0], 5), y))
    network(streams)
    assert {e for e, g in gates.items() if g is not None} == {edge}
    plain = network_of(structure)  # nobody names a peer: nothing is gated
    ungated = network_of(starter(Attention.NONE))
    assert set(plain.state_dict()) == set(ungated.state_dict())
    torch.testing.assert_close(plain(streams), ungated(streams))


def test_one_fixed_peer_is_the_soft_mixture_at_its_end() -> None:
    """All of the softmax on one candidate is what fixed mode keeps of it."""
    soft = network_of(starter())
    chosen: dict[Edge, tuple[Peer, ...]] = {}
    for target, fusion in fusions_of(soft).items():
        attention = fusion.attention
        assert isinstance(attention, PeerAttention)
        assert attention.logits is not None
        attention.logits.data.fill_(-100.0)
        attention.logits.data[:, -1] = 100.0
        for source in attention.sources:
            chosen[Edge(source, target)] = (Peer(attention.candidates[-1], 1.0),)
    fixed = network_of(starter(Attention.FIXED).with_peers(chosen))
    state = {n: v for n, v in soft.state_dict().items() if n in fixed.state_dict()}
    missing, _ = fixed.load_state_dict(state, strict=False)
    assert not missing
    streams = clips(soft.structure)
    torch.testing.assert_close(fixed(streams), soft(streams), rtol=1e-4, atol=1e-5)


def test_peer_gradients_reach_the_peers() -> None:
    network = network_of(starter())
    network(clips(network.structure)).square().sum().backward()
    for fusion in fusions_of(network).values():
        attention = fusion.attention
        assert isinstance(attention, PeerAttention)
        for projection in attention.project.values():
            weight: Any = projection.weight
            assert weight.grad is not None
            assert weight.grad.any()
