"""A contact sheet: strips of pictures with what they are, and the legend of their colours."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw

from connsearch.view.clips.overlays import wheel
from connsearch.view.clips.strips import SMALLEST, Strip, StripRow
from connsearch.view.lettering import font, write
from connsearch.view.structures.palette import DEAD, FAINT, PAPER, RULE, TEXT, class_colour

MARGIN, GAP, LINE = 14, 4, 18
TITLES = 148
"""Width of the column that says what a row shows."""
WHEEL = 72
MOST_SWATCHES = 24
CAPTION = 15


def contact_sheet(strips: Sequence[Strip], *, title: str, remark: str = "") -> Image.Image:
    """Returns the picture: a title, a strip for every clip, and a legend.

    Args:
        strips: the clips.
        title: what stands above, in bold.
        remark: what stands below it.
    """
    rows = [row for strip in strips for row in strip.rows]
    tile = rows[0].pictures[0].shape[0] if rows else SMALLEST
    columns = max((len(row.pictures) for row in rows), default=4)
    width = 2 * MARGIN + TITLES + columns * (tile + GAP)
    remarks = wrapped(remark, width - 2 * MARGIN)
    heights = [_strip_height(strip, tile, width) for strip in strips]
    seen = sorted({number for strip in strips for number in strip.objects} - {0})
    head = MARGIN + 24 + LINE * len(remarks)
    legend = (WHEEL + 2 * MARGIN if rows else 0) + MARGIN
    sheet = Image.new("RGB", (width, head + sum(heights) + legend), PAPER)
    draw = ImageDraw.Draw(sheet)
    write(draw, (MARGIN, MARGIN), title, TEXT, "-Bold", 15)
    for place, line in enumerate(remarks):
        write(draw, (MARGIN, MARGIN + 24 + LINE * place), line, FAINT)
    top = head
    for strip, height in zip(strips, heights, strict=True):
        _draw_strip(sheet, draw, strip, top, tile)
        top += height
    if rows:
        _draw_legend(sheet, draw, top + MARGIN, seen)
    return sheet


def wrapped(text: str, width: int) -> list[str]:
    """Returns the text in lines that fit a width in pixels."""
    return [part for line in text.splitlines() for part in textwrap.wrap(line, width // 7)]


def _strip_height(strip: Strip, tile: int, width: int) -> int:
    head = MARGIN + LINE + 6
    if strip.fault:
        return head + LINE * len(wrapped(strip.fault, width - 4 * MARGIN)) + 2 * MARGIN
    return head + len(strip.rows) * (tile + CAPTION + GAP)


def _draw_strip(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, strip: Strip, top: int, tile: int
) -> None:
    """Draws the clip's classes, name and list, then its rows or the reason why it has none."""
    draw.line((MARGIN, top + 6, sheet.width - MARGIN, top + 6), RULE)
    top += MARGIN
    classes = ", ".join(strip.classes) or "no class"
    left = write(draw, (MARGIN, top), classes, TEXT, "-Bold", 13) + 12
    write(draw, (left, top), f"{strip.name}  ({strip.split})", FAINT)
    top += LINE + 6
    if strip.fault:
        lines = wrapped(strip.fault, sheet.width - 4 * MARGIN)
        box = (MARGIN, top, sheet.width - MARGIN, top + LINE * len(lines) + MARGIN)
        draw.rectangle(box, DEAD.tint, DEAD.line, width=2)
        for place, line in enumerate(lines):
            write(draw, (2 * MARGIN, top + 6 + LINE * place), line, DEAD.line)
    for row in strip.rows:
        _draw_row(sheet, draw, row, top)
        top += tile + CAPTION + GAP


def _draw_row(sheet: Image.Image, draw: ImageDraw.ImageDraw, row: StripRow, top: int) -> None:
    for place, line in enumerate([*textwrap.wrap(row.title, 20), row.remark]):
        draw.text((MARGIN, top + LINE * place), line, FAINT if place else TEXT, font())
    left = MARGIN + TITLES
    for picture, caption in zip(row.pictures, row.captions, strict=True):
        sheet.paste(Image.fromarray(picture), (left, top))
        draw.text((left, top + picture.shape[0] + 1), caption, FAINT, font(size=10))
        left += picture.shape[1] + GAP


def _draw_legend(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, top: int, seen: Sequence[int]
) -> None:
    """Draws the wheel of directions and a swatch for every object class but 0."""
    draw.line((MARGIN, top - 6, sheet.width - MARGIN, top - 6), RULE)
    sheet.paste(Image.fromarray(wheel(WHEEL)), (MARGIN + 36, top + MARGIN))
    middle = top + MARGIN + WHEEL // 2
    for text, x, y, anchor in (
        ("left", MARGIN + 32, middle, "rm"),
        ("right", MARGIN + 40 + WHEEL, middle, "lm"),
        ("up", MARGIN + 36 + WHEEL // 2, top + MARGIN - 2, "ms"),
        ("down", MARGIN + 36 + WHEEL // 2, top + MARGIN + WHEEL + 1, "mt"),
    ):
        draw.text((x, y), text, FAINT, font(size=10), anchor=anchor)
    left = MARGIN + WHEEL + 120
    says = "flow: motion from this frame to the next one of the clip; stronger colour: faster"
    draw.text((left, top + 4), says, FAINT, font())
    draw.text((left, top + 4 + LINE), "under a frame: its number and its time", FAINT, font())
    if not seen:
        return
    draw.text((left, top + 4 + 2 * LINE), "object classes (0 is clear):", FAINT, font())
    left, line = left, top + 4 + 3 * LINE
    for number in seen[:MOST_SWATCHES]:
        draw.rectangle((left, line + 2, left + 12, line + 14), class_colour(number), TEXT)
        draw.text((left + 17, line), str(number), TEXT, font())
        left += 46
    if len(seen) > MOST_SWATCHES:
        draw.text((left, line), f"and {len(seen) - MOST_SWATCHES} more", FAINT, font())
