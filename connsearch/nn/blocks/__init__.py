"""Residual modules a block is made of. One file a kind; a new file here is a new kind.

A member is called as ``member(in_width, filters=..., inner_width=..., temporal_dilation=...,
stride=..., step=...)`` and returns a module that maps ``(B, in_width, T, H, W)`` to
``(B, out, T, ceil(H / stride), ceil(W / stride))``, where ``out`` is the block's planned width.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from connsearch.registry import Registry

BLOCKS: Registry[Callable[..., nn.Module]] = Registry("block", __name__)
