"""Frames with the window that a focus model looks at, as pictures: for its sheet and its film.

Shape letters: S steps, H W pixels. Pictures are RGB, ``uint8``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from torch import Tensor

from connsearch.graph.spec import Modality
from connsearch.view.clips.overlays import Picture
from connsearch.view.lettering import font, length
from connsearch.view.structures.palette import PAPER, STREAMS, TEXT

WINDOW = STREAMS[Modality.FLOW].line
"""The colour of a window."""
_DIM = 0.3
"""How much is left of a frame that is never looked at."""


@dataclass(frozen=True, slots=True)
class FocusClip:
    """What is drawn of one clip; steps are in the order in which it is looked at.

    Attributes:
        name: of the clip.
        classes: its own; empty: not known.
        frames: (S, H, W, 3).
        order: (S,), the place in time of each.
        captions: (S,), number and time of each frame in its video.
        windows: (S, 4), top, left, height and width in pixels of the frame.
        answered: (E,), how many windows were looked at when each answer is given; 0: none yet.
        answers: (E,), the likeliest classes, each with its probability.
        exit: which answer is the last, because the clip stops there.
        stopping: whether it may stop before the end.
        fault: why there is nothing to draw, or nothing.
        glanced: places in time of the frames that are glanced at before the look; empty: each is
            when its window is chosen, or others are.
    """

    name: str
    classes: tuple[str, ...] = ()
    frames: Picture | None = None
    order: tuple[int, ...] = ()
    captions: tuple[str, ...] = ()
    windows: npt.NDArray[np.float64] | None = None
    answered: tuple[int, ...] = ()
    answers: tuple[tuple[tuple[str, float], ...], ...] = ()
    exit: int = 0
    stopping: bool = False
    fault: str = ""
    glanced: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """How many windows were looked at when it stops."""
        return self.answered[self.exit]

    @property
    def one_by_one(self) -> bool:
        """Whether there is an answer after every window."""
        return self.answered == tuple(range(1, len(self.order) + 1))

    def is_glanced(self, step: int) -> bool:
        """Returns whether the frame of a step is glanced at before the look."""
        return self.order[step] in self.glanced

    def sight(self, step: int) -> str:
        """Returns how the frame of a step was seen; empty: as all are, at a glance and a look."""
        looked = step < self.steps
        if not self.glanced or self.one_by_one:
            return "" if looked else "not looked at"
        if self.is_glanced(step):
            return "glance and look" if looked else "glance only"
        return "look only" if looked else "not seen"

    def after(self, step: int) -> tuple[tuple[str, float], ...]:
        """Returns the likeliest classes when the window of a step (from 0) was looked at."""
        return self.answers[step if self.one_by_one else self.exit]

    def right(self, answer: tuple[tuple[str, float], ...]) -> bool | None:
        """Returns whether the first class of an answer is one of the clip; None: not known."""
        return answer[0][0] in self.classes if self.classes else None


def as_pictures(frames_S3HW: Tensor) -> Picture:
    """Returns frames in [-1, 1] as pictures, (S, H, W, 3)."""
    levels = ((frames_S3HW + 1) * 127.5).round().clamp(0, 255)
    found: Picture = levels.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8)
    return found


def scaled(frame: Picture, scale: float) -> Image.Image:
    """Returns a frame enlarged by a whole number (pixels stay squares), or in another size."""
    height, width = frame.shape[:2]
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    way = Image.Resampling.NEAREST if scale >= 1 and scale == int(scale) else None
    way = way or (Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX)
    return Image.fromarray(frame).resize(size, way)


def framed(picture: Image.Image, window: Sequence[float], scale: float, width: int = 2) -> None:
    """Draws a window of a frame onto a picture of it, in its colour between white lines.

    Args:
        picture: changed in place.
        window: top, left, height and width in pixels of the frame.
        scale: of the picture to the frame.
        width: of the line in pixels.
    """
    top, left, tall, wide = (side * scale for side in window)
    draw = ImageDraw.Draw(picture)
    right, bottom = picture.width - 1, picture.height - 1
    for grow, colour, line in ((1, PAPER, width + 2), (0, WINDOW, width)):
        box = (
            max(round(left) - grow, 0),
            max(round(top) - grow, 0),
            min(round(left + wide) - 1 + grow, right),
            min(round(top + tall) - 1 + grow, bottom),
        )
        draw.rectangle(box, outline=colour, width=line)


def dimmed(picture: Image.Image) -> Image.Image:
    """Returns a picture that is not looked at, nearly as light as paper."""
    return Image.blend(Image.new("RGB", picture.size, PAPER), picture.convert("RGB"), _DIM)


def numbered(picture: Image.Image, text: str, *, size: int = 12) -> None:
    """Writes a short text into the upper left corner of a picture, on a dark ground, in place."""
    draw = ImageDraw.Draw(picture)
    wide = round(length(text, "-Bold", size)) + 8
    draw.rectangle((0, 0, wide, size + 5), TEXT)
    draw.text((4, 1), text, PAPER, font("-Bold", size))
