"""Windows of sides of their own, and policies that learn by what the glance network has seen."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import SettingsError
from connsearch.models.catalogue import create_model, from_document
from connsearch.models.focus.by_clip import FocusByClip
from connsearch.models.focus.by_frame import FocusByFrame
from connsearch.models.focus.settings import FocusSettings
from connsearch.models.focus.streams import windows_of
from connsearch.models.focus.windows import (
    cut,
    seen_there,
    size_penalty,
    windows_at,
    with_scales,
)
from connsearch.models.model import Predictions
from tests.focus_runs import FRAMES, small_focus

CLASSES, SIZE, PATCH = 3, 64, 32
WINDOWS = ("frame", "clip", "track")


def settings(**changes: Any) -> FocusSettings:
    given: dict[str, Any] = {"size": SIZE, "patch": PATCH, "deformable": True, **changes}
    return FocusSettings(**given)


def focus(window: str, **changes: Any) -> FocusByFrame | FocusByClip:
    sizes = {"size": SIZE, "patch": PATCH, "window": window}
    found = create_model("adafocus", CLASSES, seed=0, **small_focus(**sizes, **changes))
    assert isinstance(found, FocusByFrame | FocusByClip)
    return found


def clips(count: int = 2) -> dict[str, Tensor]:
    return {"rgb": torch.randn(count, 3, FRAMES, SIZE, SIZE)}


def learned(model: FocusByFrame | FocusByClip) -> Predictions:
    found = model.train()(clips())
    assert isinstance(found, Predictions)
    return found


def reached(loss: Tensor, part: nn.Module) -> bool:
    for parameter in part.parameters():
        parameter.grad = None
    loss.backward(retain_graph=True)
    return any(bool(p.grad.any()) for p in part.parameters() if p.grad is not None)


@given(
    height=st.integers(33, 70),
    width=st.integers(33, 70),
    least=st.integers(8, 32),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_window_of_the_usual_side_is_the_plain_one(
    height: int, width: int, least: int, place: tuple[float, float]
) -> None:
    of = settings(patch_min=least)
    streams = {"rgb": torch.randn(1, 2, 1, height, width, dtype=torch.float64)}
    places = torch.tensor([[place]], dtype=torch.float64)
    scaled = with_scales(places, (height, width), of)
    torch.testing.assert_close(cut(streams, scaled, of), cut(streams, places, of))


@given(numbers=st.lists(st.floats(0, 1), min_size=4, max_size=4), least=st.integers(8, 32))
def test_deformable_windows_are_inside(numbers: list[float], least: int) -> None:
    of = settings(patch_min=least)
    places = torch.tensor([[numbers]])
    top, left, height, width = windows_at(places, (40, 70), of).boxes(PATCH)[0, 0].tolist()
    assert least - 1e-4 <= height <= 40 + 1e-4
    assert least - 1e-4 <= width <= 70 + 1e-4
    assert min(top, left) >= -1e-4
    assert top + height <= 40 + 1e-3
    assert left + width <= 70 + 1e-3
    whole = places.clone()
    whole[..., 2:] = 1.0
    assert windows_at(whole, (40, 70), of).boxes(PATCH)[0, 0].tolist() == [0, 0, 40, 70]


def test_a_whole_frame_is_resampled() -> None:
    streams = {"rgb": torch.randn(1, 3, 2, SIZE, SIZE)}
    found = cut(streams, torch.tensor([[[0.3, 0.8, 1.0, 1.0]]]), settings())["rgb"]
    frames = streams["rgb"][0].transpose(0, 1)
    expected = F.interpolate(frames, (PATCH, PATCH), mode="bilinear", align_corners=False)
    torch.testing.assert_close(found[0].transpose(0, 1), expected)


def test_flow_is_in_pixels_of_the_window() -> None:
    flow = torch.ones(1, 2, 1, SIZE, SIZE)
    corners, sides = torch.zeros(1, 1, 2), torch.tensor([[[64.0, 16.0]]])
    found = windows_of({"flow": flow}, corners, (PATCH, PATCH), sides)["flow"]
    assert found[0, :, 0, 0, 0].tolist() == [2.0, 0.5]  # along the columns, along the rows


def test_guidance_sees_the_same_window_of_the_map() -> None:
    map_ = torch.zeros(1, 1, 1, 4, 4)
    map_[..., 1, 2] = 1.0  # rows 16 to 31, columns 32 to 47 of 64 pixels
    of = settings(patch=16, deformable=False, guidance=True)
    there = torch.tensor([[[16 / 48, 32 / 48]]])
    assert seen_there(map_, there, (SIZE, SIZE), of).item() == pytest.approx(1.0, abs=1e-6)
    assert seen_there(map_, 1 - there, (SIZE, SIZE), of).item() == pytest.approx(0.0, abs=1e-6)


def test_the_size_term_is_none_for_whole_frames() -> None:
    of = settings(size_term=0.5)
    whole = torch.ones(2, 3, 4)
    assert size_penalty(whole, of) == 0
    assert size_penalty(whole * 0.5, of) == pytest.approx(0.125)
    assert size_penalty(whole[..., :2], of) is None


@pytest.mark.parametrize("window", WINDOWS)
def test_only_the_guide_and_the_size_term_reach_a_guided_policy(window: str) -> None:
    model = focus(window, deformable=True, patch_min=16, guidance=True, size_term=0.5)
    found = learned(model)
    assert found.penalty is not None
    assert reached(found.penalty, model.policy)
    assert not reached(found.penalty, model.glance)
    for term in found.terms:
        by = term.logits.square().sum()
        assert reached(by, model.policy) == (term.name == "policy guide"), term.name
        if term.name.endswith("guide"):
            assert not reached(by, model.glance), term.name
            assert not reached(by, model.local), term.name
    weights = {term.name: term.weight for term in found.terms}
    assert weights["policy guide"] == weights["random guide"] == 0.5


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("joint_passes", [False, True])
def test_a_deformable_policy_learns_by_pixels_as_well(window: str, joint_passes: bool) -> None:
    model = focus(window, deformable=True, patch_min=16, joint_passes=joint_passes)
    found = learned(model)
    assert found.penalty is None
    (term,) = [term for term in found.terms if term.name == "policy local"]
    assert reached(term.logits.square().sum(), model.policy)
    (gradient,) = torch.autograd.grad(term.logits.square().sum(), [model.policy.act.weight])
    assert gradient.any(1).all()  # all four numbers


@pytest.mark.parametrize("window", WINDOWS)
def test_where_it_looks_and_what_it_costs(window: str) -> None:
    options = {"deformable": True, "patch_min": 16, "guidance": True}
    model, plain = focus(window, **options).eval(), focus(window).eval()
    look = model.look(clips())
    assert look.windows[..., 2:].min() > PATCH  # of a new policy: about half way
    assert look.windows[..., 2:].max() < SIZE
    shapes = {"rgb": (3, FRAMES, SIZE, SIZE)}
    costs, plainly = model.exit_costs(shapes), plain.exit_costs(shapes)
    assert all(0 <= a - b <= 1000 for a, b in zip(costs, plainly, strict=True))
    heads = model.exit_costs(shapes, training_heads=True)[-1] - costs[-1]
    assert heads - (plain.exit_costs(shapes, training_heads=True)[-1] - plainly[-1]) == 8 * CLASSES
    again = from_document(model.describe(), CLASSES)
    assert list(again.state_dict()) == list(model.state_dict())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"patch_min": 16}, "deformable=true"),
        ({"size_term": 0.5}, "deformable=true"),
        ({"deformable": True, "patch_min": 33}, "patch_min: read 33"),
        ({"deformable": True, "places": "centre"}, "--places policy"),
        ({"guidance": True, "places": "random"}, "--places policy"),
        ({"guidance": True, "glance_size": 32}, "map of one place"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        focus("frame", **changes)


@pytest.mark.parametrize("window", ["frame", "clip", "track"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_places_are_not_rounded_under_autocast(window: str, dtype: torch.dtype) -> None:
    settings = {"glance": "resnet18", "local": "resnet18", "policy_hidden": 8, "neurons": 4}
    model: Any = create_model(
        "adafocus", 3, seed=0, frames=4, size=40, patch=24, window=window, **settings
    ).eval()
    with torch.autocast("cpu", dtype), torch.no_grad():
        found = model.look({"rgb": torch.randn(4, 3, 4, 40, 40)}).windows[..., :2]
    places = found / 16  # of the way that a corner can go
    assert float((places.to(dtype).float() - places).abs().max()) > 1e-6
