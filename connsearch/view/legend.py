"""The head of a picture: title, one line of facts, a key of what occurs in it, what is left out."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.graph.spec import FREE
from connsearch.view.markup import GATED, clean, escape, font, table
from connsearch.view.palette import DEAD, FAINT, MIXED, PEER, STREAMS, TEXT
from connsearch.view.scene import Scene


def header_label(scene: Scene, title: str) -> str:
    """Returns the label that stands above the picture."""
    rows = [
        font(f"<B>{escape(clean(title))}</B>", 16, TEXT),
        font(escape(" · ".join(_facts(scene))), 10, FAINT),
        *_rows(list(_entries(scene)), per_row=max(2, len(scene.columns) + 1)),
        *(font(escape(note), 9, TEXT) for note in scene.notes),
    ]
    cells = "".join(f'<TR><TD ALIGN="LEFT" CELLPADDING="2">{row}</TD></TR>' for row in rows)
    return f"<{table(cells)}>"


def line_width(strength: float, *, compact: bool) -> float:
    """Returns the width in points of a line for a weight in [0, 1]."""
    return 0.5 + 1.7 * strength if compact else 0.7 + 3.3 * strength


def _facts(scene: Scene) -> Iterator[str]:
    structure = scene.structure
    yield structure.family
    yield f"{len(structure)} nodes"
    yield f"{len(structure.edges())} connections"
    if scene.dead:
        yield f"{len(scene.dead)} dead"
    yield f"attention: {structure.network.attention}"


def _entries(scene: Scene) -> Iterator[str]:
    """Finished cells, one entry a sample and its meaning; only what occurs."""
    lines = scene.lines
    for modality in scene.structure.modalities():
        yield _entry(_sample(STREAMS[modality].line), modality.value)
    if any(line.colour == MIXED.line for line in lines):
        yield _entry(_sample(MIXED.line), "several streams")
    widths = (line_width(weight, compact=scene.compact) for weight in (0.1, 0.5, 1.0))
    yield _entry("".join(_sample(MIXED.line, width, 16) for width in widths), "weight 0.1, 0.5, 1")
    if any(line.below for line in lines):
        yield _entry(_sample(MIXED.line, 1.5, style="DASHED"), f"below {scene.threshold:g}")
    if scene.gates:
        meaning = f"peer attention: {GATED}n is gated by node n"
        yield _entry(_sample(PEER.line, 1.5, style="DOTTED"), meaning)
    if scene.dead:
        yield _entry(_sample(DEAD.line), "dead: cannot change the output")
    weights = [line.weight for line in lines] if not scene.compact else []
    if FREE in weights:
        yield _entry("", "free: not learned yet")
    if None in weights:
        yield _entry("", "always: coefficient 1")


def _rows(entries: list[str], *, per_row: int) -> Iterator[str]:
    for start in range(0, len(entries), per_row):
        yield table(f"<TR>{''.join(entries[start : start + per_row])}</TR>")


def _entry(sample: str, meaning: str) -> str:
    text = f'<TD ALIGN="LEFT">{font(escape(meaning), 9, TEXT)}</TD>'
    return f"{sample}<TD WIDTH=\"4\"></TD>{text}<TD WIDTH=\"14\"></TD>"


def _sample(colour: str, width: float = 3.0, length: int = 24, style: str = "SOLID") -> str:
    """A cell with a line at half its height."""
    line = (
        f'<TR><TD WIDTH="{length}" HEIGHT="6" FIXEDSIZE="TRUE" SIDES="B" BORDER="{round(width)}" '
        f'COLOR="{colour}" STYLE="{style}"></TD></TR><TR><TD HEIGHT="5"></TD></TR>'
    )
    return f'<TD CELLPADDING="1">{table(line)}</TD>'
