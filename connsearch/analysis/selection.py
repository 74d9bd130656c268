"""Scores for a pruning, stored in the run, and where they and the weights disagree."""

from __future__ import annotations

import math
from collections.abc import Collection, Generator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from connsearch.analysis.importance import WHOLE, Importance, ablate
from connsearch.analysis.perturbation import perturb
from connsearch.analysis.score_options import ScoreOptions
from connsearch.analysis.searched_run import SearchedRun
from connsearch.analysis.units import UnitEvent
from connsearch.graph.spec import Edge, Weight
from connsearch.pruning.options import PruneOptions, build_criterion
from connsearch.pruning.pruner import Pruned
from connsearch.runs.checkpoint import digest
from connsearch.runs.documents import write_form
from connsearch.runs.formats.importance import ImportanceRow, ImportanceSummary
from connsearch.runs.formats.ledger import WholeUnit
from connsearch.runs.ledger import Ledger
from connsearch.runs.logs import write_table
from connsearch.runs.names import IMPORTANCE, SUMMARY, table
from connsearch.training.environment import processor_threads


@dataclass(frozen=True)
class Selection:
    """What was measured for a pruning.

    Attributes:
        kind: of the scores.
        importance: of every connection.
        name: of its files in ``directory``.
        directory: ``importance`` in the run.
        whole: the whole network (ablation alone).
    """

    kind: str
    importance: Importance
    name: str
    directory: Path
    whole: WholeUnit | None

    def report(self, searched: SearchedRun, weight: Pruned, measured: Pruned) -> ImportanceSummary:
        """Returns every connection with weight, score and who keeps it, after writing that down.

        Args:
            searched: the searched network.
            weight: pruned by the learned weights.
            measured: pruned by these scores, by the same criterion.
        """
        rows = self._rows(searched, weight.edges, measured.edges)
        report = ImportanceSummary(
            kind=self.kind,
            run=str(searched.directory),
            split="val",
            whole=self.whole,
            rows=rows,
            disagreements=[row for row in rows if row.kept_by_weight != row.kept_by_score],
        )
        write_table(self.directory / table(self.name), ImportanceRow, rows)
        write_form(self.directory / f"{self.name}.json", report)
        write_form(self.directory / SUMMARY, report)
        return report

    def _rows(
        self, searched: SearchedRun, by_weight: Collection[Edge], by_score: Collection[Edge]
    ) -> list[ImportanceRow]:
        structure, found = searched.structure, self.importance
        weights, scores = structure.weights(), found.scores(structure)
        return [
            ImportanceRow(
                source=edge.source,
                target=edge.target,
                weight=_weight(weights[edge]),
                score=_number(scores.get(edge)),
                rise=_number(found.rises.get(edge)),
                drop=_number(found.drops.get(edge)),
                kept_by_weight=edge in by_weight,
                **{f"kept_by_{self.kind}": edge in by_score},
            )
            for edge in structure.edges()
        ]


def measure(
    searched: SearchedRun, scoring: ScoreOptions, pruning: PruneOptions
) -> Generator[UnitEvent, None, Selection]:
    """Yields the work of scoring a run's connections; returns the scores.

    They are in ``RUN/importance``; nothing is measured twice under the same settings.
    A perturbation decides during the work, so its settings include the criterion.

    Raises:
        DataError: no clip of ``val`` can be read.
        RunError: the directory contains scores of another network.
        TrainingError: the tuning of a perturbation diverged.
    """
    name = score_name(scoring, pruning)
    place = searched.directory / IMPORTANCE
    settings = {
        "command": "prune",
        "scores": scoring.scores,
        "network": digest(searched.network.state_dict(), {}),
        "data": searched.data.fingerprint,
        "precision": searched.compute.precision,
    }
    if scoring.scores == "perturbation":
        settings |= {**scoring.model_dump(), "criterion": pruning.criterion}
    threads = searched.options.compute.threads
    with (
        Ledger(place / name, settings) as ledger,
        nullcontext() if threads is None else processor_threads(threads),
    ):
        if scoring.scores == "ablation":
            found = yield from ablate(searched, ledger)
        else:
            found = yield from perturb(
                searched,
                build_criterion(pruning.criterion),
                ledger,
                steps=scoring.score_steps,
                seed=scoring.score_seed,
            )
        whole = ledger.read(WHOLE, WholeUnit) if WHOLE in ledger else None
    return Selection(scoring.scores, found, name, place, whole)


def score_name(scoring: ScoreOptions, pruning: PruneOptions) -> str:
    """Returns the name of the scores' files: what decides them and is not default.

    >>> score_name(ScoreOptions(scores="ablation"), PruneOptions(criterion="top_k:2"))
    'ablation'
    >>> score_name(ScoreOptions(scores="perturbation"), PruneOptions(criterion="top_k:2"))
    'perturbation-top_k-2'
    """
    usual = PruneOptions.model_fields["criterion"].default
    if scoring.scores == "ablation" or pruning.criterion == usual:
        return scoring.slug
    return f"{scoring.slug}-{pruning.criterion.replace(':', '-')}"


def _weight(weight: Weight) -> float | None:
    return float(weight) if isinstance(weight, float | int) else None


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
