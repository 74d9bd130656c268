"""The best along its line of ancestry, as an animation: one frame a generation, all of one size."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from connsearch.evolution.review.lineage import ancestry
from connsearch.view.evolution.story import Story
from connsearch.view.runs.animate_frames import WIDEST, Pixels, write_gif, write_mp4
from connsearch.view.structures.draw import laid_out, to_dot
from connsearch.view.structures.palette import PAPER

MOST_FRAMES = 40
"""Of a longer line so many generations are shown, the first and the last among them."""
SECONDS = 1.6
"""How long a frame stays."""
HIGHEST = 1000
"""Pixels; the width has its own limit."""


def write_animation(story: Story, number: int, paths: Sequence[Path]) -> list[Path]:
    """Returns ``paths`` after writing an animation of a child's ancestors there.

    Each frame is the wiring with the weights the ancestor had learned, under its number, its worth
    and the operators that made it. All are drawn to one scale, so that nothing seems to grow.

    Args:
        story: of the study.
        number: of the child the animation ends with.
        paths: each ends in .gif or .mp4.

    Raises:
        UnknownNameError: no such child.
        Failure: Graphviz failed, or a file could not be written.
    """
    frames = ancestry_frames(story, number)
    for path in paths:
        write = write_mp4 if path.suffix.lower() == ".mp4" else write_gif
        write(iter(frames), path, count=len(frames), seconds=SECONDS * len(frames))
    return list(paths)


def ancestry_frames(story: Story, number: int) -> list[Pixels]:
    """Returns the frames, ``uint8`` (H, W, 3) each, height and width even and all the same.

    Raises:
        UnknownNameError: no such child.
        Failure: Graphviz failed.
    """
    line = ancestry(story.history, number)
    if len(line) > MOST_FRAMES:
        last = len(line) - 1
        line = [line[round(i * last / (MOST_FRAMES - 1))] for i in range(MOST_FRAMES)]
    return list(_fitted([_picture(story, child) for child in line]))


def _picture(story: Story, number: int) -> Image.Image:
    generation = len(ancestry(story.history, number)) - 1
    title = f"{story.labelled(number)} · generation {generation} · {story.came(number)}"
    dot = to_dot(story.history.learned(number), title=title)
    return Image.open(io.BytesIO(laid_out(dot, "png"))).convert("RGB")


def _fitted(pictures: Sequence[Image.Image]) -> Iterator[Pixels]:
    """Puts pictures on paper of one size, all to one scale."""
    wide, high = (max(p.size[axis] for p in pictures) for axis in (0, 1))
    scale = min(WIDEST / wide, HIGHEST / high, 1.0)
    size = (2 * max(round(wide * scale / 2), 1), 2 * max(round(high * scale / 2), 1))
    for picture in pictures:
        paper = Image.new("RGB", size, PAPER)
        shrunk = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
        paper.paste(picture.resize(shrunk, Image.Resampling.LANCZOS), (0, 0))
        yield np.asarray(paper)
