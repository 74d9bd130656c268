"""Clips to batches: an order and draws that only depend on (seed, epoch, index).

Shape letters: B clips, C channels, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from connsearch.data.clips.class_turns import ClassTurns, visits
from connsearch.data.clips.dataset import Clip, ClipDataset, ClipKey
from connsearch.data.clips.read_timeout import TimeoutFault
from connsearch.data.clips.sampling import substitutes
from connsearch.errors import DataError


@dataclass(frozen=True, slots=True)
class UnreadClip:
    """A clip that could not be read.

    Attributes:
        index: its place in the data set.
        reason: what went wrong, by file.
        stand_in: the clip shown instead; None: it was left out.
        lasting: it is not tried again (it timed out, or killed its reader).
    """

    index: int
    reason: str
    stand_in: int | None = None
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of clips.

    Attributes:
        streams: "rgb" float32 (B, 3, T, H, W) in [-1, 1]; where the data has object maps,
            "object" float32 one-hot (B, K, T, H, W). Empty when no clip of it could be read.
        labels: int64 (B,); -1 where a multi-label clip has no class.
        indices: int64 (B,), places in the data set of what is shown.
        targets: float32 0 / 1 (B, classes) of multi-label data; else None.
        faults: clips that could not be read.
        rate: what the learning rate is multiplied by in this step.
    """

    streams: dict[str, Tensor]
    labels: Tensor
    indices: Tensor
    targets: Tensor | None = None
    faults: tuple[UnreadClip, ...] = ()
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What one batch is made of.

    Attributes:
        keys: its clips.
        replace: show another clip of the class for one that cannot be read; else leave it out.
        rate: what the learning rate is multiplied by in this step.
        together: the clips that lie in one file are read from it together: windows or views of
            a video. It saves time and changes no clip.
    """

    keys: tuple[ClipKey, ...]
    replace: bool = False
    rate: float = 1.0
    together: bool = False


def micro_batches(plan: BatchPlan, clips: int) -> list[BatchPlan]:
    """Returns a batch in parts of ``clips`` clips, in order; the last one may be smaller."""
    keys = plan.keys
    return [replace(plan, keys=keys[i : i + clips]) for i in range(0, len(keys), clips)]


def epoch_plan(
    dataset: ClipDataset,
    *,
    batch_size: int,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = False,
    augment: bool = False,
    views: int | None = None,
    together: bool = False,
    turns: ClassTurns | None = None,
) -> list[BatchPlan]:
    """Returns the batches of one epoch.

    Args:
        dataset: the clips.
        batch_size: clips of a batch; the last batch may be smaller.
        seed: of the run.
        epoch: from 0; another epoch has another order and other draws.
        shuffle: in random order.
        augment: as in training: random position in time, window, light and changes, and a
            stand-in for what cannot be read; otherwise evenly spread, untouched, and left out.
        views: clips times crops of every video, one after another; None: its centre.
        together: see :class:`BatchPlan`.
        turns: of the classes, which show some clips several times; None: every clip once.
    """
    shown = visits(len(dataset), seed=seed, epoch=epoch, shuffle=shuffle, turns=turns)
    numbers = [None] if views is None else list(range(views))
    keys = [
        ClipKey(index, seed, epoch, augment, view=view, visit=visit)
        for index, visit in shown
        for view in numbers
    ]
    return [
        BatchPlan(tuple(keys[i : i + batch_size]), replace=augment, together=together)
        for i in range(0, len(keys), batch_size)
    ]


def make_batch(
    dataset: ClipDataset,
    plan: BatchPlan,
    *,
    faults: Mapping[int, str],
    reading: Callable[[int], object] | None = None,
) -> Batch:
    """Returns one batch, made in this process.

    Args:
        dataset: the clips.
        plan: what the batch is made of.
        faults: index -> reason, of clips that are not tried because they are known to be
            unreadable.
        reading: called with the index of a clip before its file is opened.

    Raises:
        DataError: neither a clip nor any substitute can be read.
    """

    def read(key: ClipKey) -> Clip:
        if key.index in faults:
            raise DataError(faults[key.index])
        if reading is not None:
            reading(key.index)
        return dataset.clip(key, beside=plan.keys) if plan.together else dataset.clip(key)

    clips: list[Clip] = []
    shown: list[int] = []
    found: list[UnreadClip] = []
    for key in plan.keys:
        try:
            clips.append(read(key))
            shown.append(key.index)
        except DataError as error:
            lasting = isinstance(error, TimeoutFault) or key.index in faults
            other = None
            if plan.replace:
                other, clip = _instead(dataset.labels, key, error, read)
                clips.append(clip)
                shown.append(other)
            found.append(UnreadClip(key.index, str(error), other, lasting))
    return _stacked(dataset, clips, shown, tuple(found), plan.rate)


def _stacked(
    dataset: ClipDataset,
    clips: Sequence[Clip],
    shown: Sequence[int],
    faults: tuple[UnreadClip, ...],
    rate: float,
) -> Batch:
    """Returns the clips as one batch."""
    names = clips[0].streams if clips else ()
    many = dataset.num_classes > 0
    return Batch(
        {name: torch.stack([clip.streams[name] for clip in clips]) for name in names},
        torch.tensor([clip.label for clip in clips], dtype=torch.int64),
        torch.tensor(shown, dtype=torch.int64),
        torch.stack([dataset.target(c.labels) for c in clips]) if many and clips else None,
        faults,
        rate,
    )


def _instead(
    labels: Sequence[int], key: ClipKey, error: DataError, read: Callable[[ClipKey], Clip]
) -> tuple[int, Clip]:
    """Returns the clip shown for one that cannot be read, and its place; the key decides."""
    others = substitutes(key.index, labels, seed=key.seed, epoch=key.epoch, visit=key.visit)
    for other in others:
        with suppress(DataError):
            return other, read(replace(key, index=other))
    raise DataError(
        f"{error}\n  and none of {len(others)} other clips could be read instead"
    ) from None
