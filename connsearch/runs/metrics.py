"""Numbers about answers: accuracy with its interval, top-5, recalls, mean average precision.

torchmetrics counts the confusion matrix; what is counted in, how equal scores are ranked, and what
a mean is taken over, is decided here. It is imported where it is used: reading a result needs
neither it nor torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from connsearch.runs.formats.metrics import Metrics

if TYPE_CHECKING:
    from torch import Tensor

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""

TOP = 5
"""Number of first answers for top-5; with so few classes it is not computed."""


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
    scores: Tensor | None = None,
    loss: float = math.nan,
    seconds: float = 0.0,
    left_out: int = 0,
    views: int = 1,
) -> Metrics:
    """Returns the metrics of one split whose clips have one class each.

    Args:
        labels: the true class of every clip.
        answers: the network's first answer for every clip.
        classes: class names; labels index them.
        scores: ``(N, K)``, higher is likelier, for top-5; None leaves it out.
        loss: mean loss over the clips.
        seconds: time all forward passes took together.
        left_out: clips that could not be read.
        views: clips and crops of a video that were pooled.

    >>> summarise([0, 0, 0, 1], [0, 0, 1, 1], classes=["a", "b"]).balanced_accuracy
    0.8333333333333333
    """
    counts = _confusion(labels, answers, len(classes))
    seen = [sum(row) for row in counts]
    hits = [row[label] for label, row in enumerate(counts)]
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
        top5=None if scores is None else _top5(labels, scores),
        support=dict(zip(classes, seen, strict=True)),
        confusion={
            true: {given: count for given, count in zip(classes, row, strict=True) if count}
            for true, row in zip(classes, counts, strict=True)
        },
        left_out=left_out,
        views=views,
    )


def summarise_sets(
    targets: Tensor,
    scores: Tensor,
    *,
    classes: Sequence[str],
    loss: float = math.nan,
    seconds: float = 0.0,
    left_out: int = 0,
    views: int = 1,
) -> Metrics:
    """Returns the metrics of one split whose clips have any number of classes each.

    Args:
        targets: ``(N, K)``, above 0 where a clip has a class.
        scores: ``(N, K)``, higher is likelier, of any scale: the first answer follows from their
            order in a row, the average precision of a class from their order in its column.
        classes: class names, one a column.
        loss: mean loss over the clips.
        seconds: time all forward passes took together.
        left_out: clips that could not be read.
        views: clips and crops of a video that were pooled.
    """
    has = targets > 0
    n, labelled = len(has), int(has.any(1).sum())
    right = int(has.gather(1, scores.argmax(1, keepdim=True)).sum()) if n else 0
    precisions = dict(zip(classes, average_precisions(targets, scores), strict=True))
    known = [value for value in precisions.values() if value is not None]
    low, high = wilson_interval(right, labelled)
    return Metrics(
        clips=n,
        loss=loss,
        accuracy=right / labelled if labelled else math.nan,
        low=low,
        high=high,
        balanced_accuracy=None,
        recalls={},
        seconds_per_clip=seconds / n if n else 0.0,
        mAP=sum(known) / len(known) if known else None,
        average_precisions=precisions,
        support=dict(zip(classes, has.sum(0).tolist(), strict=True)),
        left_out=left_out,
        views=views,
    )


def average_precisions(targets: Tensor, scores: Tensor) -> list[float | None]:
    r"""Returns the average precision of every class; None where no clip has it.

    .. math:: AP = \sum_n (R_n - R_{n-1}) P_n

    ``n`` counts the distinct scores downwards, so that clips of equal score come in together and
    their order does not matter. It is computed here, in float64: torchmetrics adds up in float32,
    takes the sigmoid of scores outside [0, 1], in which confident clips become equal, and counts a
    class without clips as 0, so that the mean falls with every class a split happens not to have.

    Args:
        targets: ``(N, K)``, above 0 where a clip has a class.
        scores: ``(N, K)``, higher is likelier, of any scale.
    """
    has_NK = targets > 0
    return [_average_precision(has_NK[:, k], scores[:, k]) for k in range(has_NK.shape[1])]


def _average_precision(has_N: Tensor, scores_N: Tensor) -> float | None:
    """The average precision of one class."""
    if not has_N.any():
        return None
    _, places_N = scores_N.unique(sorted=True, return_inverse=True)  # of equal scores the same
    levels = int(places_N.max()) + 1
    down_N = levels - 1 - places_N
    found_L = down_N[has_N].bincount(minlength=levels)
    shown_L = down_N.bincount(minlength=levels).cumsum(0)
    precision_L = found_L.cumsum(0).double() / shown_L.double()
    return float((found_L.double() * precision_L).sum() / found_L.sum())


def _confusion(labels: Sequence[int], answers: Sequence[int], classes: int) -> list[list[int]]:
    """Returns how often each class (row) was given each answer (column)."""
    import torch
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    if len(labels) != len(answers):
        raise ValueError(f"{len(labels)} labels, but {len(answers)} answers")
    given = torch.tensor(answers, dtype=torch.int64)
    true = torch.tensor(labels, dtype=torch.int64)
    return multiclass_confusion_matrix(given, true, classes, validate_args=False).tolist()


def _top5(labels: Sequence[int], scores: Tensor) -> float | None:
    """The share of clips whose class is among the first five answers.

    Of equal scores the class that is listed first goes first, as in the first answer: torch's
    ``topk`` takes any of them, and top-5 could then be below the accuracy.
    """
    import torch

    if scores.shape[1] <= TOP or not labels:
        return None
    true = torch.tensor(labels, dtype=torch.int64, device=scores.device)[:, None]
    first = scores.sort(dim=1, descending=True, stable=True).indices[:, :TOP]
    return float((first == true).any(1).double().mean())
