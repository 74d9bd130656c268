"""Small networks, clips for them, and the contracts every network keeps.

A contract is a function that returns what breaks it, so that the tests can also run it against a
planted fault and see it caught.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from connsearch.graph.files import load_structure
from connsearch.graph.layers import Gate, weights
from connsearch.graph.spec import FREE, Attention, Edge, Structure
from connsearch.graph.tracing import Traced
from connsearch.models.block_node import BlockNode
from connsearch.models.structure import Network
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.layered import Layered

CLASSES = 5


def starter(attention: Attention = Attention.PEER, **settings: Any) -> Structure:
    """RGB, flow and object stems and two blocks a level; few flow iterations unless told."""
    settings = {"flow_iterations": 3, **settings}
    return load_structure("starter").with_settings(attention=attention, **settings)


def clips(
    structure: Structure, *, count: int = 2, frames: int = 3, size: tuple[int, int] = (32, 32)
) -> dict[str, Tensor]:
    """Returns random streams of a structure, the same ones every time."""
    generator = torch.Generator().manual_seed(7)
    channels = {"rgb": 3, "object": structure.network.object_classes}
    return {
        name: torch.rand(count, width, frames, *size, generator=generator) * 2 - 1
        for name, width in channels.items()
    }


def lively(network: Network) -> Network:
    """Returns the network with every branch heard.

    A new one starts with its residual branches at zero, its gates near .5, and statistics that
    are not those of its clips; here all normalisation is random but tame.
    """
    generator = torch.Generator().manual_seed(11)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.uniform_(0.1, 0.5, generator=generator)
        elif isinstance(module, nn.Linear):
            module.weight.data.normal_(std=0.3, generator=generator)
    network.train()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.momentum = 0.9
        network(clips(network.structure))
    return network.eval()


def network_of(structure: Structure, *, seed: int = 1, **options: Any) -> Network:
    """Returns a small lively network."""
    return lively(Network(structure, CLASSES, seed=seed, **options))


def fusion_of(network: Network, node: int) -> ConnectionFusion:
    """Returns the fusion of a block."""
    block = network.nodes[node]
    assert isinstance(block, BlockNode)
    return block.fusion


def fusions_of(network: Network) -> dict[int, ConnectionFusion]:
    """Returns every block's fusion."""
    return {i: n.fusion for i, n in enumerate(network.nodes) if isinstance(n, BlockNode)}


# Contracts -------------------------------------------------------------------------------------


def unheard_connections(network: Network, streams: Mapping[str, Tensor]) -> set[Edge]:
    """Returns the connections whose source can change without changing the output."""
    before = network(streams).detach()

    def change(edge: Edge) -> Callable[[], Callable[[], None]]:
        return lambda: _disturb(network, edge)

    edges = network.structure.edges()
    return {e for e in edges if not _changes(network, streams, before, change(e))}


def unheard_weights(network: Network, streams: Mapping[str, Tensor]) -> set[Edge]:
    """Returns the connections whose learned weight can change without changing the output."""

    before = network(streams).detach()

    def change(edge: Edge) -> Callable[[], Callable[[], None]]:
        return lambda: _move_weight(network, edge)

    edges = [Edge(s, t) for t, f in fusions_of(network).items() for s in f.learned]
    return {e for e in edges if not _changes(network, streams, before, change(e))}


def unlearnable_connections(network: Network, streams: Mapping[str, Tensor]) -> set[Edge]:
    """Returns the free connections without a parameter, a state entry or a gradient."""
    state = set(network.state_dict())
    _train_once(network, streams)
    found: set[Edge] = set()
    for edge, connection in network.structure.connections():
        if connection.weight != FREE:
            continue
        fusion, name = fusion_of(network, edge.target), f"nodes.{edge.target}.fusion.logits"
        saved = name in state and isinstance(fusion.logits, nn.Parameter)
        if not saved or not _moves(fusion.logits, fusion.learned.index(edge.source)):
            found.add(edge)
    return found


def unlearnable_peers(network: Network, streams: Mapping[str, Tensor]) -> set[Edge]:
    """Returns the connections whose mixture of peers has no parameter, state entry or gradient."""
    state = set(network.state_dict())
    _train_once(network, streams)
    found: set[Edge] = set()
    for edge in network.structure.edges():
        attention: Any = fusion_of(network, edge.target).attention
        logits = getattr(attention, "logits", None)
        learns = isinstance(logits, nn.Parameter)
        saved = f"nodes.{edge.target}.fusion.attention.logits" in state
        if not saved or not learns or not _moves(logits, attention.sources.index(edge.source)):
            found.add(edge)
    return found


def parameters_without_gradient(network: Network, streams: Mapping[str, Tensor]) -> set[str]:
    """Returns the parameters that a training step leaves where they are."""
    _train_once(network, streams)
    return {name for name, p in network.named_parameters() if not _moves(p)}


def _moves(parameter: Tensor | None, row: int | slice = slice(None)) -> bool:
    """Whether a gradient reaches a parameter, or one row of it."""
    if parameter is None or parameter.grad is None:
        return False
    return bool(parameter.grad[row].any())


def _train_once(network: Network, streams: Mapping[str, Tensor]) -> None:
    network.zero_grad()
    network(streams).square().sum().backward()


def _disturb(network: Network, edge: Edge) -> Callable[[], None]:
    """Adds noise to what a connection carries; returns what takes it away again."""

    def hook(_module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        inputs, *rest = given
        noise = torch.rand(inputs[edge.source].shape, generator=torch.Generator().manual_seed(3))
        return ({**inputs, edge.source: inputs[edge.source] + 2 * noise}, *rest)

    return fusion_of(network, edge.target).register_forward_pre_hook(hook).remove


def _move_weight(network: Network, edge: Edge) -> Callable[[], None]:
    """Moves a learned weight; returns what puts it back."""
    fusion = fusion_of(network, edge.target)
    assert fusion.logits is not None
    logits, before = fusion.logits.data, fusion.logits.detach().clone()
    logits[fusion.learned.index(edge.source)] += 2.0

    def back() -> None:
        logits.copy_(before)

    return back


@torch.no_grad()
def _changes(
    network: Network,
    streams: Mapping[str, Tensor],
    before: Tensor,
    change: Callable[[], Callable[[], None]],
) -> bool:
    undo = change()
    after = network(streams)
    undo()
    return not torch.allclose(before, after, rtol=1e-6, atol=1e-8)


def check_counts(layers: Traced, clip: tuple[int, ...]) -> None:
    """Parameters and multiply-accumulates of a list of layers are those of its module."""
    with torch.device("meta"), torch.no_grad():
        module = Layered(layers).eval()
        with FlopCounterMode(display=False) as counter:
            out = module(torch.empty(1, layers.extents[0].width, *clip))
    parameters = macs = 0
    for layer, extent in zip(layers.layers, layers.extents[1:], strict=True):
        size = [-(-clip[0] // extent.temporal_stride) if extent.frames else 1]
        size += [-(-n // extent.stride) if extent.pixels else 1 for n in clip[1:]]
        own, each = weights(layer, extent.width)
        places = size[0] if isinstance(layer, Gate) else math.prod(size)
        parameters, macs = parameters + own, macs + each * places
    assert tuple(out.shape[1:]) == (layers.out.width, *size)
    assert sum(p.numel() for p in module.parameters()) == parameters
    assert counter.get_total_flops() == 2 * macs
