"""``summary.json`` of the analyses of a run, and the rows of their tables."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from connsearch.runs.formats.form import Form, GivenForm
from connsearch.runs.formats.splits import SplitName
from connsearch.runs.formats.tables import Row


class TrainingBudget(GivenForm):
    """How long each network was trained; further entries of earlier versions are read, too."""

    epochs: int | None = None
    steps: int | None = None


class CurveRow(Row):
    """A network on the curve.

    Attributes:
        nodes: how many it has, stems included.
        connections: how many it has.
        parameters: that learn.
        macs: multiply-accumulates of one clip.
        latency_ms: median of its timed passes, one clip each.
        latency_spread: their interquartile range as a share of the median.
        passes: how many were timed.
        accuracy: on ``val``.
        low: lower end of the accuracy's 95 % interval.
        high: upper end.
        score: what networks are judged by: the accuracy, or mAP in multi-label data.
        clips: how many were judged.
    """

    nodes: int
    connections: int
    parameters: int
    macs: int
    latency_ms: float
    latency_spread: float
    passes: int
    accuracy: float
    low: float
    high: float
    score: float
    clips: int


class CurveSummary(Form):
    """``curve/summary.json``: accuracy against cost; the first point is the whole network.

    Attributes:
        scores: by which connections went, where it was not the learned weight.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"scores"})

    command: str = "curve"
    run: str = ""
    split: SplitName = "val"
    rounds: int | None = None
    points: list[CurveRow] = Field(min_length=1)
    measure: str = "accuracy"
    clip: list[int] = []
    device: str | None = None
    threads: int | None = None
    precision: str | None = None
    recalibrate_clips: int | None = None
    scores: str = "weight"
    output: str = ""
    pictures: list[str] = []


class GapRow(Row):
    """A network at one threshold and one stage."""

    share: float
    stage: str
    accuracy: float
    low: float
    high: float
    mAP: float | None = None
    loss: float
    clips: int
    connections: int
    parameters: int
    macs: int
    dead: int


class GapSummary(Form):
    """``gap/summary.json``: what is lost between the searched network and the pruned one.

    Attributes:
        gap: from soft to masked, by threshold: accuracy, or mAP in multi-label data.
        limit: the loss that was allowed, where one was asked for.
        scores: that the criterion compared, where it was not the learned weight.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"scores"})

    command: str = "gap"
    run: str = ""
    rows: list[GapRow] = Field(min_length=1)
    criterion: str = ""
    peers: int | None = None
    tune_steps: int | None = None
    seed: int | None = None
    split: SplitName = "val"
    chosen_by: SplitName = "val"
    gap: dict[str, float] = {}
    limit: float | None = None
    scores: str = "weight"
    pictures: list[str] = []


class CompareRow(Row):
    """A training of the found wiring (draw 0) or of a random one."""

    wiring: Literal["found", "random"]
    draw: int
    seed: int
    accuracy: float
    connections: int
    macs: int
    parameters: int


class DifferenceRecord(Form):
    """Found less random; see ``analysis.statistics.Crossed``.

    ``needed`` and ``needed_random`` say how many more seeds or wirings would show it.
    """

    wirings: int | None = None
    seeds: int | None = None
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_rank: float | None = None
    effect_size: float | None = None
    corrected: float | None = None
    wiring_spread: float | None = None
    seed_noise: float | None = None
    n: int | None = None
    needed: int | None = None
    needed_random: int | None = None


class OverSeeds(Form):
    """The same with seeds alone being chance; see ``analysis.statistics.Paired``."""

    n: int | None = None
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_sign_flip: float | None = None
    effect_size: float | None = None
    corrected: float | None = None
    needed: int | None = None


class CompareSummary(Form):
    """``compare/summary.json``: the found wiring beside random ones.

    Attributes:
        scores: that the criterion compared, where it was not the learned weight.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"scores"})

    command: str = "compare"
    run: str = ""
    verdict: str = ""
    difference: DifferenceRecord | None = None
    over_seeds: OverSeeds | None = None
    seeds: int | None = None
    random: int | None = None
    split: SplitName = "val"
    measure: str = "accuracy"
    scores: str = "weight"
    budget: TrainingBudget = TrainingBudget()
    rows: list[CompareRow] = Field(min_length=1)
    output: str = ""
    pictures: list[str] = []

    def draws(self) -> int:
        """Returns how many different random wirings were trained."""
        return len({row.draw for row in self.rows if row.wiring == "random"})

    def found_seeds(self) -> int:
        """Returns how many seeds the found wiring was trained with."""
        return len({row.seed for row in self.rows if row.wiring == "found"})


class RankRow(Row):
    """A sub-network, judged inside the supernet and alone."""

    name: str
    supernet: float
    alone: float
    macs: int
    connections: int
    parameters: int


class RankSummary(Form):
    """``rank_correlation/summary.json``: does the supernet rank wirings as training alone does?

    Kendall's tau with its interval: of the supernet, of multiply-accumulates (``flops``), of the
    number of connections, and what the supernet has before multiply-accumulates (``gain``).
    """

    command: str = "rank-correlation"
    run: str = ""
    subnets: int | None = None
    split: SplitName = "val"
    measure: str = "accuracy"
    budget: TrainingBudget = TrainingBudget()
    verdict: str = ""
    tau: float | None = None
    low: float | None = None
    high: float | None = None
    flops_tau: float | None = None
    flops_low: float | None = None
    flops_high: float | None = None
    connections_tau: float | None = None
    connections_low: float | None = None
    connections_high: float | None = None
    gain_tau: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    rows: list[RankRow] = Field(min_length=1)
    output: str = ""
    pictures: list[str] = []
