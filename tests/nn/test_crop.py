"""Windows at places that are numbers: pixels, gradients, places under autocast, refusals."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import TrainingError
from connsearch.nn import crop as crops
from connsearch.nn.crop import Size, corners_of, crop, crop_resized

LAYOUTS = (torch.contiguous_format, torch.channels_last)


def sampled(images: Tensor, corners: Tensor, sides: Tensor, size: Size) -> Tensor:
    """The same by torch's sampler, driven by a whole grid."""
    height, width = images.shape[2:]
    scale = sides / sides.new_tensor([height, width])
    middle = (2 * corners + sides) / sides.new_tensor([height, width]) - 1
    nothing = torch.zeros_like(scale[:, 0])
    rows = [
        torch.stack([scale[:, 1], nothing, middle[:, 1]], 1),
        torch.stack([nothing, scale[:, 0], middle[:, 0]], 1),
    ]
    grid = nn.functional.affine_grid(
        torch.stack(rows, 1), [len(images), images.shape[1], *size], align_corners=False
    )
    return nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def gradients(out: Tensor, of: list[Tensor]) -> tuple[Tensor, ...]:
    vector = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=out.dtype)
    return torch.autograd.grad((out * vector).sum(), of)


@pytest.mark.parametrize(("frame", "size"), [((224, 224), (128, 128)), ((223, 211), (97, 96))])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_at_whole_numbers_a_window_is_a_slice(
    frame: Size, size: Size, dtype: torch.dtype, layout: torch.memory_format
) -> None:
    tops, lefts = ((0, 5, frame[axis] - size[axis]) for axis in (0, 1))
    image = torch.randn(1, 1, *frame, dtype=dtype)
    corners = torch.tensor(list(product(tops, lefts)), dtype=dtype)
    images = image.expand(len(corners), 2, -1, -1).contiguous(memory_format=layout)
    found = crop(images, corners, size)
    for window, (top, left) in zip(found, corners.int().tolist(), strict=True):
        assert torch.equal(window[0], image[0, 0, top : top + size[0], left : left + size[1]])


