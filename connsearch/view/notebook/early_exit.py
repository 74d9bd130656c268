"""What it saves to stop early, in a notebook."""

from __future__ import annotations

from connsearch.runs.formats.early_exit import EarlyExitRow, EarlyExitSummary
from connsearch.view.notebook.card import Html, card, facts, folded, link, table
from connsearch.view.runs.early_exit import WORDS
from connsearch.view.structures.tables import short


def early_exit_html(found: EarlyExitSummary) -> Html:
    """Returns the card of thresholds by which clips stop early, and what comes of them."""
    rows = [
        {"budget": one.budget, "planned": short(round(one.point.planned)), **_row(found, one.point)}
        for one in found.budgets
    ]
    ends = (("first exit only", found.curve[0]), ("all steps", found.curve[-1]))
    rows += [{"budget": name, "planned": None, **_row(found, point)} for name, point in ends]
    stopping = [
        {"exit": number + 1, "MACs": short(cost)}
        | {one.budget: f"{one.stopping[number]:.1%}" for one in found.budgets}
        for number, cost in enumerate(found.costs)
    ]
    return card(
        found.run or "early exits",
        "clips that stop early",
        table(rows),
        facts(
            [
                ("thresholds", f"{found.confidence}, from {found.calibration_clips} clips of val"),
                ("reported on", f"{found.clips} clips of {found.split}"),
                ("cannot be read", found.left_out or None),
                ("area under the curve", found.area),
                ("predict takes", found.chosen),
                ("results", link(found.output) if found.output else None),
            ]
        ),
        folded("share of clips that stop at each exit", table(stopping)),
    )


def _row(found: EarlyExitSummary, point: EarlyExitRow) -> dict[str, object]:
    spread = (
        "" if point.low is None or point.high is None else f" [{point.low:.2f}, {point.high:.2f}]"
    )
    return {
        "MACs": f"{short(round(point.realised))} ({point.share:.0%})",
        "mean exit": point.mean_exit,
        WORDS.get(found.measure, found.measure): None
        if point.score is None
        else f"{point.score:.3f}{spread}",
    }
