"""A golden case as it lies on disk: what it says of itself, TensorFlow layouts to and from ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Case:
    """One golden file: its entry in the index and its arrays."""

    name: str
    info: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def kind(self) -> str:
        """Leading digit: 1 flow, 2 stems, 3 fusion, 4 blocks, 5 attention, 6 heads, 7 models."""
        return self.name[0]

    @property
    def what(self) -> str:
        """The index's sentence; some settings stand nowhere else."""
        return str(self.info["what"])

    @property
    def modes(self) -> tuple[str, ...]:
        """``eval``, ``train``: the modes with an output."""
        return tuple(m for m in ("eval", "train") if f"{m}/out" in self.arrays)

    def number(self, pattern: str, default: int) -> int:
        """Returns the number that follows ``pattern`` in the sentence."""
        found = re.search(rf"(?:{pattern})\s*=?\s*(\d+)", self.what)
        return int(found[1]) if found else default

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """Returns the arrays below ``prefix/``, without the prefix."""
        start = prefix + "/"
        return {k[len(start) :]: a for k, a in self.arrays.items() if k.startswith(start)}

    def frames(self) -> int:
        """Returns T of a 4D case."""
        for name in ("num_frames", "time"):
            if self.info.get(name) is not None:
                return int(self.info[name])
        some = next(a for k, a in self.arrays.items() if k.startswith("input/"))
        unsaid = some.shape[0]  # cases that say nothing treat every frame alone, except these
        if self.kind == "6":
            unsaid //= self.arrays["eval/out"].shape[0]
        elif self.name.startswith("1f"):
            unsaid //= 2
        return self.number(r"num_frames|\bT", unsaid)


def to_clip(array: np.ndarray, frames: int, dtype: torch.dtype) -> Tensor:
    """Returns ``(B, C, T, H, W)`` from ``[B * T, H, W, C]`` or ``[B, T, H, W, C]``."""
    tensor = torch.from_numpy(np.ascontiguousarray(array)).to(dtype)
    if tensor.ndim == 4:
        tensor = tensor.unflatten(0, (-1, frames))
    return tensor.permute(0, 4, 1, 2, 3).contiguous()


def to_vectors(array: np.ndarray, frames: int, dtype: torch.dtype) -> Tensor:
    """Returns peer vectors ``(B, T, G)`` from ``[B * T, G]`` or ``[B, T, G]``."""
    tensor = torch.from_numpy(np.ascontiguousarray(array)).to(dtype)
    return tensor.unflatten(0, (-1, frames)) if tensor.ndim == 2 else tensor


def from_ours(tensor: Tensor, ndim: int) -> np.ndarray:
    """Returns our result in the golden layout: channels last, frames merged where ndim says so."""
    tensor = tensor.detach()
    if tensor.ndim == 5:
        tensor = tensor.permute(0, 2, 3, 4, 1)
    if tensor.ndim == ndim + 1:
        tensor = tensor.flatten(0, 1)
    return tensor.double().numpy()


def to_parameter(array: np.ndarray, shape: torch.Size) -> Tensor:
    """Returns a weight or its gradient in our layout, given the shape it has with us.

    Kernels are ``[(D,) H, W, in, out]``; a 4D kernel of a temporal convolution is
    ``[k, 1, in, out]``; dense kernels are ``[in, out]``.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if tensor.ndim == 5:
        tensor = tensor.permute(4, 3, 0, 1, 2)
    elif tensor.ndim == 4:
        axis = 4 if shape[2] > 1 else 2  # H is time where our kernel is temporal
        tensor = tensor.permute(3, 2, 0, 1).unsqueeze(axis)
    elif tensor.ndim == 2:
        tensor = tensor.T
    assert tensor.shape == shape, f"{tuple(array.shape)} does not fit {tuple(shape)}"
    return tensor
