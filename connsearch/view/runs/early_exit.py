"""Clips that stop early: what a clip costs against how good answers are, drawn and in tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from connsearch.runs.formats.early_exit import EarlyExitRow, EarlyExitSummary, Measured
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.marks import Labels, Mark, Points, Polyline
from connsearch.view.structures.tables import metrics_table, short

WORDS = {"balanced_accuracy": "balanced accuracy"}
_EXITS = 6
"""Exits beside each other in a table, so that it fits 80 columns."""
_LOW, _HIGH, _FOOT = -0.1, 1.03, 0.085
"""Ends of the vertical axis, and where planned costs are: a share of its height."""


def early_exit_table(found: EarlyExitSummary) -> Table:
    """Returns one row a budget; below them the two ends of the curve."""
    rows = [{"budget": one.budget, **_row(found, one.point, planned=True)} for one in found.budgets]
    rows.append({"budget": "first exit only", **_row(found, found.curve[0], planned=False)})
    rows.append({"budget": "all steps", **_row(found, found.curve[-1], planned=False)})
    title = f"{found.split}, {found.clips} clips; thresholds from {found.calibration_clips} of val"
    return metrics_table(rows, title=title)


def speed_table(found: EarlyExitSummary) -> Table:
    """Returns one row a budget: what all steps of the split take, and what was needed.

    Brackets have the least and the largest of all rounds.
    """
    rows = [
        {
            "budget": one.budget,
            "all steps": f"{one.measured.full_seconds:.3g} s",
            "early": f"{one.measured.early_seconds:.3g} s",
            "faster": faster(one.measured),
            "fewer MACs": f"{one.measured.cost_ratio:.2f}x",
            "kept": None if one.measured.kept is None else f"{one.measured.kept:.0%}",
        }
        for one in found.budgets
        if one.measured is not None
    ]
    rounds = {one.measured.rounds for one in found.budgets if one.measured is not None}
    often = f", medians of {max(rounds)} rounds" if max(rounds, default=1) > 1 else ""
    return metrics_table(rows, title=f"time: how much faster, of how many fewer MACs{often}")


def faster(measured: Measured) -> str:
    """Returns how many times faster clips were, with the range of the rounds."""
    text = f"{measured.speed_up:.2f}x"
    if measured.slowest is None or measured.fastest is None:
        return text
    return f"{text} [{measured.slowest:.2f}, {measured.fastest:.2f}]"


def stopping_tables(found: EarlyExitSummary) -> list[Table]:
    """Returns tables of one row a budget: the share of the clips that stop at each exit.

    Above them is what a clip costs until there. Many exits have several tables.
    """
    numbers = range(len(found.costs))
    title = "share of clips that stop at each exit"
    tables: list[Table] = []
    for first in numbers[::_EXITS]:
        shown = numbers[first : first + _EXITS]
        costs = {str(number + 1): short(found.costs[number]) for number in shown}
        rows = [{"exit": "MACs until there", **costs}]
        rows += [
            {"exit": one.budget, **{str(n + 1): f"{one.stopping[n]:.1%}" for n in shown}}
            for one in found.budgets
        ]
        some = f": exits {shown[0] + 1} to {shown[-1] + 1}" if len(numbers) > _EXITS else ""
        tables.append(metrics_table(rows, title=f"{title}{some}"))
    return tables


def early_exit_chart(found: EarlyExitSummary, *, title: str) -> Chart:
    """Returns the measure over the realised cost of a clip, with its 95 % intervals.

    The line is the whole curve; the ring at its right end is the network with all steps. A dotted
    line leads from each budget down to what was planned for it, where its name is.
    """
    unit, big = (1e9, "billion") if found.costs[-1] >= 1e9 else (1e6, "million")
    measure = WORDS.get(found.measure, found.measure)
    curve = sorted(found.curve, key=lambda row: row.realised)
    budgets = [one.point for one in found.budgets]
    marks: list[Mark] = [
        Polyline(
            "whole curve", "mixed", _xs(curve, unit), _ys(curve), 1.0, opacity=0.7, pointed=False
        ),
    ]
    if budgets:
        names = [one.budget for one in found.budgets]
        marks += _plans(names, budgets, unit)
        marks.append(_points(found, "budgets", budgets, names, unit, "dot"))
    marks.append(_points(found, "all steps", found.curve[-1:], ["all steps"], unit, "ring"))
    area = "" if found.area is None else f"; area under the curve {found.area:.3f}"
    panel = Panel(
        f"{measure} over MACs{area}",
        marks,
        Axis(f"mean MACs of a clip, {big}", 0, 1.06 * found.costs[-1] / unit),
        Axis(low=_LOW, high=_HIGH),
    )
    interval = "" if found.measure == "mAP" else ", 95 % intervals"
    note = (
        f"{found.clips} clips of {found.split}{interval}; thresholds of {found.confidence} from "
        f"{found.calibration_clips} clips of val; {found.exits} exits"
    )
    return Chart(title, [panel], (6.6, 4.4), columns=1, note=note)


def _plans(names: Sequence[str], budgets: Sequence[EarlyExitRow], unit: float) -> list[Mark]:
    """What was planned for each budget, its name below, and a line to what came of it."""
    planned = [row.planned / unit for row in budgets]
    tips = [f"{name}: planned {x:.4g}" for name, x in zip(names, planned, strict=True)]
    foot = _LOW + _FOOT * (_HIGH - _LOW)
    lines: list[Mark] = [
        Polyline(
            "",
            "flow",
            [x, row.realised / unit],
            [foot, row.score or 0.0],
            0.8,
            "dotted",
            pointed=False,
        )
        for x, row in zip(planned, budgets, strict=True)
    ]
    feet = [_FOOT] * len(planned)
    texts = [name.removeprefix("macs<=") for name in names]
    labels = Labels("text", planned, [foot] * len(planned), texts, "foot")
    return [
        *lines,
        labels,
        Points("planned (macs<=)", "flow", planned, feet, tips, "triangle", foot=True),
    ]


def _points(
    found: EarlyExitSummary,
    name: str,
    rows: Sequence[EarlyExitRow],
    texts: Sequence[str],
    unit: float,
    shape: str,
) -> Points:
    low = [row.low for row in rows if row.low is not None]
    high = [row.high for row in rows if row.high is not None]
    tips = [f"{text}: {_said(found, row, unit)}" for text, row in zip(texts, rows, strict=True)]
    kind, size = ("ring", 11.0) if shape == "ring" else ("dot", 5.0)
    return Points(
        name,
        "rgb",
        _xs(rows, unit),
        _ys(rows),
        tips,
        kind,
        size,
        low=low if len(low) == len(rows) else (),
        high=high if len(high) == len(rows) else (),
    )


def _said(found: EarlyExitSummary, row: EarlyExitRow, unit: float) -> str:
    spread = "" if row.low is None else f" ({row.low:.3f} to {row.high:.3f})"
    measure = WORDS.get(found.measure, found.measure)
    return f"{measure} {row.score or 0:.3f}{spread} at {row.realised / unit:.4g}"


def _xs(rows: Sequence[EarlyExitRow], unit: float) -> list[float]:
    return [row.realised / unit for row in rows]


def _ys(rows: Sequence[EarlyExitRow]) -> list[float]:
    return [row.score or 0.0 for row in rows]


def _row(found: EarlyExitSummary, row: EarlyExitRow, *, planned: bool) -> dict[str, object]:
    spread = "" if row.low is None else f" [{row.low:.2f}, {row.high:.2f}]"
    score = "-" if row.score is None else f"{row.score:.3f}{spread}"
    return {
        "planned": short(round(row.planned)) if planned else None,
        "realised": f"{short(round(row.realised))} {row.share:>4.0%}",
        "exit": f"{row.mean_exit:.2f}",
        WORDS.get(found.measure, found.measure): score,
    }
