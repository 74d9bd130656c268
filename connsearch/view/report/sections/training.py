"""How the run went: loss, accuracy and learning rate over steps."""

from __future__ import annotations

from connsearch.view.report.findings import Findings, chance
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import interval, number, share
from connsearch.view.runs.series import Series
from connsearch.view.runs.training import training_chart


@section("curves", 130)
def curves(material: Material, findings: Findings) -> Section | None:
    """Returns the curves of a run."""
    found = material.curves
    if found is None:
        return None
    name = "" if material.model is None else material.model.name
    terms = len({row.term for row in material.terms})
    chart = training_chart(
        found, title=name, rates=material.rates, chance=chance(material), terms=terms
    )
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
    values = {"chart": chart, "evaluations": rows}
    return Section("curves", "Curves", values) if found.loss or found.accuracy else None


def _bounds(series: Series, i: int) -> tuple[float | None, float | None]:
    whole = len(series.low) == len(series)
    return (series.low[i], series.high[i]) if whole else (None, None)


def _at(series: Series | None, step: int) -> float | None:
    if series is None or step not in series.steps:
        return None
    return series.values[series.steps.index(step)]
