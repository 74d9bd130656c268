"""What the tests of the commands share: how a command ended, and settings of a few clips."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

TINY = (
    "--frames 4 --size 16 --train-clips 3 --val-clips 2 --test-clips 2 --batch-size 6 "
    "--precision fp32 --threads 1 --recalibrate-clips 6"
).split()
"""Data of a few clips; a step of the starter structure takes a fraction of a second."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Mapping[str, Any]:
        """The last line of standard output."""
        return json.loads(self.out.splitlines()[-1])


Command = Callable[..., Done]


@dataclass(frozen=True)
class Tour:
    """A search of two steps, pruned and trained, made once; tests read it and change nothing."""

    directory: Path
    search: Done
    prune: Done
    train: Done

    @property
    def run(self) -> Path:
        return self.directory / "runs" / "first"

    @property
    def pruned(self) -> Path:
        return self.run / "pruned"

    @property
    def trained(self) -> Path:
        return self.pruned / "trained"


def hear_interrupts() -> None:
    """Undoes what shells and nohup do to what they start: it ignores interrupts, or SIGHUP."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
