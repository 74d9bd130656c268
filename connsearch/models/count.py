"""What any network costs, counted by torch while a copy without numbers computes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


class Counted(NamedTuple):
    """Parameters that learn, and multiply-accumulates of one forward pass in evaluation."""

    parameters: int
    macs: int


def count(model: nn.Module, streams: Mapping[str, Tensor]) -> Counted:
    """Returns what a network costs on streams of this shape; both stay as they are.

    A copy of the network computes on the meta device: no time, and no memory for its weights.
    Counted are the operations that ``torch.utils.flop_counter`` knows (convolutions, matrix
    products, attention, recurrent cells by way of their products), two of them a
    multiply-accumulate. Sums, pooling, normalisation and gates are not, and so neither is the
    representation flow, whatever its iterations: for the network of a structure this is
    ``graph.cost`` by another way, and equal to it. Only a network that learns the stored weights of
    its connections (a search) has those parameters too; ``graph.cost`` names them apart.

    Args:
        model: any module whose ``forward`` takes the streams.
        streams: as the network takes them; only shape and type are read. The
            multiply-accumulates are those of the whole batch: give one clip.

    Raises:
        NotImplementedError or RuntimeError: of torch; the network asks for numbers on its way
            (``item``, a branch on a value), and there are none.
    """
    without = without_numbers(model).eval()
    shapes = {name: torch.empty_like(stream, device="meta") for name, stream in streams.items()}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        without(shapes)
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return Counted(parameters, counter.get_total_flops() // 2)


def without_numbers(model: nn.Module) -> nn.Module:
    """Returns a copy of a network on the meta device: it computes shapes alone, in no time."""
    return copy.deepcopy(model, _meta_of(model))


def _meta_of(model: nn.Module) -> dict[int, Any]:
    """Returns what ``deepcopy`` is to take for each tensor of a network: one without numbers."""
    found: dict[int, Any] = {}
    for tensor in _tensors(model):
        empty = torch.empty_like(tensor, device="meta", requires_grad=False)
        if isinstance(tensor, nn.Parameter):
            empty = nn.Parameter(empty, requires_grad=tensor.requires_grad)
        found[id(tensor)] = empty
    return found


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    """Yields parameters, buffers, and tensors that are plain attributes of a module."""
    yield from model.parameters()
    yield from model.buffers()
    for module in model.modules():
        yield from (value for value in vars(module).values() if isinstance(value, Tensor))
