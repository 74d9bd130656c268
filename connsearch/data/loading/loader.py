"""Batches of an epoch or a plan, made in this process or by workers beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.batches import Batch, BatchPlan, epoch_plan, make_batch
from connsearch.data.loading.workers import made_by_workers


def batches(
    dataset: ClipDataset,
    *,
    batch_size: int,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = False,
    augment: bool = False,
    views: int | None = None,
    workers: int = 0,
    start: int = 0,
) -> Iterator[Batch]:
    """Yields the batches of one epoch, from number ``start`` on; those before are not decoded.

    See :func:`epoch_plan` for what decides them and :func:`planned` for how they are made.
    """
    plan = epoch_plan(
        dataset,
        batch_size=batch_size,
        seed=seed,
        epoch=epoch,
        shuffle=shuffle,
        augment=augment,
        views=views,
    )
    return planned(dataset, plan[start:], workers=workers)


def planned(
    dataset: ClipDataset, plan: Sequence[BatchPlan], *, workers: int = 0
) -> Iterator[Batch]:
    """Yields the batches of a plan.

    Clips that cannot be read are named in ``Batch.faults`` and kept in ``dataset.quarantined``,
    replaced or left out as the plan says; lasting ones are not tried again.

    Args:
        dataset: the clips.
        plan: what each batch is made of.
        workers: processes that decode; 0: this one. The batches are the same.

    Raises:
        DataError: no stand-in could be read either, or a process that reads cannot be kept alive.
    """
    if workers == 0 or not plan:
        made = (make_batch(dataset, part) for part in plan)
    else:
        made = made_by_workers(workers, dataset, plan)
    for batch in made:
        for fault in batch.faults:
            dataset.quarantined.setdefault(fault.index, fault.reason)
            if fault.lasting:
                dataset.faults[fault.index] = fault.reason
        yield batch
