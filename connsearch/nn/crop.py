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

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from connsearch.errors import TrainingError
from connsearch.nn.precision import own_precision

Size = tuple[int, int]
"""Height and width in pixels."""
CACHED = 2**18
"""Numbers of windows that are done at a time on a CPU."""
SLICED = 2**13
"""Numbers of a window from which on a CPU copies it faster by itself than by an index of all."""


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
    with own_precision(images_NCHW.device.type):
        axes = list[Tensor]()
        for axis, (count, length) in enumerate(zip(size, images_NCHW.shape[2:], strict=True)):
            steps_P = torch.arange(count, device=images_NCHW.device, dtype=torch.float64) + 0.5
            middles_NP = corners_N2[:, axis, None] + sides_N2[:, axis, None] / count * steps_P
            axes.append((middles_NP * 2 / length - 1).to(exact))  # of pixels, -1 to 1
        rows_Nhw, columns_Nhw = axes[0][:, :, None], axes[1][:, None, :]
        grid_Nhw2 = torch.stack(torch.broadcast_tensors(columns_Nhw, rows_Nhw), 3)
        found = torch.nn.functional.grid_sample(
            images_NCHW.to(exact), grid_Nhw2, padding_mode="border", align_corners=False
        )
        return found.to(images_NCHW.dtype)


