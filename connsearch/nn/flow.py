"""Representation flow: motion computed from RGB inside the network (unrolled TV-L1).

Source: Piergiovanni and Ryoo, "Representation Flow for Action Recognition", CVPR 2019; borders and
constants as in the AssembleNet code. Everything is difference by slicing: the published
convolutions with kernels (-1, 1) and (-.5, 0, .5) are equivalent and cost many times more.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

THETA = 0.3
LAMBDA = 0.15
TAU = 0.25
_TINY = 1e-12
_SCALE = 2.0**40
_PIXELS_AT_ONCE = 65536
"""Pixels whose buffers stay in a CPU's cache while they are iterated."""

Normalisation = Literal["clip", "batch"]


def representation_flow(
    rgb_BCTHW: Tensor, *, iterations: int = 20, normalisation: Normalisation = "clip"
) -> Tensor:
    """Returns the flow ``(B, 2, T, H, W)`` of clips ``(B, 3, T, H, W)``: x and y, in pixels.

    The grey clip (mean over channels) is scaled to 0..255, flow runs from each frame to the next,
    and the last flow is repeated so that T stays. Without a gradient to keep, the iterations run
    in place.

    Args:
        rgb_BCTHW: clips of any range; a constant clip has flow 0.
        iterations: TV-L1 steps (AssembleNet 40, lite 20).
        normalisation: ``clip`` takes the range of each clip, so that a clip's flow does not depend
            on its batch mates; ``batch`` is the published rule.
    """
    grey_B1THW = normalise(_exact(rgb_BCTHW).mean(1, keepdim=True), normalisation)
    return tv_l1(grey_B1THW, iterations)


def _exact(x: Tensor) -> Tensor:
    """Half precision is too coarse for the small steps of TV-L1."""
    return x if x.dtype == torch.float64 else x.float()


def normalise(x_BCTHW: Tensor, normalisation: Normalisation) -> Tensor:
    """Returns the clips scaled to 0..255 by the range of each clip or of the whole batch."""
    axes = (1, 2, 3, 4) if normalisation == "clip" else (0, 1, 2, 3, 4)
    low = x_BCTHW.amin(axes, keepdim=True)
    span = x_BCTHW.amax(axes, keepdim=True) - low
    span = torch.where(span > 0, span, torch.ones_like(span))
    return (x_BCTHW - low) / span * 255.0


def tv_l1(x_BCTHW: Tensor, iterations: int) -> Tensor:
    """Returns the flow of consecutive feature maps, ``(B, 2C, T, H, W)``: x parts, then y parts.

    Channels are independent. A single frame has flow 0.
    """
    x_BTCHW = x_BCTHW.transpose(1, 2)
    if x_BTCHW.shape[1] == 1:
        return torch.zeros_like(torch.cat([x_BCTHW, x_BCTHW], 1))
    first, second = x_BTCHW[:, :-1], x_BTCHW[:, 1:]
    keep_graph = torch.is_grad_enabled() and x_BCTHW.requires_grad
    # A program that is written down (torch.export, ONNX) has no buffers to use again, and one that
    # is compiled would be broken into a piece a buffer.
    traced = torch.compiler.is_compiling()
    solve = _solve if keep_graph or traced else _solve_in_place
    flow_2NHW = solve(first.flatten(0, 2), second.flatten(0, 2), iterations)
    flow_2BTCHW = flow_2NHW.unflatten(1, first.shape[:3])
    flow_2BTCHW = torch.cat([flow_2BTCHW, flow_2BTCHW[:, :, -1:]], 2)
    return flow_2BTCHW.permute(1, 0, 3, 2, 4, 5).flatten(1, 2)


