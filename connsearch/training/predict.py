"""What a network answers to clips without labels, each as soon as all of its views are there."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from connsearch.data.loading.batches import Batch, BatchPlan, epoch_plan
from connsearch.data.loading.loader import Loader
from connsearch.models.early_exit import EarlyExitModel, Stops
from connsearch.training.evaluate import Compute, answered, evaluating
from connsearch.training.losses import Loss
from connsearch.training.predictions import AnswerPool

Pool = Literal["mean", "max"]


@dataclass(frozen=True, slots=True)
class ClipAnswer:
    """What a network answers to one clip, all views together.

    Attributes:
        index: of the clip in its data set.
        probabilities: float64 ``(K,)``; None: no view could be read.
        order: its classes, the likeliest first, int64 ``(K,)``; by the logits of a single view,
            whose probabilities may be rounded to the same number.
        faults: why a view could not be read, one line each.
        exits: of a network whose clips stop early, where each view that could be read stopped,
            from 0.
    """

    index: int
    probabilities: Tensor | None
    order: Tensor | None
    faults: tuple[str, ...] = ()
    exits: tuple[int, ...] = ()


def predict(
    network: nn.Module,
    loader: Loader,
    *,
    loss: Loss,
    compute: Compute,
    views: int = 1,
    stops: Stops | None = None,
) -> Generator[ClipAnswer]:
    """Yields the answer to every clip, in the order of the data set.

    It is the answer that :func:`~connsearch.training.evaluate.evaluate` counts, bit for bit in
    batches of the same size; in others libraries may round the last bits otherwise.

    Args:
        network: is put into evaluation mode for as long as this takes.
        loader: of the clips; the options of its data set say how views are pooled.
        loss: of the training; it converts logits to probabilities.
        compute: device and precision.
        views: of every clip, as the options of the data set have them; 1: the centre.
        stops: when a view stops, of a network that can stop early; None: all of it is computed.

    Raises:
        Failure: the reading processes die repeatedly.
    """
    dataset = loader.dataset
    plan = epoch_plan(
        dataset,
        batch_size=dataset.loading.batch_size,
        views=views if views > 1 else None,
        together=True,
    )
    waiting: dict[int, _Waiting] = {}
    if stops is None:
        batches = _whole(network, loader, plan, compute)
    else:
        batches = _stopping(network, loader, plan, compute, stops)
    with closing(batches):
        for batch, logits, exits in batches:
            for fault in batch.faults:
                waiting.setdefault(fault.index, _Waiting()).faults.append(fault.reason)
            for place, index in enumerate(batch.indices.tolist()):
                assert logits is not None, "a batch that shows clips has answers"
                waiting.setdefault(index, _Waiting()).rows.append(logits[place])
                waiting[index].exits += exits[place : place + 1]
            whole = [n for n, one in waiting.items() if one.count == views]
            for index in sorted(whole):
                yield _answer(index, waiting.pop(index), loss, views, dataset.clips.pool_views)


_Answered = Generator[tuple[Batch, Tensor | None, list[int]]]
"""Batches with their logits ``(B, K)`` on the CPU and, where clips stop early, their exits."""


def _whole(
    network: nn.Module, loader: Loader, plan: Sequence[BatchPlan], compute: Compute
) -> _Answered:
    with closing(answered(network, loader.planned(plan), compute)) as batches:
        for batch, logits, _ in batches:
            yield batch, logits, []


def _stopping(
    network: nn.Module, loader: Loader, plan: Sequence[BatchPlan], compute: Compute, stops: Stops
) -> _Answered:
    assert isinstance(network, EarlyExitModel), "only such a network has thresholds"
    with evaluating(network):
        for batch in loader.planned(plan):
            if batch.streams:
                left = compute.left(network, batch, stops)
                yield batch, left.logits.float().cpu(), left.exits.tolist()
            else:
                yield batch, None, []


@dataclass(slots=True)
class _Waiting:
    """A clip of which some views are still to come: logits ``(K,)``, faults and exits."""

    rows: list[Tensor] = field(default_factory=list[Tensor])
    faults: list[str] = field(default_factory=list[str])
    exits: list[int] = field(default_factory=list[int])

    @property
    def count(self) -> int:
        return len(self.rows) + len(self.faults)


def _answer(index: int, found: _Waiting, loss: Loss, views: int, pool: Pool) -> ClipAnswer:
    faults = tuple(dict.fromkeys(found.faults))
    if not found.rows:
        return ClipAnswer(index, None, None, faults)
    answers = AnswerPool(loss, views=views, pool=pool)
    for row in found.rows:
        answers.add([index], row[None])
    rows = answers.rows()
    order = rows[0].sort(descending=True, stable=True).indices
    exits = tuple(found.exits)
    return ClipAnswer(index, answers.probabilities(rows)[0], order, faults, exits)
