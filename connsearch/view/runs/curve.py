"""What accuracy costs, as a picture and as a table: the prunings of one searched network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from connsearch.runs.formats.analyses import CurveRow, CurveSummary
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.marks import Labels, Mark, Points, Polyline
from connsearch.view.structures.tables import metrics_table, short

if TYPE_CHECKING:
    from connsearch.analysis.curve import CurvePoints


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


def curve_chart(curve: CurvePoints | CurveSummary, *, title: str) -> Chart:
    """Returns accuracy over MACs, measured latency and connections, with 95 % intervals.

    Bars across are half the interquartile range of the times on both sides. Numbers at the foot
    are connections; the ring is the whole network. Multi-label data shows mAP, which has no
    interval.
    """
    points, name = curve.points, curve.measure
    unit, big = (1e9, "billion") if points[0].macs >= 1e9 else (1e6, "million")
    spreads = [point.latency_ms * point.latency_spread / 2 for point in points]
    still = [0.0] * len(points)
    across = (
        ("MACs", [p.macs / unit for p in points], still, f"MACs of one clip, {big}"),
        ("latency", [p.latency_ms for p in points], spreads, "measured latency of one clip, ms"),
        ("connections", [float(p.connections) for p in points], still, "connections"),
    )
    panels = [
        Panel(
            f"{name} over {what}",
            list(_marks(curve, places, reaches, x_title, numbers=what != "connections")),
            Axis(x_title, 0, 1.06 * max(map(sum, zip(places, reaches, strict=True)))),
            Axis(low=-0.09, high=1.03),
        )
        for what, places, reaches, x_title in across
    ]
    interval = "" if name == "mAP" else ", 95 % intervals"
    note = (
        f"{points[0].clips} clips of val{interval}; numbers below: connections; weights inherited, "
        f"batch norm computed again, nothing trained; {_conditions(curve)}"
    )
    return Chart(title, panels, (13.0, 4.4), columns=3, share_y=True, note=note)


def _marks(
    curve: CurvePoints | CurveSummary,
    places: Sequence[float],
    spreads: Sequence[float],
    x_title: str,
    *,
    numbers: bool,
) -> Iterator[Mark]:
    points = curve.points
    scores = [point.score for point in points]
    low = high = left = right = list[float]()
    if curve.measure != "mAP":
        low, high = [point.low for point in points], [point.high for point in points]
    if any(spreads):
        left = [x - spread for x, spread in zip(places, spreads, strict=True)]
        right = [x + spread for x, spread in zip(places, spreads, strict=True)]
    if numbers:
        texts = [str(point.connections) for point in points]
        yield Labels("text", places, scores, texts, "foot")
    yield Polyline("", "mixed", places, scores, 1.0, opacity=0.6, pointed=False)
    tips = [_tip(curve.measure, p, x, x_title) for p, x in zip(points, places, strict=True)]
    names = ("the whole network", "pruned")
    for name, at in zip(names, (slice(0, 1), slice(1, None)), strict=True):
        yield Points(
            name,
            "rgb",
            places[at],
            scores[at],
            tips[at],
            "ring" if name == names[0] else "dot",
            low=low[at],
            high=high[at],
            left=left[at],
            right=right[at],
        )


def _tip(measure: str, point: CurveRow, x: float, x_title: str) -> str:
    spread = "" if measure == "mAP" else f" ({point.low:.3f} to {point.high:.3f})"
    place = "" if x_title == "connections" else f"; {x_title} {x:.4g}"
    return f"{point.connections} connections: {measure} {point.score:.3f}{spread}{place}"


def _conditions(curve: CurvePoints | CurveSummary) -> str:
    """What the times were measured with, as far as it is known."""
    threads = curve.threads
    known = [
        f"clips of {'x'.join(map(str, curve.clip))}" if curve.clip else "",
        curve.device or "",
        f"{threads} thread{'s' if threads != 1 else ''}" if threads else "",
        curve.precision or "",
    ]
    return ", ".join(filter(None, known))


def _judged(curve: CurvePoints, point: CurveRow) -> dict[str, str]:
    if curve.measure == "mAP":
        return {"mAP": f"{point.score:.3f}"}
    return {
        "accuracy": f"{point.accuracy:.3f}",
        "95% interval": f"{point.low:.2f} to {point.high:.2f}",
    }
