"""Numbers about answers: accuracy with its interval, balanced accuracy, recall by class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """How a network did on one split.

    Attributes:
        clips: how many clips were judged.
        loss: mean cross-entropy, without label smoothing.
        accuracy: share of right first answers, in [0, 1].
        low: lower end of the accuracy's 95 % Wilson interval.
        high: upper end.
        balanced_accuracy: mean recall over the classes that have clips.
        recalls: by class name; None where a class has no clip.
        seconds_per_clip: of the forward pass, data loading not counted.
    """

    clips: int
    loss: float
    accuracy: float
    low: float
    high: float
    balanced_accuracy: float
    recalls: Mapping[str, float | None]
    seconds_per_clip: float

    def to_json(self) -> dict[str, Any]:
        """Returns the numbers as JSON values."""
        return {**asdict(self), "recalls": dict(self.recalls)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Metrics:
        """Returns what :meth:`to_json` wrote."""
        return cls(**data)

    def __str__(self) -> str:
        return f"{self.accuracy:.3f} [{self.low:.3f}, {self.high:.3f}] of {self.clips} clips"


def wilson_interval(hits: int, n: int, *, z: float = Z_95) -> tuple[float, float]:
    """Returns the Wilson score interval of a proportion; (0, 1) when nothing was counted.

    >>> tuple(round(x, 4) for x in wilson_interval(8, 10))
    (0.4902, 0.9433)
    """
    if n == 0:
        return 0.0, 1.0
    share = hits / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def summarise(
    labels: Sequence[int],
    answers: Sequence[int],
    *,
    classes: Sequence[str],
    loss: float = math.nan,
    seconds: float = 0.0,
) -> Metrics:
    """Returns the metrics of one split.

    Args:
        labels: the true class of every clip.
        answers: the network's first answer for every clip.
        classes: class names; labels index them.
        loss: mean loss over the clips.
        seconds: time all forward passes took together.

    >>> summarise([0, 0, 0, 1], [0, 0, 1, 1], classes=["a", "b"]).balanced_accuracy
    0.8333333333333333
    """
    seen, hits = [0] * len(classes), [0] * len(classes)
    for label, answer in zip(labels, answers, strict=True):
        seen[label] += 1
        hits[label] += label == answer
    recalls = {c: h / s if s else None for c, h, s in zip(classes, hits, seen, strict=True)}
    known = [recall for recall in recalls.values() if recall is not None]
    n, right = sum(seen), sum(hits)
    low, high = wilson_interval(right, n)
    return Metrics(
        clips=n,
        loss=loss,
        accuracy=right / n if n else math.nan,
        low=low,
        high=high,
        balanced_accuracy=sum(known) / len(known) if known else math.nan,
        recalls=recalls,
        seconds_per_clip=seconds / n if n else 0.0,
    )
