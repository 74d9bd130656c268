"""How a run went: loss, accuracy, mAP and learning rate over steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.inks import InkName
from connsearch.view.charts.marks import Mark, Points, Polyline, Rule
from connsearch.view.runs.chance import Chance
from connsearch.view.runs.series import Curves, Series, smooth

_INKS: Mapping[str, InkName] = {"train": "mixed", "val": "peer", "test": "text"}
_SPLITS: Mapping[str, str] = {"train": "training", "val": "validation", "test": "test"}
_SHARE = Axis(low=-0.03, high=1.03)


def training_chart(
    curves: Curves,
    *,
    title: str,
    rates: Series | None = None,
    chance: Chance | None = None,
    terms: int = 0,
) -> Chart:
    """Returns loss and accuracy over steps: batches faint and smoothed, evaluations as points.

    An evaluation's accuracy has its 95 % interval. A dashed line is what guessing would reach.

    Args:
        curves: of the run.
        title: whose they are.
        rates: learning rate of the filters; fewer than two values have no panel.
        chance: of the accuracy; None: not known, or several labels a clip.
        terms: how many the loss in training is the sum of; an evaluation has that of the answer.
    """
    guess = [] if chance is None or curves.mAP else [_guess(chance)]
    note = ""
    panels = [
        _panel("loss", curves.loss, Axis(low=0)),
        _panel("accuracy", curves.accuracy, _SHARE, guess),
    ]
    if curves.mAP:
        panels.append(_panel("mAP", curves.mAP, _SHARE))
    if rates is not None and len(rates) > 1:
        line = Polyline("filters", "text", rates.steps, rates.values, listed=False)
        panels.append(Panel("learning rate of the filters", [line], Axis("step"), Axis(low=0)))
    if terms > 1 and curves.loss.keys() >= {"train", "val"}:
        loss = f"loss: training (sum of {terms} terms), validation"
        panels[0] = replace(panels[0], title=loss)
        note = (
            f"the loss in training is the weighted sum of {terms} terms (see their picture), that "
            "in validation is of the answer alone: their heights cannot be compared"
        )
    size = (4.5 * min(len(panels), 3), 3.7 * -(-len(panels) // 3))
    return Chart(f"{title}: training", panels, size, columns=min(len(panels), 3), note=note)


def _guess(chance: Chance) -> Mark:
    return Rule(f"chance: {chance.share:.3f} ({chance.words})", "faint", chance.share)


def _panel(name: str, splits: Mapping[str, Series], y: Axis, extra: Sequence[Mark] = ()) -> Panel:
    marks = [mark for split, series in splits.items() for mark in _marks(name, split, series)]
    if marks:
        marks = [*extra, *marks]
    titled = " and ".join(_SPLITS.get(split, split) for split in splits)
    return Panel(f"{titled} {name}".strip(), marks, Axis("step"), y, empty="nothing is logged yet")


def _marks(name: str, split: str, series: Series) -> Iterator[Mark]:
    ink, titled = _INKS.get(split, "mixed"), _SPLITS.get(split, split)
    steps, values = series.steps, series.values
    if split == "train" and len(series) > 1:
        window = max(len(series) // 30, 1)
        if window > 1:
            mean = smooth(series, window)
            name = "training, single batches"
            yield Polyline(name, ink, steps, values, 0.6, opacity=0.35, pointed=False)
            yield Polyline("training, mean of batches", ink, mean.steps, mean.values, 1.6)
        else:
            yield Polyline("training, single batches", ink, steps, values, 1.6)
        return
    whole = len(series.low) == len(series)
    tips = [_tip(name, split, series, at, whole=whole) for at in range(len(series))]
    low, high = (series.low, series.high) if whole else ((), ())
    yield Polyline(titled, ink, steps, values, 1.2)
    yield Points(titled, ink, steps, values, tips, size=4, low=low, high=high)


def _tip(name: str, split: str, series: Series, at: int, *, whole: bool) -> str:
    value = f"{_SPLITS.get(split, split)}, step {series.steps[at]}: {name} {series.values[at]:.4g}"
    spread = f" ({series.low[at]:.3f} to {series.high[at]:.3f} at 95 %)" if whole else ""
    return f"{value}{spread}"
