"""A search as frames of pixels, and those as GIF or MP4.

Graphviz lays the stage out once; the frames are drawn by matplotlib from its SVG. What stands still
is drawn once: nodes lie over the lines, the numbers over the nodes.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve
from PIL import Image

from connsearch.errors import Failure
from connsearch.files.drafts import replacing
from connsearch.view.fonts import families_for
from connsearch.view.runs.animation import Backdrop, Moment, name
from connsearch.view.structures.palette import FAINT, MIXED, PAPER, RULE, STREAMS, TEXT, pen_width

WIDEST = 1280
"""Pixels; a smaller picture has 96 for an inch."""

_HOLD = 2.0
"""Seconds the last frame of a GIF stays before it starts again."""
_FOOT = 30.0
"""Points below the picture, for the step and the bar."""
_NUMBERS = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")

Pixels = npt.NDArray[np.uint8]


def draw_frames(stage: Backdrop, moments: Sequence[Moment]) -> Iterator[Pixels]:
    """Yields one picture a moment, ``uint8`` (H, W, 3), height and width even."""
    written = [text.text or "" for text in stage.picture.iter("text")]
    fonts: dict[Any, Any] = {"font.family": families_for(written)}
    with rc_context(fonts):
        animation = _Animation(stage)
    for number, moment in enumerate(moments):
        with rc_context(fonts):
            share = number / max(len(moments) - 1, 1)
            yield animation.frame(moment, share)


def write_gif(frames: Iterator[Pixels], path: Path, *, count: int, seconds: float) -> None:
    """Writes an endless GIF of ``count`` frames that takes so many seconds, and waits at the end.

    Raises:
        Failure: the file could not be written.
    """
    first = next(frames)
    palette = _palette(first)

    def reduced(frame: Pixels) -> Image.Image:
        return Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)

    each = max(round(1000 * seconds / count), 20)  # browsers show no frame for less than 20 ms
    options: dict[str, Any] = {
        "format": "GIF",
        "save_all": True,
        "append_images": map(reduced, frames),
        "duration": [each] * (count - 1) + [each + round(1000 * _HOLD)],
        "loop": 0,
        "disposal": 1,
    }
    with _whole(path) as part:
        reduced(first).save(part, **options)


def _palette(frame: Pixels) -> Image.Image:
    """The colours of a frame; what is almost paper is paper, and our own inks are exact."""
    inks = [TEXT, FAINT, RULE, MIXED.line, *(ink.line for ink in STREAMS.values())]
    own = [int(ink[place : place + 2], 16) for ink in inks for place in (1, 3, 5)]
    found = Image.fromarray(frame).quantize(colors=128 - len(inks), dither=Image.Dither.NONE)
    colours = np.reshape(found.getpalette() or [], (-1, 3))
    colours[colours.min(axis=1) > 244] = 255
    image = Image.new("P", (1, 1))
    image.putpalette([*own, *colours.flatten().tolist()])
    return image


def write_mp4(frames: Iterator[Pixels], path: Path, *, count: int, seconds: float) -> None:
    """Writes an H.264 file of ``count`` frames that takes so many seconds.

    Raises:
        Failure: the file could not be written.
    """
    from connsearch.data.media.decode import write_video

    rate = Fraction(count / seconds).limit_denominator(1000)
    with _whole(path) as part:
        write_video(part, frames, fps=rate, quality=20, pixels="yuv420p")


@contextmanager
def _whole(path: Path) -> Generator[Path]:
    """Yields a file beside ``path`` that takes its place once it is whole."""
    try:
        with replacing(path, suffix=path.suffix) as part:
            yield part
    except OSError as error:
        raise Failure(f"{path}: could not be written: {error.strerror}") from None


class _Animation:
    """The stage in layers: paper and head, lines, nodes, numbers."""

    def __init__(self, stage: Backdrop) -> None:
        left, top, width, height = (float(n) for n in _numbers(stage.picture.attrib["viewBox"]))
        graph = stage.picture.find("g")
        assert graph is not None
        moved = re.search(r"translate\(([^)]*)\)", graph.attrib["transform"])
        assert moved is not None
        shift = _numbers(moved[1])
        self._left, self._top = left - shift[0], top - shift[1]
        self.width, self.height = width, height + _FOOT
        self.dpi = min(96.0, 72 * WIDEST / width)
        lines, self._lines = self._canvas()
        words, self._words = self._canvas()
        elements = {e: _Elements.of(stage.picture, name(e)) for e in stage.edges}
        self._parts = {e: _Strokes(found, lines, words) for e, found in elements.items()}
        self._add_foot(words)
        moving = {id(x) for found in elements.values() for x in found}
        still = [e for e in _shapes(graph) if id(e) not in moving]
        head = {id(e) for e in _shapes(graph, nodes=False)}
        self._under = self._layer([e for e in still if id(e) in head], paper=True)
        self._over = self._layer([e for e in still if id(e) not in head], paper=False)

    def frame(self, moment: Moment, share: float) -> Pixels:
        """The picture of a moment; ``share`` is how much of the animation has passed."""
        for edge, part in self._parts.items():
            part.show(moment.weights.get(edge, 0.0), kept=edge in moment.kept)
        self._caption.set_text(moment.caption())
        start, end = self._bar
        self._passed.set_xdata([start, start + (end - start) * share])
        picture = self._under.copy()
        for layer in (_pixels(self._lines), self._over, _pixels(self._words)):
            picture.alpha_composite(layer)
        return np.asarray(picture.convert("RGB"))

    def _add_foot(self, axes: Any) -> None:
        """The words and the bar below the picture."""
        x, y = self._left + 18, self._top + self.height - 14
        end = self._left + self.width - 18
        self._bar = x, end
        self._caption = axes.text(x, y - 6, "", fontsize=10, color=TEXT)
        key = "dashed: would be removed"
        axes.text(end, y - 6, key, fontsize=9, color=FAINT, ha="right")
        axes.plot([x, end], [y, y], color=RULE, linewidth=3, solid_capstyle="butt")
        (self._passed,) = axes.plot([x, x], [y, y], color=MIXED.line, linewidth=3)

    def _canvas(self) -> tuple[Any, FigureCanvasAgg]:
        """Axes whose unit is the SVG's, a point, and their transparent canvas."""
        pixels = (2 * round(self.width * self.dpi / 144), 2 * round(self.height * self.dpi / 144))
        figure = Figure(figsize=(pixels[0] / self.dpi, pixels[1] / self.dpi), dpi=self.dpi)
        figure.patch.set_alpha(0.0)
        axes: Any = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(self._left, self._left + self.width)
        axes.set_ylim(self._top + self.height, self._top)
        axes.set_autoscale_on(False)
        return axes, FigureCanvasAgg(figure)

    def _layer(self, shapes: Sequence[ET.Element], *, paper: bool) -> Image.Image:
        axes, canvas = self._canvas()
        for shape in shapes:
            _draw(axes, shape)
        picture = _pixels(canvas)
        if not paper:
            return picture
        background = Image.new("RGBA", picture.size, PAPER)
        background.alpha_composite(picture)
        return background


