"""Windows of images at places that are numbers: a crop with a gradient by its place.

A pixel of a window lies at (top + i, left + j) of the image, in steps of one pixel, between its
four neighbours (AdaFocusV2, arXiv 2112.14238; ``affine_grid`` and ``grid_sample`` with
``align_corners=False`` mean the same). The fraction of a place is the same for all pixels of a
window, so two products a pixel are enough, and there is no grid. Places are kept in float32 (or
float64), whatever an autocast does around them: in bfloat16 they would be off by tenths of pixels.

At a whole number the derivative by a place is the one towards higher numbers, at the far border
the one towards lower ones. It is 0 on an image of one colour, and along an axis without room.

Shape letters: N images, C channels, H W pixels of an image, h w of a window.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from connsearch.errors import TrainingError
from connsearch.nn.precision import own_precision

Size = tuple[int, int]
"""Height and width in pixels."""


def corners_of(places_N2: Tensor, frame: Size, size: Size) -> Tensor:
    """Returns the top left corners of windows in pixels, ``(..., 2)``, at least in float32.

    Args:
        places_N2: (row, column) in 0..1 of the way that a corner can go, ``(..., 2)``.
        frame: of the frames.
        size: of the windows.
    """
    exact = places_N2.to(_exact(places_N2))
    return exact * exact.new_tensor([frame[0] - size[0], frame[1] - size[1]])


def crop(images_NCHW: Tensor, corners_N2: Tensor, size: Size) -> Tensor:
    """Returns a window of each image, ``(N, C, *size)``, in the type and layout of the images.

    Args:
        images_NCHW: any floating point type; those of 16 bits are mixed in float32.
        corners_N2: the top left corner of each window, (row, column) in pixels from that of the
            image; within 0 and H - height, 0 and W - width, or else the nearest that is.
        size: height and width of the windows, at most H and W.

    Raises:
        TrainingError: a corner is not finite.
        ValueError: the windows are larger than the images, or there are not as many corners.
    """
    corners_N2 = _checked(corners_N2, images_NCHW)
    height, width = images_NCHW.shape[2:]
    if size[0] > height or size[1] > width:
        raise ValueError(f"a window of {size} pixels is larger than an image of {height, width}")
    with own_precision(images_NCHW.device.type):
        if torch.compiler.is_compiling():
            return _traced(images_NCHW, corners_N2, size)
        return cast(Tensor, _Crop.apply(images_NCHW, corners_N2, size))


def crop_resized(images_NCHW: Tensor, corners_N2: Tensor, sides_N2: Tensor, size: Size) -> Tensor:
    """Returns windows of sides of their own, resampled to one size: ``(N, C, *size)``.

    A pixel lies at top + height (i + 1/2) / h - 1/2, and so for columns: a window of the size
    itself is that of :func:`crop`. Four neighbours are mixed, also where sides are larger; beyond
    the border the nearest pixel is repeated (Uni-AdaFocus, arXiv 2412.11228).

    Args:
        images_NCHW: any floating point type; those of 16 bits are mixed in float32.
        corners_N2: the top left corner of each window, (row, column) in pixels.
        sides_N2: height and width of each window, in pixels; they get a gradient, too.
        size: height and width in pixels of what comes out.

    Raises:
        TrainingError: a corner or a side is not finite.
        ValueError: there are not as many corners or sides as images.
    """
    corners_N2, sides_N2 = _checked(corners_N2, images_NCHW), _checked(sides_N2, images_NCHW)
    exact = _exact(images_NCHW)
    x = images_NCHW
    with own_precision(images_NCHW.device.type):
        for axis, (count, length) in enumerate(zip(size, images_NCHW.shape[2:], strict=True)):
            steps_P = torch.arange(count, device=x.device, dtype=torch.float64)
            stretch_N1 = sides_N2[:, axis, None].double() / count - 1
            places_NP = corners_N2[:, axis, None].double() + steps_P + (steps_P + 0.5) * stretch_N1
            places_NP = places_NP.clamp(0, length - 1)
            first_NP = places_NP.detach().floor().clamp(max=max(length - 2, 0))
            shape = (len(x), 1, count, 1) if axis == 0 else (len(x), 1, 1, count)
            part = (places_NP - first_NP).to(exact).view(shape)
            one = first_NP.long().view(shape)
            next_one = (one + 1).clamp(max=length - 1)
            a, b = (torch.take_along_dim(x, at, axis + 2).to(exact) for at in (one, next_one))
            x = torch.lerp(a, b, part.expand_as(a))
        return x.to(images_NCHW.dtype)


class _Crop(torch.autograd.Function):
    """Cuts windows that are one pixel larger, and mixes neighbours along rows, then columns.

    Images in channels-last layout stay in it: ``axes`` are those of rows and columns in memory.
    """

    @staticmethod
    def forward(ctx: Any, images_NCHW: Tensor, corners_N2: Tensor, size: Size) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        axes = (1, 2) if _is_channels_last(images_NCHW) else (2, 3)
        first_N2, part_N2 = _split(corners_N2, images_NCHW, size)
        cut = _windows(images_NCHW, size, axes)[_at(first_N2)]
        ctx.save_for_backward(cut if ctx.needs_input_grad[1] else None, first_N2, part_N2)
        ctx.axes, ctx.size, ctx.places = axes, size, corners_N2.dtype
        ctx.like = torch.empty_like(images_NCHW, device="meta")
        x = cut.to(part_N2.dtype)
        for axis in _moving(ctx.like, size):
            x = _mixed(x, part_N2[:, axis], axes[axis])
        return _outside(x.to(images_NCHW.dtype), axes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        cut, first_N2, part_N2 = ctx.saved_tensors
        axes, moving = ctx.axes, _moving(ctx.like, ctx.size)
        gradient = _inside(gradients[0].to(part_N2.dtype), axes)
        by_images = by_corners = None
        if cut is not None:
            by_corners = torch.zeros_like(first_N2, dtype=part_N2.dtype)
            for axis in moving:
                x = cut.to(part_N2.dtype)
                for other in moving:
                    x = x if other == axis else _mixed(x, part_N2[:, other], axes[other])
                before, after = _neighbours(x, axes[axis])
                by_corners[:, axis] = _products(after - before, gradient)
            by_corners = by_corners.to(ctx.places)
        if ctx.needs_input_grad[0]:
            for axis in reversed(moving):
                gradient = _shared_out(gradient, part_N2[:, axis], axes[axis])
            by_images = torch.zeros_like(ctx.like, device=gradient.device)
            _windows(by_images, ctx.size, axes)[_at(first_N2)] = gradient.to(by_images.dtype)
        return by_images, by_corners, None


def _traced(images_NCHW: Tensor, corners_N2: Tensor, size: Size) -> Tensor:
    """The same made of operators that compilers know."""
    first_N2, part_N2 = _split(corners_N2, images_NCHW, size)
    x = images_NCHW
    for axis in _moving(images_NCHW, size):
        steps = torch.arange(size[axis] + 1, device=x.device)
        shape = (-1, 1, size[axis] + 1, 1) if axis == 0 else (-1, 1, 1, size[axis] + 1)
        places = (first_N2[:, axis, None].long() + steps).view(shape)
        x = torch.take_along_dim(x, places, axis + 2).to(part_N2.dtype)
        x = _mixed(x, part_N2[:, axis], axis + 2)
    return x.to(images_NCHW.dtype)


def _split(corners_N2: Tensor, images_NCHW: Tensor, size: Size) -> tuple[Tensor, Tensor]:
    """The first pixels of windows, as whole numbers, and how far between it and the next they are.

    The next pixel is within the image: at the far border, the part is 1.
    """
    room = corners_N2.new_tensor([images_NCHW.shape[axis + 2] - size[axis] for axis in (0, 1)])
    inside_N2 = corners_N2.clamp(min=0).minimum(room)
    first_N2 = inside_N2.detach().floor().minimum((room - 1).clamp(min=0))
    return first_N2, (inside_N2 - first_N2).to(_exact(images_NCHW))


def _moving(images_NCHW: Tensor, size: Size) -> list[int]:
    """The axes along which windows have room."""
    return [axis for axis in (0, 1) if images_NCHW.shape[axis + 2] > size[axis]]


def _windows(images_NCHW: Tensor, size: Size, axes: tuple[int, int]) -> Tensor:
    """All windows of images as a view ``(N, rows, columns, ...)``, one pixel larger where there is.

    What follows is a window in the order of ``axes``.
    """
    moving = _moving(images_NCHW, size)
    x = images_NCHW
    for axis in (0, 1):
        x = x.unfold(axis + 2, size[axis] + (axis in moving), 1)
    return x.movedim(1, 3 if axes == (2, 3) else 5)


def _at(first_N2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The index of the windows among all windows."""
    rows_N, columns_N = first_N2.long().unbind(1)
    return torch.arange(len(first_N2), device=first_N2.device), rows_N, columns_N


