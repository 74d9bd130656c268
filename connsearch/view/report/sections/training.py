"""How the run went: loss, accuracy and learning rate over steps."""

from __future__ import annotations

from collections.abc import Mapping

from connsearch.view.report.charts import Chart, ChartLine, ChartPoint, chart
from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import interval, number, share
from connsearch.view.runs.series import Series, smooth

_INKS = {"train": "mixed", "val": "peer", "test": "text"}


@section("curves", 130)
def curves(material: Material, findings: Findings) -> Section | None:
    """Returns the curves of a run."""
    found = material.curves
    if found is None:
        return None
    panels: list[Chart | None] = [
        _panel("Loss", found.loss),
        _panel("Accuracy", found.accuracy, y=(0.0, 1.0)),
        _panel("mAP", found.mAP, y=(0.0, 1.0)),
    ]
    if len(material.rates) > 1:
        line = ChartLine("filters", "text", material.rates.steps, material.rates.values)
        panels.append(chart("Learning rate of the filters", "step", [line]))
    charts = [panel for panel in panels if panel is not None]
    rows = [
        {
            "step": step,
            "split": split,
            "accuracy": share(series.values[i], 4),
            "interval": interval(*_bounds(series, i)),
            "loss": number(_at(found.loss.get(split), step)),
        }
        for split, series in found.accuracy.items()
        if split != "train"
        for i, step in enumerate(series.steps)
    ]
    values = {"charts": charts, "evaluations": rows}
    return Section("curves", "Curves", values) if charts else None


def _panel(
    title: str, splits: Mapping[str, Series], *, y: tuple[float, float] | None = None
) -> Chart | None:
    lines: list[ChartLine] = []
    points: list[ChartPoint] = []
    for split, series in splits.items():
        ink = _INKS.get(split, "mixed")
        if split == "train":
            mean = smooth(series, max(len(series) // 30, 1))
            lines.append(ChartLine("train, batches", ink, series.steps, series.values, thin=True))
            lines.append(ChartLine("train", ink, mean.steps, mean.values))
            continue
        lines.append(ChartLine(split, ink, series.steps, series.values))
        for i, (step, value) in enumerate(zip(series.steps, series.values, strict=True)):
            low, high = _bounds(series, i)
            spread = f" ({interval(low, high)})" if low is not None else ""
            tip = f"{split}, step {step}: {number(value)}{spread}"
            points.append(ChartPoint(step, value, ink, tip, low, high))
    return chart(title, "step", lines, points, y=y)


def _bounds(series: Series, i: int) -> tuple[float | None, float | None]:
    whole = len(series.low) == len(series)
    return (series.low[i], series.high[i]) if whole else (None, None)


def _at(series: Series | None, step: int) -> float | None:
    if series is None or step not in series.steps:
        return None
    return series.values[series.steps.index(step)]