@settings(max_examples=50)
@given(
    frame=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_plane_is_cropped_to_itself(
    frame: Size, share: tuple[float, float], place: tuple[float, float]
) -> None:
    size = tuple(max(1, round(part * side)) for part, side in zip(share, frame, strict=True))
    rows, columns = (torch.arange(side, dtype=torch.float64) for side in frame)
    image = 3 * rows[:, None] + 2 * columns
    places = torch.tensor([place], dtype=torch.float64, requires_grad=True)
    corners = corners_of(places, frame, (size[0], size[1]))
    found = crop(image[None, None], corners, (size[0], size[1]))
    (gradient,) = torch.autograd.grad(found.mean(), places)
    top, left = corners[0].tolist()
    expected = 3 * (top + rows[: size[0], None]) + 2 * (left + columns[: size[1]])
    assert torch.allclose(found[0, 0], expected, atol=1e-12)
    room = [side - part for side, part in zip(frame, size, strict=True)]
    assert torch.allclose(gradient, torch.tensor([[3.0 * room[0], 2.0 * room[1]]]).double())


@given(data=st.data(), layout=st.sampled_from(LAYOUTS))
@settings(max_examples=40)
def test_it_is_torchs_sampler_with_aligned_pixels_and_border(
    data: st.DataObject, layout: torch.memory_format
) -> None:
    """Pixels, and off whole numbers gradients by corners and images; also of one pixel."""
    count = data.draw(st.integers(1, 4))
    frame = data.draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    size = tuple(data.draw(st.integers(1, side)) for side in frame)
    axis = st.integers(0, 999).map(lambda n: n / 1000 + 0.0005)
    parts = [[data.draw(axis) for _ in frame] for _ in range(count)]
    generator = torch.Generator().manual_seed(len(parts))
    images = torch.randn(count, 3, *frame, generator=generator, dtype=torch.float64)
    images = images.contiguous(memory_format=layout).requires_grad_()
    room = torch.tensor(
        [max(0.0, side - part - 1e-3) for side, part in zip(frame, size, strict=True)]
    )
    corners = (torch.tensor(parts).double() * room).requires_grad_()
    sides = torch.tensor([size] * count).double()
    ours = crop(images, corners, (size[0], size[1]))
    theirs = sampled(images, corners, sides, (size[0], size[1]))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    mine, other = gradients(ours, [images, corners]), gradients(theirs, [images, corners])
    torch.testing.assert_close(mine[0], other[0], rtol=0, atol=1e-12)
    off = ((corners - corners.round()).abs() > 1e-6) & (room > 0)
    torch.testing.assert_close(mine[1][off], other[1][off], rtol=0, atol=1e-10)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("several", [False, True], ids=["by index", "slice by slice"])
def test_gradients_are_those_of_differences(
    layout: torch.memory_format, several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if several:  # as with large windows: two images at a time, each copied by itself
        monkeypatch.setattr(crops, "SLICED", 1)
        monkeypatch.setattr(crops, "CACHED", 100)
    images = torch.randn(3, 1, 6, 5, dtype=torch.float64).contiguous(memory_format=layout)
    corners = torch.tensor([[0.3, 1.4], [2.7, 1.2], [1.5, 0.1]], dtype=torch.float64)
    inputs = [images.requires_grad_(), corners.requires_grad_()]
    assert torch.autograd.gradcheck(lambda x, at: crop(x, at, (3, 3)), inputs)
    assert torch.autograd.gradcheck(lambda x, at: crop(x, at, (3, 5)), inputs)
    eager = crop(images, corners, (3, 3))
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    traced = crop(images, corners, (3, 3))
    assert torch.equal(eager, traced)
    for one, other in zip(gradients(eager, inputs), gradients(traced, inputs), strict=True):
        torch.testing.assert_close(one, other)


def test_the_gradient_by_a_place_is_the_formula() -> None:
    frame, size = (21, 17), (8, 5)
    image = torch.randn(1, 3, *frame, dtype=torch.float64)
    place = torch.tensor([[0.37, 0.61]], dtype=torch.float64, requires_grad=True)
    corners = corners_of(place, frame, size)
    out = crop(image, corners, size)
    vector = torch.randn_like(out)
    (found,) = torch.autograd.grad((out * vector).sum(), place)
    (top, left), ((fy, fx),) = corners[0].int().tolist(), (corners % 1).tolist()
    a, b, c, d = (
        image[..., top + i : top + i + size[0], left + j : left + j + size[1]]
        for i, j in product((0, 1), (0, 1))
    )
    by_row = (1 - fx) * (c - a) + fx * (d - b)
    by_column = (1 - fy) * (b - a) + fy * (d - c)
    expected = [13 * (vector * by_row).sum(), 12 * (vector * by_column).sum()]
    torch.testing.assert_close(found[0], torch.stack(expected), rtol=1e-9, atol=0)


def test_on_one_colour_nothing_is_gained_by_moving_also_at_the_border() -> None:
    places = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.3, 0.7]], requires_grad=True)
    sides = torch.full((4, 2), 5.0, requires_grad=True)
    images, nothing = torch.ones(4, 3, 16, 19), torch.zeros(4, 2)
    out = crop(images, corners_of(places, (16, 19), (8, 8)), (8, 8))
    assert torch.equal(torch.autograd.grad(out.sum(), places)[0], nothing)
    out = crop_resized(images, places * 11, sides, (8, 8))
    for gradient in torch.autograd.grad(out.sum(), [places, sides]):
        assert torch.equal(gradient, nothing)


