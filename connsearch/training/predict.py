"""What a network answers to clips without labels, each as soon as all of its views are there."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from connsearch.data.loading.batches import epoch_plan
from connsearch.data.loading.loader import Loader
from connsearch.training.evaluate import Compute, answered
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
    """

    index: int
    probabilities: Tensor | None
    order: Tensor | None
    faults: tuple[str, ...] = ()


def predict(
    network: nn.Module,
    loader: Loader,
    *,
    loss: Loss,
    compute: Compute,
    views: int = 1,
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
    batches = answered(network, loader.planned(plan), compute)
    with closing(batches):
        for batch, logits, _ in batches:
            for fault in batch.faults:
                waiting.setdefault(fault.index, _Waiting()).faults.append(fault.reason)
            for place, index in enumerate(batch.indices.tolist()):
                assert logits is not None, "a batch that shows clips has answers"
                waiting.setdefault(index, _Waiting()).rows.append(logits[place])
            whole = [n for n, one in waiting.items() if one.count == views]
            for index in sorted(whole):
                yield _answer(index, waiting.pop(index), loss, views, dataset.clips.pool_views)


@dataclass(slots=True)
class _Waiting:
    """A clip of which some views are still to come: logits ``(K,)`` and faults."""

    rows: list[Tensor] = field(default_factory=list[Tensor])
    faults: list[str] = field(default_factory=list[str])

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
    return ClipAnswer(index, answers.probabilities(rows)[0], order, faults)
