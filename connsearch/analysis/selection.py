"""Scores for a pruning, stored in the run, and where they and the weights disagree."""

from __future__ import annotations

import math
from collections.abc import Collection, Generator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from connsearch.analysis.importance import WHOLE, Importance, ablate
from connsearch.analysis.open_rates import OpenRates, open_rates
from connsearch.analysis.perturbation import perturb
from connsearch.analysis.score_options import ScoreOptions
from connsearch.analysis.searched_run import SearchedRun
from connsearch.analysis.units import UnitEvent
from connsearch.graph.spec import Edge, Structure, Weight
from connsearch.pruning.options import PruneOptions, build_criterion
from connsearch.pruning.pruner import Pruned
from connsearch.runs.checkpoint import digest
from connsearch.runs.documents import write_form
from connsearch.runs.formats.importance import ImportanceRow, ImportanceSummary
from connsearch.runs.formats.ledger import WholeUnit
from connsearch.runs.ledger import Ledger
from connsearch.runs.logs import write_table
from connsearch.runs.names import IMPORTANCE, SUMMARY, table
from connsearch.runs.run_files import RunFiles
from connsearch.training.environment import processor_threads


class Scored(Protocol):
    """Where scores come from: what was measured, or counted while the run was trained."""

    def scores(self, structure: Structure) -> dict[Edge, float]:
        """Returns what a criterion compares, for every connection that has a weight."""
        ...

    def columns(self, edge: Edge) -> dict[str, float | None]:
        """Returns what the table of scores says of a connection."""
        ...


S = TypeVar("S", bound=Scored, covariant=True)


@dataclass(frozen=True)
class Selection(Generic[S]):
    """What connections were scored by for a pruning.

    Attributes:
        kind: of the scores.
        by: what they are made from.
        name: of their files in ``directory``.
        directory: ``importance`` in the run.
        whole: the whole network (ablation alone).
        step: at which it was counted (open rates alone).
    """

    kind: str
    by: S
    name: str
    directory: Path
    whole: WholeUnit | None = None
    step: int | None = None

    def report(self, structure: Structure, weight: Pruned, measured: Pruned) -> ImportanceSummary:
        """Returns every connection with weight, score and who keeps it, after writing that down.

        Args:
            structure: the searched one.
            weight: pruned by the learned weights.
            measured: pruned by these scores, by the same criterion.
        """
        rows = self._rows(structure, weight.edges, measured.edges)
        report = ImportanceSummary(
            kind=self.kind,
            run=str(self.directory.parent),
            split="val",
            whole=self.whole,
            rows=rows,
            disagreements=[row for row in rows if row.kept_by_weight != row.kept_by_score],
            **({} if self.step is None else {"step": self.step}),
        )
        self.directory.mkdir(exist_ok=True)
        write_table(self.directory / table(self.name), ImportanceRow, rows)
        write_form(self.directory / f"{self.name}.json", report)
        write_form(self.directory / SUMMARY, report)
        return report

    def _rows(
        self, structure: Structure, by_weight: Collection[Edge], by_score: Collection[Edge]
    ) -> list[ImportanceRow]:
        weights, scores = structure.weights(), self.by.scores(structure)
        return [
            ImportanceRow(
                source=edge.source,
                target=edge.target,
                weight=_weight(weights[edge]),
                score=_number(scores.get(edge)),
                kept_by_weight=edge in by_weight,
                **{key: _number(value) for key, value in self.by.columns(edge).items()},
                **{f"kept_by_{self.kind}": edge in by_score},
            )
            for edge in structure.edges()
        ]


def by_gates(run: RunFiles, structure: Structure) -> Selection[OpenRates]:
    """Returns the scores of connections from how often their temporal gates were open.

    Raises:
        SettingsError: no connection has a gate, or gates never decided on ``val``.
        RunError: the table of open rates is missing or damaged.
    """
    found = open_rates(run, structure)
    return Selection("gate", found, "gate", run.path(IMPORTANCE), step=found.step)


def measure(
    searched: SearchedRun, scoring: ScoreOptions, pruning: PruneOptions
) -> Generator[UnitEvent, None, Selection[Importance]]:
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
