"""A network with temporal gates, and a training of it that takes about a second.

Also a program, so that it can be killed: ``python -m tests.training.gated DIRECTORY STEP SETTINGS``
trains with these settings (JSON) and kills itself after a step.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from connsearch.data.options import DataOptions
from connsearch.models.model import Wrapped
from connsearch.nn.cycle_consistency import GateTest
from connsearch.nn.temporal_gate import TemporalGate
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import Event, StepEvent
from connsearch.runs.run import Run
from connsearch.training.options import TrainOptions
from tests.training.tiny import TinyData


class GatedBlock(nn.Module):
    """A convolution, batch norm, and a gate."""

    def __init__(self, width: int, out: int, test: GateTest) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(width, out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm3d(out)
        self.gate = TemporalGate(out, test=test)

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(self.norm(self.convolution(x)).relu())


HALF = GateTest(normalise="zscore", min_fraction=0.5)
"""Open for some clips of the tiny data and shut for others."""


def gated_network(*, gated: bool = False, test: GateTest = HALF) -> Wrapped:
    """Returns two blocks with gates that see 4 frames, one that sees 1, and a classifier."""
    torch.manual_seed(3)
    stage = nn.Sequential(GatedBlock(3, 4, test), GatedBlock(4, 4, test))
    last = nn.Sequential(nn.AdaptiveAvgPool3d((1, 4, 4)), GatedBlock(4, 4, test))
    head = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, 2))
    parts = {"stage1": stage, "stage2": last, "head": head}
    found = Wrapped(nn.Sequential())
    for name, part in parts.items():
        found.module.add_module(name, part)
    for module in found.modules():
        if isinstance(module, TemporalGate):
            module.gated = gated
    return found


def gated_fit(directory: Path, network: Wrapped | None = None, **changes: Any) -> Iterator[Event]:
    """Yields the events of a training of 16 steps in 4 epochs."""
    chosen = {
        "epochs": 4,
        "eval_every": 2,
        "checkpoint_steps": 3,
        "recalibrate_clips": 8,
        "log_every": 5,
        "threads": 1,
        "precision": "fp32",
        **changes,
    }
    options = TrainOptions.of(**chosen)
    data: Any = TinyData(DataOptions.of(frames=4, size=16, batch_size=4))
    with Run.open(directory, {"command": "train", "settings": options.model_dump()}) as run:
        yield from fit_model(network or gated_network(), data, options, run=run)


if __name__ == "__main__":
    for event in gated_fit(Path(sys.argv[1]), **json.loads(sys.argv[3])):
        if isinstance(event, StepEvent) and event.step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
