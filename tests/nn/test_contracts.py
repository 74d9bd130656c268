"""What earlier generations of this code got wrong in silence, as contracts with their faults."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from connsearch.graph import plan as plan_module
from connsearch.graph.files import load_structure
from connsearch.graph.plan import BlockPlan
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Block, Structure
from connsearch.models import block_node as network_module
from connsearch.models.structure import Network
from connsearch.nn import attention as attention_module
from connsearch.nn.attention import PeerAttention
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.layers import pool_to
from tests.nn.helpers import (
    clips,
    fusions_of,
    network_of,
    parameters_without_gradient,
    starter,
    unheard_connections,
    unheard_weights,
    unlearnable_connections,
    unlearnable_peers,
)

MODES = (Attention.NONE, Attention.STATIC, Attention.SELF, Attention.PEER)


@pytest.mark.parametrize("mode", MODES)
def test_every_connection_and_its_weight_change_the_output(mode: Attention) -> None:
    network = network_of(over_connect(starter(mode)))
    streams = clips(network.structure)
    assert unheard_connections(network, streams) == set()
    assert unheard_weights(network, streams) == set()


@pytest.mark.parametrize("mode", MODES)
def test_everything_that_learns_is_saved_and_gets_a_gradient(mode: Attention) -> None:
    network = network_of(starter(mode))
    streams = clips(network.structure)
    assert unlearnable_connections(network, streams) == set()
    assert parameters_without_gradient(network, streams) == set()
    if mode is Attention.PEER:
        assert unlearnable_peers(network, streams) == set()


def test_parameter_groups_name_every_connection_and_peer_logit_once() -> None:
    network = network_of(starter())
    names = {id(p): n for n, p in network.named_parameters()}
    connection = {names[id(p)] for p in network.connection_parameters()}
    peer = {names[id(p)] for p in network.peer_parameters()}
    assert connection == {n for n in names.values() if n.endswith("fusion.logits")}
    assert peer == {n for n in names.values() if n.endswith("attention.logits")}
    assert len(network.connection_logits()) == len(network.structure.edges())
    assert set(network.peer_logits()) == set(network.structure.edges())


# Published weights -----------------------------------------------------------------------------

PUBLISHED = ("assemblenet-50", "assemblenet_plus-50", "assemblenet_plus_lite")


def narrow(structure: Structure) -> Structure:
    """The same wiring and weights with one narrow module a block."""
    nodes = tuple(
        replace(n, filters=(4, 4, 4) if isinstance(n.filters, tuple) else 4)
        if isinstance(n, Block)
        else n
        for n in structure.nodes
    )
    settings = {"blocks": (1, 1, 1, 1), "inner_widths": (4, 4, 4, 4), "head_widths": ()}
    return replace(structure, nodes=nodes).with_settings(**settings)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_reach_the_network_and_stay(name: str) -> None:
    structure = narrow(load_structure(name))
    network = Network(structure, 3, seed=0)
    stored = {e: w for e, w in structure.weights().items() if isinstance(w, float)}
    assert stored
    logits = network.connection_logits()
    assert set(logits) == set(stored)
    for edge, weight in stored.items():
        assert float(logits[edge].sigmoid()) == pytest.approx(weight, rel=1e-6)
    assert network.connection_parameters() == []  # nothing learns
    search = Network(structure, 3, seed=0, learn_connections=True)
    assert len(search.connection_parameters()) == len({e.target for e in stored})
    for edge, logit in search.connection_logits().items():
        torch.testing.assert_close(logit, logits[edge], rtol=1e-5, atol=1e-6)


def test_weights_of_zero_and_one_are_coefficients_or_finite_logits() -> None:
    structure = starter(Attention.NONE)
    first, second = structure.edges()[:2]
    structure = structure.with_weights({first: 0.0, second: 1.0})
    fixed = Network(structure, 3, seed=0)
    weights = fusions_of(fixed)[first.target].weights()
    assert (weights[first.source], weights[second.source]) == (0.0, 1.0)
    search = Network(structure, 3, seed=0, learn_connections=True)
    assert all(logit.isfinite() for logit in search.connection_logits().values())


def test_object_streams_never_set_the_fused_width() -> None:
    wide = starter(Attention.NONE, object_classes=300)
    network = Network(wide, 3, seed=0)
    assert object_widths(network) == []
    assert network(clips(wide)).shape == (2, 3)


def object_widths(network: Network) -> list[int]:
    """Returns the blocks that are as wide as the object stream after fusion."""
    width = network.structure.network.object_classes
    shapes = network.plan.nodes
    return [i for i, s in enumerate(shapes) if isinstance(s, BlockPlan) and s.fused_width == width]


# Planted faults --------------------------------------------------------------------------------


class OnlyTheFirstOfABucket(ConnectionFusion):
    """The TF2 port's fault: a projected bucket hears its first member only."""

    def forward(self, inputs, size, means):  # type: ignore[no-untyped-def]
        weights, total = self.weights(), 0
        for bucket in self.plan.buckets:
            members = bucket.sources[:1] if bucket.project else bucket.sources
            summed = sum(pool_to(inputs[s], size[1:]) * weights[s] for s in members)
            total = total + (self.project[str(bucket.width)](summed) if bucket.project else summed)
        return total


class UnweightedFusion(ConnectionFusion):
    """Weights that are declared and never used."""

    def weights(self) -> dict[int, Tensor]:
        return {s: torch.ones(()) for s in super().weights()}


class DetachedWeights(ConnectionFusion):
    """Weights that are used and never learned."""

    def weights(self) -> dict[int, Tensor]:
        return {s: w.detach() for s, w in super().weights().items()}


class ConstantPeers(PeerAttention):
    """The TF2 port's other fault: mixtures drawn once, no parameter, never saved."""

    def __init__(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        super().__init__(*args, **kwargs)
        constant = self.logits
        assert constant is not None
        self.logits = None
        self._parameters.pop("logits")
        self.logits = constant.detach()


def test_contract_catches_a_bucket_that_hears_its_first_member_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(network_module, "ConnectionFusion", OnlyTheFirstOfABucket)
    network = network_of(over_connect(starter(Attention.NONE)))
    lost = unheard_connections(network, clips(network.structure))
    shapes = network.plan.nodes
    blocks = ((i, s) for i, s in enumerate(shapes) if isinstance(s, BlockPlan))
    expected = {
        (source, i) for i, s in blocks for b in s.buckets if b.project for source in b.sources[1:]
    }
    assert lost == expected != set()


@pytest.mark.parametrize("fault", [UnweightedFusion, DetachedWeights])
def test_contract_catches_weights_that_do_nothing_or_do_not_learn(
    monkeypatch: pytest.MonkeyPatch, fault: type[nn.Module]
) -> None:
    monkeypatch.setattr(network_module, "ConnectionFusion", fault)
    network = network_of(starter(Attention.NONE))
    streams = clips(network.structure)
    everyone = set(network.structure.edges())
    if fault is UnweightedFusion:
        assert unheard_weights(network, streams) == everyone
    assert unlearnable_connections(network, streams) == everyone


def test_contract_catches_peers_that_never_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_module, "PeerAttention", ConstantPeers)
    network = network_of(starter())
    streams = clips(network.structure)
    assert unlearnable_peers(network, streams) == set(network.structure.edges())


def test_contract_catches_an_object_stream_that_sets_the_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_module, "is_object", lambda _shape: False)
    structure = starter(Attention.NONE, object_classes=300)
    readers = [i for i, b in structure.blocks() if 4 in b.inputs]
    assert object_widths(Network(structure, 3, seed=0)) == readers != []
