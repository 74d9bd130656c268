"""What every network promises to those that are built on it: map, vector, sizes, any frames."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import SettingsError
from connsearch.graph.files import structure_names
from connsearch.models.catalogue import create_model
from connsearch.models.features import (
    FeatureModel,
    Features,
    OwnFeatures,
    feature_model,
    require_features,
    without_classifier,
)
from connsearch.models.model import Model, Wrapped, as_predictions
from connsearch.models.zoo import MODELS
from connsearch.nn.head import Head, softmax_over_time
from connsearch.nn.spread import spread

FRAMES, SIZE, CLASSES = 6, 40, 4
QUICK = {
    "r3d_18",
    "srtg_r2plus1d_18",
    "srtg_ip_csn_50",
    "mtnet_xs_g8",
    "resnet18",
    "mobilenet_v2",
    "starter_rgb_flow",
    "mixed_starter",
    "assemblenet_plus_lite",
}
FOCUS = {name for name in MODELS if MODELS[name].kind == "adafocus"}
ALL = sorted({*structure_names(), *MODELS} - FOCUS)
NAMES = [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in ALL]
NUMBERS = [
    "mtnet_xs_g8",
    "resnet18",
    "starter_rgb_flow",
    "mixed_starter",
    pytest.param("r3d_18", marks=pytest.mark.slow),
    pytest.param("mc3_18", marks=pytest.mark.slow),
    pytest.param("assemblenet_plus_lite", marks=pytest.mark.slow),
]


def bare(name: str) -> Model:
    """The network without numbers."""
    with torch.device("meta"):
        return create_model(name, CLASSES)


def clips(model: Any, frames: int = FRAMES, device: str = "meta") -> dict[str, Tensor]:
    """Two clips of every stream the network reads; flow is computed."""
    made = {"rgb": torch.empty(2, 3, frames, SIZE, SIZE + 8, device=device).uniform_(-1, 1)}
    if "object" in model.modalities:
        width = model.structure.network.object_classes
        made["object"] = torch.zeros(2, width, frames, SIZE, SIZE + 8, device=device)
        made["object"][:, 0] = 1.0
    return made


@pytest.mark.parametrize("name", NAMES)
def test_map_and_vector_have_the_sizes_that_are_told(name: str) -> None:
    model = bare(name)
    part = require_features(model, "glance")
    assert "rgb" in part.modalities or "object" in part.modalities
    without_classifier(model.eval())
    for frames in (FRAMES, 1):
        seen = part.features(clips(model, frames))
        places = seen.map.shape[2]
        assert seen.map.shape[:2] == (2, part.map_channels)
        assert seen.vector.shape == (2, places, part.feature_size)
        assert 1 <= places <= frames
        assert part.temporal or places == frames
        assert all(1 <= side <= SIZE + 8 for side in seen.map.shape[3:])


def small(name: str) -> Model:
    model = create_model(name, CLASSES, seed=0).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # so that no statistics are those of a start
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
                assert module.running_mean is not None
                module.running_mean.normal_(0, 0.1, generator=generator)
    return model


def classifier_of(model: Model) -> nn.Module:
    (name,) = model.classifier
    return model.get_submodule(name)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_vector_classified_is_the_answer(name: str) -> None:
    model = small(name)
    part = require_features(model, "glance")
    streams = clips(part, 9, "cpu")
    with torch.no_grad():
        answer = as_predictions(model(streams)).logits
        seen = part.features(streams)
        found = classifier_of(model)(seen.vector.mean(1))
    torch.testing.assert_close(found, answer, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.map.mean((3, 4)).transpose(1, 2), seen.vector)
    without_classifier(model.train())
    learning = part.features(streams)
    assert (learning.map.shape, learning.vector.shape) == (seen.map.shape, seen.vector.shape)
    learning.vector.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("name", ["r3d_18", "resnet18"])
def test_temporal_says_whether_other_frames_count(name: str) -> None:
    model = small(name)
    part = require_features(model, "glance")
    streams = clips(part, 8, "cpu")
    other = {"rgb": streams["rgb"].clone()}
    other["rgb"][:, :, 5] += 1.0
    with torch.no_grad():
        changed = part.features(streams).vector != part.features(other).vector
    touched = changed.any(2).any(0)
    assert touched.sum() > 1 or touched.shape[0] == 1 if part.temporal else touched.sum() == 1


FINALS = ((8, 2, 2), (4, 3, 5), (1, 1, 1))


@pytest.mark.parametrize("widths", [(), (5, 6)])
def test_final_nodes_of_several_sizes_are_joined_as_the_head_averages(
    widths: tuple[int, ...],
) -> None:
    head = Head(3, CLASSES, widths=widths).double().eval()
    finals = [torch.randn(2, 3, *size, dtype=torch.float64) for size in FINALS]
    joined = head.joined(finals)
    assert joined.shape == (2, head.features, 8, 3, 5)
    found = head.dense(joined.mean((2, 3, 4)))
    torch.testing.assert_close(found, head(finals, [1, 2, 8]), rtol=1e-12, atol=1e-12)


def test_a_head_that_weighs_frames_reads_the_vector_too() -> None:
    head = Head(3, CLASSES, pooling="softmax").double().eval()
    finals = [torch.randn(2, 3, 4, *size, dtype=torch.float64) for size in ((2, 2), (3, 5))]
    vector = head.joined(finals).mean((3, 4)).transpose(1, 2)
    torch.testing.assert_close(softmax_over_time(head.dense(vector)), head(finals))


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 7), st.integers(1, 7))
def test_spreading_keeps_means(rows: int, columns: int, tall: int, wide: int) -> None:
    x = torch.randn(2, rows, columns, dtype=torch.float64)
    found = spread(x, [tall, wide], first=1)
    assert found.shape == (2, tall, wide)
    torch.testing.assert_close(found.mean((1, 2)), x.mean((1, 2)), rtol=1e-12, atol=1e-12)
    again = spread(found, [tall, wide], first=1)
    assert again is found


class Own(nn.Module):
    """A network of one's own."""

    feature_size = 5

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 5, 3, padding=1)
        self.fc = nn.Linear(5, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        return self.conv(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).mean((2, 3, 4)))


