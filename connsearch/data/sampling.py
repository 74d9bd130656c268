"""Which clips, in which order, and which of their frames: decided by numbers, never by history.

Every draw is made from a generator seeded by what it is for, so a run that starts in the middle,
or with another number of workers, draws the same.
"""

from __future__ import annotations

import numpy as np

from connsearch.data.options import Short
from connsearch.errors import DataError

_ORDER, _CLIP = 1, 2  # what a generator is for; keeps the two kinds of draws apart


def span(frames: int, stride: int) -> int:
    """Returns how many frames of a video a clip reaches over.

    >>> span(8, 2)
    15
    """
    return (frames - 1) * stride + 1


def epoch_order(length: int, *, seed: int, epoch: int, shuffle: bool) -> list[int]:
    """Returns the order of the clips in an epoch.

    >>> epoch_order(3, seed=0, epoch=0, shuffle=False)
    [0, 1, 2]
    """
    if not shuffle:
        return list(range(length))
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(length).tolist()


def clip_generator(*, seed: int, epoch: int, index: int) -> np.random.Generator:
    """Returns the generator of everything random about one clip in one epoch."""
    return np.random.default_rng([seed, _CLIP, epoch, index])


def clip_indices(
    count: int,
    frames: int,
    stride: int = 1,
    *,
    short: Short = "repeat",
    rng: np.random.Generator | None = None,
    name: str = "video",
) -> list[int]:
    """Returns the numbers of the frames of one clip, from a random or the centre position.

    >>> clip_indices(10, 4, 2)
    [1, 3, 5, 7]
    >>> clip_indices(3, 5), clip_indices(3, 5, short="loop")
    ([0, 1, 2, 2, 2], [0, 1, 2, 0, 1])

    Args:
        count: frames of the video.
        frames: frames of the clip.
        stride: every how manyth frame.
        short: the rule for a video that is too short.
        rng: draws the position; None: the centre.
        name: the video, for the message.

    Raises:
        DataError: the video is too short and the rule is to refuse it.
    """
    room = count - span(frames, stride)
    if room < 0 and short == "refuse":
        raise DataError(
            f"{name}: {count} frames, a clip of {frames} frames at stride {stride} needs "
            f"{span(frames, stride)}; cure: fewer frames, a smaller stride, or short=repeat or loop"
        )
    if room <= 0:
        start = 0
    else:
        start = room // 2 if rng is None else int(rng.integers(room + 1))
    numbers = range(start, start + span(frames, stride), stride)
    return [n % count if short == "loop" else min(n, count - 1) for n in numbers]
