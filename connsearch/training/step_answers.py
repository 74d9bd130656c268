"""What a network answers after each of its steps to the clips of a split, kept as it comes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from connsearch.data.loading.batches import Batch, BatchPlan, epoch_plan
from connsearch.data.loading.loader import Loader
from connsearch.data.records import listed
from connsearch.errors import DataError
from connsearch.runs.step_answers import StepAnswers, StepStore
from connsearch.training.evaluate import Compute, evaluating

PART = 128
"""Clips of a part, or one batch where that is more."""


def all_steps(
    network: nn.Module, loader: Loader, store: StepStore, name: str, *, compute: Compute
) -> Generator[int, None, StepAnswers]:
    """Yields the number of each clip that is answered; returns the answers to all.

    Clips are read as evaluations read them, by their centre; one that cannot be read is left out.
    Parts that are kept are not computed again, but for those with such clips: they may be readable
    by now.

    Args:
        network: that answers after each step; put into evaluation mode for as long as this takes.
        loader: of the split.
        store: of what was answered before.
        name: of the split.
        compute: device and precision.

    Raises:
        DataError: none of the clips can be read.
    """
    dataset = loader.dataset
    size = dataset.loading.batch_size
    plan = epoch_plan(dataset, batch_size=size)
    many = max(PART // size, 1)
    parts: list[StepAnswers] = []
    for number, start in enumerate(range(0, len(plan), many)):
        planned = plan[start : start + many]
        clips = [key.index for one in planned for key in one.keys]
        found = store.read(f"{name}-{number:05d}")
        if found is None or found.faults or not _whole(found, clips):
            found = _answered(network, loader, planned, compute)
            store.keep(f"{name}-{number:05d}", found)
        parts.append(found)
        yield from clips
    whole = StepAnswers.joined(parts)
    if not len(whole.labels):
        raise DataError(
            f"none of the {len(dataset)} clips of {name} can be read\n"
            + listed(list(whole.faults.values()))
        )
    return whole


def _whole(found: StepAnswers, clips: Sequence[int]) -> bool:
    """Whether a part has these clips and no others."""
    return sorted([*found.indices.tolist(), *found.faults]) == sorted(clips)


def _answered(
    network: nn.Module, loader: Loader, plan: Sequence[BatchPlan], compute: Compute
) -> StepAnswers:
    parts: list[StepAnswers] = []
    with evaluating(network), torch.inference_mode():
        for batch in loader.planned(plan):
            faults = {fault.index: fault.reason for fault in batch.faults}
            if not batch.streams:
                empty = torch.zeros(0, dtype=torch.long)
                parts.append(StepAnswers(torch.zeros(0, 0, 0), empty, empty, None, faults))
                continue
            answers_BSK = per_step(network, batch, compute).cpu()
            parts.append(
                StepAnswers(answers_BSK, batch.labels, batch.indices, batch.targets, faults)
            )
    return StepAnswers.joined(parts)


def per_step(network: nn.Module, batch: Batch, compute: Compute) -> Tensor:
    """Returns the answers of all steps to a batch, ``(B, S, K)`` in float32."""
    return cast(Tensor, compute.predictions(network, batch).per_step)
