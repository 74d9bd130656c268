"""``prune.json``: what makes a directory a pruned network."""

from __future__ import annotations

from typing import ClassVar

from connsearch.runs.formats.config import Facts, Settings
from connsearch.runs.formats.form import Form, OpenForm
from connsearch.runs.formats.importance import ImportanceSummary
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.splits import SplitName


class BeforeAfter(Form):
    """A count before and after pruning."""

    before: int
    after: int


class ExactnessRecord(Form):
    """How far a pruned network is from its masked original; see ``models.exactness``."""

    equal: bool
    max_abs_difference: float
    max_abs_logit_difference: float | None = None
    first_difference: int | None = None
    nodes: int | None = None
    largest_logit: float | None = None
    clip: list[int] | tuple[int, ...] = []
    batch: int | None = None
    seed: int | None = None
    device: str | None = None
    threads: int | None = None


class ReachedRecord(Form):
    """A budget and what came of it; see ``pruning.solve.Reached``."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"spread"})

    budget: str
    limit: float
    value: float
    whole: float | None = None
    smallest: float
    largest: float
    spread: float | None = None


class PruningSettings(OpenForm):
    """How was pruned; all: the fields of ``PruneOptions``."""


class PruneRecord(Form):
    """``prune.json`` of a pruned network.

    Attributes:
        command: that wrote it.
        run: what was pruned: a run, or a structure.
        nodes: how many.
        connections: how many.
        parameters: how many.
        macs: multiply-accumulates of a clip.
        clip: frames, height and width of that clip.
        exactness: the comparison with the masked original.
        removed: source and target of every connection that went.
        dead: nodes that went.
        repairs: connections put back, as sentences.
        substitutes: peers that others took the place of, as sentences.
        changes: what else changed, as sentences.
        metrics: by split, where the statistics were set anew.
        scores: what it was pruned by, where that was measured.
        budget: what came of each budget, by name.
        pruning: how was pruned.
        recalibrated: training clips the batch-norm statistics were set from; 0: none.
        settings: of the run it comes from.
        facts: of that run.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"scores"})

    command: str = "prune"
    run: str = ""
    nodes: BeforeAfter
    connections: BeforeAfter
    parameters: BeforeAfter
    macs: BeforeAfter
    clip: list[int] = []
    exactness: ExactnessRecord | None = None
    removed: list[list[int]] = []
    dead: list[int] = []
    repairs: list[str] = []
    substitutes: list[str] = []
    changes: list[str] = []
    metrics: dict[SplitName, Metrics] = {}
    scores: ImportanceSummary | None = None
    budget: dict[str, ReachedRecord] = {}
    pruning: PruningSettings = PruningSettings()
    recalibrated: int | None = None
    settings: Settings = Settings()
    facts: Facts = Facts()
