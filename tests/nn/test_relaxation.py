"""What a search does to its logits: colder, with some left out, with the strongest alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from connsearch.graph.spec import Attention
from connsearch.models.structure import Network
from connsearch.nn.relaxation import PUBLISHED, Relaxation, soft_weights, working_weights
from tests.nn.helpers import CLASSES, clips, fusion_of, fusions_of, network_of, starter

LOGITS = st.lists(st.floats(-4, 4), min_size=1, max_size=8).map(torch.tensor)


def searched() -> Network:
    return network_of(starter(Attention.PEER), learn_connections=True)


@given(LOGITS, st.floats(0.05, 1.0))
def test_a_colder_weight_is_farther_from_one_half_on_the_same_side(
    logits: torch.Tensor, temperature: float
) -> None:
    plain, cold = soft_weights(logits), soft_weights(logits, Relaxation(temperature))
    assert torch.equal(plain, logits.double().sigmoid().float())
    assert ((cold - 0.5).abs() >= (plain - 0.5).abs() - 1e-6).all()
    assert (((cold - 0.5) * (plain - 0.5)) >= 0).all()


@given(LOGITS, st.floats(0.01, 1.0))
def test_hard_forward_keeps_the_strongest_and_teaches_all(
    logits: torch.Tensor, share: float
) -> None:
    logits = logits.clone().requires_grad_()
    working = working_weights(logits, Relaxation(hard_share=share), training=True)
    count = max(1, round(share * len(logits)))
    kept = working != 0
    assert int(kept.sum()) == count
    soft = soft_weights(logits.detach())
    assert torch.equal(working[kept], soft[kept])
    assert soft[kept].min() >= (soft[~kept].max() if count < len(logits) else 0)
    working.sum().backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, soft * (1 - soft))


@given(LOGITS, st.floats(0.0, 0.99), st.integers(0, 99))
def test_path_dropout_keeps_one_input_and_the_expected_scale(
    logits: torch.Tensor, chance: float, seed: int
) -> None:
    torch.manual_seed(seed)
    working = working_weights(logits, Relaxation(path_dropout=chance), training=True)
    soft = soft_weights(logits)
    kept = working != 0
    assert kept.any()
    torch.testing.assert_close(working[kept], soft[kept] / (1 - chance))
    still = working_weights(logits, Relaxation(path_dropout=chance), training=False)
    assert torch.equal(still, soft)


def test_the_share_of_connections_left_out_is_the_chance() -> None:
    torch.manual_seed(0)
    relaxation = Relaxation(path_dropout=0.3)
    drawn = [working_weights(torch.zeros(50), relaxation, training=True) for _ in range(200)]
    assert float((torch.stack(drawn) == 0).float().mean()) == pytest.approx(0.3, abs=0.01)


def test_a_network_without_relaxation_computes_as_published() -> None:
    network, streams = searched(), clips(starter())
    with torch.no_grad():
        before = network(streams)
        network.relax(Relaxation(hard_share=1.0))
        assert torch.equal(network(streams), before)
        network.relax(Relaxation(hard_share=0.3))
        assert not torch.equal(network(streams), before)
        network.relax(PUBLISHED)
        assert torch.equal(network(streams), before)


def test_settling_keeps_the_network_and_ends_the_temperature() -> None:
    network, streams = searched(), clips(starter())
    with torch.no_grad():
        for parameter in (*network.connection_parameters(), *network.peer_parameters()):
            parameter.normal_()
        network.relax(Relaxation(temperature=0.25))
        cold, weights = network(streams), network.learned_structure()
        network.settle()
        assert network.relaxation.temperature == 1.0
        torch.testing.assert_close(network(streams), cold)
        settled = network.learned_structure()
    for edge, weight in weights.weights().items():
        assert settled.weights()[edge] == pytest.approx(weight, abs=1e-6)
    peers = {e: c.peers for e, c in weights.connections()}
    for edge, connection in settled.connections():
        for peer, before in zip(connection.peers, peers[edge], strict=True):
            assert peer.coefficient == pytest.approx(before.coefficient, abs=1e-6)


def test_hard_forward_equals_the_masked_network() -> None:
    network = searched()
    streams = clips(starter())
    with torch.no_grad():
        for parameter in network.connection_parameters():
            parameter.normal_()
        network.relax(Relaxation(hard_share=0.5))
        hard = network(streams)
        network.relax(PUBLISHED)
        for fusion in fusions_of(network).values():
            assert fusion.logits is not None
            count = max(1, round(0.5 * len(fusion.learned)))
            kept = fusion.logits.topk(count).indices.tolist()
            fusion.masked = frozenset(fusion.learned[i] for i in kept)
        assert torch.equal(network(streams), hard)


def test_normalised_inputs_make_the_weights_of_a_block_comparable() -> None:
    structure = starter(Attention.NONE, normalise_inputs=True)
    network = Network(structure, CLASSES, seed=0, learn_connections=True).train()
    fusion = fusion_of(network, 5)
    seen: list[torch.Tensor] = []
    for norm in fusion.norms.values():
        norm.register_forward_hook(lambda _m, _i, out: seen.append(out))
    network(clips(structure, count=4))
    assert len(seen) == len(fusion.plan.sources)
    for x in seen:
        spread = x.var((0, 2, 3, 4), correction=0)
        alive = spread > 1e-3  # a channel that is constant has nothing to normalise
        torch.testing.assert_close(
            spread[alive], torch.ones(int(alive.sum())), rtol=0.02, atol=0.02
        )
    names = dict(network.named_parameters())
    assert not any("norms" in name for name in names)
