"""What any network costs, counted by torch while a copy without numbers computes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from connsearch.models.early_exit import EarlyExitModel
from connsearch.nn.split_norm import SplitNorm


class Counted(NamedTuple):
    """Parameters that learn, and multiply-accumulates of one forward pass in evaluation."""

    parameters: int
    macs: int


class Spent(NamedTuple):
    """What a network costs, and each of its sub-modules by name."""

    whole: Counted
    parts: Mapping[str, Counted]

    def repeated(self, times: Mapping[str, int]) -> Counted:
        """Returns the cost with some sub-modules so many times, as if they followed each other.

        Args:
            times: sub-modules by name, none within another; all others are there once.
        """
        parameters, macs = self.whole
        for name, number in times.items():
            parameters += (number - 1) * self.parts[name].parameters
            macs += (number - 1) * self.parts[name].macs
        return Counted(parameters, macs)


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
    return spent(model, streams).whole


def spent(model: nn.Module, streams: Mapping[str, Tensor]) -> Spent:
    """Returns what a network and its sub-modules cost, counted like :func:`count`."""
    without = _to_count(model)
    shapes = {name: torch.empty_like(stream, device="meta") for name, stream in streams.items()}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        without(shapes)
    flops, root = counter.get_flop_counts(), type(without).__name__
    parts = {
        name: Counted(_learning(part), sum(flops.get(f"{root}.{name}", {}).values()) // 2)
        for name, part in model.named_modules()
        if name
    }
    return Spent(Counted(_learning(model), counter.get_total_flops() // 2), parts)


def empty_clip(model: nn.Module, clip: tuple[int, int, int]) -> dict[str, Tensor]:
    """Returns a clip without numbers: what a model says it reads, or ``rgb``.

    Args:
        model: any; its method ``empty_clip`` is asked if there is one.
        clip: frames, height and width.
    """
    own: Callable[[tuple[int, int, int]], dict[str, Tensor]] | None
    own = getattr(model, "empty_clip", None)
    return {"rgb": torch.empty(1, 3, *clip, device="meta")} if own is None else own(clip)


def macs_of_steps(
    model: EarlyExitModel, shapes: Mapping[str, Sequence[int]], *, first: int | None = None
) -> tuple[int, ...]:
    """Returns the multiply-accumulates of one clip until each exit of a network that can stop.

    Args:
        model: any; it stays as it is.
        shapes: of the streams of one clip, ``(C, T, H, W)`` by name.
        first: count the first exits alone; None: all.
    """
    assert isinstance(model, nn.Module), "it is a model"
    without = _to_count(model)
    assert isinstance(without, EarlyExitModel), "a copy of a network is of its kind"
    streams = {name: torch.empty(1, *shape, device="meta") for name, shape in shapes.items()}
    found: list[int] = []
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        steps = without.steps(streams)
        next(steps)
        found.append(counter.get_total_flops() // 2)
        for _ in range((first or without.exits) - 1):
            steps.send(torch.ones(1, dtype=torch.bool))
            found.append(counter.get_total_flops() // 2)
    return tuple(found)


def _to_count(model: nn.Module) -> nn.Module:
    """A copy on the meta device that takes no time where nothing is counted."""
    without = without_numbers(model).eval()
    for module in without.modules():
        if isinstance(module, nn.LSTM | nn.GRU):
            module.__dict__["forward"] = partial(_at_once, module, module.forward)
        if isinstance(module, SplitNorm) or type(module).forward is nn.BatchNorm3d.forward:
            module.__dict__["forward"] = _as_it_is
    return without


def _at_once(cell: nn.LSTM | nn.GRU, frame_by_frame: Callable[..., Any], x: Any, *rest: Any) -> Any:
    """What a recurrent cell gives, without numbers: the frames go through it as clips of one frame.

    They are as many products, in a step instead of one for each frame.
    """
    if not isinstance(x, Tensor) or x.dim() != 3 or (rest and rest[0] is not None):
        return frame_by_frame(x, *rest)
    clips, frames = x.shape[:2] if cell.batch_first else (x.shape[1], x.shape[0])
    one = (clips * frames, 1) if cell.batch_first else (1, clips * frames)
    found, states = frame_by_frame(x.reshape(*one, x.shape[2]))
    cut = tuple(s[:, :clips] for s in states) if isinstance(states, tuple) else states[:, :clips]
    return found.reshape(*x.shape[:2], -1), cut


def _as_it_is(x: Tensor) -> Tensor:
    """What a batch normalisation gives, without numbers: torch takes its time to find the shape."""
    return x


def _learning(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


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
