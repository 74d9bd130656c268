"""The number formats a network computes with: its weights stay in float32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["fp32", "bf16", "fp16"]
"""Of convolutions and matrix products. ``fp16`` has a narrow range: in training its loss is scaled
(``training.loss_scale``)."""


def autocast(device: str, precision: Precision) -> torch.autocast:
    """Returns the context in which a forward pass computes in a number format."""
    kind = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device, kind, enabled=precision != "fp32")


def own_precision(device: str) -> AbstractContextManager[object]:
    """Returns a context in which types stay as they are; the meta device has no autocast to leave.

    Args:
        device: type of the device that computes, such as ``cuda``.
    """
    if not torch.amp.is_autocast_available(device):
        return nullcontext()
    return torch.autocast(device, enabled=False)
