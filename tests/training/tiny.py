"""A structure and a data set so small that a whole run takes about a second.

Also a program, so that a run can be killed: ``python -m tests.training.tiny DIRECTORY [SETTINGS]``
searches, with settings as JSON, and prints every step it has done.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from connsearch.data.clips.dataset import Clip, ClipKey
from connsearch.data.options import DataOptions
from connsearch.data.reading import READING
from connsearch.graph.parse import parse_structure
from connsearch.graph.spec import Attention, NetworkSettings, Structure
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import search
from connsearch.runs.events import Event, ResultEvent, StepEvent
from connsearch.runs.run import Run

ROWS = [
    [-1, 1],
    [-2, 1],
    [0, [0, 1], 1, 1, 1],
    [0, [0, 1], 1, 2, 1],
    [1, [0, 2, 3], 2, 1, 2],
]


def tiny_structure(*, attention: Attention = Attention.PEER, dropout: float = 0.2) -> Structure:
    """Returns two stems and three blocks on two levels."""
    network = NetworkSettings(
        blocks=(1, 1),
        inner_widths=(4, 4),
        stem_total=8,
        attention=attention,
        flow_iterations=2,
        dropout=dropout,
    )
    return parse_structure(ROWS, name="tiny", family="assemblenet_plus", network=network)


class TinyClips:
    """Clips of noise; the class is which of two colours is added. A stand-in for ClipDataset."""

    def __init__(self, clips: int, *, seed: int, options: DataOptions) -> None:
        generator = torch.Generator().manual_seed(seed)
        cut = options.clips
        size = (clips, 3, cut.frames, cut.size, cut.size)
        self.clips, self.augment, self.loading = cut, options.augment, options.loading
        self.num_classes = 0
        self.unusable: dict[int, str] = {}
        self.labels = [i % 2 for i in range(clips)]
        self._rgb = torch.randn(size, generator=generator) * 0.3
        self._rgb[0::2, 0] += 1.0
        self._rgb[1::2, 2] += 1.0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> Counter[int]:
        return Counter(self.labels)

    def clip(self, key: ClipKey) -> Clip:
        rgb = self._rgb[key.index]
        if key.augment:  # depends on everything a draw may depend on
            rgb = rgb + 0.01 * torch.sin(torch.tensor(float(key.epoch + key.seed + key.visit)))
        if key.shape is not None:
            some = torch.linspace(0, len(rgb[0]) - 1, key.shape.frames).long()
            rgb = F.adaptive_avg_pool2d(rgb[:, some], key.shape.size)
        return Clip({"rgb": rgb}, self.labels[key.index])


@dataclass
class TinyData:
    """A stand-in for DataSplits."""

    options: DataOptions = field(
        default_factory=lambda: DataOptions.of(frames=4, size=16, batch_size=4)
    )
    name: str = "tiny"
    classes: tuple[str, ...] = ("red", "blue")
    fingerprint: str = "tiny"
    object_classes: int = 0
    clip: tuple[int, int, int] = (4, 16, 16)
    connections: TinyClips | None = None
    earlier: str = ""
    contents: None = None
    reading: int = READING
    multi_label: bool = False

    def __post_init__(self) -> None:
        self.train = TinyClips(14, seed=1, options=self.options)
        self.val = TinyClips(6, seed=2, options=self.options)
        self.test = TinyClips(6, seed=3, options=self.options)

    @property
    def hashes(self) -> dict[str, str]:
        """As many as there are lists."""
        return dict.fromkeys(("train", "val", "test"), self.fingerprint)

    def __iter__(self) -> Iterator[tuple[str, TinyClips]]:
        return iter((name, getattr(self, name)) for name in ("train", "val", "test"))

    def parts(self) -> Iterator[tuple[str, TinyClips]]:
        yield from self
        if self.connections is not None:
            yield "connections", self.connections


def tiny_options(**changes: Any) -> SearchOptions:
    """Returns settings for 16 steps in 4 epochs, with a checkpoint every 3 steps."""
    chosen = {
        "epochs": 4,
        "eval_every": 1,
        "checkpoint_steps": 3,
        "recalibrate_clips": 8,
        "log_every": 2,
        "threads": 1,
        "precision": "fp32",
        **changes,
    }
    return SearchOptions.of(**chosen)


def tiny_config(options: SearchOptions) -> dict[str, Any]:
    """Returns what the command line would hand to ``Run.open``."""
    return {"command": "search", "settings": options.model_dump()}


def tiny_search(directory: Path, data: Any = None, **changes: Any) -> Iterator[Event]:
    """Yields the events of a search in a directory."""
    options = tiny_options(**changes)
    with Run.open(directory, tiny_config(options)) as run:
        yield from search(tiny_structure(), data or TinyData(), options, run=run)


def result_of(events: Iterator[Event]) -> ResultEvent:
    """Returns the last event, which must be the result."""
    last = list(events)[-1]
    assert isinstance(last, ResultEvent)
    return last


if __name__ == "__main__":
    for event in tiny_search(
        Path(sys.argv[1]), **json.loads(sys.argv[2] if sys.argv[2:] else "{}")
    ):
        if isinstance(event, StepEvent):
            print(event.step, flush=True)
