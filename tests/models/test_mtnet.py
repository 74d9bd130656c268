"""Networks at two rates as one trains them: small ones, plain and in groups, on tiny clips."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.models.catalogue import create_model, list_models
from connsearch.models.count import count
from connsearch.models.document import ModelDocument
from connsearch.models.export import pt2_runner, to_pt2, write_down
from connsearch.models.export_onnx import onnx_runner, to_onnx
from connsearch.models.zoo import READERS
from connsearch.models.zoo.mtnet import MTNet, MTNetSettings, long_sizes
from connsearch.nn.multi_temporal import GroupNorm, TwoRates
from connsearch.nn.temporal_gate import TemporalGate

GROUPS = [1, 8]


def small(groups: int = 1, *, seed: int = 0, **options: Any) -> MTNet:
    widths = (16, 16, 24, 32) if groups == 1 else (64, 64, 64, 64)
    settings = {"depths": (1, 2, 1, 1), "widths": widths, "groups": groups} | options
    return MTNet(MTNetSettings.model_validate(settings), 4, seed=seed)


def clips(*shape: int) -> dict[str, Tensor]:
    return {"rgb": torch.rand(shape[0], 3, *shape[1:]) * 2 - 1}


@pytest.mark.parametrize("groups", GROUPS)
def test_steps_lower_the_loss_and_reach_every_parameter(groups: int) -> None:
    # With groups of one channel, maps of one number say nothing: the widths leave two in each.
    wide = {} if groups == 1 else {"widths": (64, 64, 128, 128)}
    network, streams, labels = small(groups, **wide), clips(4, 16, 40, 36), torch.arange(4)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    losses: list[float] = []
    for _ in range(3):
        loss = F.cross_entropy(network(streams), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > losses[1] > losses[2]
    still = {n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()}
    # From one frame to the next nothing is handed on where there is one: the short stream of
    # stages 4 (1 frame of 16), the long one of stages 3 and 4.
    one = ("stage4.0.gate.short", "stage3.0.gate.long", "stage4.0.gate.long")
    assert still == {f"{gate}.recursion.weight_hh_l{n}" for gate in one for n in (0, 1)}


SIZES = [(1, 1, 1), (1, 8, 8), (2, 5, 9), (3, 33, 17), (16, 32, 48), (17, 80, 64), (2, 40, 1)]
"""Published: all of these stop with an error."""


@pytest.mark.parametrize(
    ("groups", "shape"), [*((1, shape) for shape in SIZES), *((8, shape) for shape in SIZES[:3])]
)
def test_clips_of_any_length_and_size(groups: int, shape: tuple[int, int, int]) -> None:
    network, streams = small(groups).double(), {"rgb": clips(2, *shape)["rgb"].double()}
    seen: list[TwoRates] = []
    network.stage4.register_forward_hook(lambda _m, _i, out: seen.append(out))
    out = network(streams)
    assert out.shape == (2, 4)
    assert out.isfinite().all()
    out.sum().backward()
    assert tuple(seen[0].long.shape[2:]) == long_sizes(*shape)
    whole = network.eval()(streams)
    alone = torch.cat([network({"rgb": clip[None]}) for clip in streams["rgb"]])
    torch.testing.assert_close(alone, whole, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("shape", [(2, 5, 40, 8), (3, 9, 21, 40)])
def test_gradients_in_channels_last_are_those_of_the_plain_layout(
    groups: int, shape: tuple[int, ...]
) -> None:
    """Short clips end in maps of one row, column or frame, whose strides say nothing."""
    found: list[dict[str, Tensor]] = []
    rgb = clips(*shape)["rgb"].double()
    for layout in (torch.contiguous_format, torch.channels_last_3d):
        network = small(groups).double()
        network.memory_format = layout
        network.to(memory_format=layout)
        network({"rgb": rgb}).square().sum().backward()
        found.append({n: p.grad for n, p in network.named_parameters() if p.grad is not None})
    right, ours = found
    for name, gradient in right.items():
        apart = (ours[name] - gradient).norm() / gradient.norm().clamp_min(1e-9)
        assert float(apart) < 1e-6, f"{name}: {float(apart):.1e}"


@pytest.mark.parametrize("groups", GROUPS)
def test_clips_do_not_see_each_other_and_their_order_does_not_matter(groups: int) -> None:
    network, rgb = small(groups).double().eval(), clips(3, 9, 33, 24)["rgb"].double()
    order = torch.tensor([2, 0, 1])
    out = network({"rgb": rgb})
    close = {"rtol": 1e-9, "atol": 1e-12}
    torch.testing.assert_close(network({"rgb": rgb[order]}), out[order], **close)
    other = torch.cat([rgb[:1], torch.full_like(rgb[1:], 0.3)])
    torch.testing.assert_close(network({"rgb": other})[0], out[0], **close)


def test_a_step_is_the_same_every_time() -> None:
    found: list[list[Tensor]] = []
    for _ in range(2):
        torch.manual_seed(3)
        network = small(8)
        network(clips(2, 9, 24, 33)).square().sum().backward()
        found.append([p.grad for p in network.parameters()] + list(network.buffers()))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("number", [1, 3])
def test_a_group_of_one_number_becomes_the_shift(number: int, layout: torch.memory_format) -> None:
    norm = GroupNorm(8, 8)
    nn.init.normal_(norm.bias)
    nn.init.normal_(norm.weight)
    x = (torch.randn(number, 8, 1, 1, 1) * 100).contiguous(memory_format=layout)
    shift = norm.bias.view(8, 1, 1, 1).expand_as(x)
    assert torch.equal(norm(x.requires_grad_()), shift)
    norm(x).sum().backward()
    assert x.grad is not None
    assert norm.weight.grad is not None
    assert not x.grad.any()
    assert not norm.weight.grad.any()
    for more in ((1, 1, 2), (2, 1, 1)):
        several = torch.randn(2, 8, *more)
        right = F.group_norm(several, 8, norm.weight, norm.bias)
        assert torch.equal(norm(several), right)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("groups", GROUPS)
def test_float32_is_near_float64(groups: int, layout: torch.memory_format) -> None:
    """Clips so small that groups of one number are normalised."""
    network, streams = small(groups).eval(), clips(3, 2, 17, 20)
    network.memory_format = layout
    network.to(memory_format=layout)
    with torch.no_grad():
        ours = network(streams)
        right = network.double()({"rgb": streams["rgb"].double()})
    torch.testing.assert_close(ours.double(), right, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("groups", GROUPS)
def test_bf16_is_near_float32(groups: int) -> None:
    network, streams = small(groups).eval(), clips(2, 8, 40, 33)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rough = network(streams)
    torch.testing.assert_close(rough.float(), network(streams), rtol=0.05, atol=1e-3)


def test_first_values_are_the_published_ones_and_follow_from_the_seed() -> None:
    before = torch.random.get_rng_state()
    one, two, other = small(seed=3), small(seed=3), small(seed=4)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(t, two.state_dict()[n]) for n, t in one.state_dict().items())
    assert not torch.equal(one.head.weight, other.head.weight)
    kernel = one.stage2[1].conv3.short
    fan_out = kernel.out_channels * 27
    assert float(kernel.weight.detach().std()) == pytest.approx((2 / fan_out) ** 0.5, rel=0.1)
    for module in one.modules():
        if isinstance(module, nn.BatchNorm3d):
            assert (module.eps, module.momentum) == (1e-5, 0.1)


@pytest.mark.parametrize(
    ("side", "padded"), [((24, 36), (12, 18)), ((22, 36), (12, 19)), ((23, 35), (12, 18))]
)
def test_a_map_of_odd_size_gets_a_copied_row_and_column(
    side: tuple[int, int], padded: tuple[int, int]
) -> None:
    """As published: both axes, if either is odd (22 pixels leave 11 rows), at the top and left."""
    network, seen = small().eval(), []
    network.pool.register_forward_hook(lambda _m, given, _o: seen.append(given[0]))
    network.stem.register_forward_hook(lambda _m, _g, out: seen.append(out))
    network(clips(1, 4, *side))
    stem, pooled = seen
    assert tuple(pooled.shape[3:]) == padded
    more = [wide - narrow for wide, narrow in zip(padded, stem.shape[3:], strict=True)]
    assert torch.equal(pooled[..., more[0] :, more[1] :], stem)
    if more == [1, 1]:
        assert torch.equal(pooled[..., 0, 1:], stem[..., 0, :])
        assert torch.equal(pooled[..., 1:, 0], stem[..., 0])


def test_one_clip_too_small_to_normalise_is_refused_in_training_only() -> None:
    network = small()
    said = "more --frames than 35; or a --size of more than 68 pixels"
    with pytest.raises(DataError, match=said):
        network(clips(1, 35, 68, 68))
    network(clips(1, 36, 8, 8))
    network(clips(1, 1, 69, 8))
    network(clips(2, 1, 8, 8))
    network.eval()(clips(1, 1, 8, 8))


def test_streams_that_are_none_are_refused() -> None:
    for wrong in ({}, clips(2, 4, 8, 8) | {"rgb": torch.zeros(2, 2, 4, 8, 8)}):
        with pytest.raises(DataError, match="rgb"):
            small()(wrong)


def test_gates_decide_only_where_they_are_asked_to() -> None:
    plain, gated, streams = (
        small(),
        small(gated=True, gate_test={"test": "align"}),
        clips(2, 16, 40, 40),
    )
    assert {type(g.test).__name__ for g in gated.modules() if isinstance(g, TemporalGate)} == {
        "GateTest"
    }
    gated.load_state_dict(plain.state_dict())
    assert not torch.equal(plain.eval()(streams), gated.eval()(streams))
    for gate in gated.modules():
        if isinstance(gate, TemporalGate):
            gate.gated = False
    assert torch.equal(plain(streams), gated(streams))
    document = json.loads(json.dumps(gated.describe().to_json()))
    again: Any = READERS["mtnet"](ModelDocument.read(document, where="here"))
    assert again.settings == gated.settings
    assert (again.settings.gated, again.settings.gate_test.test) == (True, "align")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"widths": (64, 128, 100, 512)}, r"widths: read \(64, 128, 100, 512\); multiples of 8"),
        ({"groups": 8, "widths": (64, 72, 128, 256)}, "multiples of 64: .*8 times narrower"),
        ({"groups": 2}, "groups: Input should be 1 or 8; read: 2"),
        ({"place": "final"}, "place: no setting named 'place'"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        create_model("mtnet_xs", 5, **options)


def test_the_published_spelling_names_the_nearest() -> None:
    for name in ("MTNet_xs_g8", "MTNet_l", "MTNet_xxl"):
        with pytest.raises(UnknownNameError, match=f"did you mean '{name.lower()}'"):
            create_model(name, 5)


PUBLISHED_GMACS = {
    "mtnet_xs": 15.91,
    "mtnet_s": 18.55,
    "mtnet_m": 25.31,
    "mtnet_l": 38.09,
    "mtnet_xl": 53.88,
    "mtnet_xxl": 77.91,
    "mtnet_xs_g8": 6.01,
    "mtnet_s_g8": 6.09,
    "mtnet_m_g8": 6.25,
    "mtnet_l_g8": 6.59,
}
"""Of one clip of 16 frames and 224 x 224 pixels, 400 classes, measured on the published code."""


@pytest.mark.parametrize("names", ["mtnet_s_g8", pytest.param("mtnet_*", marks=pytest.mark.slow)])
def test_every_size_costs_what_the_published_one_does(names: str) -> None:
    listed = {entry.name: entry.macs / 1e9 for entry in list_models(names)}
    wanted = {n: macs for n, macs in PUBLISHED_GMACS.items() if fnmatch(n, names)}
    assert listed == pytest.approx(wanted, rel=1e-3)


def test_recurrent_cells_are_counted() -> None:
    network = small(depths=(1, 1, 1, 1), widths=(8, 8, 8, 8))
    frames = {"short": (8, 4, 2, 1), "long": (4, 2, 1, 1)}
    cells = sum(12 * t * 7**2 for t in frames["short"]) + sum(12 * t for t in frames["long"])
    with_cells = count(network, clips(1, 16, 64, 64)).macs
    for block in (network.stage1[0], network.stage2[0], network.stage3[0], network.stage4[0]):
        block.gate = nn.ModuleDict({"short": nn.Identity(), "long": nn.Identity()})
    assert with_cells - count(network, clips(1, 16, 64, 64)).macs == cells


@pytest.mark.slow
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("clip", [(9, 40, 56), (2, 17, 20)])
def test_programs_compute_what_the_network_does(groups: int, clip: tuple[int, int, int]) -> None:
    """Selected frames too, in torch.export and in onnxruntime, for any number of clips."""
    network = small(groups).eval()
    program = write_down(network, clip)
    runs = pt2_runner(to_pt2(program, {})), onnx_runner(to_onnx(program, {}))
    for number in (1, 3):
        streams = clips(number, *clip)
        with torch.no_grad():
            right = network(streams)
        for run in runs:
            torch.testing.assert_close(run(streams), right, rtol=1e-4, atol=1e-6)
