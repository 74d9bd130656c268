"""How fast is the crop of windows, against ``grid_sample`` driven by a whole ``affine_grid``?

Forward and backward, for the gradient by the places alone (frames that are data) and by the images
too; in turn, so that both see the same machine. A ratio above 1: the crop is faster. The last
columns are of images in channels-last layout, which clips have here.

    python benchmarks/focus_crop.py --threads 2
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from page import table, write_markdown
from torch import Tensor

from connsearch.nn.crop import crop

SIZES = ((32, 224, 96), (32, 224, 128), (32, 224, 160), (32, 112, 48), (64, 64, 24), (64, 32, 12))
"""Images, side of an image, side of a window."""


def sampled(images: Tensor, corners_N2: Tensor, side: int) -> Tensor:
    """Returns windows by torch's sampler, square images alone."""
    count, channels, length = images.shape[:3]
    scale = torch.eye(2).expand(count, 2, 2) * (side / length)
    middle = (2 * corners_N2.flip(1) + side) / length - 1
    theta = torch.cat([scale, middle[..., None]], 2)
    grid = torch.nn.functional.affine_grid(
        theta, [count, channels, side, side], align_corners=False
    )
    return torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def plain(images: Tensor, corners_N2: Tensor, side: int) -> Tensor:
    """Returns windows by the crop."""
    return crop(images, corners_N2, (side, side))


WAYS: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "grid_sample": sampled,
    "crop": plain,
}


def seconds(
    count: int, length: int, side: int, *, by_images: bool, last: bool, turns: int
) -> dict[str, float]:
    """Returns median seconds of forward and backward of every way, taken in turn."""
    layout = torch.channels_last if last else torch.contiguous_format
    images = torch.randn(count, 3, length, length).contiguous(memory_format=layout)
    images.requires_grad_(by_images)
    corners = (torch.rand(count, 2) * (length - side)).requires_grad_()
    vector = torch.randn(count, 3, side, side).contiguous(memory_format=layout)
    spent: dict[str, list[float]] = {name: [] for name in WAYS}
    for turn in range(turns + 2):  # the first two warm up
        for name, way in WAYS.items():
            images.grad = corners.grad = None
            begin = time.perf_counter()
            way(images, corners, side).backward(vector)
            if turn > 1:
                spent[name].append(time.perf_counter() - begin)
    return {name: float(np.median(times)) for name, times in spent.items()}


def rows(turns: int) -> list[list[str]]:
    """Returns one row a size and kind of gradient."""
    lines: list[list[str]] = []
    for (count, length, side), by_images in [(s, b) for b in (False, True) for s in SIZES]:
        cells = [f"{count}x3x{length}x{length} -> {side}", "image too" if by_images else "place"]
        for last in (False, True):
            found = seconds(count, length, side, by_images=by_images, last=last, turns=turns)
            grid = found["grid_sample"]
            cells += [f"{1e3 * grid:.2f}", f"{1e3 * found['crop']:.2f}"]
            cells.append(f"{grid / found['crop']:.2f}")
        lines.append(cells)
    return lines


def main(words: Sequence[str] | None = None) -> None:
    """Measures, prints the table, and writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--markdown", type=Path, help="also write the page here")
    given = parser.parse_args(words)
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    ways = ["grid_sample, ms", "crop, ms", "ratio"]
    heads = ["images -> window", "gradient by", *ways, *(f"{way} (channels last)" for way in ways)]
    lines = table(heads, rows(given.turns))
    lines += ["", f"Medians of {given.turns}, float32, {given.threads} threads, torch "
              f"{torch.__version__}; ratios: how many times as fast as grid_sample."]  # fmt: skip
    print("\n".join(lines))
    if given.markdown:
        command = f"python benchmarks/focus_crop.py --threads {given.threads}"
        write_markdown(given.markdown, "A crop without a grid", command, lines)


if __name__ == "__main__":
    main()
