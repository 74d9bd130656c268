"""Which clips, in which order, and which of their frames: decided by numbers, never by history.

Every draw is made from a generator seeded by what it is for, so a run that starts in the middle,
or with another number of workers, draws the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from connsearch.data.options import ClipOptions, Sampler, Short
from connsearch.errors import DataError

_ORDER, _CLIP, _SUBSTITUTE = 1, 2, 4  # what a generator is for; keeps the kinds of draws apart


SPREAD: tuple[Sampler, ...] = ("segments", "tsn")
"""Samplers that spread the frames of a clip over the whole video; strides are of no use to them."""


def span(frames: int, stride: float) -> int:
    """Returns how many frames of a video a clip reaches over.

    >>> span(8, 2)
    15
    """
    return int((frames - 1) * stride) + 1


def epoch_order(length: int, *, seed: int, epoch: int, shuffle: bool) -> list[int]:
    """Returns the order of the clips in an epoch.

    >>> epoch_order(3, seed=0, epoch=0, shuffle=False)
    [0, 1, 2]
    """
    if not shuffle:
        return list(range(length))
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(length).tolist()


def clip_generator(*, seed: int, epoch: int, index: int, visit: int = 0) -> np.random.Generator:
    """Returns the generator of everything random about one clip in one epoch.

    ``visit`` counts, from 0, how often the clip was shown in this epoch before.
    """
    return np.random.default_rng([seed, _CLIP, epoch, index, *([visit] if visit else [])])


def substitutes(
    index: int,
    labels: Sequence[int],
    *,
    seed: int,
    epoch: int,
    visit: int = 0,
    most: int = 256,
) -> list[int]:
    """Returns clips to show in place of one that cannot be read: of its class, then of any.

    >>> substitutes(0, [7, 8, 7], seed=0, epoch=0)
    [2, 1]
    """
    key = [seed, _SUBSTITUTE, epoch, index, *([visit] if visit else [])]
    rng = np.random.default_rng(key)
    known = np.asarray(labels)
    alike = known == known[index]
    order = [*rng.permutation(np.flatnonzero(alike)), *rng.permutation(np.flatnonzero(~alike))]
    return [int(i) for i in order if i != index][:most]


def training_ticks(
    count: int,
    frames: int,
    options: ClipOptions,
    *,
    stretch: float = 1.0,
    epoch: int = 0,
    rng: np.random.Generator,
    name: str = "video",
) -> list[int]:
    """Returns the ticks of one training clip, by the options' sampler, strides and speed.

    Args:
        count: ticks of the video.
        frames: frames of the clip.
        options: sampler, strides, speed, and the rule for short videos.
        stretch: the stride is multiplied by this (a coarser clip over the same time).
        epoch: from 0; a sequential sampler moves to the next window with every epoch.
        rng: makes all draws, the same number for every clip of the same options.
        name: the video, for the message.

    Raises:
        DataError: the video is too short and the rule is to refuse it.
    """
    stride = stretch * float(rng.choice(options.strides) if options.strides else options.stride)
    if options.speed != (1.0, 1.0):
        stride *= rng.uniform(*options.speed)
    return clip_ticks(
        count,
        frames,
        stride,
        short=options.short,
        sampler=options.sampler,
        epoch=epoch,
        rng=rng,
        name=name,
    )


def clip_ticks(
    count: int,
    frames: int,
    stride: float = 1.0,
    *,
    short: Short = "repeat",
    sampler: Sampler = "random",
    view: int = 0,
    views: int = 1,
    epoch: int = 0,
    rng: np.random.Generator | None = None,
    name: str = "video",
) -> list[int]:
    """Returns the ticks of one clip, in the order of time.

    >>> clip_ticks(10, 4, 2)
    [1, 3, 5, 7]
    >>> clip_ticks(3, 5), clip_ticks(3, 5, short="loop")
    ([0, 1, 2, 2, 2], [0, 1, 2, 0, 1])
    >>> clip_ticks(12, 4, sampler="segments"), clip_ticks(14, 4, sampler="tsn")
    ([1, 4, 7, 10], [1, 5, 8, 12])

    Args:
        count: ticks of the video.
        frames: frames of the clip.
        stride: ticks from one frame to the next.
        short: the rule for a video that is too short.
        sampler: where the clip lies; without ``rng`` all but "segments" and "tsn" are windows.
        view: which of the evaluation's clips.
        views: how many there are, spread evenly; one is the centre.
        epoch: from 0, for the sequential sampler.
        rng: draws the position; None: no draw.
        name: the video, for the message.

    Raises:
        DataError: the video is too short and the rule is to refuse it.
    """
    if sampler == "segments":
        return _segments(count, frames, view=view, views=views, rng=rng)
    stride = 1.0 if sampler == "tsn" else stride
    need = span(frames, stride)
    if count < need and short == "refuse":
        raise DataError(
            f"{name}: {count} frames, a clip of {frames} frames at stride {stride:g} needs "
            f"{need}; cure: fewer --frames, a smaller --stride, or --short repeat, loop or shrink"
        )
    if sampler == "tsn":
        return _tsn(count, frames, short, view=view, views=views, rng=rng)
    if count < need and short == "first":
        return [0] * frames
    if count < need and short == "shrink":
        stride = max(1.0, (count - 1) / max(frames - 1, 1))
        need = span(frames, stride)
    start = _start(max(count - need, 0), need, count, sampler, view, views, epoch, rng)
    ticks = (start + int(n * stride) for n in range(frames))
    return [t % count if short == "loop" else min(t, count - 1) for t in ticks]


def _start(
    room: int,
    need: int,
    count: int,
    sampler: Sampler,
    view: int,
    views: int,
    epoch: int,
    rng: np.random.Generator | None,
) -> int:
    """Returns the first tick, in 0 to ``room``."""
    if rng is None:
        return room // 2 if views == 1 else round(room * view / (views - 1))
    if sampler == "random":
        return int(rng.integers(room + 1))
    if sampler == "normal":
        middle = rng.normal(count / 2, count / 6)
        return int(min(max(round(middle - need / 2), 0), room))
    if sampler == "sequential":
        windows = max(1, count // need)
        return epoch % windows * need
    return room // 2


def _segments(
    count: int, frames: int, *, view: int, views: int, rng: np.random.Generator | None
) -> list[int]:
    """Returns one tick out of each of ``frames`` equal parts of the video."""
    inside = rng.random(frames) if rng is not None else [(view + 0.5) / views] * frames
    return [min(int((n + x) * count / frames), count - 1) for n, x in enumerate(inside)]


def _tsn(
    count: int,
    frames: int,
    short: Short,
    *,
    view: int,
    views: int,
    rng: np.random.Generator | None,
) -> list[int]:
    """Returns one tick of each segment, by the rule that temporal segment networks introduced.

    Training: segments of ``count // frames`` ticks, and what remains at the end is never shown.
    Evaluation: the middle of segments of ``count / frames``, in exactly this order of operations,
    by which rounding decides for some lengths. A video with fewer ticks than frames is shown as the
    rule for short videos says; with the first tick alone, evaluations show one of exactly as
    many ticks so, too, as published (TSM).
    """
    inside = None if rng is None else rng.random(frames)  # drawn in any case: always as many
    if count < frames or (short == "first" and inside is None and count == frames):
        if short == "first":
            return [0] * frames
        return [t % count if short == "loop" else min(t, count - 1) for t in range(frames)]
    if inside is not None:
        each = count // frames
        return [n * each + int(x * each) for n, x in enumerate(inside)]
    length = count / frames
    return [int(length * ((view + 0.5) / views) + length * n) for n in range(frames)]
