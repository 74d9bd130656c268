"""Batch normalisation of features in channels last on CPUs, exact to the last digits.

torch 2.13 adds up each channel one number after the other there: from a million numbers a channel
on, statistics and gradients are off by 1e-4 and more, and by how much depends on the number of
threads. Here a few numbers are added at a time, and these sums in float64. Blocks of rows stay in
the cache of a processor, so this takes little longer. (Contiguous features are summed exactly by
torch itself.)

Shape letters: B clips, C channels, M all other axes together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

FEWEST = 2**13
"""Numbers of a channel up to which torch's own sums are exact enough, and quicker."""
ROWS = 128
"""Rows that are added up in float32."""
BLOCK = 2**18
"""Numbers that are done at a time."""


class Normalised(NamedTuple):
    """Features, and the statistics they were normalised by: ``(C,)``, the variance biased."""

    features: Tensor
    mean: Tensor
    variance: Tensor


def is_better(x: Tensor) -> bool:
    """Returns whether :func:`exact_batch_norm` is to normalise features ``(B, C, ...)``."""
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.bfloat16):
        return False
    if x.numel() <= FEWEST * x.shape[1] or x.is_contiguous() or torch.compiler.is_compiling():
        return False
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.ndim)
    return last is not None and x.is_contiguous(memory_format=last)


def exact_batch_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Normalised:
    """Returns features normalised by their own statistics, in their type and layout.

    Args:
        x: ``(B, C, ...)`` in channels last, for which :func:`is_better` holds.
        weight: ``(C,)`` in float32.
        bias: likewise.
        eps: is added to the variance.
    """
    return Normalised(*cast("tuple[Tensor, ...]", _ExactNorm.apply(x, weight, bias, eps)))


class _ExactNorm(torch.autograd.Function):
    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        rows = _rows(x)
        near = rows[:ROWS].float().mean(0)  # close to the mean: squares lose nothing beside it

        def apart(part: slice) -> tuple[Tensor, Tensor]:
            found = rows[part].float() - near if x.dtype != near.dtype else rows[part] - near
            return found, found

        first_C, second_C = _sums(rows, apart) / len(rows)
        variance = (second_C - first_C.square()).clamp(min=0)
        mean = near.double() + first_C
        scale = (weight.double() * (variance + eps).rsqrt()).float()
        exact = mean.float()
        out = torch.empty_like(x)
        to = _rows(out)
        for part in _blocks(rows, len(rows)):
            centred = rows[part] - exact
            torch.addcmul(bias, centred, scale, out=_target(to[part], centred))
            if to.dtype != centred.dtype:
                to[part] = centred
        ctx.save_for_backward(x, exact, variance, weight)
        ctx.eps = eps
        ctx.mark_non_differentiable(exact, stored := variance.float())
        return out, exact, stored

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, mean, variance, weight = ctx.saved_tensors
        given = gradients[0]
        if given.stride() != x.stride():
            given = torch.empty_like(x).copy_(given)
        rows, from_ = _rows(x), _rows(given)

        def products(part: slice) -> tuple[Tensor, Tensor]:
            some = from_[part].float()
            return some, (rows[part] - mean) * some

        by_bias, by_scale = _sums(rows, products)
        inverse = (variance + ctx.eps).rsqrt()
        scale = weight.double() * inverse
        whole, slope = scale.float(), (scale * inverse.square() * by_scale / len(rows)).float()
        shift = (scale * by_bias / len(rows)).float()
        out = torch.empty_like(x)
        to = _rows(out)
        for part in _blocks(rows, len(rows)):
            centred = rows[part] - mean
            found = _target(to[part], centred)
            torch.addcmul(-shift, centred, slope, value=-1, out=found)
            found.addcmul_(from_[part], whole)
            if to.dtype != found.dtype:
                to[part] = found
        return out, (by_scale * inverse).to(weight.dtype), by_bias.to(weight.dtype), None


def _rows(x: Tensor) -> Tensor:
    """Features in channels last as ``(M, C)``, the same memory."""
    return x.movedim(1, -1).view(-1, x.shape[1])


def _blocks(rows_MC: Tensor, end: int) -> Iterator[slice]:
    step = max(1, BLOCK // rows_MC.shape[1] // ROWS) * ROWS
    for start in range(0, end, step):
        yield slice(start, min(start + step, end))


def _sums(rows_MC: Tensor, parts: Callable[[slice], tuple[Tensor, Tensor]]) -> Tensor:
    """The sums of two numbers of every row over all rows, ``(2, C)`` in float64.

    Args:
        rows_MC: the features.
        parts: gives both numbers of some rows; if they are one, the second is its square.
    """
    count, width = rows_MC.shape
    groups = count // ROWS
    found = torch.empty(2, groups, width)
    for part in _blocks(rows_MC, groups * ROWS):
        into = slice(part.start // ROWS, part.stop // ROWS)
        one, other = parts(part)
        torch.sum(one.view(-1, ROWS, width), 1, out=found[0, into])
        other = other.mul_(other) if other is one else other
        torch.sum(other.view(-1, ROWS, width), 1, out=found[1, into])
    whole = found.sum(1, dtype=torch.double)
    if groups * ROWS < count:
        one, other = parts(slice(groups * ROWS, count))
        squares = other.double().square() if other is one else other.double()
        whole += torch.stack([one.double().sum(0), squares.sum(0)])
    return whole


def _target(to: Tensor, centred: Tensor) -> Tensor:
    """Where a block in float32 is written: its place, or first itself where types differ."""
    return to if to.dtype == centred.dtype else centred
