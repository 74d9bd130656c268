"""The network as a whole: shapes it takes, what it refuses, what it keeps and what it forgets."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from connsearch.errors import DataError
from connsearch.graph.cost import cost
from connsearch.graph.families import FAMILIES
from connsearch.graph.parse import parse_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Block, Peer
from connsearch.models.structure import Network
from tests.nn.helpers import CLASSES, clips, fusions_of, network_of, starter


@pytest.mark.parametrize(
    ("frames", "size"),
    [(1, (32, 32)), (3, (33, 33)), (2, (30, 45)), (2, (17, 64)), (2, (5, 7)), (1, (1, 1))],
)
def test_any_clip_size_works_over_connected(frames: int, size: tuple[int, int]) -> None:
    """Where the published pooling rule does not fit, pooling is adaptive."""
    network = network_of(over_connect(starter()))
    logits = network(clips(network.structure, frames=frames, size=size))
    assert logits.shape == (2, CLASSES)
    assert logits.isfinite().all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(32, 32), (33, 46)])
def test_every_family_builds_with_the_shapes_of_its_plan(
    family: str, size: tuple[int, int]
) -> None:
    filters: Any = (6, 6, 4) if family.endswith("lite") else 4
    rows = [[-1, 2], [-2, 1], [0, [0, 1], filters, 2, 2], [1, [0, 2], filters, 1, 2]]
    rows += [[2, [1, 2, 3], filters, 1, 2], [3, [3, 4], filters, 1, 2]]
    settings = replace(
        FAMILIES[family].defaults,
        blocks=(1, 2, 1, 1),
        inner_widths=(4, 4, 4, 4),
        flow_iterations=2,
        head_widths=(7,),
    )
    structure = parse_structure(rows, family=family, network=settings)
    network = Network(structure, CLASSES, seed=0).eval()
    seen: dict[int, tuple[int, ...]] = {}

    def keep(index: int) -> Any:
        return lambda _module, _given, y: seen.__setitem__(index, tuple(y.shape[1:]))

    for index, node in enumerate(network.nodes):
        node.register_forward_hook(keep(index))
    network(clips(structure, frames=3, size=size))
    rows_of_cost = cost(structure, num_classes=CLASSES, clip=(3, *size)).nodes
    assert seen == {row.index: row.shape for row in rows_of_cost if row.index is not None}


def test_softmax_head_and_dropout_come_from_the_settings() -> None:
    structure = starter(head="softmax", dropout=0.5)
    network = Network(structure, CLASSES, seed=0)
    assert (network.head.pooling, network.head.dropout.p) == ("softmax", 0.5)
    assert network(clips(structure)).shape == (2, CLASSES)


# Refusals --------------------------------------------------------------------------------------


def refusal(streams: dict[str, Tensor]) -> str:
    with pytest.raises(DataError) as error:
        Network(starter(), CLASSES, seed=0)(streams)
    return str(error.value)


def test_a_missing_stream_is_refused_by_name() -> None:
    streams = clips(starter())
    message = refusal({"rgb": streams["rgb"]})
    assert "reads the object stream" in message
    assert "only have: rgb" in message
    assert "nothing" in refusal({})
    assert "reads the rgb stream" in refusal({"object": streams["object"]})


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("rgb", (2, 4, 3, 32, 32), "3 channels"),
        ("rgb", (3, 3, 32, 32), "(clips, 3 channels, frames, height, width)"),
        ("object", (2, 3, 3, 32, 32), "5 channels"),
        ("flow", (2, 3, 3, 32, 32), "2 channels"),
        ("rgb", (2, 3, 0, 32, 32), "none of them 0"),
    ],
)
def test_a_stream_of_another_shape_is_refused(name: str, shape: tuple[int, ...], says: str) -> None:
    message = refusal({**clips(starter()), name: torch.zeros(shape)})
    assert says in message
    assert f"the {name} stream" in message
    assert str(shape) in message


@pytest.mark.parametrize("shape", [(1, 5, 3, 32, 32), (2, 5, 1, 32, 32), (2, 5, 3, 16, 16)])
def test_streams_that_broadcasting_would_hide_are_refused(shape: tuple[int, ...]) -> None:
    message = refusal({**clips(starter()), "object": torch.zeros(shape)})
    assert "same (clips, frames, height, width)" in message
    assert str((shape[0], *shape[2:])) in message


def test_pixels_that_are_no_floating_point_numbers_are_refused() -> None:
    streams = clips(starter())
    message = refusal({**streams, "rgb": streams["rgb"].to(torch.uint8)})
    assert "torch.uint8" in message
    assert "-1..1" in message


# Seeds -----------------------------------------------------------------------------------------


def test_a_seed_decides_the_first_values_and_leaves_the_generator_alone() -> None:
    def state(seed: int | None) -> dict[str, Tensor]:
        return Network(starter(), CLASSES, seed=seed).state_dict()

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, same, other = state(1), state(1), state(2)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    torch.manual_seed(5)
    drawn = state(None)
    assert not torch.equal(torch.rand(3), expected)
    assert any(not torch.equal(first[name], drawn[name]) for name in first)


# Streams are freed -----------------------------------------------------------------------------


@torch.no_grad()
def kept_too_long(network: Network) -> list[tuple[int, int]]:
    """Returns (node, later node): features still there when nobody will read them again."""
    alive: dict[int, weakref.ref[Tensor]] = {}
    found: list[tuple[int, int]] = []
    readers = {
        index: [t for t, block in network.structure.blocks() if index in block.inputs]
        for index in range(len(network.nodes))
    }

    def before(index: int) -> None:
        for node, ref in alive.items():
            done = node not in network.plan.finals and all(r < index for r in readers[node])
            if done and ref() is not None:
                found.append((node, index))

    def remember(index: int) -> Any:
        return lambda _module, _given, y: alive.__setitem__(index, weakref.ref(y))

    def watch(index: int, node: nn.Module) -> None:
        node.register_forward_pre_hook(lambda _m, _x: before(index))
        node.register_forward_hook(remember(index))

    for index, node in enumerate(network.nodes):
        watch(index, node)
    network.head.register_forward_pre_hook(lambda _m, _x: before(len(network.nodes)))
    network(clips(network.structure))
    return found


@pytest.mark.parametrize("mode", [Attention.NONE, Attention.SELF, Attention.PEER])
def test_streams_are_freed_after_their_last_consumer(mode: Attention) -> None:
    assert kept_too_long(network_of(starter(mode))) == []


def test_keeping_every_stream_is_seen() -> None:
    network = network_of(starter())
    network._last_use = {}  # pyright: ignore[reportPrivateUsage]
    assert kept_too_long(network) != []


def test_a_dangling_node_is_freed_at_once_and_still_a_peer() -> None:
    """Node 5 feeds nobody: as node 9 of AssembleNet++-50."""
    rows = [[-1, 1], [-3, 1], [0, [0, 1], 4, 1, 1], [0, [0, 1], 4, 1, 1], [1, [2, 3], 4, 1, 2]]
    rows += [[1, [2], 4, 1, 2], [3, [4], 4, 1, 2]]
    structure = parse_structure(rows, family="assemblenet_plus", network=starter().network)
    network = network_of(structure)
    assert kept_too_long(network) == []
    before = network(clips(structure))
    node: Any = network.nodes[5]
    node.residual[0].bn3.bias.data += 5.0
    assert not torch.allclose(network(clips(structure)), before)


# Precision and layout --------------------------------------------------------------------------


def test_channels_last_equals_contiguous() -> None:
    structure = starter()
    last = network_of(structure)
    plain = network_of(structure, memory_format=torch.contiguous_format)
    streams = clips(structure)
    torch.testing.assert_close(last(streams), plain(streams), rtol=1e-3, atol=1e-4)
    layout = [m.weight for m in last.modules() if isinstance(m, nn.Conv3d)]
    assert all(w.is_contiguous(memory_format=torch.channels_last_3d) for w in layout)


@pytest.mark.parametrize("mode", [Attention.NONE, Attention.SELF, Attention.PEER])
def test_bf16_autocast_stays_close(mode: Attention) -> None:
    network = network_of(starter(mode))
    streams = clips(network.structure)
    with torch.no_grad():
        exact = network(streams)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(streams)
    assert float((rough.float() - exact).norm() / exact.norm()) < 0.05


def test_training_under_autocast_keeps_float32_weights_and_gradients() -> None:
    network = network_of(starter()).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = network(clips(network.structure)).float().square().sum()
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.dtype == torch.float32, name
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_pinned_block_of_a_fixed_structure_needs_only_its_named_peers() -> None:
    structure = starter(Attention.FIXED)
    edge = structure.edges()[0]
    structure = structure.with_peers({edge: (Peer(2, 0.7), Peer(4, 0.3))})
    network = Network(structure, CLASSES, seed=0)
    assert [i for i, f in fusions_of(network).items() if f.attention is not None] == [edge.target]
    assert set(fusions_of(network)[edge.target].attention.project) == {"2", "4"}  # type: ignore[union-attr,arg-type]
    assert isinstance(structure.nodes[edge.target], Block)
    assert network(clips(structure)).shape == (2, CLASSES)
