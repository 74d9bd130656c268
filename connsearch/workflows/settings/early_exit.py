"""What early exits can be asked for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from connsearch.errors import SettingsError
from connsearch.flags import Flag
from connsearch.pruning.budget import Budget, BudgetForm, parse_budgets
from connsearch.runs.formats.early_exit import Confidence
from connsearch.workflows.settings.base import WorkflowSettings


class EarlyExitSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.early_exit.early_exit` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a training of a network that answers after several steps: a focus model
    (connsearch models 'adafocus*'), or a structure with exits."""
    budget: Annotated[tuple[str, ...], Flag(repeats=True)] = ()
    """What a clip may cost on average: macs<=10G, or macs<=50% of what all steps cost. Repeat it,
    or separate several by commas; connsearch predict takes the first. None: the curve alone."""
    split: Literal["test", "val"] = "test"
    """The split that is reported on. Thresholds are solved on val in any case, so there they look
    better than they are; test is opened once."""
    confidence: Confidence = "probability"
    """How sure an answer is: its largest probability, the negative entropy of the probabilities, or
    its largest logit (the published program's default). Probabilities are those of a softmax over
    all classes, of multi-label data, too."""
    points: int = Field(default=25, ge=1, le=1000)
    """Points of the curve between all clips at the first exit and all of them at the last, evenly
    spread in planned cost."""
    measure: Annotated[bool, Flag(switch=True)] = False
    """Also let the clips of the split really stop, and measure the time: all steps against those
    that were needed."""
    source: Annotated[str | None, Flag(name="data")] = None
    """Where the data is now, if it was moved; it must be the same data."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU if there is one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of convolutions; auto: bf16 on hardware that has it, else fp32."""

    @field_validator("budget")
    @classmethod
    def _readable(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(dict.fromkeys(str(budget) for budget in mean_budgets(texts)))
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _something_to_measure(self) -> EarlyExitSettings:
        if self.measure and not self.budget:
            raise ValueError("measure: there is nothing to measure without a budget (--budget)")
        return self


_MEAN = BudgetForm("macs<=10G, or macs<=50% of what all steps cost", ("macs",), "all steps cost")


def mean_budgets(texts: tuple[str, ...]) -> list[Budget]:
    """Returns the budgets in the texts: each a limit of the mean cost of a clip.

    Raises:
        SettingsError: one cannot be read, or limits something else.
    """
    found: list[Budget] = []
    for part in (part for text in texts for part in text.split(",")):
        budget = parse_budgets([part], _MEAN)[0]
        if budget.quantity != "macs":
            raise SettingsError(
                f"read {part.strip()!r}: clips that stop early save multiply-accumulates, no "
                f"{budget.quantity}\n    allowed: {_MEAN.allowed}"
            )
        found.append(budget)
    return found
