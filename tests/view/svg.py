"""What is in an SVG picture: its groups by id, and where its texts lie."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import ImageFont

NS = "{http://www.w3.org/2000/svg}"


class Box(NamedTuple):
    text: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box, tolerance: float = 1.0) -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > tolerance and down > tolerance


def groups(path: Path) -> dict[str, ET.Element]:
    """The picture's groups (nodes and lines) by id."""
    root = ET.fromstring(path.read_bytes())
    return {g.get("id", ""): g for g in root.iter(f"{NS}g") if g.get("id")}


def stroke(group: ET.Element, attribute: str) -> str | None:
    """An attribute of a line's own path."""
    path = group.find(f".//{NS}path")
    return None if path is None else path.get(attribute)


def texts(path: Path) -> list[str]:
    """Every text in the picture."""
    return ["".join(t.itertext()) for t in ET.fromstring(path.read_bytes()).iter(f"{NS}text")]


def text_boxes(path: Path) -> list[Box]:
    """Where every text lies, measured in the font the picture was laid out with."""
    boxes = [_box(text) for text in ET.fromstring(path.read_bytes()).iter(f"{NS}text")]
    return [box for box in boxes if box.text.strip()]


def node_boxes(path: Path) -> list[Box]:
    """Where every node's outline lies."""
    found: list[Box] = []
    for name, group in groups(path).items():
        if not name.startswith(("node-", "output")):
            continue
        numbers: list[tuple[float, float]] = []
        for shape in [*group.iter(f"{NS}path"), *group.iter(f"{NS}polygon")]:
            data = shape.get("d", "") or shape.get("points", "")
            for letter in "MCLZ":
                data = data.replace(letter, " ")
            numbers += [(float(x), float(y)) for x, y in (p.split(",") for p in data.split())]
        xs, ys = [x for x, _ in numbers], [y for _, y in numbers]
        found.append(Box(name, min(xs), min(ys), max(xs), max(ys)))
    return found


def _box(text: ET.Element) -> Box:
    words = "".join(text.itertext())
    size = float(text.get("font-size", "14"))
    width = _font(text.get("font-weight") == "bold").getlength(words) * size / 100
    x, y = float(text.get("x", 0)), float(text.get("y", 0))
    left = {"start": x, "middle": x - width / 2, "end": x - width}[text.get("text-anchor", "start")]
    return Box(words, left, y - 0.75 * size, left + width, y + 0.1 * size)


def _font(bold: bool) -> ImageFont.FreeTypeFont:
    origin = find_spec("matplotlib")
    assert origin is not None
    assert origin.origin is not None
    folder = Path(origin.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), 100)
