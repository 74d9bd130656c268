"""Representation flow the published way: every difference a convolution, every case a mask.

The peer that ``connsearch.nn.flow`` is measured against; written from the description of the
layer (TV-L1 with kernels (-1, 1) and (-.5, 0, .5), zero padding, three threshold masks).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from connsearch.nn.flow import LAMBDA, TAU, THETA, Normalisation, normalise

_TINY = 1e-12


def convolution_flow(
    rgb_BCTHW: Tensor, *, iterations: int, normalisation: Normalisation = "clip"
) -> Tensor:
    """Returns the flow ``(B, 2, T, H, W)`` of clips ``(B, 3, T, H, W)``."""
    grey = normalise(rgb_BCTHW.mean(1, keepdim=True), normalisation).transpose(1, 2)
    batch, frames, _, height, width = grey.shape
    first, second = grey[:, :-1].flatten(0, 1), grey[:, 1:].flatten(0, 1)
    u_x, u_y = _tv_l1(first, second, iterations)
    flow = torch.cat([u_x, u_y], 1).view(batch, frames - 1, 2, height, width)
    return torch.cat([flow, flow[:, -1:]], 1).transpose(1, 2)


class _Kernels:
    """The fixed kernels as convolutions with zeros beyond the border."""

    def __init__(self, like: Tensor) -> None:
        centred, forward = like.new_tensor([-0.5, 0.0, 0.5]), like.new_tensor([-1.0, 1.0])
        self.centred = (centred.view(1, 1, 1, 3), centred.view(1, 1, 3, 1))
        self.forward = (forward.view(1, 1, 1, 2), forward.view(1, 1, 2, 1))

    def gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        along_x, along_y = self.centred
        return F.conv2d(x, along_x, padding=(0, 1)), F.conv2d(x, along_y, padding=(1, 0))

    def differences(self, x: Tensor) -> tuple[Tensor, Tensor]:
        along_x, along_y = self.forward
        return F.conv2d(F.pad(x, (0, 1)), along_x), F.conv2d(F.pad(x, (0, 0, 0, 1)), along_y)

    def divergence(self, p_x: Tensor, p_y: Tensor) -> Tensor:
        shifted_x, shifted_y = F.pad(p_x[..., :-1], (1, 0)), F.pad(p_y[..., :-1, :], (0, 0, 1, 0))
        return self.differences(shifted_x)[0] + self.differences(shifted_y)[1]


def _tv_l1(first: Tensor, second: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    kernels = _Kernels(first)
    g_x, g_y = kernels.gradient(second)
    square = g_x**2 + g_y**2 + _TINY
    zero, limit, ratio = torch.zeros_like(first), LAMBDA * THETA, TAU / THETA
    u_x, u_y = zero, zero
    p = [zero] * 4
    for _ in range(iterations):
        rho = second - first + g_x * u_x + g_y * u_y + _TINY
        below, above = rho < -limit * square, rho > limit * square
        between = ~below & ~above & (square > _TINY)
        v_x, v_y = (
            torch.where(below, limit * g, zero)
            + torch.where(above, -limit * g, zero)
            + torch.where(between, -rho / square * g, zero)
            for g in (g_x, g_y)
        )
        u_x = u_x + v_x + THETA * kernels.divergence(p[0], p[1])
        u_y = u_y + v_y + THETA * kernels.divergence(p[2], p[3])
        slopes = [*kernels.differences(u_x), *kernels.differences(u_y)]
        p = [
            (p[k] + ratio * slopes[k])
            / (1 + ratio * torch.sqrt(slopes[k & 2] ** 2 + slopes[k | 1] ** 2 + _TINY))
            for k in range(4)
        ]
    return u_x, u_y
