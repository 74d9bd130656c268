"""Clips that stop early: what a clip costs against how good answers are, drawn and in tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from connsearch.runs.formats.early_exit import EarlyExitRow, EarlyExitSummary, Measured
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.marks import Mark, Points, Polyline
from connsearch.view.structures.tables import metrics_table, short

WORDS = {"balanced_accuracy": "balanced accuracy"}


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


def stopping_table(found: EarlyExitSummary) -> Table:
    """Returns one row an exit: its cost, and the share of the clips that stop there by budget."""
    rows = [
        {
            "exit": str(number + 1),
            "MACs": short(cost),
            **{one.budget: f"{one.stopping[number]:.1%}" for one in found.budgets},
        }
        for number, cost in enumerate(found.costs)
    ]
    return metrics_table(rows, title="share of clips that stop at each exit")


def early_exit_chart(found: EarlyExitSummary, *, title: str) -> Chart:
    """Returns the measure over the realised cost of a clip, with its 95 % intervals.

    The line is the whole curve; the ring at its right end is the network with all steps. A tick
    below a budget is what was planned for it.
    """
    unit, big = (1e9, "billion") if found.costs[-1] >= 1e9 else (1e6, "million")
    measure = WORDS.get(found.measure, found.measure)
    curve = sorted(found.curve, key=lambda row: row.realised)
    budgets = [one.point for one in found.budgets]
    marks: list[Mark] = [
        Polyline(
            "whole curve", "mixed", _xs(curve, unit), _ys(curve), 1.0, opacity=0.7, pointed=False
        ),
        _points(found, "all steps", found.curve[-1:], ["all steps"], unit, "ring"),
    ]
    if budgets:
        names = [one.budget for one in found.budgets]
        marks.append(_points(found, "budgets", budgets, names, unit, "dot"))
        planned = [row.planned / unit for row in budgets]
        tips = [f"{name}: planned {x:.4g}" for name, x in zip(names, planned, strict=True)]
        foot = [0.02] * len(planned)
        marks.append(Points("planned", "flow", planned, foot, tips, "triangle", foot=True))
    area = "" if found.area is None else f"; area under the curve {found.area:.3f}"
    panel = Panel(
        f"{measure} over MACs{area}",
        marks,
        Axis(f"mean MACs of a clip, {big}", 0, 1.06 * found.costs[-1] / unit),
        Axis(low=-0.03, high=1.03),
    )
    interval = "" if found.measure == "mAP" else ", 95 % intervals"
    note = (
        f"{found.clips} clips of {found.split}{interval}; thresholds of {found.confidence} from "
        f"{found.calibration_clips} clips of val; {found.exits} exits"
    )
    return Chart(title, [panel], (6.6, 4.4), columns=1, note=note)


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
    kind = "ring" if shape == "ring" else "dot"
    return Points(
        name,
        "rgb",
        _xs(rows, unit),
        _ys(rows),
        tips,
        kind,
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