def _neighbours(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """All but the last along an axis, and all but the first."""
    count = x.shape[axis] - 1
    return x.narrow(axis, 0, count), x.narrow(axis, 1, count)


def _mixed(x: Tensor, part_N: Tensor, axis: int) -> Tensor:
    """Neighbours along an axis, mixed: one fewer."""
    before, after = _neighbours(x, axis)
    return torch.lerp(before, after, part_N.view(-1, 1, 1, 1))


def _shared_out(gradient: Tensor, part_N: Tensor, axis: int) -> Tensor:
    """The gradient of both neighbours along an axis: one more."""
    size = list(gradient.shape)
    size[axis] += 1
    out = gradient.new_zeros(size)
    before, after = _neighbours(out, axis)
    later = gradient * part_N.view(-1, 1, 1, 1)
    before.copy_(gradient - later)
    after.add_(later)
    return out


def _products(a: Tensor, b: Tensor) -> Tensor:
    """The inner product of each image with its other, ``(N,)``."""
    return torch.linalg.vecdot(a.flatten(1), b.flatten(1))


def _is_channels_last(images_NCHW: Tensor) -> bool:
    last = images_NCHW.is_contiguous(memory_format=torch.channels_last)
    return last and not images_NCHW.is_contiguous()


def _outside(x: Tensor, axes: tuple[int, int]) -> Tensor:
    """Channels first again, in the same memory."""
    return x if axes == (2, 3) else x.movedim(3, 1)


def _inside(x_NCHW: Tensor, axes: tuple[int, int]) -> Tensor:
    """As images lie in memory, without gaps."""
    return (x_NCHW if axes == (2, 3) else x_NCHW.movedim(1, 3)).contiguous()


def _exact(x: Tensor) -> torch.dtype:
    """Float32 instead of types of 16 bits, else its own."""
    return torch.promote_types(x.dtype, torch.float32)


def _checked(numbers_N2: Tensor, images_NCHW: Tensor) -> Tensor:
    """Corners or sides, at least in float32."""
    if numbers_N2.shape != (len(images_NCHW), 2):
        raise ValueError(
            f"{tuple(numbers_N2.shape)}: not two numbers for {len(images_NCHW)} images"
        )
    looked_at = not (numbers_N2.is_meta or torch.compiler.is_compiling())
    if looked_at and not numbers_N2.isfinite().all():
        raise TrainingError(
            "a window has no place: the policy gave a number that is not finite\n"
            "  cure: a smaller learning rate (--lr, --rate policy=0.01), or --grad-clip"
        )
    return numbers_N2.to(_exact(numbers_N2))
