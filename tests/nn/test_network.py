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
from connsearch.graph.files import load_structure
from connsearch.graph.parse import parse_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import FREE, Attention, Block, NetworkSettings, Peer
from connsearch.nn.network import Network
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
        ("object", (2, 3, 3, 32, 32), "4 channels"),
        ("flow", (2, 3, 3, 32, 32), "2 channels"),
        ("rgb", (2, 3, 0, 32, 32), "none of them 0"),
    ],
)
def test_a_stream_of_another_shape_is_refused(name: str, shape: tuple[int, ...], says: str) -> None:
    message = refusal({**clips(starter()), name: torch.zeros(shape)})
    assert says in message
    assert f"the {name} stream" in message
    assert str(shape) in message


@pytest.mark.parametrize("shape", [(1, 4, 3, 32, 32), (2, 4, 1, 32, 32), (2, 4, 3, 16, 16)])
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

    def watch(index: int, node: nn.Module) -> None:
        node.register_forward_pre_hook(lambda _m, _x: before(index))
        node.register_forward_hook(lambda _m, _x, y: alive.__setitem__(index, weakref.ref(y)))

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


# Learned structure -----------------------------------------------------------------------------


def with_moved_logits(network: Network) -> Network:
    generator = torch.Generator().manual_seed(2)
    for parameter in (*network.connection_parameters(), *network.peer_parameters()):
        parameter.data.normal_(generator=generator)
    return network


def take_over(network: Network, parent: Network) -> None:
    """Loads everything but the logits, which the structure carries."""
    state = {n: v for n, v in parent.state_dict().items() if not n.endswith("logits")}
    missing, unexpected = network.load_state_dict(state, strict=False)
    left = [*missing, *unexpected]
    assert all(n.endswith(("logits", "coefficients")) for n in left)
    network.eval()


@pytest.mark.parametrize("mode", [Attention.NONE, Attention.STATIC, Attention.SELF])
def test_a_network_of_the_learned_structure_gives_the_same_bits(mode: Attention) -> None:
    parent = with_moved_logits(network_of(over_connect(starter(mode)), learn_connections=True))
    structure = parent.learned_structure()
    assert all(isinstance(w, float) for w in structure.weights().values())
    child = Network(structure, CLASSES, seed=9)
    assert not child.connection_parameters()
    with pytest.raises(RuntimeError, match="coefficients"):  # the logits are no coefficients
        child.load_state_dict(parent.state_dict())
    state = {
        n: v
        for n, v in parent.state_dict().items()
        if not n.endswith(("fusion.logits", "coefficients"))
    }
    missing, _ = child.load_state_dict(state, strict=False)
    assert all(n.endswith("coefficients") for n in missing)
    streams = clips(structure)
    assert torch.equal(child.eval()(streams), parent(streams))


@pytest.mark.parametrize("mode", [Attention.PEER, Attention.FIXED])
def test_learned_peers_round_trip(mode: Attention) -> None:
    parent = with_moved_logits(network_of(starter(), learn_connections=True))
    learned = parent.learned_structure()
    assert all(len(c.peers) > 1 for _, c in learned.connections())
    child = Network(learned.with_settings(attention=mode), CLASSES, seed=9)
    state = {n: v for n, v in parent.state_dict().items() if "logits" not in n}
    state = {n: v for n, v in state.items() if not n.endswith("coefficients")}
    missing, unexpected = child.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(n.endswith(("logits", "coefficients")) for n in missing)
    streams = clips(learned)
    torch.testing.assert_close(child.eval()(streams), parent(streams), rtol=1e-4, atol=1e-5)


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
    assert torch.equal(fusions_of(network)[1]({0: x}, (8, 8), {}), x)


def test_a_stored_weight_of_a_single_input_is_applied() -> None:
    rows = [[-1, 1], [0, [0], 4, 1, 1], [3, [1], 4, 1, 2]]
    settings = NetworkSettings(blocks=(1, 1, 1, 1), inner_widths=(4, 4, 4, 4), stem_total=8)
    structure = parse_structure(rows, network=settings, connection_weights={"1": [0.25]})
    x = torch.rand(1, 8, 2, 8, 8)
    for learn in (False, True):
        network = Network(structure, 3, seed=0, learn_connections=learn)
        torch.testing.assert_close(fusions_of(network)[1]({0: x}, (8, 8), {}), x * 0.25)


def test_dangling_weights_are_reported_like_any_other() -> None:
    structure = load_structure("assemblenet_plus-50").with_settings(
        blocks=(1, 1, 1, 1), inner_widths=(2, 2, 2, 2)
    )
    assert 9 in {e.target for e in Network(structure, 2, seed=0).connection_logits()}


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
