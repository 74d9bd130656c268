"""Clips to batches: an order and draws that only depend on (seed, epoch, index).

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from connsearch.data.clips import ClipDataset, ClipKey
from connsearch.data.sampling import epoch_order
from connsearch.errors import DataError


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of clips.

    Attributes:
        streams: "rgb" float32 (B, 3, T, H, W) in [-1, 1]; where the data has object maps,
            "object" float32 one-hot (B, K, T, H, W).
        labels: int64 (B,).
        indices: int64 (B,), places in the data set.
    """

    streams: dict[str, Tensor]
    labels: Tensor
    indices: Tensor


def batch_count(dataset: ClipDataset, batch_size: int) -> int:
    """Returns the number of batches of an epoch; the last one may be smaller."""
    return -(-len(dataset) // batch_size)


def batches(
    dataset: ClipDataset,
    *,
    batch_size: int,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = False,
    augment: bool = False,
    workers: int = 0,
    start: int = 0,
) -> Iterator[Batch]:
    """Yields the batches of one epoch, from number ``start`` on; those before are not decoded.

    Args:
        dataset: the clips.
        batch_size: clips of a batch; the last batch may be smaller.
        seed: of the run.
        epoch: from 0; another epoch has another order and other draws.
        shuffle: in random order.
        augment: random position in time, window and light; otherwise the centre, untouched.
        workers: processes that decode; 0: this one. The batches are the same.
        start: the first batch to yield.

    Raises:
        DataError: a video cannot be read, by name.
    """
    order = epoch_order(len(dataset), seed=seed, epoch=epoch, shuffle=shuffle)
    keys = [ClipKey(index, seed, epoch, augment) for index in order]
    plan = [keys[i : i + batch_size] for i in range(start * batch_size, len(keys), batch_size)]
    if workers == 0:
        yield from (_batch(dataset, part) for part in plan)
    elif plan:
        yield from _POOLS.run(dataset, plan, workers)


def _batch(dataset: ClipDataset, keys: list[ClipKey]) -> Batch:
    clips = [dataset.clip(key) for key in keys]
    names = clips[0].streams
    return Batch(
        {name: torch.stack([clip.streams[name] for clip in clips]) for name in names},
        torch.tensor([clip.label for clip in clips]),
        torch.tensor([key.index for key in keys]),
    )
