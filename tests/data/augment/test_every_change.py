"""What every augmentation promises, a new one included: the cupboard is asked for its members."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from connsearch.data.clips.augment import AUGMENTATIONS, ClipChange, change_rgb
from connsearch.data.clips.augment.kinds import Moved

EVERY = pytest.mark.parametrize("name", list(AUGMENTATIONS))
SEEDS = range(12)


def drawn(name: str, seed: int) -> ClipChange:
    return AUGMENTATIONS[name](np.random.default_rng(seed))


def picture(seed: int, *, height: int = 23, width: int = 19) -> Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.uniform(0, 255, (1, 3, height, width)).astype(np.float32))


@EVERY
def test_equal_frames_stay_equal_and_keep_shape_type_and_range(name: str) -> None:
    for seed in SEEDS:
        still = picture(seed).repeat(5, 1, 1, 1)
        before = still.clone()
        out = change_rgb([drawn(name, seed)], still)
        assert torch.equal(out, out[:1].expand_as(out))
        assert out.shape == still.shape
        assert out.dtype == torch.float32
        assert out.min() >= 0
        assert out.max() <= 255
        assert torch.equal(still, before)


@EVERY
def test_a_clip_is_changed_by_most_draws(name: str) -> None:
    still = picture(0)
    changed = [not torch.equal(change_rgb([drawn(name, s)], still), still) for s in range(30)]
    assert sum(changed) >= 8


@EVERY
def test_the_seed_decides_the_change(name: str) -> None:
    clip = torch.cat([picture(n) for n in range(3)])
    for seed in SEEDS:
        first, again = drawn(name, seed), drawn(name, seed)
        assert first == again
        assert torch.equal(first.rgb(clip), again.rgb(clip))
    assert len({repr(drawn(name, seed)) for seed in range(50)}) > 1


@EVERY
def test_tiny_frames_are_no_trouble(name: str) -> None:
    for side in (1, 2):
        for seed in SEEDS:
            out = change_rgb([drawn(name, seed)], picture(seed, height=side, width=side))
            assert torch.isfinite(out).all()


@EVERY
def test_maps_move_as_the_frames_do(name: str) -> None:
    """A bright square and its map: the same place afterwards, or no place of its own."""
    still = 0
    for seed in SEEDS:
        change = drawn(name, seed)
        frames, maps = torch.zeros(2, 3, 60, 80), torch.zeros(2, 60, 80, dtype=torch.uint8)
        frames[:, :, 8:22, 50:70], maps[:, 8:22, 50:70] = 255.0, 1
        before = maps.clone()
        moved = change.maps(maps)
        assert torch.equal(maps, before)
        assert moved.shape == maps.shape
        assert moved.dtype == torch.uint8
        if not isinstance(change, Moved):
            assert torch.equal(moved, maps)
            continue
        still += torch.equal(moved, maps)
        bright, marked = change.rgb(frames)[0, 0] > 127.5, moved[0] == 1
        overlap = (bright & marked).sum() / (bright | marked).sum()
        assert overlap > 0.97
        gap = bright.nonzero().float().mean(0) - marked.nonzero().float().mean(0)
        assert gap.abs().max() < 0.15
    assert still <= len(SEEDS) // 4  # a turn by a hair moves no pixel


@EVERY
def test_maps_keep_their_classes(name: str) -> None:
    maps = torch.from_numpy(np.random.default_rng(0).choice([2, 7, 255], (3, 20, 30)))
    for seed in SEEDS:
        found = set(drawn(name, seed).maps(maps.to(torch.uint8)).unique().tolist())
        assert found <= {0, 2, 7, 255}
