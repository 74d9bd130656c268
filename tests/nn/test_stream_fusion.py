"""Streams of anybody's network: every promise of the network's own fusion, on any axes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError, UnknownNameError, UserError
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention
from connsearch.nn.attention import PeerAttention, frame_means
from connsearch.nn.modules import StreamFusion
from tests.nn.helpers import fusions_of, network_of, starter

MODES = ("none", "static", "self", "peer")
AXES = {2: (), 3: (5,), 4: (6, 6), 5: (3, 6, 6)}
WIDTHS = {"rgb": 6, "flow": 4, "sound": 4}


def features(
    widths: dict[str, int], axes: tuple[int, ...], *, seed: int = 0, clips: int = 2
) -> dict[str, Tensor]:
    """Returns random streams, the same every time."""
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.rand(clips, w, *axes, generator=generator) * 2 - 1 for n, w in widths.items()}


def lively(module: StreamFusion, seed: int = 0) -> StreamFusion:
    """Returns the module with every gate and weight away from where it starts."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data.normal_(std=0.5, generator=generator)
    return module


def fusion_of(mode: str, *, extra_peer: bool = False, **settings: Any) -> StreamFusion:
    """Returns a lively fusion of three streams; an object stream may gate beside them."""
    peers = {**WIDTHS, "objects": 5} if extra_peer else None
    return lively(StreamFusion(WIDTHS, 6, attention=mode, peers=peers, **settings))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rank", AXES)
def test_every_layout_comes_out_as_it_went_in(mode: str, rank: int) -> None:
    fused = fusion_of(mode)(features(WIDTHS, AXES[rank]))
    assert fused.shape == (2, 6, *AXES[rank])
    assert fused.dtype == torch.float32


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rank", AXES)
def test_every_declared_stream_and_peer_changes_the_output(mode: str, rank: int) -> None:
    extra = mode == "peer"
    module, streams = fusion_of(mode, extra_peer=extra), features(WIDTHS, AXES[rank])
    peers = features({"objects": 5}, (7,), seed=4) if extra else {}
    before = module(streams, peers)
    for name in WIDTHS:
        moved = {**streams, name: streams[name] + torch.rand(streams[name].shape)}
        assert not torch.allclose(module(moved, peers), before), name
    for name in peers:
        assert not torch.allclose(module(streams, {name: -peers[name]}), before), name


