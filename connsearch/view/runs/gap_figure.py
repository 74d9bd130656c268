"""The discretisation gap as a picture: accuracy of every stage over the threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.view.runs.figures import blank_figure
from connsearch.view.runs.plots import write_figure
from connsearch.view.structures.palette import FAINT, MIXED, PEER, STREAMS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RGB, _FLOW, _OBJECT = (ink.line for ink in STREAMS.values())

_LOOK: Mapping[str, tuple[str, str]] = {
    "soft": (TEXT, "s"),
    "masked": (_FLOW, "o"),
    "recalibrated": (_RGB, "^"),
    "fine-tuned": (_OBJECT, "D"),
    "scratch": (PEER.line, "v"),
}
"""Colour and marker of each stage."""

_APART = 0.012
"""Stages at one threshold stand so much of the axis apart, so that no interval hides another."""


def gap_pictures(
    directory: Path, rows: Sequence[Mapping[str, Any]], *, title: str, criterion: str
) -> list[Path]:
    """Returns ``gap.svg`` and ``gap.png`` in a directory, drawn from the rows of the report."""
    paths = [directory / f"gap.{suffix}" for suffix in ("svg", "png")]
    return write_figure(lambda: gap_figure(rows, title=title, criterion=criterion), paths)


def gap_figure(rows: Sequence[Mapping[str, Any]], *, title: str, criterion: str) -> Figure:
    """Returns accuracy on val with its 95 % interval, a line a stage; MACs below.

    Args:
        rows: share, stage, accuracy, low, high, connections, macs; as ``gap.csv`` has them.
        title: what stands above.
        criterion: whose threshold the horizontal axis is.
    """
    figure = blank_figure(7.2, 5.4, title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    stages = [stage for stage in _LOOK if any(row["stage"] == stage for row in rows)]
    shares = sorted({float(row["share"]) for row in rows})
    reach = (shares[-1] - shares[0]) or 1.0
    for place, stage in enumerate(stages):
        own = sorted((r for r in rows if r["stage"] == stage), key=lambda row: row["share"])
        shift = (place - (len(stages) - 1) / 2) * _APART * reach
        _draw_stage(above, stage, own, shift)
    above.set_ylabel("accuracy on val")
    above.set_ylim(-0.03, 1.03)
    _draw_cost(below, rows)
    below.set_xlabel(f"threshold of criterion {criterion}")
    below.set_xticks(shares, [f"{share:g}" for share in shares])
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower left", ncols=5)
    figure.legends[0].set_frame_on(False)
    return figure


def _draw_stage(axes: Axes, stage: str, rows: Sequence[Mapping[str, Any]], shift: float) -> None:
    colour, marker = _LOOK[stage]
    values = [row["accuracy"] for row in rows]
    spread = [
        [max(row["accuracy"] - row["low"], 0.0) for row in rows],
        [max(row["high"] - row["accuracy"], 0.0) for row in rows],
    ]
    places = [row["share"] + shift for row in rows]
    axes.errorbar(
        places,
        values,
        spread,
        label=stage,
        color=colour,
        marker=marker,
        markersize=4.5,
        linewidth=1.4,
        linestyle=(0, (4, 3)) if stage == "soft" else "-",
        elinewidth=0.7,
        capsize=2,
    )


def _draw_cost(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """What is left at each threshold, as a share of the whole network."""
    whole = next(row for row in rows if row["stage"] == "soft")
    cut = {row["share"]: row for row in rows if row["stage"] == "masked"}
    for key, name, colour in (("connections", "connections", MIXED.line), ("macs", "MACs", FAINT)):
        left = [cut[share][key] / whole[key] for share in sorted(cut)]
        style = "-" if key == "connections" else ":"
        axes.plot(sorted(cut), left, style, color=colour, marker=".", label=name)
    axes.set_ylabel("share left")
    axes.set_ylim(0, 1.08)
    axes.legend(frameon=False, loc="lower left", ncols=2)