class _Elements(NamedTuple):
    """What the SVG has of one connection; drawn small, nodes have no numbers."""

    path: ET.Element
    head: ET.Element
    number: ET.Element | None

    @classmethod
    def of(cls, picture: ET.Element, ends: str) -> _Elements:
        group = picture.find(f".//g[@id='connection-{ends}']")
        assert group is not None
        path, head = group.find("path"), group.find("polygon")
        assert path is not None
        assert head is not None
        return cls(path, head, picture.find(f".//text[@id='weight-{ends}']"))


class _Strokes:
    """The line, the head and the number of one connection, drawn again at every moment."""

    def __init__(self, found: _Elements, lines: Any, words: Any) -> None:
        self._path, self._head = _draw(lines, found.path), _draw(lines, found.head)
        self._number = None if found.number is None else _draw(words, found.number)

    def show(self, weight: float, *, kept: bool) -> None:
        width, alpha = pen_width(weight), 1.0 if kept else 0.55
        self._path.set(linewidth=width, alpha=alpha)
        self._path.set_linestyle("solid" if kept else (0, (5 / width, 3 / width)))
        self._head.set(linewidth=width, alpha=alpha)
        if self._number is not None:
            look = {"fontweight": "bold", "color": TEXT} if kept else {"color": FAINT}
            self._number.set(text=f"{weight:.2f}", **({"fontweight": "normal"} | look))


def _shapes(graph: ET.Element, *, nodes: bool = True) -> list[ET.Element]:
    """What is drawn in order, with or without what belongs to nodes."""
    groups = [g for g in graph.findall("g") if nodes or not g.get("class", "").startswith("node")]
    inner = chain.from_iterable(group.iter() for group in groups)
    return [e for e in chain(graph, inner) if e.tag != "g" and e.get("class") != "hit"]


def _draw(axes: Any, shape: ET.Element) -> Any:
    """Returns an element of Graphviz's SVG, drawn; None for one that is nothing to see."""
    if shape.tag == "text":
        return _write(axes, shape)
    if shape.tag not in ("path", "polygon", "polyline"):
        return None
    width, dash = float(shape.get("stroke-width", "1")), shape.get("stroke-dasharray")
    patch = PathPatch(
        _curve(shape),
        facecolor=shape.get("fill", "none"),
        edgecolor=shape.get("stroke", "none"),
        linewidth=width,
        linestyle=(0, tuple(n / width for n in _numbers(dash))) if dash else "solid",
        capstyle="butt",
        joinstyle="miter",
    )
    return axes.add_artist(patch)


def _curve(shape: ET.Element) -> Curve:
    """The outline: Graphviz writes M and C, or a list of points."""
    text = shape.get("d") or shape.get("points") or ""
    numbers = _numbers(text)
    points = list(zip(numbers[::2], numbers[1::2], strict=True))
    rest = Curve.CURVE4 if shape.tag == "path" else Curve.LINETO
    codes = [Curve.MOVETO] + [rest] * (len(points) - 1)
    return Curve(points, [int(code) for code in codes])


def _write(axes: Any, shape: ET.Element) -> Any:
    return axes.text(
        float(shape.get("x", "0")),
        float(shape.get("y", "0")),
        shape.text or "",
        fontsize=float(shape.get("font-size", "14")),
        fontweight=shape.get("font-weight", "normal"),
        color=shape.get("fill", TEXT),
        ha={"middle": "center", "end": "right"}.get(shape.get("text-anchor", ""), "left"),
        va="baseline",
        parse_math=False,
    )


def _numbers(text: str) -> list[float]:
    return [float(number) for number in _NUMBERS.findall(text)]


def _pixels(canvas: FigureCanvasAgg) -> Image.Image:
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba()).copy(), "RGBA")
