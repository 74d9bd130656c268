"""How the numbers of features and kernels lie in memory, in networks of images and of clips."""

from __future__ import annotations

import torch
from torch import nn


def of_images(layout: torch.memory_format) -> torch.memory_format:
    """Returns the layout of images ``(N, C, H, W)`` that belongs to one of clips.

    >>> of_images(torch.channels_last_3d)
    torch.channels_last
    """
    return torch.channels_last if layout is torch.channels_last_3d else layout


def lay_out(network: nn.Module, layout: torch.memory_format) -> None:
    """Lays out the kernels of a network in place, those over images as well as those over clips.

    torch's own ``to(memory_format=torch.channels_last_3d)`` refuses every network that has kernels
    over images.

    Args:
        network: any.
        layout: of clips.
    """
    forms = {4: of_images(layout), 5: layout}
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.dim() in forms:
            tensor.data = tensor.data.to(memory_format=forms[tensor.dim()])
