"""The rows of a run's tables. The fields are the columns, in their order."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from connsearch.runs.formats.form import Form
from connsearch.runs.formats.splits import SplitName

Whole = Annotated[int, Field(ge=-(10**12), le=10**12)]
"""A number that is counted or names something."""


class Row(Form):
    """A row of a CSV file: what has no value is an empty cell, and the other way round."""

    model_config = ConfigDict(strict=False)


class MetricsRow(Row):
    """A row of ``metrics.csv``: a training step or an evaluation.

    A step is of the split ``train``: loss and accuracy of its batch. What a split has no number for
    is None. Clips a second of reading, forward and backward passes are those of the step alone,
    ``clips_per_second`` is smoothed.
    """

    step: Whole
    epoch: Whole | None = None
    split: SplitName
    loss: float | None = None
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    top5: float | None = None
    mAP: float | None = None
    clips: int | None = None
    left_out: int | None = None
    frames: int | None = None
    size: int | None = None
    learning_rate: float | None = None
    clips_per_second: float | None = None
    read_per_second: float | None = None
    forward_per_second: float | None = None
    backward_per_second: float | None = None
    seconds_per_clip: float | None = None


class ScoreRow(Row):
    """A row of ``train_results_s0000.csv`` or ``val_results_s0000.csv``: an epoch.

    The columns are those that SRTG's users know; shares in [0, 1], means over clips.

    Attributes:
        Epoch: from 0.
        Top1: share of right first answers.
        Top5: share of clips whose class is among the first five answers; None: multi-label.
        Loss: as it is minimised in training; without label smoothing on val.
    """

    Epoch: Whole
    Top1: float | None = None
    Top5: float | None = None
    Loss: float | None = None


class ConnectionRow(Row):
    """A row of ``connections.csv``, in long form: a connection or a peer at one step.

    ``weight`` of a connection is the sigmoid of its logit, that of a peer the softmax.
    """

    step: Whole
    epoch: Whole | None = None
    kind: Literal["connection", "peer"]
    source: Whole
    target: Whole
    peer: Whole | None = None
    weight: float | None = None
    logit: float | None = None


class QuarantineRow(Row):
    """A row of ``quarantine.csv``: a clip that could not be read, when it was first met."""

    step: Whole | None = None
    split: SplitName
    index: int | None = None
    name: str = ""
    reason: str = ""


class SkippedRow(Row):
    """A row of ``skipped.csv``: a step of an fp16 training in which nothing was learned.

    Attributes:
        step: from 1.
        loss_scale: the factor on the loss after it.
    """

    step: Whole
    loss_scale: float


class TermRow(Row):
    """A row of ``terms.csv``: a term of the loss in a training step.

    Attributes:
        step: from 1.
        epoch: from 0.
        term: its name; ``penalty`` is what a network adds besides.
        weight: by which its loss is multiplied.
        loss: of its answers, the mean over them and over clips; None: not a number.
        accuracy: share of right answers, whatever step or frame they are of; None: no clip has a
            class, or it is a penalty.
        last_accuracy: of the last answer to each clip alone.
    """

    step: Whole
    epoch: Whole | None = None
    term: str
    weight: float
    loss: float | None = None
    accuracy: float | None = None
    last_accuracy: float | None = None


class StabilityRow(Row):
    """A row of ``stability.csv``: a connection of the searched space.

    Attributes:
        source: where it comes from.
        target: where it leads to.
        frequency: share of the searches that keep it.
        weight: its mean learned weight.
        spread: standard deviation of that between searches.
    """

    source: Whole
    target: Whole
    frequency: float
    weight: float
    spread: float