class _Crop(torch.autograd.Function):
    """Cuts windows that are one pixel larger, and mixes neighbours along rows, then columns.

    On a CPU a few windows at a time, so that what lies between stays in its cache.
    """

    @staticmethod
    def forward(ctx: Any, images_NCHW: Tensor, corners_N2: Tensor, size: Size) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.save_for_backward(images_NCHW, corners_N2)
        ctx.size = size
        places = _Places(images_NCHW, corners_N2, size)
        x, parts = _in_memory(images_NCHW, places.axes), places.part_N2
        out = x.new_empty(places.shape(x, size), dtype=parts.dtype)
        for few in places.batches(x):
            mixed = places.cut(x, few)
            for axis in places.moving[:-1]:
                mixed = _mixed(mixed, parts[few, axis], places.axes[axis])
            for axis in places.moving[-1:]:
                mixed = _mixed(mixed, parts[few, axis], places.axes[axis], out=out[few])
            if not places.moving:
                out[few] = mixed
        return _channels_first(out.to(images_NCHW.dtype), places.axes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        images_NCHW, corners_N2 = ctx.saved_tensors
        places = _Places(images_NCHW, corners_N2, ctx.size)
        parts, axes = places.part_N2, places.axes
        x = _in_memory(images_NCHW, axes)
        gradient = _in_memory(gradients[0], axes).contiguous()
        by_images = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
        by_corners_N2 = torch.zeros_like(parts)
        for few in places.batches(x):
            some = gradient[few].to(parts.dtype)
            if ctx.needs_input_grad[1] and places.moving:
                cut = places.cut(x, few).to(parts.dtype)
                for axis in places.moving:
                    mixed = cut
                    for other in set(places.moving) - {axis}:
                        mixed = _mixed(cut, parts[few, other], axes[other])
                    before, after = _neighbours(mixed, axes[axis])
                    by_corners_N2[few, axis] = ((after - before) * some).flatten(1).sum(1)
            if by_images is not None:
                some = _padded(some, [axes[axis] for axis in places.moving])
                for axis in places.moving:
                    some = _mixed(some, 1 - parts[few, axis], axes[axis])
                places.paste(some.to(x.dtype), by_images, few)
        return (
            None if by_images is None else _channels_first(by_images, axes),
            by_corners_N2.to(corners_N2.dtype) if ctx.needs_input_grad[1] else None,
            None,
        )


class _Places:
    """Where windows lie in the memory of images.

    Attributes:
        axes: those of rows and columns in memory: images in channels-last layout stay in it.
        moving: 0 and 1 where there is room along rows and columns.
        first_N2: the first pixel, as a whole number.
        part_N2: how far from that to the next one a window begins; that one is in the image, so at
            the far border it is 1.
    """

    def __init__(self, images_NCHW: Tensor, corners_N2: Tensor, size: Size) -> None:
        last = images_NCHW.is_contiguous(memory_format=torch.channels_last)
        self.axes = (1, 2) if last and not images_NCHW.is_contiguous() else (2, 3)
        room = [images_NCHW.shape[axis + 2] - size[axis] for axis in (0, 1)]
        self.moving = [axis for axis in (0, 1) if room[axis]]
        self.larger = size[0] + bool(room[0]), size[1] + bool(room[1])
        room_2 = corners_N2.new_tensor(room)
        inside_N2 = corners_N2.detach().clamp(min=0).minimum(room_2)
        self.first_N2 = inside_N2.floor().minimum((room_2 - 1).clamp(min=0)).long()
        self.part_N2 = (inside_N2 - self.first_N2).to(_exact(images_NCHW))
        self.pixels = images_NCHW.shape[1] * self.larger[0] * self.larger[1]
        self.sliced = images_NCHW.device.type == "cpu" and self.pixels >= SLICED
        self._first = self.first_N2.tolist() if self.sliced else []

    def batches(self, x: Tensor) -> Iterator[slice]:
        """Yields which images are done at a time."""
        step = max(1, CACHED // max(1, self.pixels)) if x.device.type == "cpu" else len(x)
        for start in range(0, len(x), max(1, step)):
            yield slice(start, min(len(x), start + step))

    def shape(self, x: Tensor, size: Size) -> list[int]:
        """The shape in memory with windows instead of images."""
        shape = list(x.shape)
        shape[self.axes[0]], shape[self.axes[1]] = size
        return shape

    def cut(self, x: Tensor, few: slice) -> Tensor:
        """Those windows, one pixel larger where there is room."""
        if not self.sliced:
            return self._all(x[few])[self._at(few)]
        out = x.new_empty(self.shape(x[few], self.larger))
        for window, place in zip(out, self._slices(x, few), strict=True):
            window.copy_(place)
        return out

    def paste(self, windows: Tensor, x: Tensor, few: slice) -> None:
        """Writes windows where :meth:`cut` took them."""
        if not self.sliced:
            self._all(x[few])[self._at(few)] = windows
            return
        for window, place in zip(windows, self._slices(x, few), strict=True):
            place.copy_(window)

    def _all(self, x: Tensor) -> Tensor:
        """A view of all windows there could be, (N, rows, columns, ...)."""
        windows = x.unfold(self.axes[0], self.larger[0], 1).unfold(self.axes[1], self.larger[1], 1)
        return windows.movedim(1, 3) if self.axes == (2, 3) else windows.movedim(3, 5)

    def _at(self, few: slice) -> tuple[Tensor, Tensor, Tensor]:
        rows_N, columns_N = self.first_N2[few].unbind(1)
        return torch.arange(len(rows_N), device=rows_N.device), rows_N, columns_N

    def _slices(self, x: Tensor, few: slice) -> Iterator[Tensor]:
        """Yields the place of each window in its image."""
        (rows, columns), (height, width) = self.axes, self.larger
        for image, (top, left) in zip(x[few], self._first[few], strict=True):
            yield image.narrow(rows - 1, top, height).narrow(columns - 1, left, width)


def _traced(images_NCHW: Tensor, corners_N2: Tensor, size: Size) -> Tensor:
    """The same of operators that compilers know."""
    x, exact = images_NCHW, _exact(images_NCHW)
    for axis in (0, 1):
        room = images_NCHW.shape[axis + 2] - size[axis]
        if not room:
            continue
        inside_N = corners_N2[:, axis].clamp(0, room)
        first_N = inside_N.detach().floor().clamp(max=room - 1)
        steps = torch.arange(size[axis] + 1, device=x.device)
        shape = (-1, 1, size[axis] + 1, 1) if axis == 0 else (-1, 1, 1, size[axis] + 1)
        places = (first_N[:, None].long() + steps).view(shape)
        whole = [-1 if n == axis + 2 else x.shape[n] for n in range(4)]
        x = x.gather(axis + 2, places.expand(whole))  # take_along_dim settles N in an export
        x = _mixed(x.to(exact), (inside_N - first_N).to(exact), axis + 2)
    return x.to(images_NCHW.dtype)


def _neighbours(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """All but the last along an axis, and all but the first."""
    count = x.shape[axis] - 1
    return x.narrow(axis, 0, count), x.narrow(axis, 1, count)


def _mixed(x: Tensor, part_N: Tensor, axis: int, *, out: Tensor | None = None) -> Tensor:
    """Neighbours along an axis, mixed: one fewer."""
    before, after = _neighbours(x.to(part_N.dtype), axis)
    return torch.lerp(before, after, part_N.view(-1, 1, 1, 1), out=out)


def _padded(x: Tensor, axes: Sequence[int]) -> Tensor:
    """One zero more at both ends of axes."""
    sides = [int(axis in axes) for axis in (3, 3, 2, 2, 1, 1)]
    return torch.nn.functional.pad(x, sides) if axes else x


def _in_memory(x_NCHW: Tensor, axes: tuple[int, int]) -> Tensor:
    """Axes in the order of memory; ``axes`` are rows and columns."""
    return x_NCHW if axes == (2, 3) else x_NCHW.movedim(1, 3)


def _channels_first(x: Tensor, axes: tuple[int, int]) -> Tensor:
    """Axes N, C, H, W again, in the same memory."""
    return x if axes == (2, 3) else x.movedim(3, 1)


def _exact(x: Tensor) -> torch.dtype:
    """Float32 instead of types of 16 bits, else its own."""
    return torch.promote_types(x.dtype, torch.float32)


def _checked(numbers_N2: Tensor, images_NCHW: Tensor) -> Tensor:
    """Corners or sides, at least in float32."""
    if numbers_N2.shape != (images_NCHW.shape[0], 2):  # not len, which an export would settle
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
