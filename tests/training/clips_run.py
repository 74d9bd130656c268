"""A training on real video files that says what it was shown; a program, so that it can be killed.

``python -m tests.training.clips_run DIRECTORY CSV WORKERS`` prints, for every step, its number and
a hash of the clips the network saw in it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from connsearch.data.loading.load import load_data
from connsearch.data.options import DataOptions
from connsearch.models.structure import Network
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import Event, StepEvent
from connsearch.runs.run import Run
from connsearch.training.options import TrainOptions
from tests.training.tiny import tiny_structure


def clips_training(
    directory: Path, listing: Path, workers: int, seen: list[str], **changes: Any
) -> Iterator[Event]:
    """Yields the events of a training; ``seen`` gets a hash for every batch it trains on."""
    data = load_data(
        DataOptions.of(
            source=str(listing),
            frames=4,
            size=16,
            batch_size=3,
            workers=workers,
            memory_mb=0,
            flip=True,
            crop_scale=(0.8, 1.1),
            bad_share=0.2,
            check_files=False,
        )
    )
    options = TrainOptions.of(
        epochs=3,
        eval_every=1,
        checkpoint_steps=2,
        recalibrate_clips=3,
        threads=1,
        precision="fp32",
        **changes,
    )
    network = Network(tiny_structure(), len(data.classes), seed=1)

    def note(module: nn.Module, arguments: tuple[Mapping[str, Tensor]]) -> None:
        if module.training:
            found = hashlib.sha256()
            for name, stream in sorted(arguments[0].items()):
                found.update(name.encode() + stream.contiguous().numpy().tobytes())
            seen.append(found.hexdigest()[:16])

    network.register_forward_pre_hook(note)
    config = {"command": "train", "settings": options.model_dump()}
    with Run.open(directory, config) as run:
        yield from fit_model(network, data, options, run=run, open_test=False)


if __name__ == "__main__":
    shown: list[str] = []
    for event in clips_training(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), shown):
        if isinstance(event, StepEvent):
            print(event.step, shown[-1], flush=True)
