"""The discretisation gap: accuracy of every stage over the threshold, and what is left there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from connsearch.runs.formats.analyses import GapRow
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.files import write_both
from connsearch.view.charts.inks import InkName
from connsearch.view.charts.marks import Mark, Points, Polyline, Shape

_LOOK: Mapping[str, tuple[InkName, Shape]] = {
    "soft": ("text", "square"),
    "masked": ("flow", "dot"),
    "recalibrated": ("rgb", "triangle"),
    "fine-tuned": ("object", "diamond"),
    "scratch": ("peer", "wedge"),
}
"""Colour and shape of each stage, in their order."""
_OTHER: tuple[InkName, Shape] = ("mixed", "dot")

_APART = 0.012
"""Stages at one threshold stand so much of the axis apart, so that no interval hides another."""


def gap_pictures(
    directory: Path, rows: Sequence[GapRow], *, title: str, criterion: str
) -> list[Path]:
    """Returns ``gap.svg`` and ``gap.png`` in a directory, drawn from the rows of the report."""
    return write_both(gap_chart(rows, title=title, criterion=criterion), directory, "gap")


def gap_chart(
    rows: Sequence[GapRow], *, title: str, criterion: str = "", split: str = "val"
) -> Chart:
    """Returns accuracy with its 95 % interval, a line a stage; connections and MACs below.

    Args:
        rows: one a threshold and stage.
        title: what stands above.
        criterion: whose threshold the horizontal axis is.
        split: that was judged.
    """
    shares = sorted({row.share for row in rows})
    reach = (shares[-1] - shares[0]) or 1.0
    stages = stages_in_order(rows)
    marks: list[Mark] = []
    for place, stage in enumerate(stages):
        own = sorted((row for row in rows if row.stage == stage), key=lambda row: row.share)
        shift = (place - (len(stages) - 1) / 2) * _APART * reach
        marks += _stage(stage, own, shift)
    x = Axis(
        f"threshold of criterion {criterion}" if criterion else "threshold",
        ticks=[(share, f"{share:g}") for share in shares],
    )
    above = Panel(f"accuracy on {split}, 95 % intervals", marks, x, Axis(low=-0.03, high=1.03))
    below = Panel("share left", list(_cost(rows)), x, Axis(low=0, high=1.08), height=150)
    return Chart(title, [above, below], (7.2, 5.6), heights=(3, 1), share_x=True)


def stages_in_order(rows: Sequence[GapRow]) -> list[str]:
    """Returns the stages there are, from the searched network to the pruned one."""
    found = dict.fromkeys(row.stage for row in rows)
    return [stage for stage in (*_LOOK, *(s for s in found if s not in _LOOK)) if stage in found]


def _stage(stage: str, rows: Sequence[GapRow], shift: float) -> Iterator[Mark]:
    ink, shape = _LOOK.get(stage, _OTHER)
    xs, ys = [row.share + shift for row in rows], [row.accuracy for row in rows]
    tips = [
        f"{stage} at {row.share:g}: {row.accuracy:.3f} ({row.low:.3f} to {row.high:.3f})"
        for row in rows
    ]
    dash = "dashed" if stage == "soft" else "solid"
    yield Polyline(stage, ink, xs, ys, dash=dash, listed=False, pointed=False)
    low, high = [row.low for row in rows], [row.high for row in rows]
    yield Points(stage, ink, xs, ys, tips, shape, low=low, high=high)


def _cost(rows: Sequence[GapRow]) -> Iterator[Mark]:
    """What is left at each threshold, as a share of the whole network."""
    whole = next((row for row in rows if row.stage == "soft"), None)
    cut = {row.share: row for row in rows if row.stage == "masked"}
    if whole is None:
        return
    for name, before, ink in (
        ("connections", whole.connections, "mixed"),
        ("MACs", whole.macs, "faint"),
    ):
        left = [row.connections if name == "connections" else row.macs for row in cut.values()]
        ys = [count / before if before else 0.0 for count in left]
        pairs = sorted(zip(cut, ys, strict=True))
        xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
        tips = [f"{name} at {x:g}: {y:.0%} of the whole network" for x, y in pairs]
        dash = "solid" if name == "connections" else "dotted"
        yield Polyline(f"{name} left", ink, xs, ys, dash=dash, pointed=False)
        yield Points("", ink, xs, ys, tips, size=3.5)
