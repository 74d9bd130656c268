"""A film of where a focus model looks: whole frames with the window, beside the window enlarged.

Shape letters: H W pixels. Pictures are RGB, ``uint8``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from connsearch.data.media.decode import write_video
from connsearch.files.drafts import replacing
from connsearch.view.clips.focus_marks import WINDOW, FocusClip, framed, scaled
from connsearch.view.clips.overlays import Picture
from connsearch.view.lettering import fitting, length, write
from connsearch.view.structures.palette import ADDED, DEAD, FAINT, PAPER, RULE, TEXT

SIDE = 320
"""Pixels of the longer side of a frame, and of a window, in the film."""
_PAD, _HEAD, _LINE = 12, 46, 22
_BARS = 3
_STRIP = 18
_HOLD = 1.5
"""Seconds that the last picture of a clip stays."""
_QUALITY = 20


def film_frames(clips: Sequence[FocusClip], *, fps: float) -> Iterator[Picture]:
    """Yields the pictures of a film, (H, W, 3), one a window and more where a clip stops.

    Clips come one after the other, the windows of each in the order in which it looks at them, and
    no further than it does. All pictures are of one size; height and width are even.
    """
    hold = round(_HOLD * fps)
    for clip in clips:
        if clip.fault:
            continue
        for step in range(max(clip.steps, 1)):
            last = step >= clip.steps - 1
            picture = _picture(clip, step, last=last)
            yield picture
            if last:
                yield from (picture for _ in range(hold))


def count_frames(clips: Sequence[FocusClip], *, fps: float) -> int:
    """Returns how many pictures :func:`film_frames` yields."""
    shown = [max(clip.steps, 1) for clip in clips if not clip.fault]
    return sum(shown) + len(shown) * round(_HOLD * fps)


def write_film(frames: Iterator[Picture], path: Path, *, fps: float) -> None:
    """Writes pictures as H.264 in MP4, or as an endless GIF, as the suffix of the path says.

    The file is there once it is whole.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path, suffix=path.suffix) as draft:
        if path.suffix == ".gif":
            _write_gif(frames, draft, fps)
        else:
            rate = Fraction(fps).limit_denominator(1000)
            write_video(draft, frames, fps=rate, quality=_QUALITY, pixels="yuv420p")


def _write_gif(frames: Iterator[Picture], path: Path, fps: float) -> None:
    def reduced(frame: Picture) -> Image.Image:
        way = Image.Quantize.FASTOCTREE
        return Image.fromarray(frame).quantize(method=way, dither=Image.Dither.NONE)

    first = next(frames)
    options: dict[str, Any] = {
        "format": "GIF",
        "save_all": True,
        "append_images": map(reduced, frames),
        "duration": max(round(1000 / fps), 20),
        "loop": 0,
    }
    reduced(first).save(path, **options)


def _picture(clip: FocusClip, step: int, *, last: bool) -> Picture:
    assert clip.frames is not None
    assert clip.windows is not None
    frame = clip.frames[step]
    scale = SIDE / max(frame.shape[:2])
    whole = scaled(frame, scale).convert("RGB")
    looked = clip.steps > 0
    inside = _enlarged(frame, clip.windows[step].tolist())
    if looked:
        framed(whole, clip.windows[step].tolist(), scale, 3)
    width = 3 * _PAD + whole.width + SIDE
    height = _HEAD + whole.height + 2 * _PAD + _STRIP + _BARS * _LINE + _PAD
    picture = Image.new("RGB", (width + width % 2, height + height % 2), PAPER)
    draw = ImageDraw.Draw(picture)
    _write_head(draw, clip, step, picture.width)
    picture.paste(whole, (_PAD, _HEAD))
    right = 2 * _PAD + whole.width
    if looked:
        middle = (SIDE - inside.width) // 2, (whole.height - inside.height) // 2
        picture.paste(inside, (right + middle[0], _HEAD + max(middle[1], 0)))
        box = (right + middle[0] - 1, _HEAD - 1, right + middle[0] + inside.width)
        draw.rectangle((*box, _HEAD + inside.height), outline=WINDOW, width=2)
    top = _HEAD + whole.height + _PAD
    _draw_strip(draw, clip, step, top, picture.width)
    _draw_answers(draw, clip, step, top + _STRIP + _PAD, picture.width, last=last)
    return np.asarray(picture)


