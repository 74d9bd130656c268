"""A module from a list of layers computes what its layers say."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from connsearch.graph.layers import (
    INPUT,
    Activation,
    Convolution,
    Layer,
    Norm,
    Pool,
    Product,
    Recurrent,
    Sum,
)
from connsearch.graph.tracing import traced
from connsearch.nn.layered import Layered
from tests.nn.helpers import check_counts

EVERYTHING: list[Layer] = [
    Convolution("apart", 4, 4, 3, 3, stride=2, dilation=2, groups=4, bias=True),
    Norm("bn"),
    Activation("silu", "value"),
    Pool("average", name="mean"),
    Recurrent("lstm", 4, 6),
    Activation("tanh"),
    Recurrent("gru", 6, 4, "gru"),
    Activation("sigmoid", "gate"),
    Product(("value", "gate"), "gated"),
    Convolution("even", 4, 4, spatial=2, stride=1, same=True),
    Pool("max", frames="all"),
    Activation("gelu", "clip"),
    Product(("gated", "clip")),
    Pool(window=3, stride=2, name="out"),
    Convolution("shortcut", 4, 4, stride=4, reads=INPUT),
    Sum(("out", "shortcut")),
]


def test_every_kind_of_layer_counts_what_torch_counts() -> None:
    check_counts(traced(EVERYTHING, 4), (3, 9, 6))


def test_every_layer_is_computed_as_written() -> None:
    module, x = Layered(traced(EVERYTHING, 4)), torch.rand(2, 4, 5, 9, 8)
    parts = dict(module.named_children())
    value = F.silu(parts["bn"](parts["apart"](x)))
    states = value.mean((3, 4)).transpose(1, 2)  # (B, T, C)
    states = torch.tanh(parts["lstm"].cell(states)[0])
    gate = torch.sigmoid(parts["gru"].cell(states)[0]).transpose(1, 2)[..., None, None]
    gated = value * gate
    even = F.conv3d(F.pad(gated, (0, 1, 0, 1)), parts["even"].weight)
    gated = gated * F.gelu(even.amax((2, 3, 4), keepdim=True))
    wanted = F.max_pool3d(F.pad(gated, (0, 1, 1, 1), value=float("-inf")), (1, 3, 3), (1, 2, 2))
    wanted = wanted + parts["shortcut"](x)
    module.train()
    torch.testing.assert_close(module(x), wanted)
    assert wanted.shape == (2, 4, 5, 3, 2)


def test_channels_of_groups_do_not_see_each_other() -> None:
    module = Layered(traced([Convolution("conv", 4, 8, 3, 3, groups=4)], 4))
    x = torch.rand(1, 4, 3, 5, 5)
    moved = x.clone()
    moved[:, 1] += 1
    change = (module(moved) - module(x)).abs().amax((0, 2, 3, 4))
    assert change.nonzero().flatten().tolist() == [2, 3]


def test_first_values_of_groups_are_scaled_to_what_they_read() -> None:
    module = Layered(traced([Convolution("conv", 256, 256, spatial=3, groups=256)], 256))
    weight = module.get_parameter("conv.weight").detach()
    assert float(weight.std()) == pytest.approx(1 / 3, rel=0.05)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_recurrence_goes_forward_in_time_at_every_pixel_by_itself(cell: str) -> None:
    module = Layered(traced([Recurrent("cell", 3, 5, cell)], 3))  # type: ignore[arg-type]
    x = torch.rand(2, 3, 6, 2, 3)
    moved = x.clone()
    moved[1, :, 3, 1, 2] += 1
    change = (module(moved) - module(x)).abs().amax(1)
    assert {tuple(place) for place in change.nonzero().tolist()} == {
        (1, frame, 1, 2) for frame in (3, 4, 5)
    }


def test_results_nobody_reads_again_are_freed() -> None:
    layers: list[Layer] = [Activation(name=f"a{n}") for n in range(4)]
    module = Layered(traced([*layers, Sum(("a3", INPUT))], 2))
    assert [sorted(done) for done in module._done] == [[], [1], [2], [3], [0, 4]]
