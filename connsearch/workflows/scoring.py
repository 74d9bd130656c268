"""What ``--scores`` does: measure or read, prune by it, and say where weights disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from connsearch.analysis.importance import NOTHING, Importance
from connsearch.analysis.open_rates import OpenRates, open_rates
from connsearch.analysis.score_options import LearnedScore, ScoreOptions
from connsearch.analysis.selection import by_gates, measure
from connsearch.errors import SettingsError
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import Pruned
from connsearch.runs.formats.importance import ImportanceSummary
from connsearch.runs.names import table
from connsearch.runs.recorded import is_trained
from connsearch.runs.run_files import RunFiles
from connsearch.training.gate_advice import NEVER_OPEN
from connsearch.workflows.listening import Listener
from connsearch.workflows.searched import open_searched

PruneBy = Callable[[Mapping[Edge, float] | None, str], Pruned]
"""Prunes by scores of a kind, or by the learned weights where there are none."""


def prune_scored(
    run: str,
    structure: Structure,
    pruning: PruneOptions,
    scoring: ScoreOptions,
    prune: PruneBy,
    listener: Listener,
) -> tuple[Pruned, ImportanceSummary | None]:
    """Returns the pruned structure, and the scores it was pruned by; None: by the weights.

    What cannot be pruned by the weights is refused before anything is measured.

    Raises:
        SettingsError: scores are to be measured where there is no network, or no gate decides.
        RunError: it is no finished search, or its table of open rates cannot be used.
    """
    by_weight = prune(None, "weight")
    if scoring.scores == "weight":
        return by_weight, None
    if not is_trained(run):
        raise SettingsError(
            f"--scores {scoring.scores}: {run} is a structure without a network to measure\n"
            "  cure: the directory of a search, or --scores weight"
        )
    if scoring.scores == "gate":
        by_rate = by_gates(RunFiles(Path(run)), structure)
        _warn_of_shut_gates(by_rate.by, listener)
        pruned = prune(by_rate.by.scores(structure), "gate")
        report = by_rate.report(structure, by_weight, pruned)
        listener.say(f"scores: {by_rate.directory / table(by_rate.name)}")
        return pruned, report

    with open_searched(run, listener) as searched:
        listener.say(f"{scoring.scores}: measured on val ({len(searched.data.val)} clips)")
        found = listener.work_through(measure(searched, scoring, pruning), "connections")
        scores = found.by.scores(structure)
        pruned = prune(scores, scoring.scores)
        report = found.report(structure, by_weight, pruned)
        _warn_of_equal_scores(found.by, scoring.scores, listener)
    listener.say(f"scores: {found.directory / table(found.name)}")
    return pruned, report


def _warn_of_shut_gates(found: OpenRates, listener: Listener) -> None:
    """Warns where no gate of a connection opens, so that none of them has a score to speak of."""
    widest = max(found.rates.values())
    if widest < NEVER_OPEN:
        listener.warn(
            f"none of the {len(found.rates)} temporal gates of connections was open for more than "
            f"{widest:.0%} of val, so connections without a gate are kept before all of them\n"
            "  cure: a later --gate-start gives them more time to learn, or --scores weight"
        )


def learned_scores(
    kind: LearnedScore, run: str, structure: Structure, listener: Listener
) -> Mapping[Edge, float] | None:
    """Returns the scores that a run has left, by which a criterion decides; None: the weights.

    Raises:
        SettingsError: no connection has a gate, or gates never decided on ``val``.
        RunError: the table of open rates is missing or damaged.
    """
    if kind == "weight":
        return None
    found = open_rates(RunFiles(Path(run)), structure)
    _warn_of_shut_gates(found, listener)
    return found.scores(structure)


def by_scores(kind: LearnedScore) -> dict[str, Any]:
    """Returns what a summary notes of the scores; of weights nothing, as before there were others.

    >>> by_scores("weight"), by_scores("gate")
    ({}, {'scores': 'gate'})
    """
    return {} if kind == "weight" else {"scores": kind}


def _warn_of_equal_scores(found: Importance, kind: str, listener: Listener) -> None:
    """Warns where silencing a connection never changed the loss: there, the weights decided."""
    if found.rises and max(map(abs, found.rises.values())) < NOTHING:
        listener.warn(
            f"no connection changes the loss on val when it is silenced ({kind}): the learned "
            "weights have decided\n  cure: a search with more --epochs"
        )
