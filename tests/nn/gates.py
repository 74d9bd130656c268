"""Gates whose decisions are known: a cell that says what it was told, and clips that pass or fail.

The frames of an open clip are far apart, so a cell that repeats them is consistent with them; all
frames of a shut clip are one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from connsearch.nn.temporal_gate import TemporalGate

WIDTH = 8
STRONG = 12.0
"""Before a sigmoid: as good as 1, or with a minus as good as 0."""


def copying(width: int = WIDTH, **settings: Any) -> TemporalGate:
    """Returns a gate in training whose two-layer LSTM answers with about its input."""
    gate = TemporalGate(width, **settings)
    for layer in range(2):
        cell: dict[str, Tensor] = {
            name: getattr(gate.recursion, f"{name}_l{layer}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        with torch.no_grad():
            for tensor in cell.values():
                tensor.zero_()
            cell["weight_ih"][2 * width : 3 * width] = 2 * torch.eye(width)
            of_gates = torch.tensor([STRONG, -STRONG, 0.0, STRONG])  # in, forget, cell, out
            cell["bias_ih"] += of_gates.repeat_interleave(width)
    return gate


def clips(opens: str, frames: int = 4, size: tuple[int, int] = (3, 5), seed: int = 0) -> Tensor:
    """Returns ``(B, WIDTH, T, H, W)``: for every ``o`` a clip that opens a copying gate."""
    generator = torch.Generator().manual_seed(seed)
    found: list[Tensor] = []
    for letter in opens:
        means_CT = 0.3 * torch.rand(WIDTH, 1, generator=generator).expand(-1, frames)
        if letter == "o":
            means_CT = means_CT + 2 * (2 * torch.eye(WIDTH) - 1)[:, :frames]
        noise = torch.randn(WIDTH, 1, *size, generator=generator)
        noise = noise - noise.mean((2, 3), keepdim=True)
        found.append(means_CT[..., None, None] + noise)
    return torch.stack(found)


def parameters_that_learn(module: nn.Module) -> set[str]:
    """Returns the names of the parameters whose gradient is not zero everywhere."""
    named = module.named_parameters()
    return {name for name, p in named if p.grad is not None and bool(p.grad.any())}
