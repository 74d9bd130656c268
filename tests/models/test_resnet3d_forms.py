"""Forms of 3D residual networks: places of gates, groups, expansion, and what goes together."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.errors import SettingsError
from connsearch.models.document import ModelDocument
from connsearch.models.zoo import MODELS, READERS
from connsearch.models.zoo.resnet3d import ResNet3D, ResNet3DSettings
from connsearch.nn.convolutions3d import MixedByChannel, full
from connsearch.nn.residual3d import BLOCKS_3D, BlockForm
from connsearch.nn.temporal_gate import TemporalGate
from tests.models.test_resnet3d import clips, small

PLACES = ("start", "top", "mid", "end", "res", "final")


class Seen(nn.Module):
    """A gate that keeps what it gets, and lets it through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        self.got = x.detach().clone()
        return x


def what_stands_at(block: Any, x: Tensor) -> dict[str, Tensor]:
    """The features at every place of a block, as the figure of the paper has them."""
    found = {"start": x, "res": block.shortcut(x)}
    y = F.relu(block.norm1(block.conv1(x)))
    if hasattr(block, "conv3"):
        found["top"] = y
        found["mid"] = F.relu(block.norm2(block.conv2(y)))
        found["end"] = block.norm3(block.conv3(found["mid"]))
    else:
        found["top"] = found["mid"] = y
        found["end"] = block.norm2(block.conv2(y))
    return {**found, "final": F.relu(found["end"] + found["res"])}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", BLOCKS_3D)
@pytest.mark.parametrize(("in_width", "stride"), [(8, 1), (8, 2), (6, 1), (6, 2)])
def test_a_gate_gets_what_stands_at_its_place(
    kind: Any, place: Any, in_width: int, stride: int
) -> None:
    """As wide as that is; at ``res`` also where the way past the block is the input itself."""
    form = BlockForm(place=place, base_width=96 if kind == "bottleneck" else 64, make_gate=Seen)
    block: Any = BLOCKS_3D[kind](form, in_width, 8, stride).eval()
    x = torch.rand(2, in_width, 3, 5, 4)
    out, wanted = block(x), what_stands_at(block, x)
    assert torch.equal(block.gate.got, wanted[place])
    assert block.gate.width == wanted[place].shape[1]
    assert torch.equal(out, wanted["final"])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", BLOCKS_3D)
def test_what_a_gate_says_is_what_goes_on(kind: Any, place: Any) -> None:
    class Nothing(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()

        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros_like(x)

    plain: Any = BLOCKS_3D[kind](BlockForm(), 8, 8, 1).eval()
    block: Any = BLOCKS_3D[kind](BlockForm(place=place, make_gate=Nothing), 8, 8, 1).eval()
    block.load_state_dict(plain.state_dict())
    x = torch.rand(1, 8, 3, 4, 4)
    last = "norm3" if kind == "bottleneck" else "norm2"
    zero = torch.zeros_like(x)
    expected = {
        "start": plain(zero),
        "end": F.relu(x),
        "res": F.relu(what_stands_at(plain, x)["end"]),
        "final": zero,
    }
    if place in expected:
        assert torch.equal(block(x), expected[place])
    else:
        assert not torch.equal(block(x), plain(x))
        assert getattr(block, last).training is False


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("block", "convolution"), [("basic", "r2plus1d"), ("bottleneck", "r3d")])
def test_gates_learn_at_every_place_on_maps_of_any_shape(
    block: str, convolution: str, place: str
) -> None:
    """Maps of 1 x n and n x 1 stop the published code; 32 x 48 pixels end as 1 x 2."""
    network = small(block, convolution, place=place)
    for shape in ((2, 4, 32, 48), (1, 20, 65, 16)):
        network.zero_grad()
        network(clips(*shape)).square().sum().backward()
    cells = [m for m in network.modules() if isinstance(m, nn.LSTM)]
    assert len(cells) == 5
    for cell in cells:
        assert cell.num_layers == 2
        assert cell.weight_ih_l0.grad.any()
    assert all(m.place == place for m in network.modules() if hasattr(m, "place"))


def test_gates_keep_the_layout_and_the_type_of_features() -> None:
    network, seen = small(place="final"), list[Tensor]()
    for stage in (network.stage1, network.stage4):
        stage.register_forward_hook(lambda _m, _i, out: seen.append(out))
    network(clips(2, 8, 32, 32))
    with torch.autocast("cpu", torch.bfloat16):
        network(clips(2, 8, 32, 32))
    assert all(t.is_contiguous(memory_format=torch.channels_last_3d) for t in seen)
    assert network.stage1[0].gate.recursion.weight_ih_l0.dtype is torch.float32


def test_first_values_of_recurrent_cells_are_those_of_torch() -> None:
    network = small(place="final", widths=(64, 64, 64, 64))
    for cell in (m for m in network.modules() if isinstance(m, nn.LSTM)):
        for entry in cell.parameters():
            assert float(entry.detach().abs().max()) <= 64**-0.5
            assert float(entry.detach().std()) == pytest.approx(64**-0.5 / 3**0.5, rel=0.1)


def test_a_network_without_gates_has_the_first_values_of_one_that_knows_none() -> None:
    """Gates come after kernels of a block; a plain network draws the numbers it always drew."""
    document = ModelDocument("resnet3d", "r3d_18", {"classes": 3, **OLD})
    torch.manual_seed(5)
    old: Any = READERS["resnet3d"](document)
    torch.manual_seed(5)
    new = ResNet3D(ResNet3DSettings.model_validate(OLD), 3, name="r3d_18")
    assert all(torch.equal(a, b) for a, b in zip(old.parameters(), new.parameters(), strict=True))
    assert [float(p.detach().double().sum()) for p in (old.stem.conv.weight, old.head.weight)] == [
        pytest.approx(FIRST[0], rel=1e-6),
        pytest.approx(FIRST[1], rel=1e-6),
    ]
    assert json.dumps(old.describe().to_json()["settings"]) == json.dumps({"classes": 3, **OLD})


