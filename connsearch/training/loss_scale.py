"""Loss scaling for fp16, whose range is narrow: small gradients would vanish, large ones overflow.

The loss is multiplied by a factor before its gradients are computed, and they are divided by it
before they are used. Where one overflows all the same, the step is skipped and the factor halved;
after many good steps it is doubled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from connsearch.runs.events import Event, NoteEvent
from connsearch.runs.formats.tables import Row, SkippedRow
from connsearch.runs.names import SKIPPED
from connsearch.runs.run import Run
from connsearch.training.hooks import Hook

FIRST = 2.0**16
"""The factor at first."""

PATIENCE = 25
"""So many skipped steps in a row are a failure: 65536, the first factor, halved so often is below
0.002."""


class LossScale(Hook):
    """The factor on the loss of an fp16 training, and the steps that it has cost.

    Args:
        device: where the network computes.

    Attributes:
        skipped: how many steps were skipped so far.
    """

    name = "loss_scale"
    tables: ClassVar[Mapping[str, type[Row]]] = {SKIPPED: SkippedRow}

    def __init__(self, device: str) -> None:
        self._scaler = torch.amp.GradScaler(device, init_scale=FIRST)
        self._scaler.scale(torch.zeros((), device=device))  # it begins with its first loss
        self.skipped = 0
        self._in_a_row = 0
        self._unlogged: list[tuple[int, float]] = []

    def scaled(self, loss: Tensor) -> Tensor:
        """Returns the loss times the factor."""
        return self._scaler.scale(loss)

    def usable(self, optimisers: Iterable[Optimizer], step: int) -> bool:
        """Returns whether no gradient has overflowed, after they were divided by the factor.

        Args:
            optimisers: of everything that has a gradient.
            step: from 0.

        Raises:
            FloatingPointError: it is one of many steps in a row in which one has.
        """
        scaler = self._scaler
        for optimiser in optimisers:
            scaler.unscale_(optimiser)
        before = scaler.get_scale()
        scaler.update()
        if scaler.get_scale() >= before:
            self._in_a_row = 0
            return True
        self.skipped += 1
        self._in_a_row += 1
        self._unlogged.append((step + 1, scaler.get_scale()))
        if self._in_a_row >= PATIENCE:
            raise FloatingPointError(
                f"a gradient overflowed in {PATIENCE} steps in a row, though the loss scale has "
                f"fallen to {scaler.get_scale():.3g}"
            )
        return False

    def log(self, run: Run, step: int, epoch: int) -> Iterator[Event]:
        """Writes the steps that were skipped since the last time, and yields a note of them."""
        for skipped, scale in self._unlogged:
            run.log(SKIPPED, SkippedRow(step=skipped, loss_scale=scale).to_json())
        if self._unlogged:
            steps = ", ".join(str(skipped) for skipped, _ in self._unlogged)
            yield NoteEvent(
                f"fp16: a gradient overflowed, so nothing was learned in step {steps}; the loss "
                f"scale is now {self._scaler.get_scale():g}"
            )
        self._unlogged = []

    def state(self) -> Mapping[str, Any]:
        """Returns the factor, and what was counted."""
        kept = self._scaler.state_dict()
        return {
            "scale": kept["scale"],
            "good_steps": kept["_growth_tracker"],
            "skipped": self.skipped,
            "in_a_row": self._in_a_row,
            "unlogged": [[step, scale] for step, scale in self._unlogged],
        }

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Puts back what :meth:`state` gave."""
        kept = {"scale": state["scale"], "_growth_tracker": state["good_steps"]}
        self._scaler.load_state_dict({**self._scaler.state_dict(), **kept})
        self.skipped, self._in_a_row = state["skipped"], state["in_a_row"]
        self._unlogged = [(step, scale) for step, scale in state["unlogged"]]