def test_places_are_row_then_column() -> None:
    image = torch.zeros(1, 1, 12, 12)
    image[..., 9:, :3] = 1  # at the lower left
    places = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = crop(image.expand(2, -1, -1, -1), corners_of(places, (12, 12), (4, 4)), (4, 4))
    assert found.sum((1, 2, 3)).tolist() == [9.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_places_stay_exact_under_autocast_and_in_images_of_16_bits(dtype: torch.dtype) -> None:
    """On a ramp of one level a pixel, a pixel is its place."""
    ramp = torch.arange(224, dtype=torch.float32).expand(1, 1, 224, 224)
    places = torch.tensor([[0.123, 0.7031]])
    for side in (96, 127):
        with torch.autocast("cpu", dtype):
            corners = corners_of(places, (224, 224), (side, side))
            found = crop(ramp, corners, (side, side))
            stretched = crop_resized(ramp, corners, torch.full((1, 2), float(side)), (side, side))
        exact = places[0, 1].double() * (224 - side) + torch.arange(side)
        for window in (found, stretched):
            assert window.dtype is torch.float32
            assert (window[0, 0, 3].double() - exact).abs().max() < 1e-4
    half = places.to(dtype)
    assert corners_of(half, (224, 224), (96, 96)).tolist() == (half.float() * 128).tolist()
    levels = torch.arange(8, dtype=dtype).expand(
        1, 1, 8, 8
    )  # parts of a level are kept till the end
    found = crop(levels, torch.tensor([[0.0, 0.3]]), (4, 4))
    assert found.dtype is dtype
    assert torch.equal(found[0, 0, 0], (torch.arange(4) + 0.3).to(dtype))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_place_that_is_not_finite_is_refused(wrong: float) -> None:
    images, fine = torch.zeros(2, 1, 8, 8), torch.full((2, 2), 2.0)
    broken = torch.tensor([[1.0, 1.0], [wrong, 1.0]])
    with pytest.raises(TrainingError, match=r"not finite\n  cure: .*--rate policy.*--grad-clip"):
        crop(images, broken, (4, 4))
    for corners, sides in ((broken, fine), (fine, broken)):
        with pytest.raises(TrainingError, match="not finite"):
            crop_resized(images, corners, sides, (4, 4))


def test_windows_that_do_not_fit_are_refused() -> None:
    images = torch.zeros(2, 1, 8, 8)
    with pytest.raises(ValueError, match=r"window of \(9, 4\) pixels is larger"):
        crop(images, torch.zeros(2, 2), (9, 4))
    with pytest.raises(ValueError, match=r"\(1, 2\): not two numbers for 2 images"):
        crop(images, torch.zeros(1, 2), (4, 4))


def test_a_corner_beyond_the_frame_is_moved_to_its_border() -> None:
    images = torch.randn(2, 1, 8, 8)
    found = crop(images, torch.tensor([[-1.0, 3.0], [2.0, 5.5]]), (4, 4))
    assert torch.equal(found, crop(images, torch.tensor([[0.0, 3.0], [2.0, 4.0]]), (4, 4)))


def test_it_keeps_the_layout_and_works_on_the_meta_device() -> None:
    images = torch.randn(2, 3, 9, 8).contiguous(memory_format=torch.channels_last)
    corners = torch.tensor([[1.5, 2.5], [0.5, 0.5]])
    found = crop(images, corners, (4, 4))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, crop(images.contiguous(), corners, (4, 4)))
    empty = crop(images.to("meta"), corners.to("meta").requires_grad_(), (4, 4))
    assert (empty.shape, empty.is_meta, empty.requires_grad) == ((2, 3, 4, 4), True, True)
    assert crop(images[:0], corners[:0], (4, 4)).shape == (0, 3, 4, 4)


class Cropping(nn.Module):
    def forward(self, images: Tensor, corners: Tensor) -> Tensor:
        return crop(images, corners, (4, 5))


@pytest.mark.slow
def test_it_is_exported_with_places_as_an_input() -> None:
    images, corners = torch.randn(2, 3, 9, 8), torch.tensor([[1.5, 2.5], [5.0, 3.0]])
    program: Any = torch.export.export(Cropping(), (images, corners)).module()
    other = torch.tensor([[0.25, 0.0], [4.75, 1.5]])
    torch.testing.assert_close(program(images, other), crop(images, other, (4, 5)))


class Resizing(nn.Module):
    def forward(self, images: Tensor, corners: Tensor, sides: Tensor) -> Tensor:
        return crop_resized(images, corners, sides, (4, 5))


