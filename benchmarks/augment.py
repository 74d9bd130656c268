"""How long each augmentation takes on one clip, beside the plain way of doing the same.

Milliseconds of one thread for a clip of 16 x 112 x 112, the shortest of a few, so that a busy
machine does not lengthen them; the mean over draws, because some draws are dearer than others. The
plain way is a convolution of single channels for blurs, and one grid for every frame for geometry.

    python benchmarks/augment.py [--markdown benchmarks/augment.md]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from page import table, write_markdown
from torch import Tensor
from torch.nn import functional as F

from connsearch.data.clips.augment import AUGMENTATIONS, PRESETS, change_rgb, draw_changes
from connsearch.data.clips.augment.blur import MotionBlur
from connsearch.data.clips.augment.geometry import Perspective, Rotation
from connsearch.data.options import DataOptions

FRAMES, SIDE = 16, 112
DRAWS = 10


def shortest(work: Callable[[], object], repeats: int) -> float:
    """Returns milliseconds of this thread, the shortest of some."""
    times: list[float] = []
    for _ in range(repeats):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return min(times) * 1e3


def plain(change: object, rgb_TCHW: Tensor) -> Callable[[], object] | None:
    """Returns the plain way of a change; None: it is the same."""
    if isinstance(change, MotionBlur):
        reach = change.length // 2
        kernel = torch.zeros(3, 1, change.length, change.length)
        for (dy, dx), weight in change.taps().items():
            kernel[:, 0, reach + dy, reach + dx] = weight
        return lambda: F.conv2d(rgb_TCHW, kernel, padding=reach, groups=3)
    if isinstance(change, Perspective | Rotation):
        line = (torch.arange(SIDE, dtype=torch.float64) * 2 + 1) / SIDE - 1
        y_HW, x_HW = torch.meshgrid(line, line, indexing="ij")
        grid = torch.stack(change.origin(x_HW, y_HW), -1).float()
        many = grid.expand(FRAMES, -1, -1, -1)
        return lambda: F.grid_sample(rgb_TCHW, many, align_corners=False)
    return None


def row(name: str, rgb_TCHW: Tensor, maps_THW: Tensor, repeats: int) -> list[str]:
    """Returns one line: the augmentation, ms of frames, of maps, of the plain way, ratio."""
    times: list[tuple[float, float, float]] = []
    for seed in range(DRAWS):
        change = AUGMENTATIONS[name](np.random.default_rng(seed))
        rgb = shortest(lambda c=change: c.rgb(rgb_TCHW), repeats)
        maps = shortest(lambda c=change: c.maps(maps_THW), repeats)
        other = plain(change, rgb_TCHW)
        peer = shortest(other, repeats) if other else float("nan")
        times.append((rgb, maps, peer))
    rgb, maps, peer = (float(value) for value in np.mean(times, axis=0))
    cells = [name.replace("_", " "), f"{rgb:.2f}", f"{maps:.2f}"]
    return cells + (["-", "-"] if np.isnan(peer) else [f"{peer:.2f}", f"{peer / rgb:.1f}x"])


def set_row(name: str, rgb_TCHW: Tensor, repeats: int) -> list[str]:
    """Returns one line: a published set as it comes, drawn and applied."""
    options = DataOptions.of(source="x", augment=(name,))

    def visit(seed: int) -> None:
        change_rgb(draw_changes(options.augment, np.random.default_rng(seed)), rgb_TCHW)

    times = [shortest(lambda s=seed: visit(s), repeats) for seed in range(8 * DRAWS)]
    return [f"{name}, as drawn", f"{np.mean(times):.2f}", "-", "-", "-"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(0)
    rgb_TCHW = torch.rand(FRAMES, 3, SIDE, SIDE, generator=rng) * 255
    maps_THW = torch.randint(0, 4, (FRAMES, SIDE, SIDE), generator=rng, dtype=torch.uint8)
    rows = [row(name, rgb_TCHW, maps_THW, options.repeats) for name in AUGMENTATIONS]
    rows += [set_row(name, rgb_TCHW, options.repeats) for name in sorted(PRESETS)]
    heads = ["augmentation", "frames, ms", "object maps, ms", "the plain way, ms", "times faster"]
    lines = table(heads, rows)
    print("\n".join(lines))
    if options.markdown is not None:
        command = "python benchmarks/augment.py --markdown FILE"
        note = f"one thread, PyTorch {torch.__version__}, shortest of {options.repeats}"
        title = f"Augmentation of a clip of {FRAMES} x {SIDE} x {SIDE}"
        write_markdown(options.markdown, title, command, lines, note=note)


if __name__ == "__main__":
    main()
