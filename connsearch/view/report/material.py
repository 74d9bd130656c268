"""Everything a report is made from, as far as it can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from connsearch.graph.spec import Edge, Structure
from connsearch.models.document import ModelDocument
from connsearch.runs.formats.analyses import CompareSummary, GapSummary, RankSummary
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.form import Form
from connsearch.runs.formats.gates import GateRow, open_rates
from connsearch.runs.formats.prune import PruneRecord
from connsearch.runs.formats.result import Quarantined, Result
from connsearch.runs.formats.tables import QuarantineRow, TermRow
from connsearch.runs.names import COMPARE, GAP, RANK_CORRELATION
from connsearch.settings.earlier import ungrouped
from connsearch.view.runs.series import Curves, Series

F = TypeVar("F", bound=Form)


@dataclass(frozen=True, slots=True)
class Branch:
    """A network below the run's directory: pruned from it, or trained further.

    Attributes:
        name: its path below the run.
        pruned: its ``prune.json``, if it is a pruned network.
        result: its ``result.json``, if it was trained.
        evaluations: its ``evaluation.json``, by split.
    """

    name: str
    pruned: PruneRecord | None
    result: Result | None
    evaluations: Mapping[str, Evaluation]


@dataclass(frozen=True, slots=True)
class Material:
    """What stands in a run's directory, as far as it can be read.

    Attributes:
        directory: of the run or the pruned network.
        kind: what made it.
        config: its ``config.json`` (a pruned network: the settings of the run it comes from).
        model: what is trained, with what was learned or as it started; None if it cannot be read.
        structure: with what was learned, or as it started; None if neither can be read.
        learned: whether the structure has what was learned.
        result: None while the run is unfinished.
        curves: loss and accuracy over steps.
        rates: learning rate over steps.
        speeds: clips a second, one value a step.
        weights: connection weights over steps.
        gates: the table of how often temporal gates were open; empty: the network has none.
        terms: the table of the terms of its loss; empty: it has none.
        branches: pruned networks and further trainings below.
        summaries: what analyses with a section of their own found, by folder.
        others: the plain entries of every other ``*/summary.json``, by folder.
        notes: what could not be read, by the anchor of the section it belongs to.
    """

    directory: Path
    kind: Literal["search", "train", "prune", "convert"]
    config: Mapping[str, Any]
    model: ModelDocument | None
    structure: Structure | None
    learned: bool
    result: Result | None
    prune_record: PruneRecord | None
    curves: Curves | None
    rates: Series
    speeds: Series
    weights: Mapping[Edge, Series]
    gates: tuple[GateRow, ...]
    terms: tuple[TermRow, ...]
    quarantine: tuple[Quarantined | QuarantineRow, ...]
    evaluations: Mapping[str, Evaluation]
    branches: tuple[Branch, ...]
    summaries: Mapping[str, Form]
    others: Mapping[str, Mapping[str, Any]]
    notes: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])

    @property
    def open_rates(self) -> Mapping[str, float]:
        """How often each temporal gate is open on ``val`` in the state that was kept, by name."""
        return open_rates(self.gates, until=None if self.result is None else self.result.kept_step)

    @property
    def wired(self) -> bool:
        """Whether it is about connections, as far as is known; a 3D ResNet has none."""
        return self.model is None or self.model.structure is not None

    def part(self, name: str) -> Mapping[str, Any]:
        """Returns an object of the config, empty where there is none."""
        return _object(self.config.get(name))

    def settings(self, group: str) -> Mapping[str, Any]:
        """Returns the recorded settings of ``data`` or ``training``, side by side."""
        return ungrouped(group, _object(self.part("settings").get(group)))

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names; empty where they were not recorded."""
        found = self.part("facts").get("classes")
        return tuple(map(str, cast("list[Any]", found))) if isinstance(found, list) else ()

    @property
    def clip(self) -> tuple[int, int, int] | None:
        """Frames, height and width of a clip."""
        data = self.settings("data")
        frames, size = data.get("frames"), data.get("size")
        if isinstance(frames, int) and isinstance(size, int):
            return (frames, size, size)
        return None

    def summary(self, name: str, kind: type[F]) -> F | None:
        """Returns what the analysis of that name found; None where it was not made."""
        found = self.summaries.get(name)
        return found if isinstance(found, kind) else None

    @property
    def gap(self) -> GapSummary | None:
        """What ``connsearch gap`` found."""
        return self.summary(GAP, GapSummary)

    @property
    def compare(self) -> CompareSummary | None:
        """What ``connsearch compare`` found."""
        return self.summary(COMPARE, CompareSummary)

    @property
    def rank_correlation(self) -> RankSummary | None:
        """What ``connsearch rank-correlation`` found."""
        return self.summary(RANK_CORRELATION, RankSummary)


def _object(value: Any) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
