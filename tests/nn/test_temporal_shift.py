"""The shift of channels between neighbouring frames."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from connsearch.models.model import Model
from connsearch.models.zoo import MODELS
from connsearch.nn.temporal_shift import TemporalShift, temporal_shift


@given(clips=st.integers(1, 3), frames=st.integers(1, 5), channels=st.integers(1, 25), at=st.data())
def test_an_impulse_moves_by_the_share_its_channel_is_in(
    clips: int, frames: int, channels: int, at: st.DataObject
) -> None:
    clip, t = at.draw(st.integers(0, clips - 1)), at.draw(st.integers(0, frames - 1))
    c = at.draw(st.integers(0, channels - 1))
    x = torch.zeros(clips, frames, channels, 2, 3)
    x[clip, t, c] = 1.0
    wanted = torch.zeros_like(x)
    part = channels // 8
    to = t - 1 if c < part else t + 1 if c < 2 * part else t
    if 0 <= to < frames:
        wanted[clip, to, c] = 1.0
    found = temporal_shift(x.flatten(0, 1), frames)
    assert torch.equal(found, wanted.flatten(0, 1))


@pytest.fixture(params=["tsm_resnet18", "tsm_mobilenet_v2"])
def small(request: pytest.FixtureRequest) -> Model:
    """A network with a shift, in evaluation."""
    if request.param == "tsm_resnet18":
        return MODELS["resnet18"].build(3, seed=0, temporal_shift=True).eval()
    return MODELS[request.param].build(3, seed=0, width=0.1).eval()


def _seen(model: Model, clips: Tensor) -> Tensor:
    with torch.no_grad():
        return model.features({"rgb": clips}).vector  # type: ignore[operator]


def test_a_frame_sees_its_neighbours_and_no_other_clip(small: Model) -> None:
    one, other = torch.rand(2, 1, 3, 2, 32, 32)
    both = _seen(small, torch.cat([one, other]))
    assert torch.allclose(both[:1], _seen(small, one), atol=1e-6)
    changed = one.clone()
    changed[:, :, 1] = 0.0
    assert not torch.equal(_seen(small, changed)[:, 0], both[:1, 0])
    assert small.temporal  # type: ignore[truthy-bool]


def test_shifts_are_where_published() -> None:
    with torch.device("meta"):
        wide = MODELS["tsm_mobilenet_v2"].build(2)
        deep = MODELS["tsm_resnet50"].build(2, depths=[2, 1, 1, 1], widths=[8, 8, 8, 8])
    names = [n for n, m in wide.named_modules() if isinstance(m, TemporalShift)]
    assert names == [f"blocks.{n}.shift" for n in (2, 4, 5, 7, 8, 9, 11, 12, 14, 15)]
    assert sum(isinstance(m, TemporalShift) for m in deep.modules()) == 5


def test_documents_of_networks_without_a_shift_stay_as_they_were() -> None:
    with torch.device("meta"):
        plain, shifted = (MODELS[n].build(2).describe() for n in ("resnet18", "tsm_resnet50"))
    assert "temporal_shift" not in plain.settings
    assert shifted.settings["temporal_shift"] is True
