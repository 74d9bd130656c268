"""Parameters by how they should be optimised: what decides connections learns in its own way."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from connsearch.nn.attention import PeerAttention
from connsearch.nn.connection import ConnectionFusion


def connection_logits(module: nn.Module) -> list[nn.Parameter]:
    """Returns the logits of every connection and every mixture of peers in a module that learn."""
    owners = (m for m in module.modules() if isinstance(m, ConnectionFusion | PeerAttention))
    return [m.logits for m in owners if m.logits is not None and m.logits.requires_grad]


def parameter_groups(
    module: nn.Module, *, lr: float, connection_lr: float, weight_decay: float = 0.01
) -> list[dict[str, Any]]:
    """Returns the groups for one optimiser: kernels, vectors and connection logits.

    Kernels decay; norms and biases do not; connection and peer logits do not either and have their
    own learning rate: decay would pull every weight to 0.5, which is no decision. Groups without a
    parameter are left out, as are parameters that do not learn. Logits that were cast to half
    precision go back to float32, in which their small steps add up.

    Args:
        module: any network, with the modules of this package anywhere in it.
        lr: learning rate of everything else.
        connection_lr: learning rate of connection and peer logits.
        weight_decay: of kernels.

    >>> from connsearch.nn.modules.stream_fusion import StreamFusion
    >>> groups = parameter_groups(StreamFusion({"a": 4, "b": 8}, 8), lr=0.1, connection_lr=0.01)
    >>> [(group["name"], group["lr"], group["weight_decay"]) for group in groups]
    [('kernels', 0.1, 0.01), ('connections', 0.01, 0.0)]
    """
    logits = connection_logits(module)
    for parameter in logits:
        if parameter.dtype in (torch.float16, torch.bfloat16):
            parameter.data = parameter.data.float()
    own = {id(p) for p in logits}
    others = [p for p in module.parameters() if p.requires_grad and id(p) not in own]
    kernels = [p for p in others if p.dim() > 1]
    vectors = [p for p in others if p.dim() <= 1]
    groups: list[dict[str, Any]] = [
        {"name": "kernels", "params": kernels, "lr": lr, "weight_decay": weight_decay},
        {"name": "vectors", "params": vectors, "lr": lr, "weight_decay": 0.0},
        {"name": "connections", "params": logits, "lr": connection_lr, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
