"""A structure -> a picture: SVG, PNG or PDF, without a display, a system Graphviz or system fonts.

The only file that knows graphviz, which writes the source. Graphviz runs in a process of its own
(``graphviz_process.py``): its fonts are set there without touching this process, and should it
fail, the run that wanted a picture goes on. A line that Graphviz loses is a failure, too.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.errors import Failure, UnknownNameError, UserError
from connsearch.graph.files import atomic_write_bytes
from connsearch.graph.spec import Edge, Structure
from connsearch.registry import suggest
from connsearch.view.fonts import fonts_for
from connsearch.view.structures.palette import FAINT, PAPER, TEXT
from connsearch.view.structures.scene import compose
from connsearch.view.structures.sheet import Sheet, scene_sheet

if TYPE_CHECKING:
    import graphviz

FORMATS = ("pdf", "png", "svg")
FONT = "DejaVu Sans,Verdana,sans-serif"
PATIENCE = 120
"""Seconds Graphviz may take for one picture; the largest that is drawn needs a few."""

_GRAPHVIZ = Path(__file__).with_name("graphviz_process.py")
"""What runs in a process of its own."""


def render(
    structure: Structure,
    path: str | Path,
    *,
    threshold: float = 0.5,
    title: str | None = None,
    scores: Mapping[Edge, float] | None = None,
    open_rates: Mapping[str, float] | None = None,
) -> Path:
    """Returns ``path`` after writing the picture of a valid structure there, whole or not at all.

    Columns are levels; a connection has the colour of the only stream it carries (grey: several)
    and the width of its weight; dashed is below ``threshold``, dotted is peer attention, red is
    dead; one that ends in a bow tie has a temporal gate, and a badge says what follows a block.
    Above 60 nodes or 200 connections only those at or above the threshold are drawn, and the
    picture says how many are not. The same structure gives the same bytes of SVG.

    Args:
        structure: what to draw.
        path: ends in .svg, .png or .pdf.
        threshold: in [0, 1].
        title: the structure's name where None.
        scores: numbers in [0, 1] by connection, shown in place of the learned weights.
        open_rates: shares of clips for which temporal gates are open, by their names
            (``graph.gates``): shown beside the weights and in the badges.

    Raises:
        UnknownNameError: another suffix.
        UserError: ``path`` lies in no directory, or is one.
        SettingsError: a threshold or a score that cannot be used.
        Failure: Graphviz failed, in its own words, or the file could not be written.
    """
    dot = to_dot(structure, threshold=threshold, title=title, scores=scores, open_rates=open_rates)
    return save(dot, path)


def save(dot: graphviz.Digraph, path: str | Path) -> Path:
    """Returns ``path`` after writing the picture of a Graphviz source there.

    Arguments and errors as for :func:`render`.
    """
    path = Path(path)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UnknownNameError(f"{path.name}: {suggest('picture format', suffix, list(FORMATS))}")
    if path.is_dir() or not path.parent.is_dir():
        fault = "is a directory" if path.is_dir() else f"there is no directory {path.parent}"
        raise UserError(
            f"{path}: {fault}\n  cure: name a file in a directory that exists with --output"
        )
    picture = laid_out(dot, suffix)
    try:
        atomic_write_bytes(path, picture)
    except OSError as error:
        raise Failure(f"{path}: the picture could not be written: {error.strerror}") from None
    return path


def svg(
    structure: Structure,
    *,
    threshold: float = 0.5,
    title: str | None = None,
    open_rates: Mapping[str, float] | None = None,
) -> str:
    """Returns the picture as an ``<svg>`` element that can stand in a page, ids as in the file.

    Raises:
        Failure: Graphviz failed, in its own words.
    """
    dot = to_dot(structure, threshold=threshold, title=title, open_rates=open_rates)
    picture = _run_graphviz(dot.source, "svg").decode()
    return picture[picture.index("<svg") :]


def to_dot(
    structure: Structure,
    *,
    threshold: float = 0.5,
    title: str | None = None,
    scores: Mapping[Edge, float] | None = None,
    open_rates: Mapping[str, float] | None = None,
) -> graphviz.Digraph:
    """Returns the picture's Graphviz source; arguments and errors as for :func:`render`."""
    scene = compose(structure, threshold=threshold, scores=scores, open_rates=open_rates)
    return sheet_dot(scene_sheet(scene, structure.name if title is None else title))


