"""Videos of plain colours, and small networks that tell them apart; built once for a module."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import connsearch
from connsearch.data.media.decode import write_video
from tests.training.tiny import tiny_structure

CLIPS = {"red": (0,), "blue": (1,), "both": (0, 1), "none": ()}
NAMES = ("blue", "red")
"""The classes, as a list of labels sorts them."""

READ: dict[str, Any] = {"frames": 4, "size": 16, "batch_size": 4}
TRAINED: dict[str, Any] = {
    "epochs": 30,
    "lr": 0.05,
    "label_smoothing": 0.0,
    "eval_every": 30,
    "threads": 1,
    "precision": "fp32",
    "progress": False,
}


def frames_of(labels: tuple[int, ...], count: int, side: int = 24) -> npt.NDArray[np.uint8]:
    """Returns frames in which red (0) and blue (1) are there or not."""
    frames = np.full((count, side, side, 3), 60, np.uint8)
    for label in labels:
        frames[..., 2 * label] = 230
    return frames


def write_colours(folder: Path) -> Path:
    """Returns a multi-label list of a video for each colour in each split."""
    rows = []
    for split in ("train", "val", "test"):
        for name, labels in CLIPS.items():
            write_video(folder / f"{split}-{name}.mp4", frames_of(labels, 6))
            words = "|".join(("red", "blue")[label] for label in labels)
            rows.append((f"{split}-{name}.mp4", words, split))
    with (folder / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "labels", "split"), *rows])
    return folder / "clips.csv"


def trained_on_colours(folder: Path) -> Any:
    """Returns a run that tells which colours a video has."""
    return connsearch.train(
        tiny_structure(dropout=0.0), write_colours(folder), run=folder / "run", **READ, **TRAINED
    )