@pytest.mark.parametrize("mode", MODES)
def test_all_that_learns_is_a_parameter_with_a_state_and_a_gradient(mode: str) -> None:
    module = fusion_of(mode)
    module(features(WIDTHS, (3, 6, 6))).square().sum().backward()
    state = module.state_dict()
    assert isinstance(module.logits, nn.Parameter)
    assert state["fusion.logits"].shape == (3,)
    for name, parameter in module.named_parameters():
        assert name in state
        assert parameter.grad is not None, name
        rows = parameter.grad if "logits" in name else parameter.grad.flatten()[None]
        assert all(row.any() for row in rows), name
    if mode == "peer":
        assert state["fusion.attention.logits"].shape == (3, 3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rank", AXES)
def test_gradients_are_those_of_the_function(mode: str, rank: int) -> None:
    """Gates are float32 by design, also in a double network: the steps must be seen in them."""
    module = fusion_of(mode).double()
    streams = features(WIDTHS, tuple(2 for _ in AXES[rank]))
    inputs = [x.double().requires_grad_() for x in streams.values()]

    def function(*given: Tensor) -> Tensor:
        return module(dict(zip(WIDTHS, given, strict=True)))

    assert torch.autograd.gradcheck(function, inputs, eps=1e-3, atol=2e-3, rtol=1e-2)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_weights_are_those_of_the_function(mode: str) -> None:
    module = fusion_of(mode)
    streams = {n: x.double() for n, x in features(WIDTHS, (2, 3, 3)).items()}
    module = module.double()
    names = [n for n, _ in module.named_parameters()]
    values = [p.detach().clone().requires_grad_() for p in module.parameters()]

    def function(*given: Tensor) -> Tensor:
        state = dict(zip(names, given, strict=True))
        fused = torch.func.functional_call(module, state, (streams,))
        assert isinstance(fused, Tensor)
        return fused.sum((2, 3, 4))

    assert torch.autograd.gradcheck(function, values, eps=1e-2, atol=1e-2, rtol=1e-2)


@settings(max_examples=25, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    node=st.sampled_from([5, 7, 9, 11]),
    seed=st.integers(0, 99),
    sizes=st.lists(st.sampled_from([4, 7, 8]), min_size=14, max_size=14),
)
def test_it_is_the_fusion_of_the_searched_networks(
    mode: str, node: int, seed: int, sizes: list[int]
) -> None:
    network = network_of(over_connect(starter(Attention(mode))), learn_connections=True)
    core = fusions_of(network)[node]
    candidates = core.plan.candidates
    generator = torch.Generator().manual_seed(seed)
    for parameter in core.parameters():
        parameter.data.normal_(std=0.5, generator=generator)
    widths = {str(n): network.plan.width(n) for n in {*core.plan.sources, *candidates}}
    mine = StreamFusion(
        {str(s): widths[str(s)] for s in core.plan.sources},
        core.plan.fused_width,
        attention=mode,
        peers={str(n): widths[str(n)] for n in candidates} if mode == "peer" else None,
        attention_width=core.plan.attention_width,
    )
    take_over(mine, core)
    mine.eval(), core.eval()  # a training step takes its gates together, rounded in another way
    given = {
        n: torch.rand(2, w, 3, size, size, generator=generator)
        for (n, w), size in zip(widths.items(), sizes, strict=False)
    }
    size = min(given[str(s)].shape[-1] for s in core.plan.sources)
    means = {int(n): frame_means(x) for n, x in given.items()}
    expected = core({int(n): x for n, x in given.items()}, (3, size, size), means)
    peers = {n: x for n, x in given.items() if n in mine.peers and n not in mine.widths}
    result = mine({n: given[n] for n in mine.widths}, peers)
    if len(core.plan.buckets) < 3:  # the order of more sums is the widest first here
        assert torch.equal(result, expected)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


def take_over(mine: StreamFusion, core: nn.Module) -> None:
    """Gives the plain module the tensors of a network's fusion, whose nodes have other numbers."""
    names = dict.fromkeys([*mine.widths, *mine.peers])
    node = {str(number): name for number, name in enumerate(names)}
    theirs = core.state_dict()

    def there(name: str) -> str:
        parts = name.split(".")[1:]
        if parts[0] == "attention" and parts[1] in ("gates", "project"):
            parts[2] = node[parts[2]]
        return ".".join(parts)

    mine.load_state_dict({name: theirs[there(name)] for name in mine.state_dict()})


@pytest.mark.parametrize("seed", range(20))
def test_no_bit_depends_on_where_in_memory_a_mixture_starts(seed: int) -> None:
    """The second of two mixtures of 50 numbers does not start on a multiple of 16 bytes."""
    widths = {"small": 3, "wide": 5}
    module = lively(StreamFusion(widths, 6, attention="peer"), seed).eval()
    streams = features(widths, AXES[3], seed=seed)
    module(streams)
    module.mask({"wide"})
    alone = module.keep({"wide"}).eval()
    found = alone({"wide": streams["wide"]}, {"small": streams["small"]})
    assert torch.equal(found, module(streams))


@settings(max_examples=40, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    rank=st.sampled_from(sorted(AXES)),
    widths=st.lists(st.sampled_from([3, 4, 5, 6, 8]), min_size=2, max_size=6),
    data=st.data(),
)
def test_the_smaller_module_is_the_masked_one_bit_for_bit(
    mode: str, rank: int, widths: list[int], data: st.DataObject
) -> None:
    names = {f"s{i}": w for i, w in enumerate(widths)}
    kept = data.draw(st.sets(st.sampled_from(sorted(names)), min_size=1))
    alive = data.draw(st.none() | st.sets(st.sampled_from(sorted(names)), min_size=1))
    alive = alive if mode == "peer" else None
    learn = data.draw(st.booleans())
    weights = {n: 0.25 for n in list(names)[::2]}
    module = StreamFusion(names, 6, attention=mode, weights=weights, learn=learn)
    lively(module).eval()
    streams = features(names, AXES[rank], seed=data.draw(st.integers(0, 9)))
    module(streams)
    module.mask(kept, peers=alive)
    masked = module(streams)
    small = module.keep(kept, peers=alive).eval()
    assert list(small.widths) == [n for n in names if n in kept]
    heard = {n: streams[n] for n in small.peers if n not in kept}
    found = small({n: streams[n] for n in kept}, heard)
    assert (found - masked).abs().max() == 0.0
    module.mask(None)
    weights_before = module.weights()
    assert all(torch.equal(w, weights_before[n]) for n, w in small.weights().items())


def test_losing_the_first_of_its_width_leaves_the_order_of_sums() -> None:
    """Three widths: floating-point sums depend on which of them comes first."""
    names = {"a": 3, "b": 4, "c": 5, "d": 3}
    module, streams = lively(StreamFusion(names, 6)), features(names, (6, 6))
    module(streams)
    module.mask(["b", "c", "d"])
    masked = module(streams)
    small = module.keep(["b", "c", "d"])
    assert torch.equal(small({n: streams[n] for n in "bcd"}), masked)


def test_a_mask_can_be_lifted() -> None:
    module, streams = fusion_of("peer"), features(WIDTHS, (6, 6))
    before = module(streams)
    module.mask(["rgb"], peers=["flow"])
    assert not torch.allclose(module(streams), before)
    module.mask(None)
    assert torch.equal(module(streams), before)


def test_the_kept_module_has_the_precision_of_its_parent() -> None:
    small = fusion_of("peer", extra_peer=True).double().keep(["rgb", "sound"], size=(2, 2))
    assert {p.dtype for p in small.parameters()} == {torch.float64}
    assert small.peers == {**WIDTHS, "objects": 5}
    assert all(p.requires_grad for p in small.parameters())


def test_weights_are_the_sigmoid_by_name() -> None:
    module = fusion_of("none")
    assert module.logits is not None
    expected = module.logits.detach().sigmoid()
    for index, name in enumerate(WIDTHS):
        torch.testing.assert_close(module.weights()[name].detach(), expected[index])


def test_weights_start_where_they_are_told_and_stay_if_they_do_not_learn() -> None:
    learns = StreamFusion(WIDTHS, 6, weights={"flow": 0.9})
    assert learns.weights()["flow"].item() == pytest.approx(0.9)
    assert learns.weights()["rgb"].item() == pytest.approx(0.5, abs=0.01)
    stays = StreamFusion(WIDTHS, 6, weights={"flow": 0.25}, learn=False)
    assert stays.logits is None
    assert {n: w.item() for n, w in stays.weights().items()} == {"rgb": 1, "flow": 0.25, "sound": 1}
    x = torch.rand(2, 6, 4, 4)
    one = StreamFusion({"rgb": 6, "flow": 6}, 6, weights={"flow": 0.25}, learn=False)
    torch.testing.assert_close(one({"rgb": x, "flow": x}), 1.25 * x)


def test_peer_coefficients_add_up_to_one_and_name_who_is_heard() -> None:
    module = fusion_of("peer", extra_peer=True)
    table = module.coefficients()
    assert list(table) == list(WIDTHS)
    for row in table.values():
        assert list(row) == [*WIDTHS, "objects"]
        assert sum(c.item() for c in row.values()) == pytest.approx(1)
    module.mask(list(WIDTHS), peers=["objects"])
    assert module.coefficients()["rgb"]["objects"].item() == 1
    with pytest.raises(SettingsError, match="only 'peer' has coefficients"):
        fusion_of("self").coefficients()


def test_gates_are_per_frame() -> None:
    """What a peer does in the last frame gates the last frame only."""
    module = fusion_of("peer", extra_peer=True)
    streams = features(WIDTHS, (3, 6, 6))
    peers = features({"objects": 5}, (3, 8, 8))
    before = module(streams, peers)
    peers["objects"][:, :, 2] += 1
    after = module(streams, peers)
    assert torch.equal(before[:, :, :2], after[:, :, :2])
    assert not torch.allclose(before[:, :, 2], after[:, :, 2])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [(None, (3, 4, 5)), ("rgb", (6, 8, 8)), ((2, 7, 9), (2, 7, 9))],
)
def test_streams_of_other_sizes_are_pooled_to_the_rule(
    rule: Any, expected: tuple[int, ...]
) -> None:
    module = StreamFusion({"rgb": 6, "flow": 6}, 6, size=rule, learn=False)
    rgb, flow = torch.rand(2, 6, 6, 8, 8), torch.rand(2, 6, 3, 4, 5)
    fused = module({"rgb": rgb, "flow": flow})
    assert fused.shape[2:] == expected
    pool = torch.nn.functional.adaptive_max_pool3d
    if rule is None:  # every window is adaptive: the published rule wants one ratio on both axes
        torch.testing.assert_close(fused, pool(rgb, expected) + flow)