def _data_term(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the residual, the gradient ``(2, ...)`` of the second frame and -1 / its square."""
    # Zero beyond the border, so edges there count half their value: the published rule.
    padded = F.pad(second, (1, 1, 1, 1))
    gradient = 0.5 * torch.stack(
        [
            padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2],
            padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1],
        ]
    )
    # Scaled by a power of two, which changes no bit: the ONNX exporter takes 1e-12 for nothing.
    inverse = -_SCALE / (gradient.square().sum(0) * _SCALE + _TINY * _SCALE)
    return second - first, gradient, inverse


def _solve(first: Tensor, second: Tensor, iterations: int) -> Tensor:
    """Returns the flow ``(2, N, H, W)`` of N pairs of frames with a graph."""
    residual, gradient, inverse = _data_term(first, second)
    u = torch.zeros_like(gradient)
    p = torch.zeros_like(torch.stack([u, u]))
    for _ in range(iterations):
        rho = residual + (gradient * u).sum(0) + _TINY
        step = (rho * inverse).clamp(-LAMBDA * THETA, LAMBDA * THETA)
        u = u + step * gradient + THETA * _divergence(p)
        slope = torch.stack([_forward(u, -1), _forward(u, -2)])
        size = (slope.square().sum(0) + _TINY).sqrt()
        p = (p + TAU / THETA * slope) / (1 + TAU / THETA * size)
    return u


def _forward(u: Tensor, axis: int) -> Tensor:
    """Forward difference; values beyond the end are 0, so the last entry is -u."""
    n = u.shape[axis]
    ahead = torch.cat([u.narrow(axis, 1, n - 1), torch.zeros_like(u.narrow(axis, 0, 1))], axis)
    return ahead - u


def _divergence(p: Tensor) -> Tensor:
    """Divergence of ``p[0]`` along x and ``p[1]`` along y; the last entry of p counts as 0."""
    parts = []
    for field, axis in ((p[0], -1), (p[1], -2)):
        n = field.shape[axis]
        zero = torch.zeros_like(field.narrow(axis, 0, 1))
        inner = field.narrow(axis, 0, n - 1)
        parts.append(torch.cat([inner, zero], axis) - torch.cat([zero, inner], axis))
    return parts[0] + parts[1]


@torch.no_grad()
def _solve_in_place(first: Tensor, second: Tensor, iterations: int) -> Tensor:
    """Returns the flow ``(2, N, H, W)`` of N pairs of frames without keeping a graph."""
    if first.device.type != "cpu":
        return _solve_flat(first, second, iterations)
    flow = first.new_empty((2, *first.shape))
    pairs = max(1, _PIXELS_AT_ONCE // (first.shape[1] * first.shape[2]))
    for start in range(0, first.shape[0], pairs):
        some = slice(start, start + pairs)
        flow[:, some] = _solve_flat(first[some], second[some], iterations)
    return flow


def _solve_flat(first: Tensor, second: Tensor, iterations: int) -> Tensor:
    """The iterations of :func:`_solve` on flat buffers that are reused in every iteration.

    Frames get a column and a row of zeros at their end, so that a neighbour is an offset (1 in x,
    ``row`` in y) and the zeros beyond a border are in place. ``u`` is the flow times TAU / THETA.
    """
    residual, gradient, inverse = _data_term(first, second)
    (height, width), row, ratio = first.shape[1:], first.shape[2] + 1, TAU / THETA
    constant = _flat((residual + _TINY) * inverse)
    pull, push = _flat(gradient * inverse / ratio), _flat(gradient * ratio)
    u, px, py = torch.zeros_like(push), torch.zeros_like(push), torch.zeros_like(push)
    slope_x, slope_y, size = torch.zeros_like(u), torch.zeros_like(u), torch.empty_like(u)
    step, tiny = torch.empty_like(constant), u.new_tensor(_TINY * ratio**2)
    framed = (first.shape[0], height + 1, row)
    border_x = px.unflatten(1, framed)[..., width - 1 :]
    border_y = py.unflatten(1, framed)[..., height - 1 :, :]
    for _ in range(iterations):
        torch.addcmul(constant, pull[0], u[0], out=step)
        step.addcmul_(pull[1], u[1]).clamp_(-LAMBDA * THETA, LAMBDA * THETA)
        u.addcmul_(push, step).add_(px, alpha=TAU).add_(py, alpha=TAU)
        u[:, 1:].sub_(px[:, :-1], alpha=TAU)
        u[:, row:].sub_(py[:, :-row], alpha=TAU)
        torch.sub(u[:, 1:], u[:, :-1], out=slope_x[:, :-1])
        torch.sub(u[:, row:], u[:, :-row], out=slope_y[:, :-row])
        torch.addcmul(tiny, slope_x, slope_x, out=size)
        size.addcmul_(slope_y, slope_y).sqrt_().add_(1)
        px.add_(slope_x).div_(size)
        py.add_(slope_y).div_(size)
        border_x.zero_()
        border_y.zero_()
    return u.unflatten(1, framed)[..., :height, :width] / ratio


def _flat(x: Tensor) -> Tensor:
    """Returns ``(..., N, H, W)`` as ``(..., N * (H + 1) * (W + 1))``, zeros at the ends."""
    return F.pad(x, (0, 1, 0, 1)).flatten(-3)
