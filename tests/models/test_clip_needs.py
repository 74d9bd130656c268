"""How small feature maps become: by arithmetic for structures, by computing for all else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from connsearch.graph.files import load_structure, structure_names
from connsearch.models.catalogue import create_model
from connsearch.models.clip_needs import computes_flow, fewest_pixels, largest_stride
from connsearch.models.model import Model, Wrapped
from connsearch.models.structure import Network


def clip(size: int, frames: int = 4) -> dict[str, Tensor]:
    return {"rgb": torch.empty(1, 3, frames, size, size, device="meta")}


class Counted(nn.Module):
    """Asks for a number on its way, which a network without numbers has not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        found = self.conv(x)
        return found if found.sum().item() > 0 else -found


def test_the_maps_of_a_network_of_the_zoo_are_measured() -> None:
    with torch.device("meta"):
        model = create_model("r3d_18", 3)
    found = {size: fewest_pixels(model, clip(size, 16)) for size in (32, 33, 112, 224)}
    assert found == {32: 1, 33: 2, 112: 4, 224: 7}


@pytest.mark.parametrize("name", ["starter_rgb_flow", "assemblenet_plus_lite"])
def test_the_stride_of_a_structure_is_that_of_its_smallest_map(name: str) -> None:
    with torch.device("meta"):
        network = Network(load_structure(name), 3)
    shapes: list[int] = []
    for module in network.modules():
        if isinstance(module, nn.Conv3d) and max(module.kernel_size[-2:]) > 1:
            module.register_forward_hook(lambda _, __, out: shapes.append(out.shape[-1]))
    with torch.no_grad():
        network.eval()(clip(96, 2))
    assert (
        fewest_pixels(network, clip(96))
        == min(shapes)
        == -(-96 // largest_stride(network.structure))
    )


def test_whole_frames_are_no_maps_and_what_cannot_be_told_is_not() -> None:
    pooled = nn.Sequential(nn.Conv3d(3, 4, 3), nn.AdaptiveAvgPool3d(1), nn.Conv3d(4, 2, 1))
    assert fewest_pixels(Wrapped(pooled), clip(16)) == 14
    assert fewest_pixels(Wrapped(nn.Flatten()), clip(16)) is None
    assert fewest_pixels(Wrapped(Counted()), clip(16)) is None


def test_parts_that_see_windows_of_the_frames_are_no_matter() -> None:
    settings = {"glance": "mobilenet_v2", "local": "resnet18", "policy_hidden": 4, "neurons": 4}
    with torch.device("meta"):
        model = create_model("adafocus", 2, frames=4, size=64, patch=32, **settings)
        glance = create_model("mobilenet_v2", 2)
    assert fewest_pixels(model, clip(64)) == fewest_pixels(glance, clip(64)) == 2


def test_only_structures_with_a_flow_stem_compute_flow() -> None:
    flows: Mapping[str, bool] = {
        name: computes_flow(_meta(name)) for name in ("starter_rgb_flow", "r3d_18")
    }
    assert flows == {"starter_rgb_flow": True, "r3d_18": False}
    assert {largest_stride(load_structure(name)) for name in structure_names()} == {32}


def _meta(name: str) -> Model:
    with torch.device("meta"):
        return create_model(name, 2)