def _enlarged(frame: Picture, window: Sequence[float]) -> Image.Image:
    """The window by itself, its longer side as long as that of a frame."""
    top, left, tall, wide = window
    height, width = frame.shape[:2]
    box = (max(left, 0), max(top, 0), min(left + wide, width), min(top + tall, height))
    scale = SIDE / max(tall, wide)
    size = max(round(wide * scale), 1), max(round(tall * scale), 1)
    return Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC, box=box)


def _write_head(draw: ImageDraw.ImageDraw, clip: FocusClip, step: int, width: int) -> None:
    count = _count(clip, step)
    right = width - _PAD - length(count, size=13)
    title = ", ".join(clip.classes) or Path(clip.name).name
    write(draw, (_PAD, 6), fitting(title, right - 2 * _PAD, 15, "-Bold"), TEXT, "-Bold", 15)
    write(draw, (right, 7), count, FAINT, size=13)
    write(draw, (_PAD, 26), fitting(clip.name, width - 2 * _PAD, 11), FAINT, size=11)


def _count(clip: FocusClip, step: int) -> str:
    """Which window it is; where all are looked at together, which frame, and how it was seen."""
    if clip.steps == 0:
        return "no window: the glance was enough"
    if clip.one_by_one:
        return f"window {step + 1} of {len(clip.order)}"
    sight = clip.sight(step)
    return f"frame {step + 1} of {len(clip.order)}" + (f": {sight}" if sight else "")


def _draw_strip(
    draw: ImageDraw.ImageDraw, clip: FocusClip, step: int, top: int, width: int
) -> None:
    """Draws the frames in the order of time: those looked at so far, the present one, the rest.

    A dot is in those that are glanced at before the look.
    """
    count = max(clip.order) + 1
    places = {frame: number for number, frame in enumerate(clip.order)}
    each = (width - 2 * _PAD) / count
    for frame in range(count):
        number = places.get(frame)
        left, right = _PAD + frame * each, _PAD + (frame + 1) * each - min(3, each / 4)
        seen = number is not None and number <= step and clip.steps > 0
        ground = WINDOW if seen else PAPER
        outline = TEXT if seen and number == step else RULE
        line = 3 if seen and number == step else 1
        draw.rectangle((left, top, right, top + _STRIP), ground, outline, width=line)
        if frame in clip.glanced and each > 8:
            middle, line = (left + right) / 2, top + _STRIP / 2
            draw.ellipse((middle - 3, line - 3, middle + 3, line + 3), TEXT)
        if seen and each > 18:
            text = str(number + 1) if number is not None and clip.one_by_one else ""
            write(draw, ((left + right - length(text, size=11)) / 2, top + 2), text, TEXT, size=11)


def _draw_answers(
    draw: ImageDraw.ImageDraw, clip: FocusClip, step: int, top: int, width: int, *, last: bool
) -> None:
    """Draws the likeliest classes so far as bars, and says where the clip stops."""
    names = round(width * 0.34)
    room = width - names - 3 * _PAD - 50
    for place, (name, value) in enumerate(clip.after(step)[:_BARS]):
        line = top + place * _LINE
        known = name in clip.classes
        ink = ADDED.line if known else TEXT
        write(draw, (_PAD, line), fitting(name, names - 2 * _PAD, 13), ink, size=13)
        draw.rectangle((names, line + 2, names + room, line + 14), outline=RULE)
        draw.rectangle((names, line + 2, names + round(room * value), line + 14), fill=ink)
        write(draw, (names + room + 10, line), f"{value:.2f}", TEXT, size=13)
    if last and clip.stopping and clip.steps < len(clip.order):
        text = f"stops here, after {clip.steps} of {len(clip.order)}"
        text = text if clip.one_by_one else "stops after the glance"
        wide = round(length(text, "-Bold", 13)) + 12
        box = (width - _PAD - wide, _HEAD + 6, width - _PAD, _HEAD + 28)
        draw.rectangle(box, DEAD.line)
        write(draw, (box[0] + 6, box[1] + 3), text, PAPER, "-Bold", 13)
