"""Clips to batches: an order and draws that only depend on (seed, epoch, index).

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

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
        yield from _decoded_by(workers, dataset, plan)


def _batch(dataset: ClipDataset, keys: list[ClipKey]) -> Batch:
    clips = [dataset.clip(key) for key in keys]
    names = clips[0].streams
    return Batch(
        {name: torch.stack([clip.streams[name] for clip in clips]) for name in names},
        torch.tensor([clip.label for clip in clips]),
        torch.tensor([key.index for key in keys]),
    )


class _Plan(Sampler[list[ClipKey]]):
    """The batches the workers are to make next; changed between epochs, never during one."""

    def __init__(self) -> None:
        self.batches: list[list[ClipKey]] = []

    def __iter__(self) -> Iterator[list[ClipKey]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class _Work(Dataset["Batch | str"]):
    """What a worker does with the keys of one batch; a fault travels back as its message."""

    def __init__(self, dataset: ClipDataset) -> None:
        self.dataset = dataset

    def __getitems__(self, keys: list[ClipKey]) -> Batch | str:
        try:
            return _batch(self.dataset, keys)
        except DataError as error:
            return str(error)


class _Pool:
    """Worker processes that stay alive from epoch to epoch."""

    def __init__(self, dataset: ClipDataset, workers: int) -> None:
        self.busy = False
        self.plan = _Plan()
        self.loader: DataLoader[Batch | str] = DataLoader(
            _Work(dataset),
            batch_sampler=self.plan,
            num_workers=workers,
            collate_fn=cast("Callable[[list[Batch | str]], Batch | str]", _as_is),
            persistent_workers=True,
            worker_init_fn=_one_thread,
            generator=torch.Generator(),
        )

    def run(self, plan: list[list[ClipKey]]) -> Iterator[Batch]:
        self.busy, self.plan.batches = True, plan
        try:
            for made in self.loader:
                if isinstance(made, str):
                    raise DataError(made)
                yield made
        finally:
            self.busy = False


def _as_is(made: Batch | str) -> Batch | str:
    """Returns what it is given: a worker's answer is a batch already, not a list of clips."""
    return made


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def _decoded_by(workers: int, dataset: ClipDataset, plan: list[list[ClipKey]]) -> Iterator[Batch]:
    """Yields the batches of a plan, made by workers that the data set keeps for the next epoch."""
    pool = dataset.pools.get(workers)
    if not isinstance(pool, _Pool):
        pool = dataset.pools[workers] = _Pool(dataset, workers)
    if pool.busy:  # two epochs at once: the second one has workers of its own
        pool = _Pool(dataset, workers)
    return pool.run(plan)
