"""Recurrent cells over the frames: where torch's own call is not what is wanted, step by step.

Shape letters: B clips, C channels, T frames.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan  # pyright: ignore[reportUnknownVariableType]

from connsearch.nn.precision import own_precision

FEW, WIDE = 2, 256
"""So few frames under an LSTM so wide: three to five times slower in oneDNN than step by step
(torch 2.13, forward and backward on a CPU), as it reorders weights that are used once or twice."""

State = tuple[Tensor, ...]


def recur(cell: nn.LSTM | nn.GRU, x_TBC: Tensor) -> Tensor:
    """Returns the states of the last layer at every frame ``(T, B, C)``, from a start of zeros.

    Computed in the type of the cell's weights, also under autocast. In an export the number of
    frames stays open (:func:`scanned`).

    Args:
        cell: in one direction and time-major, with biases.
        x_TBC: in the type of the weights.
    """
    if torch.compiler.is_exporting():
        return scanned(cell, x_TBC)
    with own_precision(x_TBC.device.type):
        if _slow(cell, x_TBC):
            return _stepped(cell, x_TBC)
        return cell(x_TBC)[0]


def scanned(cell: nn.LSTM | nn.GRU, x_TBC: Tensor) -> Tensor:
    """Returns the same as a loop over the frames that torch writes down as a loop.

    torch.export takes a call of an LSTM or GRU apart into the frames of its example, and settles
    their number; ONNX has its ``Scan`` for this.
    """
    for layer in range(cell.num_layers):
        weights, start = _weights(cell, layer), _start(cell, x_TBC)

        def step(state: State, x_BC: Tensor, weights: list[Tensor] = weights) -> Any:
            state = _step(x_BC, state, weights)
            return state, state[0].clone()

        _, x_TBC = scan(step, start, x_TBC)
    return x_TBC


def _stepped(cell: nn.LSTM | nn.GRU, x_TBC: Tensor) -> Tensor:
    for layer in range(cell.num_layers):
        weights, state, found = _weights(cell, layer), _start(cell, x_TBC), list[Tensor]()
        for x_BC in x_TBC.unbind():
            state = _step(x_BC, state, weights)
            found.append(state[0])
        x_TBC = torch.stack(found)
    return x_TBC


def _slow(cell: nn.LSTM | nn.GRU, x_TBC: Tensor) -> bool:
    if torch.compiler.is_compiling() or x_TBC.device.type != "cpu":
        return False
    return isinstance(cell, nn.LSTM) and len(x_TBC) <= FEW and cell.hidden_size >= WIDE


def _step(x_BC: Tensor, state: State, weights: list[Tensor]) -> State:
    """The state after one more frame, the hidden state first; an LSTM has a memory as well."""
    if len(state) == 1:
        return (torch.gru_cell(x_BC, state[0], *weights),)
    return torch.lstm_cell(x_BC, list(state), *weights)


def _start(cell: nn.LSTM | nn.GRU, x_TBC: Tensor) -> State:
    parts = 2 if isinstance(cell, nn.LSTM) else 1
    return tuple(x_TBC.new_zeros(x_TBC.shape[1], cell.hidden_size) for _ in range(parts))


def _weights(cell: nn.LSTM | nn.GRU, layer: int) -> list[Tensor]:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [cast(Tensor, getattr(cell, f"{name}_l{layer}")) for name in names]
