"""Representation flow: motion computed from RGB inside the network (unrolled TV-L1).

Source: Piergiovanni and Ryoo, "Representation Flow for Action Recognition", CVPR 2019; borders and
constants as in the AssembleNet code. Everything is difference by slicing: the published
convolutions with kernels (-1, 1) and (-.5, 0, .5) say the same and cost many times more.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.nn.layers import conv, norm

THETA = 0.3
LAMBDA = 0.15
TAU = 0.25
_TINY = 1e-12

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
    solve = _solve if keep_graph else _solve_in_place
    flow_2BTCHW = solve(first.contiguous(), second.contiguous(), iterations)
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
    inverse = -1.0 / (gradient.square().sum(0) + _TINY)
    return second - first, gradient, inverse


def _solve(first: Tensor, second: Tensor, iterations: int) -> Tensor:
    """Returns the flow ``(2, ...)`` with a graph; the arithmetic of :func:`_solve_in_place`."""
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
    """Forward difference; 0 stands beyond the end, so the last entry is -u."""
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
    """Returns the flow ``(2, ...)`` without a graph, reusing its buffers in every iteration."""
    residual, gradient, inverse = _data_term(first, second)
    residual = residual + _TINY
    ratio = TAU / THETA
    u = torch.zeros_like(gradient)
    p = u.new_zeros((2, *u.shape))  # p[0] along x, p[1] along y, for both flow components
    slope, size, step = torch.zeros_like(p), torch.empty_like(u), torch.empty_like(residual)
    for _ in range(iterations):
        torch.addcmul(residual, gradient[0], u[0], out=step)
        step.addcmul_(gradient[1], u[1]).mul_(inverse).clamp_(-LAMBDA * THETA, LAMBDA * THETA)
        u.addcmul_(gradient, step)
        u[..., :-1].add_(p[0][..., :-1], alpha=THETA)
        u[..., 1:].sub_(p[0][..., :-1], alpha=THETA)
        u[..., :-1, :].add_(p[1][..., :-1, :], alpha=THETA)
        u[..., 1:, :].sub_(p[1][..., :-1, :], alpha=THETA)
        torch.sub(u[..., 1:], u[..., :-1], out=slope[0][..., :-1])
        torch.neg(u[..., -1], out=slope[0][..., -1])
        torch.sub(u[..., 1:, :], u[..., :-1, :], out=slope[1][..., :-1, :])
        torch.neg(u[..., -1, :], out=slope[1][..., -1, :])
        torch.mul(slope[0], slope[0], out=size)
        size.addcmul_(slope[1], slope[1]).add_(_TINY).sqrt_().mul_(ratio).add_(1)
        p.add_(slope, alpha=ratio).div_(size)
    return u


class FeatureFlow(nn.Module):
    r"""Flow of feature maps, added to them: the layer of the representation-flow paper.

    .. math:: y = \mathrm{relu}(x + \mathrm{BN}(W_2\, \mathrm{flow}(W_1 x)))

    Args:
        width: channels in and out.
        bottleneck: channels the flow is computed on; ``W_1`` is left out where it equals ``width``.
        iterations: TV-L1 steps.
        normalisation: see :func:`representation_flow`.
    """

    def __init__(
        self,
        width: int,
        *,
        bottleneck: int = 32,
        iterations: int = 20,
        normalisation: Normalisation = "clip",
    ) -> None:
        super().__init__()
        self.iterations = iterations
        self.normalisation: Normalisation = normalisation
        self.conv1 = conv(width, bottleneck) if bottleneck != width else None
        self.conv2 = conv(2 * bottleneck, width)
        self.bn = norm(width, zero=True)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps features ``(B, C, T, H, W)`` to the same shape."""
        narrow = x_BCTHW if self.conv1 is None else self.conv1(x_BCTHW)
        flow = tv_l1(normalise(_exact(narrow), self.normalisation), self.iterations)
        return F.relu(x_BCTHW + self.bn(self.conv2(flow)))
