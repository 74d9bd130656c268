"""A network without batch norm and a training of it that takes less than a second.

Also a program, so that it can be killed: ``python -m tests.training.plain DIRECTORY STEP SCALE
SETTINGS`` trains with these settings (JSON) and a first loss scale, and kills itself after a step.
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
from torch import nn

from connsearch.data.options import DataOptions
from connsearch.models.model import Wrapped
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import Event, StepEvent
from connsearch.runs.run import Run
from connsearch.training import loss_scale
from connsearch.training.options import TrainOptions
from tests.training.tiny import TinyData


def plain_network(*, dropout: float = 0.0, classes: int = 2) -> Wrapped:
    """Returns a convolution and a classifier; every clip is judged for itself."""
    torch.manual_seed(7)
    layers = [nn.Conv3d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten()]
    return Wrapped(nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(4, classes)))


def plain_fit(
    directory: Path, data: Any = None, *, batch: int = 4, dropout: float = 0.0, **changes: Any
) -> Iterator[Event]:
    """Yields the events of a training in batches of ``batch`` clips."""
    chosen = {"epochs": 2, "threads": 1, "precision": "fp32", "recalibrate_clips": 0, **changes}
    options = TrainOptions.of(**chosen)
    data = data or TinyData(DataOptions.of(frames=4, size=16, batch_size=batch))
    with Run.open(directory, {"command": "train", "settings": options.model_dump()}) as run:
        yield from fit_model(plain_network(dropout=dropout), data, options, run=run)


if __name__ == "__main__":
    loss_scale.FIRST = float(sys.argv[3])
    for event in plain_fit(Path(sys.argv[1]), **json.loads(sys.argv[4])):
        if isinstance(event, StepEvent) and event.step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
