"""``result.json`` of a finished run."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from connsearch.runs.formats.advice import Advice
from connsearch.runs.formats.form import Form
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.splits import SplitName

_Count = Annotated[int, Field(ge=0)]
_Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class AlarmRecord(Form):
    """Weights that a search is not sure of, or temporal gates that make no choice.

    Attributes:
        kind: a name of ``oneshot.alarms``, which says what it means and what helps.
        what: connection weights, peer mixtures or temporal gates.
        edges: source and target of every connection it holds for.
        of: how many there are.
        node: the node that nearly all mixtures have chosen, where that is the alarm.
        gates: the names of the gates, where it is about them; ``edges`` are those of connections.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"node", "gates"})

    kind: str
    what: str = "connection weights"
    edges: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = []
    of: int
    node: int | None = None
    gates: list[str] = []


class Quarantined(Form):
    """A clip that could not be read.

    Attributes:
        split: whose clip it is.
        index: of its record.
        name: of its file.
        reason: why it could not be read.
        step: of the training at which it was met.
    """

    split: SplitName
    index: int | None = None
    name: str
    reason: str
    step: int | None = None


class ChoiceRecord(Form):
    """Which state of the network the result is, where the best was kept.

    Attributes:
        watch: the number on ``val`` by which it was chosen.
        step: done when it was looked at.
        of: steps of the whole training.
        value: the number at that look; None: no look could be judged, so the last state was kept.
        last: the number at the last step.
        looks: how often ``val`` was looked at, the last step included.
    """

    watch: str
    step: _Count
    of: _Count
    value: float | None
    last: float | None
    looks: _Count

    def __str__(self) -> str:
        if self.value is None:
            return f"the last step: at none of {self.looks} looks could {self.watch} be judged"
        last = "" if self.last is None or self.step == self.of else f"; the last: {self.last:.3f}"
        of = "the only look" if self.looks == 1 else f"the best of {self.looks} looks"
        return (
            f"{of} at val, {self.watch} {self.value:.3f} after step {self.step} of {self.of}{last}"
        )


class Result(Form):
    """``result.json`` of a finished run.

    Attributes:
        structure: name of the file with the learned structure, where the model is one ...
        model: ... or with the model.
        weights: name of the file with all weights.
        metrics: by split.
        steps: done.
        seconds: they took, over all resumptions.
        digest: of all weights.
        skipped_steps: in which a gradient overflowed and nothing was learned; None: not in fp16.
        warnings: that were given.
        quarantine: clips that could not be read.
        alarms: of a search.
        advice: what would make the training better, as it was said before and after it.
        choice: which state was kept, where it was not simply the last one.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset(
        {"structure", "model", "alarms", "advice", "skipped_steps", "choice"}
    )

    structure: str = ""
    model: str = ""
    weights: str = ""
    metrics: dict[SplitName, Metrics]
    steps: _Count | None = None
    seconds: _Number | None = None
    digest: str | None = None
    skipped_steps: _Count | None = None
    warnings: list[str] = []
    quarantine: list[Quarantined] = []
    alarms: list[AlarmRecord] = []
    advice: list[Advice] = []
    choice: ChoiceRecord | None = None

    @property
    def kept_step(self) -> int | None:
        """Steps of the state that was kept, where the best was; None: all that were done."""
        return None if self.choice is None else self.choice.step
