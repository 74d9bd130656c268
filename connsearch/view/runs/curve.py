"""What accuracy costs, as a picture and as a table: the prunings of one searched network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from connsearch.view.runs.figures import blank_figure, spread_apart
from connsearch.view.structures.palette import FAINT, MIXED, RULE, STREAMS, TEXT
from connsearch.view.structures.tables import metrics_table, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from connsearch.analysis.curve import CurvePoints
    from connsearch.runs.formats.analyses import CurveRow


def curve_table(curve: CurvePoints) -> Table:
    """Returns one row a network, the whole first; shares are of what that has."""
    whole = curve.points[0]
    rows = [
        {
            "conn.": point.connections,
            "params": short(point.parameters),
            "MACs": f"{short(point.macs)} {point.macs / whole.macs:>4.0%}",
            "latency": f"{point.latency_ms:.3g} ms {point.latency_ms / whole.latency_ms:>4.0%}",
            "spread": f"{point.latency_spread:.0%}",
            **_judged(curve, point),
        }
        for point in curve.points
    ]
    size = "x".join(map(str, curve.clip))
    threads = f"{curve.threads} thread{'s' if curve.threads != 1 else ''}"
    title = (
        f"val, {whole.clips} clips; one clip of {size}, {curve.device}, {threads}, "
        f"{curve.precision}"
    )
    return metrics_table(rows, title=title)


def curve_figure(curve: CurvePoints, *, title: str) -> Figure:
    """Returns accuracy over MACs and over measured latency, with 95 % and interquartile bars.

    Numbers are connections; the hollow point is the whole network. Multi-label data shows mAP,
    which has no interval.
    """
    figure = blank_figure(10.0, 4.2, title)
    panels: Sequence[Axes] = list(figure.subplots(1, 2, sharey=True))
    points, unit = curve.points, _unit(curve)
    _draw(panels[0], curve, [point.macs / unit for point in points], [0.0] * len(points))
    panels[0].set_xlabel(
        f"multiply-accumulates of one clip, {'million' if unit == 1e6 else 'billion'}"
    )
    spreads = [point.latency_ms * point.latency_spread / 2 for point in points]
    _draw(panels[1], curve, [point.latency_ms for point in points], spreads)
    threads = f"{curve.threads} thread{'s' if curve.threads != 1 else ''}"
    size = "x".join(map(str, curve.clip))
    panels[1].set_xlabel(
        f"measured latency of one clip, ms ({size}, {curve.device}, {threads}, {curve.precision})"
    )
    name = curve.measure
    interval = "" if name == "mAP" else ", 95 % interval"
    panels[0].set_ylabel(f"{name} on val ({points[0].clips} clips{interval})")
    panels[0].set_title(f"{name} over MACs")
    panels[1].set_title(f"{name} over latency")
    panels[0].set_ylim(-0.09, 1.03)
    figure.supxlabel(
        "numbers below: connections; hollow: the whole network; weights inherited, batch norm set "
        "anew, nothing trained",
        fontsize=8,
        color=FAINT,
        x=0.01,
        ha="left",
    )
    return figure


def _draw(
    axes: Axes, curve: CurvePoints, places: Sequence[float], spreads: Sequence[float]
) -> None:
    ink = STREAMS[next(iter(STREAMS))].line
    scores = [point.score for point in curve.points]
    axes.plot(places, scores, color=MIXED.line, linewidth=1.0, alpha=0.6, zorder=1)
    bars = None
    if curve.measure != "mAP":
        low = [max(p.score - p.low, 0.0) for p in curve.points]
        bars = [low, [max(p.high - p.score, 0.0) for p in curve.points]]
    axes.errorbar(
        places, scores, yerr=bars, xerr=spreads if any(spreads) else None,
        fmt="none", ecolor=MIXED.line, elinewidth=0.8, capsize=2, zorder=2,
    )  # fmt: skip
    axes.scatter(places[1:], scores[1:], s=22, color=ink, zorder=3)
    axes.scatter(places[:1], scores[:1], s=34, facecolors="white", edgecolors=ink, zorder=3)
    width = 1.06 * max(map(sum, zip(places, spreads, strict=True)))
    axes.set_xlim(0, width)
    _number(axes, curve, [place / width for place in places])


def _number(axes: Axes, curve: CurvePoints, shares: Sequence[float]) -> None:
    """Writes connections in a row at the bottom, moved apart, each with a line to its point."""
    order = sorted(range(len(shares)), key=lambda point: (shares[point], point))
    apart = spread_apart([shares[point] for point in order], gap=0.035)
    for place, number in zip(apart, order, strict=True):
        point = curve.points[number]
        axes.annotate(
            str(point.connections),
            (shares[number], point.score),
            xycoords=("axes fraction", "data"),
            xytext=(place, 0.02),
            textcoords="axes fraction",
            ha="center",
            fontsize=7,
            color=TEXT,
            arrowprops={"arrowstyle": "-", "color": RULE, "linewidth": 0.6, "shrinkB": 4},
            zorder=0,
        )


def _judged(curve: CurvePoints, point: CurveRow) -> dict[str, str]:
    if curve.measure == "mAP":
        return {"mAP": f"{point.score:.3f}"}
    return {
        "accuracy": f"{point.accuracy:.3f}",
        "95% interval": f"{point.low:.2f} to {point.high:.2f}",
    }


def _unit(curve: CurvePoints) -> float:
    return 1e9 if curve.points[0].macs >= 1e9 else 1e6
