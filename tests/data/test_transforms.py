from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.clips.transforms import View, centre_view, random_view, show_objects, show_rgb
from connsearch.data.clips.usable import decoded_size
from connsearch.data.records import VideoInfo
from tests.data.helpers import options


@given(seed=st.integers(0, 10_000), scale=st.sampled_from([(1.0, 1.0), (0.5, 1.5), (2.0, 3.0)]))
def test_windows_lie_inside_the_frame(seed: int, scale: tuple[float, float]) -> None:
    rng = np.random.default_rng(seed)
    view = random_view(20, 28, 16, options("x", crop_scale=scale, flip=True).augment, rng)
    assert 0 <= view.top <= view.top + view.height <= 20
    assert 0 <= view.left <= view.left + view.width <= 28


@given(
    height=st.integers(1, 260),
    width=st.integers(1, 260),
    size=st.integers(4, 250),
    shares=st.lists(st.floats(0.05, 1), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_crops_of_several_scales_lie_inside_the_frame(
    height: int, width: int, size: int, shares: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    chosen = options("x", multi_scale=tuple(shares)).augment
    view = random_view(height, width, size, chosen, rng)
    assert 0 <= view.top < view.top + view.height <= height
    assert 0 <= view.left < view.left + view.width <= width


def test_crops_of_several_scales_are_drawn_evenly_and_shown_whole() -> None:
    chosen = options("x", multi_scale=(1, 0.875, 0.75, 0.66), brightness=0, contrast=0).augment
    views = [random_view(256, 340, 224, chosen, np.random.default_rng(s)) for s in range(2000)]
    counts = Counter((view.height, view.width) for view in views)
    assert len(counts) == 10
    assert all(abs(n - 200) < 3 * (2000 * 0.1 * 0.9) ** 0.5 for n in counts.values())
    small = [(view.top, view.left) for view in views if (view.height, view.width) == (168, 168)]
    assert len(set(small)) == 13
    wide = next(view for view in views if view.width > view.height)
    frames = np.zeros((1, 256, 340, 3), np.uint8)
    frames[:, wide.top : wide.top + wide.height, wide.left : wide.left + wide.width] = 255
    assert show_rgb(frames, wide, 24).ge(0.999).all()
    maps = frames[..., 0] // 255
    assert show_objects(maps, wide, 24, 2)[1].eq(1).all()


def test_sizes_are_rounded_as_torchvision_does_where_asked() -> None:
    info, chosen = VideoInfo(1, 272, 480, 0.0), options("x", size=224, short_side=256).clips
    assert decoded_size(info, chosen) == (256, 452)
    asked = chosen.model_copy(update={"rounding": "torchvision"})
    assert decoded_size(info, asked) == (256, 451)
    assert decoded_size(VideoInfo(1, 480, 272, 0.0), asked) == (451, 256)
    assert (centre_view(256, 451, 224).left, centre_view(256, 451, 224, "torchvision").left) == (
        113,
        114,
    )


@pytest.mark.parametrize("side", [16, 10, 20])
@pytest.mark.parametrize("flip", [False, True])
def test_rgb_and_maps_are_seen_through_the_same_window(side: int, flip: bool) -> None:
    rng = np.random.default_rng(side)
    coarse = rng.integers(0, 2, size=(2, 5, 6)).astype(np.uint8)
    maps = coarse.repeat(4, 1).repeat(4, 2)  # (T, 20, 24) in squares of 4 pixels
    frames = np.repeat(maps[..., None] * 255, 3, axis=-1)
    view = View(0, 3, side, side, flip=flip)
    rgb, seen = show_rgb(frames, view, 16), show_objects(maps, view, 16, 2)
    assert rgb.shape == (3, 2, 16, 16)
    assert seen.shape == (2, 2, 16, 16)
    assert torch.equal(seen.sum(0), torch.ones(2, 16, 16))
    differing = ((rgb[0] > 0) != (seen[1] > 0)).float().mean()
    assert differing == 0 if side == 16 else differing < 0.1


def test_a_view_without_change_is_the_picture() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 18, 18, 3)).astype(np.uint8)
    seen = show_rgb(frames, centre_view(18, 18, 16), 16)
    expected = torch.from_numpy(frames[:, 1:17, 1:17]).permute(3, 0, 1, 2) / 127.5 - 1
    assert torch.allclose(seen, expected, atol=1e-6)
    mirrored = show_rgb(frames, View(1, 1, 16, 16, flip=True), 16)
    assert torch.equal(mirrored, seen.flip(-1))


def test_one_draw_holds_for_all_frames_of_a_clip() -> None:
    still = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 3)).repeat(5, 0).astype(np.uint8)
    chosen = options("x", flip=True, crop_scale=(0.6, 1.2), brightness=0.5, contrast=0.5)
    for seed in range(5):
        view = random_view(24, 24, 16, chosen.augment, np.random.default_rng(seed))
        rgb = show_rgb(still, view, 16)
        assert torch.equal(rgb[:, :1].expand_as(rgb), rgb)
        assert rgb.min() >= -1
        assert rgb.max() <= 1


def test_every_kind_of_change_is_drawn_and_flips_only_when_asked() -> None:
    views = [
        random_view(24, 30, 16, options("x").augment, np.random.default_rng(s)) for s in range(200)
    ]
    assert {v.top for v in views} == set(range(9))
    assert {v.left for v in views} == set(range(15))
    assert not any(v.flip for v in views)
    flipped = [
        random_view(24, 30, 16, options("x", flip=True).augment, np.random.default_rng(s))
        for s in range(200)
    ]
    assert 60 < sum(v.flip for v in flipped) < 140
    assert [v.top for v in flipped] == [v.top for v in views]
