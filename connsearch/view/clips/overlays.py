"""What is laid over a frame: its flow as colour and arrows, its object map as colour and outline.

Shape letters: T frames, H W pixels. Pictures are RGB, ``uint8``. Flow is x (to the right) and y
(downwards), in pixels from a frame to the next.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from connsearch.view.structures.palette import class_colour

Picture = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]

STILL = 0.25
"""Flow is shown against this many pixels at least: noise in a still clip stays faint."""

TINT = 0.55
ARROWS = 7


def longest(flow_2THW: Field) -> float:
    """Returns the length that flow is shown against: that of all but the longest hundredth."""
    return max(STILL, float(np.quantile(np.hypot(flow_2THW[0], flow_2THW[1]), 0.99)))


def direction_colours(flow_2HW: Field) -> npt.NDArray[np.float64]:
    """Returns one colour a pixel, (H, W, 3): right is red, down yellow-green, left cyan, up violet.

    >>> direction_colours(np.array([[[1.0]], [[0.0]]], np.float32))[0, 0].tolist()
    [255.0, 0.0, 0.0]
    """
    turn_HW = np.arctan2(flow_2HW[1], flow_2HW[0]) / (2 * np.pi) % 1.0
    place_HW3 = (turn_HW[..., None] * 6.0 + np.array([5.0, 3.0, 1.0])) % 6.0
    return 255.0 * (1.0 - np.clip(np.minimum(place_HW3, 4.0 - place_HW3), 0.0, 1.0))


def flow_picture(frame: Picture, flow_2HW: Field, against: float) -> Picture:
    """Returns the frame in grey, tinted by where things go, with arrows where they clearly go.

    Args:
        frame: (H, W, 3), of the tile's size.
        flow_2HW: of the frame's own size, however small; the tile is a multiple or a part of it.
        against: the length of full colour.
    """
    height, width = frame.shape[:2]
    wide_2HW = _spread(flow_2HW, height, width)
    share_HW = np.minimum(np.hypot(wide_2HW[0], wide_2HW[1]) / against, 1.0)[..., None]
    grey_HW1 = frame.mean(-1, keepdims=True) * 0.75 + 32.0
    mixed = grey_HW1 * (1 - 0.8 * share_HW) + direction_colours(wide_2HW) * 0.8 * share_HW
    image = Image.fromarray(mixed.round().astype(np.uint8))
    _draw_arrows(ImageDraw.Draw(image), wide_2HW, against)
    return np.asarray(image)


def _spread(flow_2HW: Field, height: int, width: int) -> Field:
    rows = ((np.arange(height) + 0.5) * flow_2HW.shape[1] / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * flow_2HW.shape[2] / width).astype(np.intp)
    return flow_2HW[:, rows[:, None], columns[None]]


def _draw_arrows(draw: ImageDraw.ImageDraw, flow_2HW: Field, against: float) -> None:
    """Draws the mean flow of each cell of a grid, where it is at least a quarter of full length."""
    height, width = flow_2HW.shape[1:]
    for row in np.array_split(np.arange(height), ARROWS):
        for column in np.array_split(np.arange(width), ARROWS):
            if not (len(row) and len(column)):
                continue
            x, y = flow_2HW[:, row[:, None], column[None]].mean((1, 2)).tolist()
            size = min(math.hypot(x, y) / against, 1.0)
            if size >= 0.25:
                reach = 0.5 * size * min(height, width) / ARROWS
                centre = float(column.mean()), float(row.mean())
                _draw_arrow(draw, centre, math.atan2(y, x), reach)


def _draw_arrow(
    draw: ImageDraw.ImageDraw, centre: tuple[float, float], angle: float, reach: float
) -> None:
    def at(turn: float, length: float, origin: tuple[float, float]) -> tuple[float, float]:
        return origin[0] + length * math.cos(turn), origin[1] + length * math.sin(turn)

    tip, tail = at(angle, reach, centre), at(angle, -reach, centre)
    lines = [(tail, tip), *((tip, at(angle + turn, 3.0, tip)) for turn in (2.5, -2.5))]
    for colour, line_width in (((255, 255, 255), 3), ((0, 0, 0), 1)):
        for line in lines:
            draw.line(line, fill=colour, width=line_width)


def objects_picture(frame: Picture, map_HW: Picture) -> Picture:
    """Returns the frame with each class but 0 in its colour, outlined; both of the tile's size."""
    out = frame.astype(np.float64)
    for number in np.unique(map_HW).tolist():
        if number:
            inside = map_HW == number
            colour = np.array(class_colour(number), np.float64)
            out[inside] = out[inside] * (1 - TINT) + colour * TINT
    out[outlines(map_HW)] = 255.0
    return out.round().astype(np.uint8)


def outlines(map_HW: Picture) -> npt.NDArray[np.bool_]:
    """Returns the pixels of objects (not of class 0) that touch another class.

    >>> outlines(np.array([[0, 1, 1, 1]], np.uint8)).tolist()
    [[False, True, False, False]]
    """
    padded = np.pad(map_HW, 1, mode="edge")
    centre = padded[1:-1, 1:-1]
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    touching = np.zeros(map_HW.shape, np.bool_)
    for neighbour in around:
        touching |= neighbour != centre
    return touching & (map_HW != 0)


def wheel(side: int) -> Picture:
    """Returns the legend of flow, (side, side, 3): a disc that flows outwards, white around it."""
    places = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    out_2HW: Field = np.stack(np.meshgrid(places, places, indexing="xy")).astype(np.float32)
    length = np.hypot(out_2HW[0], out_2HW[1])[..., None]
    grey = np.full((side, side, 3), 128.0)
    mixed = grey * (1 - length) + direction_colours(out_2HW) * length
    return np.where(length <= 1, mixed, 255.0).round().astype(np.uint8)
