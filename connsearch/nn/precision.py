"""Steps that keep the precision of what they are given, also under autocast."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def own_precision(device: str) -> AbstractContextManager[object]:
    """Returns a context without autocast, where there is one: the meta device has none.

    Args:
        device: type of the device that computes, such as ``cuda``.
    """
    if not torch.amp.is_autocast_available(device):
        return nullcontext()
    return torch.autocast(device, enabled=False)
