"""Frame selection: by hand, clip by clip, in time order, and the same in every layout and type."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from connsearch.nn.frame_selection import most_alike, select_frames


def features(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def turned(*degrees: float) -> Tensor:
    """One clip of two channels whose frames point in these directions; lengths differ."""
    angle = torch.deg2rad(torch.tensor(degrees))
    length = torch.arange(1.0, len(degrees) + 1)
    return torch.stack([angle.cos(), angle.sin()]).mul(length)[None, :, :, None, None]


@pytest.mark.parametrize(
    ("degrees", "kept"),
    [
        ((90, 0, 0, 60, 120, 150), [1, 2, 4]),  # .5, .625, .25, .5
        ((0, 90, 90, 90, 0, 90, 0), [1, 2, 3]),  # .5, 1, .5, 0, 0: in their order
        ((0, 180, 0, 60, 90), [1, 2]),  # what is opposite is alike: 1, .625, .5
        ((0, 90, 0, 0), [1, 2]),
        ((0, 45, 90), [1]),
    ],
)
def test_frames_most_like_their_neighbours_stay(
    degrees: tuple[float, ...], kept: list[int]
) -> None:
    x = turned(*degrees)
    assert most_alike(x, len(degrees) // 2).tolist() == [kept]
    assert torch.equal(select_frames(x), x[:, :, kept])


@settings(max_examples=40, deadline=None)
@given(
    clips=st.integers(1, 3),
    frames=st.integers(1, 12),
    sides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    seed=st.integers(0, 99),
)
def test_half_of_the_inner_frames_stay_and_clips_decide_alone(
    clips: int, frames: int, sides: tuple[int, int], seed: int
) -> None:
    x = features(clips, 4, frames, *sides, seed=seed)
    out = select_frames(x)
    if frames <= 2:
        assert out is x
        return
    count = frames // 2
    assert out.shape == (clips, 4, count, *sides)
    kept = most_alike(x, count)
    assert bool((kept.diff(dim=1) > 0).all())
    assert 1 <= int(kept.min()) <= int(kept.max()) <= frames - 2
    last = x.contiguous(memory_format=torch.channels_last_3d)
    for n in range(clips):
        assert torch.equal(out[n], x[n][:, kept[n]])
        assert torch.equal(select_frames(x[n : n + 1])[0], out[n])
    assert torch.equal(select_frames(last), out)
    assert torch.equal(select_frames(x.flip(0)), out.flip(0))


def test_gradient_goes_into_the_frames_that_stay() -> None:
    x = features(2, 3, 7, 2, 2).requires_grad_()
    weigh = features(2, 3, 3, 2, 2, seed=1)
    (select_frames(x) * weigh).sum().backward()
    expected = torch.zeros_like(x)
    for n, kept in enumerate(most_alike(x.detach(), 3)):
        expected[n][:, kept] = weigh[n]
    assert torch.equal(x.grad, expected)


def test_a_still_clip_keeps_the_first_frames() -> None:
    still = features(2, 5, 1, 3, 3).expand(-1, -1, 9, -1, -1)
    assert most_alike(still, 4).tolist() == [[1, 2, 3, 4]] * 2
    assert most_alike(torch.zeros(1, 5, 6, 2, 2), 3).tolist() == [[1, 2, 3]]


def test_half_precision_decides_like_the_numbers_it_holds() -> None:
    x = features(3, 8, 9, 4, 4).bfloat16()
    assert torch.equal(most_alike(x, 4), most_alike(x.float(), 4))
    assert select_frames(x).dtype is torch.bfloat16
