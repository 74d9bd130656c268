"""``early-exit/``: thresholds by which clips stop early, what that costs, the answers behind it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from connsearch.runs.formats.form import Form
from connsearch.runs.formats.splits import SplitName
from connsearch.runs.formats.tables import Row

Confidence = Literal["probability", "entropy", "logit"]
"""See ``models.early_exit.CONFIDENCES``."""


class StepAnswersHead(Form):
    """``early-exit/answers/answers.json``: whose answers of all steps are kept beside it.

    Attributes:
        facts: what decides the answers: weights, data, precision, device.
        opened: when the test split was opened for them, in UTC; None: it was not.
        times_opened: the how-manieth time that was.
    """

    facts: dict[str, Any]
    opened: str | None = None
    times_opened: int | None = None


class EarlyExitRow(Row):
    """A row of ``early-exit/curve.csv``: clips that stop early, and what they cost.

    Attributes:
        q: of the planned shares; None: all clips stop at the first exit, or all at the last.
        planned: mean multiply-accumulates of a clip, as planned on the calibration split.
        realised: the same, as it was found on the split.
        share: ``realised`` over what all steps cost.
        score: what the network is judged by on the split, see ``EarlyExitSummary.measure``.
        low: lower end of its 95 % interval; None: it has none (mAP).
        high: upper end, likewise.
        accuracy: on the split, whatever the measure is.
        mean_exit: where clips stop on average, the first exit being 1.
    """

    q: float | None = None
    planned: float
    realised: float
    share: float
    score: float | None = None
    low: float | None = None
    high: float | None = None
    accuracy: float
    mean_exit: float


class Measured(Form):
    """Seconds of all clips of the split, all steps against those that were needed.

    Attributes:
        clips: how many.
        rounds: how often each clip was timed, both ways in turn.
        full_seconds: of all steps, the median of the rounds.
        early_seconds: where clips stop early, likewise.
        speed_up: the first over the second in a round, the median of the rounds.
        slowest: the least speed-up of a round.
        fastest: the largest.
        cost_ratio: what all steps cost over what was realised.
        kept: ``speed_up`` over ``cost_ratio``: 1 is as fast as the costs say. None: the costs say
            less than can be told from what times scatter.
        others: clips that stopped elsewhere than their cached answers say; a confidence that
            equals its threshold to the last digits is rounded otherwise in another batch.
        device: that computed.
        threads: of the processor.
        batch_size: clips that begin together.
    """

    clips: int
    rounds: int = 1
    full_seconds: float
    early_seconds: float
    speed_up: float
    slowest: float | None = None
    fastest: float | None = None
    cost_ratio: float
    kept: float | None
    others: int
    device: str
    threads: int | None = None
    batch_size: int


class SolvedBudget(Form):
    """Thresholds for a budget, and what came of them.

    Attributes:
        budget: as it was asked for, such as ``macs<=10G``.
        limit: multiply-accumulates of a clip that it allows on average.
        thresholds: of every exit but the last; None: nobody stops there.
        leaving: how many calibration clips stop at each exit, as planned.
        calibrated: their mean cost by these thresholds, on the calibration split itself.
        stopping: the share of the clips of the split that stop at each exit.
        point: what was found on the split.
        measured: in time; None: it was not measured.
    """

    budget: str
    limit: float
    thresholds: list[float | None]
    leaving: list[int]
    calibrated: float
    stopping: list[float]
    point: EarlyExitRow
    measured: Measured | None = None


class EarlyExitSummary(Form):
    """``early-exit/summary.json``: when clips stop, by budget, and the whole curve.

    Attributes:
        confidence: what is compared with a threshold.
        exits: how many there are.
        costs: multiply-accumulates of a clip until each exit, without heads that only training
            needs.
        weights: the digest of the network that the thresholds are for.
        data: the fingerprint of its data.
        calibration: the split on which thresholds were solved; never that of the training.
        calibration_clips: of it, that could be read.
        split: that is reported on.
        clips: of it, that could be read.
        left_out: of it, that could not.
        measure: ``accuracy``, ``balanced_accuracy`` or ``mAP``.
        chosen: the budget that ``predict`` takes unless told otherwise; None: there is none.
        budgets: in the order in which they were asked for.
        curve: by planned cost, from all clips at the first exit to all of them at the last.
        area: under score over realised cost, divided by the range of the costs: the mean score
            over it; None: it cannot be known.
    """

    command: str = "early-exit"
    run: str = ""
    confidence: Confidence = "probability"
    exits: int
    costs: list[int] = Field(min_length=2)
    weights: str
    data: str | None = None
    calibration: SplitName = "val"
    calibration_clips: int
    split: SplitName
    clips: int
    left_out: int = 0
    measure: str
    chosen: str | None = None
    budgets: list[SolvedBudget] = []
    curve: list[EarlyExitRow] = Field(min_length=2)
    area: float | None = None
    precision: str | None = None
    output: str = ""
    pictures: list[str] = []

    def solved(self, budget: str | None = None) -> SolvedBudget | None:
        """Returns the thresholds for a budget by its text, None: the chosen one; None: no such."""
        wanted = self.chosen if budget is None else budget
        return next((one for one in self.budgets if one.budget == wanted), None)
