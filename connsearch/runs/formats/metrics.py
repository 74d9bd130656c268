"""The numbers of an evaluated split, as ``result.json`` and many others hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import ValidationError

from connsearch.errors import RunError
from connsearch.runs.formats.form import Form
from connsearch.runs.formats.gates import GateCounts

Watch = Literal["accuracy", "balanced_accuracy", "top5", "mAP", "loss"]
"""The numbers that a network can be chosen by; of all but the loss the largest is the best."""


class Metrics(Form):
    """How a network did on one split.

    In multi-label data a first answer is right if it is any of the clip's classes; clips without a
    class have no right answer and count for ``mAP`` alone.

    Attributes:
        clips: how many clips (whole videos where there are several views) were judged.
        loss: mean loss, without label smoothing; over the pooled probabilities if views > 1.
        accuracy: share of right first answers, in [0, 1].
        low: lower end of the accuracy's 95 % Wilson interval.
        high: upper end.
        balanced_accuracy: mean recall over the classes that have clips; None: multi-label.
        recalls: by class name; None where a class has no clip. Empty: multi-label.
        seconds_per_clip: of the forward passes of all views, data loading not counted.
        top5: share of clips whose class is among the first five answers; None: multi-label, or
            fewer than six classes.
        mAP: mean of the average precisions that there are, in [0, 1]; None: single-label, or no
            clip has a class.
        average_precisions: by class name, in [0, 1]; None where no clip has the class: it is left
            out of the mean, neither 0 nor 1. Empty: single-label.
        support: by class name, how many of the judged clips have it.
        confusion: true class -> answered class -> clips, where there are any; None: multi-label.
        left_out: clips that could not be read and are in none of these numbers.
        views: how many clips and crops of every video were pooled.
        gates: how often temporal gates were open; None: the network has none.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"gates"})

    clips: int
    loss: float
    accuracy: float
    low: float
    high: float
    balanced_accuracy: float | None
    recalls: dict[str, float | None]
    seconds_per_clip: float
    top5: float | None = None
    mAP: float | None = None
    average_precisions: dict[str, float | None] = {}
    support: dict[str, int] = {}
    confusion: dict[str, dict[str, int]] | None = None
    left_out: int = 0
    views: int = 1
    gates: GateCounts | None = None

    @property
    def multi_label(self) -> bool:
        """Whether a clip could have several classes, or none."""
        return bool(self.average_precisions)

    @property
    def absent(self) -> int:
        """How many classes no judged clip has, which are in no mean over classes."""
        return sum(not count for count in self.support.values())

    @property
    def measure(self) -> str:
        """The name of the number a network is judged by."""
        return "mAP" if self.multi_label else "accuracy"

    @property
    def headline(self) -> float | None:
        """That number: higher is better; None where no clip of multi-label data has a class."""
        return self.mAP if self.multi_label else self.accuracy

    @property
    def score(self) -> float:
        """The same; not a number where nothing could be judged."""
        return math.nan if self.headline is None else self.headline

    def watched(self, name: Watch | None) -> float:
        """Returns the number of that name, None: the headline; not a number where there is none."""
        found = self.headline if name is None else getattr(self, name)
        return math.nan if found is None else found

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: str = "metrics") -> Metrics:
        """Returns what :meth:`to_json` wrote, here or before some of the numbers were known.

        ``where`` begins the message of a fault.

        Raises:
            RunError: a number is missing or of another kind; the first is named.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise RunError(
                f"{where}: {place}: {first['msg']}; read: {first['input']!r:.60}\n"
                "  cure: remove the file that contains them, and rerun the command that wrote it"
            ) from None

    def __str__(self) -> str:
        if self.multi_label:
            known = sum(value is not None for value in self.average_precisions.values())
            number = f"{self.score:.3f} over {known} of {len(self.average_precisions)} classes,"
        else:
            number = f"{self.accuracy:.3f} [{self.low:.3f}, {self.high:.3f}] of"
        views = f" in {self.views} views" if self.views > 1 else ""
        left_out = f", {self.left_out} left out" if self.left_out else ""
        return f"{number} {self.clips} clips{views}{left_out}"
