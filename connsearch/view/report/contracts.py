"""What the report expects in the files of a run and of its analyses; more keys are fine."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A JSON object that another command wrote."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CurvePoint(Part):
    """A pruned network of ``RUN/curve``."""

    connections: int
    parameters: int | None = None
    macs: int | None = None
    latency_ms: float | None = None
    latency_spread: float | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    clips: int | None = None


class Curve(Part):
    """``RUN/curve/summary.json``: accuracy against cost; the first point is the whole network."""

    points: tuple[CurvePoint, ...] = Field(min_length=1)
    clip: tuple[int, ...] = ()
    device: str | None = None
    threads: int | None = None


class GapRow(Part):
    """A network of ``RUN/gap`` at one share and one stage."""

    share: float
    stage: str
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    clips: int | None = None
    connections: int | None = None
    parameters: int | None = None
    macs: int | None = None
    dead: int | list[int] | None = None


class Gap(Part):
    """``RUN/gap/summary.json``: what is lost between the searched network and the pruned one."""

    rows: tuple[GapRow, ...] = Field(min_length=1)
    tune_steps: int | None = None
    split: str = "select"


class CompareRow(Part):
    """A training of ``RUN/compare``."""

    wiring: Literal["found", "random"]
    draw: int | None = None
    seed: int | None = None
    accuracy: float | None = None
    connections: int | None = None
    macs: int | None = None


class Difference(Part):
    """Found minus random, with its 95 % interval."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    effect_size: float | None = None
    n: int | None = None
    needed: int | None = None


class Compare(Part):
    """``RUN/compare/summary.json``: the found wiring beside random ones."""

    rows: tuple[CompareRow, ...] = Field(min_length=1)
    difference: Difference | None = None
    verdict: str = ""
    seeds: int | None = None
    random: int | None = None
    split: str = "select"
    budget: dict[str, Any] = {}

    def draws(self) -> int:
        """Returns how many different random wirings were trained."""
        return len({row.draw for row in self.rows if row.wiring == "random"})

    def found_seeds(self) -> int:
        """Returns how many seeds the found wiring was trained with."""
        return len({row.seed for row in self.rows if row.wiring == "found"})


class SelftestRow(Part):
    """A wiring of ``RUN/selftest``, judged inside the supernet and alone."""

    name: str
    supernet: float
    alone: float
    macs: int | None = None


class Selftest(Part):
    """``RUN/selftest/summary.json``: does the supernet rank wirings as training alone does?"""

    rows: tuple[SelftestRow, ...] = Field(min_length=1)
    tau: float | None = None
    low: float | None = None
    high: float | None = None
    flops_tau: float | None = None
    flops_low: float | None = None
    flops_high: float | None = None
    verdict: str = ""


class Judged(Part):
    """The numbers of an evaluated split."""

    clips: int
    accuracy: float
    low: float
    high: float
    loss: float | None = None
    seconds_per_clip: float | None = None
    balanced_accuracy: float | None = None
    top5: float | None = None
    mAP: float | None = None
    recalls: dict[str, float | None] = {}
    average_precisions: dict[str, float | None] = {}
    support: dict[str, int] = {}
    confusion: dict[str, dict[str, int]] | None = None
    left_out: int = 0
    views: int = 1

    @property
    def multi_label(self) -> bool:
        """Whether a clip may have several classes: then mAP is the number to look at."""
        return bool(self.average_precisions)

    @property
    def measure(self) -> str:
        """What the headline number is called."""
        return "mAP" if self.multi_label else "accuracy"

    @property
    def headline(self) -> float | None:
        """The number to look at first."""
        return self.mAP if self.multi_label else self.accuracy


class Evaluation(Part):
    """An entry of ``evaluation.json``: a split that was opened."""

    opened: str
    times_opened: int
    metrics: Judged
    data: str | None = None
    precision: str | None = None
    pool_views: str | None = None


class Exactness(Part):
    """How far a pruned network is from its masked original."""

    equal: bool
    max_abs_difference: float
    max_abs_logit_difference: float | None = None
    first_difference: int | None = None
    nodes: int | None = None
    largest_logit: float | None = None
    batch: int | None = None
    device: str | None = None
    threads: int | None = None


class BeforeAfter(Part):
    """A count before and after pruning."""

    before: int
    after: int


class PruneRecord(Part):
    """``prune.json`` of a pruned network."""

    nodes: BeforeAfter
    connections: BeforeAfter
    parameters: BeforeAfter
    macs: BeforeAfter
    clip: tuple[int, ...] = ()
    exactness: Exactness | None = None
    dead: tuple[int, ...] = ()
    repairs: tuple[str, ...] = ()
    substitutes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    metrics: dict[str, Judged] = {}
    pruning: dict[str, Any] = {}
    recalibrated: int | None = None


class RunAlarm(Part):
    """An alarm in ``result.json``."""

    kind: str
    what: str = "connection weights"
    edges: tuple[tuple[int, int], ...] = ()
    of: int


class Quarantined(Part):
    """A clip that could not be read."""

    split: str
    name: str
    reason: str
    step: int | None = None


class Result(Part):
    """``result.json`` of a finished run."""

    metrics: dict[str, Judged] = {}
    steps: int | None = None
    seconds: float | None = None
    digest: str | None = None
    warnings: tuple[str, ...] = ()
    alarms: tuple[RunAlarm, ...] = ()
    quarantine: tuple[Quarantined, ...] = ()
    peak_memory_mb: float | None = None