def sheet_dot(sheet: Sheet) -> graphviz.Digraph:
    """Returns the Graphviz source of a sheet: one rank a column, its heading above the nodes."""
    import graphviz

    dot = graphviz.Digraph(
        "structure", graph_attr=PAGE | dict(sheet.page), node_attr=_NODE, edge_attr=_EDGE
    )
    dot.attr(label=sheet.header)
    for place, (heading, nodes) in enumerate(sheet.columns):
        rank = graphviz.Digraph(graph_attr={"rank": "same"})
        top = f"heading{place}"
        rank.node(top, label=heading, shape="plaintext", fontsize="12", fontcolor=FAINT)
        above = top
        for name, style in nodes:
            rank.node(name, **style)
            rank.edge(above, name, style="invis")
            above = name if sheet.ordered else top
        dot.subgraph(rank)
        if place:
            dot.edge(f"heading{place - 1}", f"heading{place}", style="invis", weight="1000")
    for tail, head, style in sheet.edges:
        dot.edge(tail, head, **style)
    return dot


def laid_out(dot: graphviz.Digraph, suffix: str) -> bytes:
    """Returns the picture of a Graphviz source as the bytes of an svg, png or pdf file.

    Raises:
        Failure: Graphviz failed, in its own words.
    """
    if suffix == "png":
        dot.attr(dpi="144")
    return _run_graphviz(dot.source, suffix)


_NODE = {"shape": "plain", "fontname": FONT, "fontsize": "12", "fontcolor": TEXT}
_EDGE = {"arrowsize": "0.6"}
PAGE = {
    "rankdir": "LR",
    "bgcolor": PAPER,
    "fontname": FONT,
    "labelloc": "t",
    "labeljust": "l",
    "pad": "0.25",
    "outputorder": "edgesfirst",
    "tooltip": " ",
}


def _run_graphviz(source: str, suffix: str) -> bytes:
    """The picture in one of the formats; Graphviz's own chatter is kept for the error message."""
    command = [sys.executable, "-P", str(_GRAPHVIZ), suffix]
    with tempfile.TemporaryDirectory(prefix="connsearch-fonts-") as folder:
        options: dict[str, Any] = {"capture_output": True, "timeout": PATIENCE, "check": False}
        env = os.environ | _fonts(Path(folder), source)
        try:
            done = subprocess.run(command, input=source.encode(), env=env, **options)
        except subprocess.TimeoutExpired:
            raise Failure(f"Graphviz took longer than {PATIENCE} s for one picture") from None
        except OSError as error:
            raise Failure(f"Graphviz could not be started: {error}") from None
    if done.returncode != 0 or not done.stdout:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise Failure(f"Graphviz failed ({done.returncode}): {' '.join(words[-3:]) or 'no word'}")
    return done.stdout


def _fonts(folder: Path, source: str) -> dict[str, str]:
    """Environment that gives Graphviz the fonts matplotlib carries, the same on every machine.

    For letters that those lack it also has fonts of the system.
    """
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return {}
    fonts = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    config, more = folder / "fonts.conf", folder / "more"
    more.mkdir()
    for number, font in enumerate(() if source.isascii() else fonts_for([source])):
        (more / f"{number}{font.suffix}").symlink_to(font)
    lines = f"<dir>{fonts}</dir><dir>{more}</dir><cachedir>{folder / 'cache'}</cachedir>"
    config.write_text(f"<fontconfig>{lines}</fontconfig>", encoding="utf-8")
    return {"FONTCONFIG_FILE": str(config)}