def test_a_module_of_ones_own_is_a_part_by_its_features() -> None:
    model = OwnFeatures(Own(), classifier=["fc"])
    _, part = feature_model(model, "local")
    assert isinstance(model.module.get_submodule("fc"), nn.Identity)
    assert (part.map_channels, part.feature_size, part.temporal) == (5, 5, True)
    seen = part.features({"rgb": torch.randn(2, 3, 4, 6, 6)})
    assert (seen.map.shape, seen.vector.shape) == ((2, 5, 4, 6, 6), (2, 4, 5))
    with pytest.raises(SettingsError, match="method `features`"):
        feature_model(nn.Linear(3, 2), "local")
    with pytest.raises(SettingsError, match="local: Linear offers no features"):
        require_features(Wrapped(nn.Linear(3, 2)), "local")


@pytest.mark.parametrize(
    "wrong", [torch.zeros(2, 5, 4, 6), torch.zeros(2, 6, 4, 6, 6), torch.zeros(1, 5, 4, 6, 6)]
)
def test_features_of_another_form_are_refused(wrong: Tensor) -> None:
    own = Own()
    own.features = lambda x: wrong  # type: ignore[method-assign]
    with pytest.raises(SettingsError, match=r"allowed: a map \(2, 5, t, h, w\)"):
        OwnFeatures(own).features({"rgb": torch.randn(2, 3, 4, 6, 6)})


def test_features_are_a_protocol_that_wrapped_modules_do_not_have() -> None:
    assert not isinstance(Wrapped(Own()), FeatureModel)
    assert Features._fields == ("map", "vector")
