"""Trains a network of your own as connsearch trains its own: resumed, logged, judged and kept.

``python examples/own_network.py [DIRECTORY]`` trains a small 3D convolution network on built-in
data. After a kill, rerun the same command to resume, bit for bit.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

import connsearch


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


def main(directory: Path, *, epochs: int = 6, clips: int = 48) -> Any:
    """Returns the finished run: its metrics by split, its digest, and where it is."""
    data = connsearch.load_data("synthetic:appearance", train_clips=clips)
    torch.manual_seed(0)  # the same first weights on every call, so that the run can be resumed
    net = network(len(data.classes))
    run = connsearch.train(net, data, epochs=epochs, run=directory)
    connsearch.evaluate(run, network=net)
    return connsearch.load_run(directory)


if __name__ == "__main__":
    found = main(Path(sys.argv[1] if sys.argv[1:] else "runs/own"))
    print({split: round(metrics.accuracy, 3) for split, metrics in found.metrics.items()})
    print(f"weights: {found.weights_path}")
