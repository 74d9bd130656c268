"""What ``connsearch prune --scores`` does: measure, prune by it, and say where weights disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from connsearch.analysis.score_options import ScoreOptions
from connsearch.cli.searched import open_searched
from connsearch.cli.target import is_trained
from connsearch.cli.terminal import Terminal
from connsearch.errors import SettingsError
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.options import PruneOptions
from connsearch.runs.formats.importance import ImportanceSummary
from connsearch.runs.names import table

if TYPE_CHECKING:
    from connsearch.pruning.pruner import Pruned


PruneBy = Callable[["Mapping[Edge, float] | None", str], "Pruned"]
"""Prunes by scores of a kind, or by the learned weights where there are none."""


def prune_scored(
    run: str,
    structure: Structure,
    pruning: PruneOptions,
    scoring: ScoreOptions,
    prune: PruneBy,
    terminal: Terminal,
) -> tuple[Pruned, ImportanceSummary | None]:
    """Returns the pruned structure, and the scores it was pruned by; None: by the weights.

    What cannot be pruned by the weights is refused before anything is measured.

    Raises:
        SettingsError: scores are to be measured where there is no network.
        RunError: it is no finished search.
    """
    by_weight = prune(None, "weight")
    if scoring.scores == "weight":
        return by_weight, None
    if not is_trained(run):
        raise SettingsError(
            f"--scores {scoring.scores}: {run} is a structure without a network to measure\n"
            "  cure: the directory of a search, or --scores weight"
        )
    from connsearch.analysis.selection import measure

    with open_searched(run, terminal) as searched:
        terminal.say(f"{scoring.scores}: measured on val ({len(searched.data.val)} clips)")
        found = terminal.work_through(measure(searched, scoring, pruning), "connections")
        scores = found.importance.scores(structure)
        pruned = prune(scores, scoring.scores)
        report = found.report(searched, by_weight, pruned)
    _show(report, terminal)
    terminal.say(f"scores: {found.directory / table(found.name)}")
    return pruned, report


def _show(report: ImportanceSummary, terminal: Terminal) -> None:
    """Shows what is kept by one and not by the other, or says that there is nothing."""
    from connsearch.view.structures.tables import metrics_table

    kind, apart = report.kind, report.disagreements
    if not apart:
        terminal.say(f"{kind} keeps the connections that the weights keep")
        return
    rows = [
        {
            "connection": f"{row.source}->{row.target}",
            "weight": row.weight,
            "rise of loss": row.rise,
            "drop of accuracy": row.drop,
            "kept by": "weight" if row.kept_by_weight else kind,
        }
        for row in apart
    ]
    title = f"weight and {kind} disagree on {len(apart)} of {len(report.rows)} connections"
    terminal.show(metrics_table(rows, title=title))
