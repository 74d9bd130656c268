"""A cross-validation in a notebook: all folds together, each of them, and every class."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.analysis.folds import FoldsSummary
from connsearch.runs.formats.folds import FoldsRecord, FoldsWiring
from connsearch.runs.formats.studies import EstimateRecord
from connsearch.view.notebook.card import Html, card, facts, folded, link, table, warning
from connsearch.view.structures.tables import fold_rows

MOST_SHOWN = 20
"""Connections in the table of a search; the file has all."""


def folds_html(summary: FoldsSummary) -> Html:
    """Returns the card of a cross-validation."""
    found = summary.record
    value = "recall" if found.mAP is None else "average precision"
    classes = [
        {"class": row.name, "clips": row.clips, value: row.value.value}
        | {"95% interval": _interval(row.value)}
        for row in found.classes
    ]
    rows = [
        row | {"run": f"fold-{one.fold}"}
        for row, one in zip(fold_rows(found), found.rows, strict=True)
    ]
    return card(
        summary.directory.name,
        "cross-validation",
        facts([("all folds", summary.verdict), *_together(found)]),
        table(rows),
        facts(
            [
                ("directory", link(summary.directory)),
                ("predictions", link(found.predictions)),
            ]
        ),
        folded(f"by class ({len(classes)})", table(classes)),
        *(_wiring(found.wiring) if found.wiring is not None else ()),
        *(warning(note) for note in found.notes),
    )


def _together(found: FoldsRecord) -> Iterator[tuple[str, object]]:
    balanced = found.balanced_accuracy
    if balanced is not None and balanced.value is not None:
        yield "balanced accuracy", f"{balanced.value:.3f} [{_interval(balanced)}]"
    if found.mean is not None:
        spread = "" if found.spread is None else f", standard deviation {found.spread:.3f}"
        yield f"mean {found.measure} of the folds", f"{found.mean:.3f}{spread}"


def _wiring(wiring: FoldsWiring) -> Iterator[Html]:
    yield facts([("wiring", wiring.verdict), ("consensus", link(wiring.structure))])
    ranked = sorted(wiring.rows, key=lambda row: (-row.frequency, -row.weight))[:MOST_SHOWN]
    shown = [
        {"connection": f"{row.source} -> {row.target}", "share of folds": row.frequency}
        | {"weight": row.weight, "spread": row.spread}
        for row in ranked
    ]
    yield folded(f"connections kept most often ({len(shown)} of {len(wiring.rows)})", table(shown))


def _interval(found: EstimateRecord) -> str | None:
    if found.low is None or found.high is None:
        return None
    return f"{found.low:.3f} to {found.high:.3f}"