@pytest.mark.slow
def test_resized_windows_are_exported_for_any_number_of_images() -> None:
    images, corners, sides = torch.randn(4, 3, 9, 8), torch.rand(4, 2), torch.rand(4, 2) * 4 + 2
    given = (images, corners, sides)
    open_number = tuple({0: torch.export.Dim("images")} for _ in given)
    program: Any = torch.export.export(Resizing(), given, dynamic_shapes=open_number).module()
    few = [x[:3] for x in given]
    torch.testing.assert_close(program(*few), crop_resized(few[0], few[1], few[2], (4, 5)))


@given(data=st.data())
@settings(max_examples=25)
def test_a_resized_window_is_torchs_sampler_too(data: st.DataObject) -> None:
    frame = data.draw(st.tuples(st.integers(2, 16), st.integers(2, 16)))
    size = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    number = st.integers(50, 950).map(lambda n: n / 1000 + 0.0003)
    sides = torch.tensor([[data.draw(number) * side for side in frame]]).double()
    places = torch.tensor([[data.draw(number) for _ in frame]]).double()
    corners = places * (torch.tensor(frame) - sides)
    images = torch.randn(1, 2, *frame, dtype=torch.float64)
    ours = crop_resized(images, corners, sides, size)
    theirs = sampled(images, corners, sides, size)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


def test_gradients_of_a_resized_window_are_those_of_differences() -> None:
    images = torch.randn(2, 2, 9, 8, dtype=torch.float64, requires_grad=True)
    corners = torch.tensor([[0.3, 1.4], [2.71, 2.23]], dtype=torch.float64, requires_grad=True)
    sides = torch.tensor([[3.3, 6.1], [4.9, 2.7]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, at, of: crop_resized(x, at, of, (4, 3)), (images, corners, sides)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_resized_window_of_the_size_itself_is_the_plain_one(dtype: torch.dtype) -> None:
    images, size = torch.randn(6, 3, 40, 31).to(dtype), (17, 9)
    corners = corners_of(torch.rand(6, 2), (40, 31), size)
    corners = torch.cat([corners[:4], torch.tensor([[0.0, 0.0], [23.0, 22.0]])])
    sides = torch.tensor([size] * 6, dtype=torch.float32)
    found, plain = crop_resized(images, corners, sides, size), crop(images, corners, size)
    torch.testing.assert_close(found, plain, rtol=1e-2 if dtype == torch.bfloat16 else 0, atol=1e-4)


class Finder(nn.Module):
    """Places from small pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(1, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 8, 5, 2, 2), nn.ReLU(), nn.Flatten()
        )
        self.act = nn.Linear(8 * 64, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.act(self.see(images)).sigmoid()


def blobs(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One bright spot in each picture of 32 x 32, and its middle."""
    middles = 6 + 19 * torch.rand(count, 2, generator=generator)
    widths = 1.5 + 4.5 * torch.rand(count, 1, 1, generator=generator)
    axis = torch.arange(32.0)
    rows, columns = ((axis - middles[:, a, None]) ** 2 for a in (0, 1))
    far = rows[:, :, None] + columns[:, None, :]
    return torch.exp(-far / (2 * widths**2))[:, None], middles


def overlap(first: Tensor, second: Tensor, side: int) -> Tensor:
    """Intersection over union of windows by their corners."""
    shared = (side - (first - second).abs()).clamp(min=0).prod(1)
    return shared / (2 * side**2 - shared)


@pytest.mark.slow
def test_a_policy_learns_through_the_pixels_to_find_a_spot() -> None:
    torch.manual_seed(0)
    finder, generator = Finder(), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(finder.parameters(), 1e-3)
    for _ in range(800):
        images, _ = blobs(128, generator)
        corners = corners_of(finder(images), (32, 32), (12, 12))
        loss = -10 * crop(images, corners, (12, 12)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    images, middles = blobs(1000, generator)
    corners = corners_of(finder(images), (32, 32), (12, 12))
    found = overlap(corners, middles - 5.5, 12)
    assert found.mean() > 0.9
