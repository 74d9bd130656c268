"""Stem and residual blocks of 3D networks; in a block may be a temporal gate, at one of six places.

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.graph.factorised import STEM_MIDDLE, middle_width
from connsearch.nn.convolutions3d import (
    Conv2Plus1d,
    Convolution,
    full,
    norm,
    pointwise,
    strides,
)
from connsearch.nn.layers import SafeConv

Place = Literal["none", "start", "top", "mid", "end", "res", "final"]
"""Where the gate of a block is.

``start``: on what the block reads, before the way past it is taken; ``top``: after the first
convolution; ``mid``: before the last one, which in a block of two is the same; ``end``: before the
addition; ``res``: on the way past, also where that is the input itself; ``final``: after all.
"""


@dataclass(frozen=True, slots=True)
class BlockForm:
    """What the blocks of a network have in common.

    Attributes:
        convolution: kind of the 3x3x3.
        expansion: how many times as wide a bottleneck ends as it is called.
        groups: parts of the channels that do not see each other in the second convolution; a
            bottleneck is so many times wider inside.
        base_width: channels of a group of a bottleneck called 64 wide.
        dense: groups widen a bottleneck and do nothing else.
        place: of the gate.
        make_gate: called with a number of channels; returns the gate.
    """

    convolution: Convolution = "r3d"
    expansion: int = 1
    groups: int = 1
    base_width: int = 64
    dense: bool = False
    place: Place = "none"
    make_gate: Callable[[int], nn.Module] | None = None

    @property
    def parts(self) -> int:
        """The groups of a convolution."""
        return 1 if self.dense else self.groups


class Stem3d(nn.Module):
    """A 3x7x7 of stride (1, 2, 2), norm and ReLU."""

    def __init__(self, kind: Convolution, width: int) -> None:
        super().__init__()
        if kind == "r2plus1d":
            self.conv = Conv2Plus1d(3, width, STEM_MIDDLE, (3, 7), (1, 2))
        else:
            self.conv = SafeConv(
                3, width, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False
            )
        self.norm = norm(width)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, 3, T, H, W)`` to ``(B, width, T, ceil(H / 2), ceil(W / 2))``."""
        return F.relu(self.norm(self.conv(x_BCTHW)), inplace=True)


class Shortcut(nn.Module):
    """A 1x1x1 and norm, where a block changes its width or size."""

    def __init__(self, in_width: int, width: int, stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.conv = pointwise(in_width, width, stride)
        self.norm = norm(width)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, in_width, T, H, W)`` to width and size of the block's output."""
        return self.norm(self.conv(x_BCTHW))


def shortcut(in_width: int, width: int, stride: tuple[int, int, int]) -> nn.Module:
    """Returns the way past a block; the stride is of time, height and width."""
    same = in_width == width and stride == (1, 1, 1)
    return nn.Identity() if same else Shortcut(in_width, width, stride)


class ResidualBlock3d(nn.Module):
    """What both blocks have: a gate, as wide as the features it gets.

    Attributes:
        width: channels of the output.
        place: of the gate.
        gate: None where there is none.
    """

    width: int
    place: Place
    gate: nn.Module | None

    def add_gate(self, form: BlockForm, widths: Mapping[Place, int]) -> None:
        """Adds the gate of a form, if it has one; ``widths`` are the channels at every place."""
        self.place, make = form.place, form.make_gate
        self.gate = None
        if self.place != "none" and make is not None:
            self.gate = make(widths[self.place])

    def at(self, place: Place, x_BCTHW: Tensor) -> Tensor:
        """Returns the features behind a place: gated if the gate is there."""
        if self.gate is None or self.place != place:
            return x_BCTHW
        return self.gate(x_BCTHW)


class BasicBlock3d(ResidualBlock3d):
    """Two 3x3x3; the first carries the stride, the second has groups.

    Args:
        form: what the network's blocks have in common.
        in_width: input channels.
        planes: what it is called, and its output channels.
        stride: of height and width, and of time unless the convolution is ``flat``.
    """

    def __init__(self, form: BlockForm, in_width: int, planes: int, stride: int) -> None:
        super().__init__()
        kind, middle = form.convolution, middle_width(in_width, planes)
        parted = middle // form.parts * form.parts
        self.width = planes
        self.conv1 = full(kind, in_width, planes, stride=stride, middle=middle)
        self.norm1 = norm(planes)
        self.conv2 = full(kind, planes, planes, middle=parted, groups=form.parts)
        self.norm2 = norm(planes)
        self.shortcut = shortcut(in_width, planes, strides(kind, stride))
        behind: tuple[Place, ...] = ("top", "mid", "end", "res", "final")
        widths: dict[Place, int] = {"start": in_width}
        self.add_gate(form, widths | dict.fromkeys(behind, planes))

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, in_width, T, H, W)`` to ``(B, width, T', H', W')``, each ceil(size/stride)."""
        x_BCTHW = self.at("start", x_BCTHW)
        y = F.relu(self.norm1(self.conv1(x_BCTHW)), inplace=True)
        y = self.at("mid", self.at("top", y))
        y = self.at("end", self.norm2(self.conv2(y)))
        y = F.relu(y.add_(self.at("res", self.shortcut(x_BCTHW))), inplace=True)
        return self.at("final", y)


class Bottleneck3d(ResidualBlock3d):
    """1x1x1, 3x3x3, 1x1x1; the 3x3x3 carries the stride and has groups.

    Args:
        form: what the network's blocks have in common.
        in_width: input channels.
        planes: what it is called; it ends ``expansion`` times as wide.
        stride: of height and width, and of time unless the convolution is ``flat``.
    """

    def __init__(self, form: BlockForm, in_width: int, planes: int, stride: int) -> None:
        super().__init__()
        inside = int(planes * form.base_width / 64) * form.groups
        # Of the whole block, not of the convolution, as published.
        middle = int(middle_width(in_width, planes) * form.base_width / 64) * form.groups
        self.width = planes * form.expansion
        self.conv1 = pointwise(in_width, inside)
        self.norm1 = norm(inside)
        self.conv2 = full(
            form.convolution, inside, inside, stride=stride, middle=middle, groups=form.parts
        )
        self.norm2 = norm(inside)
        self.conv3 = pointwise(inside, self.width)
        self.norm3 = norm(self.width)
        self.shortcut = shortcut(in_width, self.width, strides(form.convolution, stride))
        behind: tuple[Place, ...] = ("end", "res", "final")
        widths: dict[Place, int] = {"start": in_width, "top": inside, "mid": inside}
        self.add_gate(form, widths | dict.fromkeys(behind, self.width))

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps ``(B, in_width, T, H, W)`` to ``(B, width, T', H', W')``, each ceil(size/stride)."""
        x_BCTHW = self.at("start", x_BCTHW)
        y = self.at("top", F.relu(self.norm1(self.conv1(x_BCTHW)), inplace=True))
        y = self.at("mid", F.relu(self.norm2(self.conv2(y)), inplace=True))
        y = self.at("end", self.norm3(self.conv3(y)))
        y = F.relu(y.add_(self.at("res", self.shortcut(x_BCTHW))), inplace=True)
        return self.at("final", y)


BLOCKS_3D = {"basic": BasicBlock3d, "bottleneck": Bottleneck3d}
"""Called with the form, the width before, what the block is called and the stride."""
