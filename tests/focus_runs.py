"""A focus model that is trained in a second, on clips of noise: a run for tests to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FRAMES, SIZE, PATCH = 4, 32, 16
CLASSES = ("left", "right")


@cache
def _part() -> Mapping[str, Any]:
    """The document of a network of images with few channels, for both parts."""
    from connsearch.models.catalogue import create_model

    small: dict[str, Any] = {"widths": (8, 8, 8, 8), "depths": (1, 1, 1, 1)}
    return create_model("resnet18", 2, **small).describe().to_json()


def small_focus(**options: Any) -> dict[str, Any]:
    """Settings of ``adafocus`` by name: small parts, frames and windows."""
    sizes = {"frames": FRAMES, "size": SIZE, "patch": PATCH, "policy_hidden": 8, "neurons": 16}
    return {"glance": _part(), "local": _part(), "dropout": 0.0, **sizes, **options}


def noise_clips(folder: Path, *, each: int = 2) -> Path:
    """Writes a list of short videos of noise, for every split and class; returns its path."""
    from connsearch.data.media.decode import write_video

    rng = np.random.default_rng(0)
    lines = ["path,label,split"]
    for split in ("train", "val", "test"):
        for label in CLASSES:
            for number in range(each):
                name = f"{split}-{label}-{number}.mp4"
                frames = rng.integers(0, 255, (8, 36, 40, 3), dtype=np.uint8)
                write_video(folder / name, frames, fps=10)
                lines.append(f"{name},{label},{split}")
    path = folder / "clips.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def train_focus(folder: Path, **options: Any) -> Path:
    """Returns the directory of a run of one epoch, trained below a folder."""
    import connsearch
    from tests.unpictured import no_pictures

    words = [f"{name}={json.dumps(value)}" for name, value in small_focus(**options).items()]
    with no_pictures():
        connsearch.train(
            "adafocus",
            data=noise_clips(folder),
            run=folder / "run",
            model_options=words,
            epochs=1,
            frames=FRAMES,
            size=SIZE,
            batch_size=4,
            precision="fp32",
            threads=1,
            progress=False,
        )
    return folder / "run"
