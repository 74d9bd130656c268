"""Trains a network of your own as connsearch trains its own: resumed, logged, judged and kept.

``python examples/own_network.py [DIRECTORY]`` trains a small 3D convolution network on built-in
data. Kill it and run the same line again: it goes on where it was, bit for bit.
"""

from __future__ import annotations

import sys
from pathlib import Path

from torch import nn

from connsearch.data.loading.load import load_data
from connsearch.data.options import DataOptions
from connsearch.models.model import Wrapped
from connsearch.nn.seeded import seeded
from connsearch.runs.events import ResultEvent
from connsearch.runs.run import Run
from connsearch.training.loop import fit
from connsearch.training.options import TrainOptions


def network(classes: int) -> nn.Module:
    """Any module that maps clips (B, 3, T, H, W) to logits (B, classes)."""
    return nn.Sequential(
        nn.Conv3d(3, 16, (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2)),
        nn.BatchNorm3d(16),
        nn.ReLU(),
        nn.Conv3d(16, 32, 3, stride=2, padding=1),
        nn.BatchNorm3d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(32, classes),
    )


def main(directory: Path, *, epochs: int = 6, clips: int = 48) -> ResultEvent:
    """Returns the result: metrics by split, and where everything is kept."""
    source = DataOptions.of(source="synthetic:appearance", train_clips=clips)
    data, options = load_data(source), TrainOptions.of(epochs=epochs)
    settings = {"data": source.model_dump(mode="json"), "training": options.model_dump(mode="json")}
    config = {"command": "train", "settings": settings}
    with Run.open(directory, config) as run:
        with seeded(0):  # the same first weights on every call: that is what makes it resumable
            model = Wrapped(network(len(data.classes)))
        *_, result = fit(model, data, options, run=run)
    assert isinstance(result, ResultEvent)
    return result


if __name__ == "__main__":
    found = main(Path(sys.argv[1] if sys.argv[1:] else "runs/own"))
    print({split: round(metrics.accuracy, 3) for split, metrics in found.metrics.items()})
    print(f"weights: {found.path}")