OLD: dict[str, Any] = {
    "block": "basic",
    "convolution": "r3d",
    "depths": [1, 1, 1, 1],
    "widths": [4, 4, 4, 4],
    "stem_pool": True,
    "dropout": 0.0,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}
"""Settings as runs recorded them before there were gates, groups and expansion; in this order."""

FIRST = (-1.5425592444462382, 0.018833052832633257)
"""Sums of their first kernels of stem and classifier."""


@pytest.mark.parametrize(
    "options",
    [
        {"place": "res", "gate_test": {"test": "align", "both": "or", "temperature": "auto"}},
        {"place": "mid", "fusion": "one_plus"},
        {"place": "mid", "gated": True},
        {"expansion": 4, "base_width": 128},
        {"groups": 4, "base_width": 16, "legacy_dense": True},
        {"stem_pool": False},
    ],
)
def test_options_stand_in_the_document_and_build_the_same_network(options: dict[str, Any]) -> None:
    network = small("bottleneck", **options)
    written = json.loads(json.dumps(network.describe().to_json()))
    again: Any = READERS["resnet3d"](ModelDocument.read(written, where="here"))
    assert again.settings == network.settings
    assert {k: written["settings"][k] for k in options if k != "gate_test"} == {
        k: v for k, v in options.items() if k != "gate_test"
    }
    shapes = {n: t.shape for n, t in network.state_dict().items()}
    assert {n: t.shape for n, t in again.state_dict().items()} == shapes
    gates = [m for m in again.modules() if isinstance(m, TemporalGate)]
    assert all(g.gated is options.get("gated", False) for g in gates)
    assert all(g.test == network.settings.gate_test for g in gates)
    assert all(g.fusion == options.get("fusion", "product") for g in gates)
    assert network(clips(2, 2, 16, 16)).shape == (2, 4)


def test_groups_are_those_of_the_second_convolution() -> None:
    for block, base in (("basic", 64), ("bottleneck", 16)):
        for convolution in ("r3d", "r2plus1d"):
            options: dict[str, Any] = {"groups": 4, "base_width": base}
            network = small(block, convolution, **options)
            dense = small(block, convolution, legacy_dense=True, **options)
            for net, groups in ((network, 4), (dense, 1)):
                first: Any = net.stage2[0]
                found = {m.groups for m in first.conv2.modules() if isinstance(m, nn.Conv3d)}
                assert found == {groups}
                others = (first.conv1, first.shortcut)
                assert all(
                    m.groups == 1
                    for part in others
                    for m in part.modules()
                    if isinstance(m, nn.Conv3d)
                )
            sizes = [sum(p.numel() for p in net.parameters()) for net in (network, dense)]
            assert sizes[0] < sizes[1]


def test_a_bottleneck_widens_as_it_is_told() -> None:
    network = small("bottleneck", expansion=4, base_width=128)
    block: Any = network.stage2[1]
    assert block.conv1.weight.shape[:2] == (16, 32)
    assert block.conv2.weight.shape[:2] == (16, 16)
    assert block.conv3.weight.shape[:2] == (32, 16)
    assert network.head.in_features == 64
    assert isinstance(network.stage2[0].shortcut.conv, nn.Conv3d)


@pytest.mark.parametrize("kind", ["r2plus1d", "ir_csn", "ip_csn"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(5, 7, 6), (1, 1, 4)])
def test_every_kind_of_convolution_ends_at_the_size_of_the_whole_one(
    kind: Any, stride: int, size: tuple[int, int, int]
) -> None:
    x = torch.rand(1, 8, *size)
    whole = full("r3d", 8, 8, stride=stride, middle=16)(x)
    other = full(kind, 8, 8, stride=stride, middle=16)
    assert other(x).shape == whole.shape
    if kind != "r2plus1d":
        last = other.depthwise if isinstance(other, MixedByChannel) else other
        assert isinstance(last, nn.Conv3d)
        assert last.groups == 8


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("r3d_18", {"expansion": 4}, "expansion 4: only a bottleneck widens"),
        ("r3d_18", {"base_width": 128}, "base_width 128: only a bottleneck has one"),
        ("r3d_18", {"convolution": "ir_csn"}, "ir_csn: goes with bottlenecks only"),
        ("ir_csn_50", {"groups": 2}, "groups 2: ir_csn has a group for every channel already"),
        ("r3d_18", {"groups": 5}, "groups 5: does not divide every one of the widths"),
        ("r3d_50", {"legacy_dense": True}, "legacy_dense: has no effect"),
        ("r3d_50", {"base_width": 1, "widths": (8, 8, 8, 8)}, "leaves no channel inside"),
        ("r3d_50", {"gated": True}, "gated: this network has no gates; place says"),
        ("r3d_50", {"fusion": "one_plus"}, "fusion one_plus: this network has no gates"),
        ("r3d_50", {"place": "top", "gate_test": {"tests": "x"}}, "gate_test.tests"),
        ("r3d_50", {"place": "top", "gate_test": {"test": "cycel"}}, "'cycel'"),
        ("r3d_50", {"place": "bottom"}, "place: Input should be 'none', 'start', 'top'"),
        ("r3d_50", {"expansoin": 4}, "did you mean 'expansion'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    name: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=f"{name} cannot be built") as caught:
        MODELS[name].build(5, **options)
    assert said in str(caught.value)
    assert "Value error" not in str(caught.value)
