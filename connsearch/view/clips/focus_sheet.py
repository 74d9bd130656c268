"""The contact sheet of a focus model: where it looks in each clip, and where it stops."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from connsearch.runs.formats.focus import FocusSummary, LookPlaces
from connsearch.view.clips.contact_sheet import GAP, LINE, MARGIN, TITLES, wrapped
from connsearch.view.clips.focus_marks import WINDOW, FocusClip, dimmed, framed, numbered, scaled
from connsearch.view.clips.strips import LARGEST, SMALLEST
from connsearch.view.lettering import fitting, font, length, write
from connsearch.view.runs.focus import places_facts
from connsearch.view.structures.palette import ADDED, DEAD, FAINT, PAPER, RULE, TEXT

MOST_FRAMES = 32
"""Frames of a clip that are drawn; of more, so many are, evenly spread, and where it stops."""
_UNDER = 2 * 14 + 2
"""Pixels under a tile: two lines."""
_FEWEST = 4
"""Columns that a sheet has at least, or its words have no room."""
_MAP = 132
"""Height of the heat map at the foot."""


def focus_sheet(
    clips: Sequence[FocusClip], summary: FocusSummary, *, title: str, remark: str, columns: int
) -> Image.Image:
    """Returns the picture: a title, the frames of every clip with its windows, the heat map.

    Args:
        clips: what is drawn.
        summary: of all clips that were looked at, of which these are some.
        title: what stands above, in bold.
        remark: what stands below it.
        columns: frames beside each other, at most.
    """
    tile = _tile(clips)
    most = max((len(_drawn(clip)) for clip in clips if not clip.fault), default=0)
    columns = min(columns, max(most, _FEWEST))
    width = 2 * MARGIN + TITLES + columns * (tile[1] + GAP)
    lines = wrapped(remark, width - 2 * MARGIN)
    heights = [_height(clip, tile, columns, width) for clip in clips]
    head = MARGIN + 24 + LINE * len(lines)
    foot = _foot_height(summary, width)
    sheet = Image.new("RGB", (width, head + sum(heights) + foot), PAPER)
    draw = ImageDraw.Draw(sheet)
    shown = fitting(title, width - 2 * MARGIN, 15, "-Bold")
    write(draw, (MARGIN, MARGIN), shown, TEXT, "-Bold", 15)
    for place, line in enumerate(lines):
        write(draw, (MARGIN, MARGIN + 24 + LINE * place), line, FAINT)
    top = head
    for clip, height in zip(clips, heights, strict=True):
        _draw_clip(sheet, draw, clip, top, tile, columns)
        top += height
    _draw_foot(sheet, draw, summary, top)
    return sheet


def _tile(clips: Sequence[FocusClip]) -> tuple[int, int]:
    """Height and width of a tile: small frames are enlarged by a whole number."""
    first = next((clip.frames for clip in clips if clip.frames is not None), None)
    if first is None:
        return SMALLEST, SMALLEST
    height, width = first.shape[1:3]
    scale = _scale(height, width)
    return round(height * scale), round(width * scale)


def _scale(height: int, width: int) -> float:
    longer = max(height, width)
    return max(1, round(SMALLEST / longer)) if longer <= LARGEST else LARGEST / longer


def _drawn(clip: FocusClip) -> list[int]:
    """The steps that are drawn, in the order of time."""
    in_time = sorted(range(len(clip.order)), key=lambda step: clip.order[step])
    if len(in_time) <= MOST_FRAMES:
        return in_time
    spread = np.linspace(0, len(in_time) - 1, MOST_FRAMES).round().astype(int)
    chosen = {in_time[place] for place in spread} | {max(clip.steps - 1, 0)}
    return [step for step in in_time if step in chosen]


def _height(clip: FocusClip, tile: tuple[int, int], columns: int, width: int) -> int:
    head = MARGIN + LINE + 6
    if clip.fault:
        return head + LINE * len(wrapped(clip.fault, width - 4 * MARGIN)) + 2 * MARGIN
    return head + math.ceil(len(_drawn(clip)) / columns) * (tile[0] + _UNDER + GAP)


def _draw_clip(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    clip: FocusClip,
    top: int,
    tile: tuple[int, int],
    columns: int,
) -> None:
    draw.line((MARGIN, top + 6, sheet.width - MARGIN, top + 6), RULE)
    top += MARGIN
    left = MARGIN
    if clip.classes:
        title = fitting(", ".join(clip.classes), (sheet.width - 2 * MARGIN) * 0.6, 13, "-Bold")
        left = write(draw, (left, top), title, TEXT, "-Bold", 13) + 12
    room = sheet.width - MARGIN - left
    write(draw, (left, top), fitting(clip.name, room), FAINT)
    top += LINE + 6
    if clip.fault:
        lines = wrapped(clip.fault, sheet.width - 4 * MARGIN)
        box = (MARGIN, top, sheet.width - MARGIN, top + LINE * len(lines) + MARGIN)
        draw.rectangle(box, DEAD.tint, DEAD.line, width=2)
        for place, line in enumerate(lines):
            write(draw, (2 * MARGIN, top + 6 + LINE * place), line, DEAD.line)
        return
    _write_ending(draw, clip, top)
    for place, step in enumerate(_drawn(clip)):
        row, column = divmod(place, columns)
        corner = MARGIN + TITLES + column * (tile[1] + GAP), top + row * (tile[0] + _UNDER + GAP)
        _draw_step(sheet, draw, clip, step, corner)


def _write_ending(draw: ImageDraw.ImageDraw, clip: FocusClip, top: int) -> None:
    """Writes beside the frames what the answer is, and after how many of them."""
    last = clip.answers[clip.exit]
    lines: list[tuple[str, str]] = []
    if not clip.one_by_one and clip.exit > 0:
        name, value = clip.answers[0][0]
        lines += [("after the glance", FAINT), (f"{value:.2f} {name}", TEXT)]
    name, value = last[0]
    lines += [("answer", FAINT), (name, _ink(clip.right(last))), (f"{value:.2f}", TEXT)]
    if clip.stopping and not clip.one_by_one:
        ends = ("after the look", FAINT) if clip.steps else ("after the glance", DEAD.line)
        lines.append(ends)
    elif clip.stopping:
        lines.append((f"after {clip.steps} of {len(clip.order)}", FAINT))
    if clip.right(last) is False:
        lines.append(("wrong", DEAD.line))
    for place, (text, ink) in enumerate(lines):
        write(draw, (MARGIN, top + LINE * place), fitting(text, TITLES - 6), ink)


def _ink(right: bool | None) -> str:
    return TEXT if right is None else ADDED.line if right else DEAD.line


def _draw_step(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    clip: FocusClip,
    step: int,
    corner: tuple[int, int],
) -> None:
    """Draws one frame with its window, its number, and what is answered by then."""
    assert clip.frames is not None
    assert clip.windows is not None
    frame = clip.frames[step]
    scale = _scale(*frame.shape[:2])
    seen = step < clip.steps
    picture = scaled(frame, scale).convert("RGB")
    if seen:
        framed(picture, clip.windows[step].tolist(), scale)
        if clip.one_by_one:
            numbered(picture, str(step + 1))
    elif not clip.is_glanced(step):
        picture = dimmed(picture)
    sheet.paste(picture, corner)
    left, under = corner[0], corner[1] + picture.height + 1
    early = clip.stopping and clip.one_by_one and clip.steps < len(clip.order)
    stops = early and step == clip.steps - 1
    if stops:
        box = (left - 2, corner[1] - 2, left + picture.width + 1, corner[1] + picture.height + 1)
        draw.rectangle(box, outline=DEAD.line, width=3)
    small = font(size=10)
    said = clip.captions[step]
    if stops:
        both = f"{said}  stops here"
        said = both if length(both, size=10) <= picture.width else "stops here"
    draw.text((left, under), said, DEAD.line if stops else FAINT, small)
    draw.text((left, under + 13), clip.sight(step), FAINT, small)
    if seen and clip.one_by_one:
        answer = clip.answers[step]
        text = fitting(f"{answer[0][1]:.2f} {answer[0][0]}", picture.width, 10)
        write(draw, (left, under + 13), text, _ink(clip.right(answer)), size=10)


def _says(summary: FocusSummary) -> list[tuple[str, str]]:
    """The lines at the foot, each with its colour."""
    found = [(f"{name}: {value}", TEXT) for name, value in places_facts(summary)]
    return [*found, *((remark.said, DEAD.line) for remark in summary.remarks)]


def _foot_lines(summary: FocusSummary, width: int) -> list[tuple[str, str]]:
    room = width - 4 * MARGIN - _map_width(summary.places)
    return [(line, ink) for text, ink in _says(summary) for line in wrapped(text, room)]


def _foot_height(summary: FocusSummary, width: int) -> int:
    lines = len(_foot_lines(summary, width))
    return 2 * MARGIN + max(_MAP + LINE, LINE * lines) + 2 * LINE + MARGIN


def _map_width(places: LookPlaces) -> int:
    return round(_MAP * places.frame[1] / places.frame[0])


def _draw_foot(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, summary: FocusSummary, top: int
) -> None:
    """Draws the heat map of all windows' middles, what it says in numbers, and the legend."""
    draw.line((MARGIN, top + 6, sheet.width - MARGIN, top + 6), RULE)
    top += 2 * MARGIN
    wide = _map_width(summary.places)
    sheet.paste(heat_picture(summary.places, (wide, _MAP)), (MARGIN, top))
    draw.rectangle((MARGIN, top, MARGIN + wide, top + _MAP), outline=FAINT)
    draw.text((MARGIN, top + _MAP + 3), "middles of all windows", FAINT, font(size=10))
    left = 2 * MARGIN + wide
    lines = _foot_lines(summary, sheet.width)
    for place, (line, ink) in enumerate(lines):
        write(draw, (left, top + LINE * place), line, ink)
    under = top + max(_MAP + LINE, LINE * len(lines)) + 6
    says = (
        "in a frame: the window that is looked at, in all frames together; under it: number and "
        "time of the frame, and whether it is glanced at (whole, and before) and looked at"
    )
    if summary.one_by_one:
        says = (
            "in a frame: the window, and in which order it is looked at; under it: number and time "
            "of the frame, the answer so far and its probability"
        )
    for place, line in enumerate(wrapped(says, sheet.width - 2 * MARGIN)):
        draw.text((MARGIN, under + LINE * place), line, FAINT, font(size=11))


def heat_picture(places: LookPlaces, size: tuple[int, int]) -> Image.Image:
    """Returns the heat map in a size (width, height), white where no window's middle is."""
    heat = np.sqrt(np.asarray(places.heat, np.float64))
    share = heat / max(heat.max(), 1e-9)
    ink = np.array([int(WINDOW[at : at + 2], 16) for at in (1, 3, 5)], np.float64)
    mixed = 255 * (1 - share[..., None]) + ink * share[..., None]
    picture = Image.fromarray(mixed.round().astype(np.uint8))
    return picture.resize(size, Image.Resampling.NEAREST)