def test_the_published_pooling_is_used_where_it_fits() -> None:
    module = StreamFusion({"rgb": 6, "flow": 6}, 6, learn=False)
    rgb, flow = torch.rand(2, 6, 15, 15), torch.zeros(2, 6, 8, 8)
    pooled = torch.nn.functional.max_pool2d(rgb, 2, 2, ceil_mode=True)
    assert torch.equal(module({"rgb": rgb, "flow": flow}), pooled)


def test_a_network_trains_under_autocast() -> None:
    module = fusion_of("peer")
    with torch.autocast("cpu", torch.bfloat16):
        module(features(WIDTHS, (6, 6))).float().square().sum().backward()
    assert module.logits is not None
    assert module.logits.grad is not None
    assert module.logits.grad.all()


def test_one_core_is_inside() -> None:
    assert isinstance(fusion_of("peer").fusion.attention, PeerAttention)


# Errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "kind", "says"),
    [
        ({"widths": {}}, SettingsError, "no stream is declared"),
        ({"widths": {"rgb": 0}}, SettingsError, "'rgb': got 0 channels"),
        ({"width": 0}, SettingsError, "'width': got 0 channels"),
        ({"attention": "pear"}, UnknownNameError, "did you mean 'peer'.*none, peer, self, static"),
        ({"attention": "fixed"}, UnknownNameError, "no attention mode named 'fixed'"),
        ({"peers": {"x": 2}}, SettingsError, "must be 'peer', not"),
        ({"attention": "peer", "peers": {}}, SettingsError, "no peer is declared"),
        ({"attention": "peer", "peers": {"rgb": 7}}, SettingsError, "of that name has 6"),
        ({"weights": {"rbg": 0.5}}, UnknownNameError, "did you mean 'rgb'"),
        ({"weights": {"rgb": 1.5}}, SettingsError, r"'rgb': got 1.5; allowed: 0 to 1"),
        ({"size": "rbg"}, UnknownNameError, "did you mean 'rgb'"),
        ({"size": (0, 3)}, SettingsError, r"got \(0, 3\); .*at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    settings: dict[str, Any], kind: type[UserError], says: str
) -> None:
    arguments: dict[str, Any] = {"widths": WIDTHS, "width": 6, **settings}
    with pytest.raises(kind, match=says):
        StreamFusion(**arguments)


def without(name: str) -> dict[str, Tensor]:
    return {n: x for n, x in features(WIDTHS, (6, 6)).items() if n != name}


@pytest.mark.parametrize(
    ("streams", "kind", "says"),
    [
        ({"flwo": torch.rand(2, 4, 6, 6)}, UnknownNameError, "'flwo', did you mean 'flow'"),
        ({"flow": torch.rand(2, 5, 6, 6)}, DataError, "'flow': .* 5 channels; declared: 4"),
        ({"flow": torch.rand(2, 4, 6)}, DataError, "same axes and clips.*\n  cure: pool"),
        ({"flow": torch.rand(3, 4, 6, 6)}, DataError, "same axes and clips"),
        ({"flow": torch.rand(2)}, DataError, "must be one of .*audio"),
        ({"flow": torch.rand(2, 4, 0, 6)}, DataError, "without axes of size 0"),
        ({"flow": torch.zeros(2, 4, 6, 6).int()}, DataError, "floating point"),
    ],
)
def test_streams_that_do_not_fit_are_refused(
    streams: dict[str, Tensor], kind: type[UserError], says: str
) -> None:
    with pytest.raises(kind, match=says):
        fusion_of("none")({**without("flow"), **streams})


def test_what_is_declared_and_missing_is_named() -> None:
    with pytest.raises(DataError, match=r"stream 'flow'.*not given; got: rgb"):
        fusion_of("none")(without("flow"))
    module, streams = fusion_of("peer", extra_peer=True), features(WIDTHS, (6, 6))
    with pytest.raises(DataError, match=r"peer 'objects'.*not given"):
        module(streams)
    with pytest.raises(DataError, match="5 clips; the streams have 2"):
        module(streams, {"objects": torch.rand(5, 5)})
    with pytest.raises(UnknownNameError, match="no peer named 'rgb'"):
        module(streams, {"objects": torch.rand(2, 5), "rgb": streams["rgb"]})
    with pytest.raises(DataError, match=r"size of the result is \(4,\).* 2 axes"):
        fusion_of("none", size=(4,))(streams)


def test_what_cannot_be_kept_is_refused() -> None:
    module = fusion_of("none")
    with pytest.raises(UnknownNameError, match="did you mean 'sound'"):
        module.keep(["sond"])
    with pytest.raises(SettingsError, match="no stream is left"):
        module.mask([])
    with pytest.raises(SettingsError, match=r"smallest stream.*\n  cure: run the module once"):
        module.keep(["rgb"])
    streams = features(WIDTHS, (6, 6))
    module({**streams, "flow": torch.rand(2, 4, 3, 3)})
    with pytest.raises(SettingsError, match=r"grow from \(1, 3, 3\) to \(1, 6, 6\)\n  cure"):
        module.keep(["rgb", "sound"])
    assert module.keep(["rgb", "flow"]).size is None
    small = module.keep(["rgb", "sound"], size=(3, 3))
    assert small({n: streams[n] for n in ("rgb", "sound")}).shape == (2, 6, 3, 3)
    with pytest.raises(SettingsError, match="that of 'flow', which is dropped"):
        fusion_of("none", size="flow").keep(["rgb"])
    with pytest.raises(SettingsError, match="no peer is left"):
        fusion_of("peer").mask(["rgb"], peers=[])
