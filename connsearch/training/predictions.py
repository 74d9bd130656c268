"""What a network answered to the clips of a split, the views of a video pooled into one answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.metrics import summarise, summarise_sets
from connsearch.training.losses import Loss


@dataclass(frozen=True, slots=True)
class Answers:
    """What a network answered to the clips of a split that could be read, in the split's order.

    Attributes:
        indices: the places of the clips in their split, ``(N,)``.
        first: the first answer for each, ``(N,)``.
        probabilities: of every class, ``(N, K)``, float64.
        log_odds: likewise, by which clips of several classes are ranked; None: they have one.
    """

    indices: Tensor
    first: Tensor
    probabilities: Tensor
    log_odds: Tensor | None = None


class AnswerPool:
    """One row per clip, in the order of arrival.

    Several views of a clip are pooled as probabilities, class by class: their mean, or their
    maximum (which need not add up to 1). A single view stays as it is. Clips with any number of
    classes are ranked by the log odds of those probabilities: a probability ends at 1, where
    confident clips become equal.

    Args:
        loss: of the training; it converts logits to probabilities.
        views: requested views per clip; some may be missing.
        pool: how they are combined.
    """

    def __init__(self, loss: Loss, *, views: int, pool: Literal["mean", "max"]) -> None:
        self._loss = loss
        self._views = views
        self._pool = pool
        self._rows: dict[int, Tensor] = {}
        self._seen: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, indices: Sequence[int], logits: Tensor) -> None:
        """Takes down the answers ``(B, K)`` to the clips of those indices."""
        rows = logits.double() if self._views == 1 else self._loss.probabilities(logits)
        for index, row in zip(indices, rows, strict=True):
            earlier = self._rows.get(index)
            if earlier is not None:
                row = earlier + row if self._pool == "mean" else earlier.maximum(row)
            self._rows[index] = row
            self._seen[index] = self._seen.get(index, 0) + 1

    @property
    def indices(self) -> list[int]:
        """The clips that were answered, in the order of arrival."""
        return list(self._rows)

    def rows(self) -> Tensor:
        """Returns logits of one view, or the pooled probabilities of several, ``(N, K)``."""
        rows = torch.stack(list(self._rows.values()))
        if self._pool == "mean":
            rows = rows / torch.tensor(list(self._seen.values()))[:, None]
        return rows

    def probabilities(self, rows: Tensor) -> Tensor:
        """Returns what the network takes every class for, of what :meth:`rows` gave."""
        return self._loss.probabilities(rows) if self._views == 1 else rows


class PooledPredictions:
    """Answers and what is right, clip by clip; the views of a clip are pooled to one answer.

    Args:
        loss: of the training; it converts logits to probabilities.
        views: requested views per clip; some may be missing.
        pool: how they are combined; see :class:`AnswerPool`.
    """

    def __init__(self, loss: Loss, *, views: int, pool: Literal["mean", "max"]) -> None:
        self._loss = loss
        self._views = views
        self._pool = pool
        self._answers = AnswerPool(loss, views=views, pool=pool)
        self._chances: dict[int, Tensor] = {}
        self._labels: dict[int, int] = {}
        self._targets: dict[int, Tensor] = {}
        self._total, self._count = 0.0, 0

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, batch: Batch, logits: Tensor) -> None:
        """Takes down the answers ``(B, K)`` to a batch."""
        if self._views == 1:
            total, count = self._loss.summed(logits, batch)
            self._total, self._count = self._total + total, self._count + count
        odds = None if batch.targets is None else self._odds(logits)
        indices = batch.indices.tolist()
        self._answers.add(indices, logits)
        for place, index in enumerate(indices):
            if odds is not None:
                self._put_odds(index, odds[place])
            self._labels[index] = int(batch.labels[place])
            if batch.targets is not None:
                self._targets[index] = batch.targets[place]

    def metrics(self, classes: Sequence[str], *, seconds: float, left_out: int) -> Metrics:
        """Returns the metrics of all that was answered.

        Args:
            classes: class names; labels index them.
            seconds: time all forward passes took together.
            left_out: clips that could not be read.
        """
        clips, rows = self._clips(), self._answers.rows()
        total, count = self._total, self._count
        if self._views > 1:
            total, count = self._loss.pooled(rows, clips)
        facts: dict[str, Any] = {
            "classes": classes,
            "loss": total / count if count else math.nan,
            "seconds": seconds,
            "left_out": left_out,
            "views": self._views,
        }
        if clips.targets is not None:
            return summarise_sets(clips.targets, self.odds(), **facts)
        answers = rows.argmax(1).tolist()
        return summarise(clips.labels.tolist(), answers, scores=rows, **facts)

    def odds(self) -> Tensor:
        """Returns the log odds ``(N, K)`` of the pooled answers to clips of several classes."""
        rows = torch.stack(list(self._chances.values()))
        return rows[:, 0] - rows[:, 1]

    def _odds(self, logits: Tensor) -> Tensor:
        """The odds of every class as a difference of two rows, ``(B, 2, K)``.

        Of a mean over views these are the logarithms of p and of 1 - p, which can be added up.
        """
        odds = self._loss.log_odds(logits)
        if self._views > 1 and self._pool == "mean":
            return F.logsigmoid(torch.stack([odds, -odds], 1))
        return torch.stack([odds, torch.zeros_like(odds)], 1)

    def _put_odds(self, index: int, row: Tensor) -> None:
        earlier = self._chances.get(index)
        if earlier is not None:  # the number of views divides both, and changes no difference
            row = earlier.logaddexp(row) if self._pool == "mean" else earlier.maximum(row)
        self._chances[index] = row

    def answers(self) -> Answers:
        """Returns the answer to every clip, as :meth:`metrics` counts it."""
        rows = self._answers.rows()
        indices = torch.tensor(self._answers.indices)
        order = indices.argsort()
        known = self._answers.probabilities(rows)[order]
        if not self._chances:
            return Answers(indices[order], rows.argmax(1)[order], known)
        odds = self.odds()[order]
        return Answers(indices[order], odds.argmax(1), known, odds)

    def _clips(self) -> Batch:
        """Returns the clips that were answered, without their streams."""
        return Batch(
            {},
            torch.tensor(list(self._labels.values())),
            torch.tensor(self._answers.indices),
            torch.stack(list(self._targets.values())) if self._targets else None,
        )
