"""The terms of a loss: what each of them is in a step, and how right its answers are.

Shape letters: B clips, S answers a clip, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.models.model import LossTerm, Predictions
from connsearch.runs.formats.tables import Row, TermRow
from connsearch.runs.names import TERMS
from connsearch.runs.run import Run
from connsearch.training.hooks import Hook

PENALTY = "penalty"
"""What the number is called that a network adds to its loss."""


@dataclass(slots=True)
class TermCount:
    """One term in the batches of a step.

    Attributes:
        weight: by which its loss is multiplied.
        loss: summed over the clips that count.
        counted: how many those are.
        right: right answers, of all S.
        last: right last answers.
        answers: of all S, to clips that have a right one.
        clips: that have a right answer.
    """

    weight: float
    loss: float = 0.0
    counted: float = 0.0
    right: int = 0
    last: int = 0
    answers: int = 0
    clips: int = 0


@dataclass(slots=True)
class TermCounts:
    """All terms of the loss of a step, by name; empty where the loss has none."""

    found: dict[str, TermCount] = field(default_factory=dict[str, TermCount])

    def add(
        self, predictions: Predictions, losses: Sequence[Tensor], batch: Batch, counts: float
    ) -> None:
        """Counts a batch.

        Args:
            predictions: with terms.
            losses: of each term, not yet weighted.
            batch: with the labels.
            counts: how many clips of it count.
        """
        terms, penalty = predictions.terms, predictions.penalty
        numbers = [*losses, *([] if penalty is None else [penalty])]
        values: list[float] = torch.stack([one.detach().double() for one in numbers]).tolist()
        weights = {term.name: term.weight for term in terms}
        if penalty is not None:
            weights[PENALTY] = 1.0
        for (name, weight), value in zip(weights.items(), values, strict=True):
            count = self.found.setdefault(name, TermCount(weight))
            count.loss += value * counts
            count.counted += counts
        self._answers(terms, batch)

    def _answers(self, terms: Sequence[LossTerm], batch: Batch) -> None:
        """Counts the right answers; they leave a GPU in one piece."""
        steps = [term.logits.shape[1] for term in terms]
        every_BS = torch.cat([term.logits.detach().argmax(2) for term in terms], 1).cpu()
        if batch.targets is None:
            asked_B = torch.ones(len(every_BS), dtype=torch.bool)
            right_BS = every_BS == batch.labels[:, None]
        else:
            asked_B = (batch.targets > 0).any(1)
            right_BS = (batch.targets > 0).gather(1, every_BS)
        clips = int(asked_B.sum())
        for term, own_BS in zip(terms, right_BS.split(steps, 1), strict=True):
            count = self.found[term.name]
            count.right += int(own_BS.sum())
            count.last += int(own_BS[:, -1].sum())
            count.answers += clips * own_BS.shape[1]
            count.clips += clips


def losses_of(terms: Sequence[LossTerm], loss: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Returns the loss of each term, not yet weighted: the mean over its answers.

    Args:
        terms: of a network.
        loss: of logits ``(B, K)``, the mean over the clips.
    """
    return [torch.stack([loss(one_BK) for one_BK in t.logits.unbind(1)]).mean() for t in terms]


class TermTable(Hook):
    """Writes the terms of every step into a table of the run."""

    name: ClassVar[str] = "terms"
    tables: ClassVar[Mapping[str, type[Row]]] = {TERMS: TermRow}

    def write(self, run: Run, step: int, epoch: int, counts: TermCounts) -> None:
        """Adds the rows of a step, counted from 1."""
        rows: list[Mapping[str, object]] = []
        for name, count in counts.found.items():
            loss = count.loss / count.counted if count.counted else math.nan
            shares = (count.right, count.answers), (count.last, count.clips)
            accuracy, last = (part / whole if whole else None for part, whole in shares)
            row = TermRow(
                step=step,
                epoch=epoch,
                term=name,
                weight=count.weight,
                loss=loss if math.isfinite(loss) else None,
                accuracy=accuracy,
                last_accuracy=last,
            )
            rows.append(row.to_json())
        if rows:
            run.log(TERMS, *rows)
