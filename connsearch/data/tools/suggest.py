"""What settings fit the clips of a data set: pure rules, each with its reason.

Rules know lengths, rates, sizes and counts of clips, and how much smaller the maps of a network
are than its clips. They know nothing of what the clips show: they are where to begin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from connsearch.data.clips.sampling import span

Number = TypeVar("Number", int, float)

FEWEST_STEPS = 200
"""With fewer optimiser steps than this a training has hardly begun."""

WANTED_STEPS = 300
"""Optimiser steps that are suggested at least."""

USUAL_EPOCHS = 12
"""Epochs that are suggested at least, however many clips there are."""

MOST_FRAMES = 16
"""Frames of a suggested clip, if the videos are long enough."""

FASTEST = 8.0
"""Frames a second of a suggested clip, at least: with fewer, things move too far between two of
them for flow to follow."""

SIZE_ON_CPU, SIZE_ON_GPU = 64, 112
"""Largest suggested height and width, by what computes."""

SIZE_STEP, SMALLEST_SIZE = 16, 32
"""Suggested sizes are multiples of the first, from the second on."""

MOST_BATCH, BATCHES = 16, 4
"""Clips of a suggested batch, at most; and batches that an epoch should have, at least."""

SHORTEST = 0.05
"""The share of the clips that may be shorter than a suggested clip."""

UNEVEN = 1.1
"""Rates that differ by more than this factor are brought to a common one."""

UNKNOWN_STRIDE = 2
"""The largest suggested stride where nothing is known of time."""


SUGGESTED = ("frames", "stride", "size", "batch_size", "epochs")
"""The options that are always suggested; ``fps`` only where rates differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFacts:
    """What rules know of the clips of a data set, those that can be read.

    Attributes:
        frames: of each clip, of the part of its video that is used.
        rates: frames a second of each, on average; 0: not known.
        sides: shorter side in pixels of each.
        varying: clips whose rate varies within.
        train: clips to learn from.
    """

    frames: Sequence[int]
    rates: Sequence[float]
    sides: Sequence[int]
    varying: int
    train: int


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What rules know of a network.

    Attributes:
        name: as people call it.
        stride: how much smaller its smallest map is than a clip, in each direction.
        flow: whether it computes motion from neighbouring frames.
        gpu: whether a GPU computes it.
    """

    name: str
    stride: int
    flow: bool
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A suggested value of one option, and why.

    Attributes:
        option: its name as a setting, such as ``batch_size``.
        value: of it.
        reason: in a few words.
    """

    option: str
    value: int | float
    reason: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to begin with on a data set.

    Attributes:
        network: it is for.
        choices: every suggested option with its reason.
        line: a command that can be run as it is.
        further: options worth trying beside it, a sentence each.
    """

    network: str
    choices: tuple[Choice, ...]
    line: str
    further: tuple[str, ...] = ()

    def values(self) -> dict[str, int | float]:
        """Returns the settings by name, as Python takes them: ``connsearch.search(**values)``."""
        return {choice.option: choice.value for choice in self.choices}


def suggested(clips: ClipFacts, network: NetworkFacts) -> tuple[Choice, ...]:
    """Returns the suggested frames, stride, rate (where one is needed), size, batch and epochs.

    A suggested clip fits into 95 % of the clips, or into all of fewer than 20; there are at least
    ``FEWEST_STEPS`` optimiser steps; the smallest map of the network keeps more than one pixel; no
    batch is larger than the training split.

    Raises:
        ValueError: there is no clip that can be read, or none to learn from.
    """
    if not clips.frames or clips.train < 1:
        raise ValueError("no clip to suggest anything for")
    rate = common_rate(clips)
    batch = batch_size(clips.train)
    return (
        *frames_and_stride(clips, rate, network),
        *([] if rate is None else [rate]),
        size(clips.sides, network),
        batch,
        epochs(clips.train, int(batch.value)),
    )


def at_rate(clips: ClipFacts, rate: float) -> ClipFacts:
    """Returns the clips as they are when frames are counted at this rate, whatever their own is."""
    return replace(
        clips,
        frames=[_ticks(n, r, rate) for n, r in zip(clips.frames, clips.rates, strict=True)],
        rates=[rate] * len(clips.rates),
        varying=0,
    )


def common_rate(clips: ClipFacts) -> Choice | None:
    """Returns the rate that brings all clips to one, or None: they have one, or nobody knows."""
    low, high = min(clips.rates), max(clips.rates)
    if low <= 0 or (high <= UNEVEN * low and not clips.varying):
        return None
    slow = quantile(clips.rates, SHORTEST)
    value = float(max(1, math.floor(slow + 1e-6))) if slow >= 1 else round(slow, 3)
    why = f"rates from {low:.4g} to {high:.4g} a second"
    if clips.varying:
        why = f"{clips.varying} clips have a varying rate" + ("" if high <= UNEVEN * low else why)
    return Choice("fps", value, f"{why}: motion is counted at one rate, that of the slowest")


def frames_and_stride(
    clips: ClipFacts, rate: Choice | None, network: NetworkFacts
) -> tuple[Choice, Choice]:
    """Returns how many frames a clip has, and how far apart they are.

    Args:
        clips: what there is.
        rate: that all clips are brought to; None: each has its own.
        network: that sees them.
    """
    lengths = (clips if rate is None else at_rate(clips, rate.value)).frames
    length = max(1, quantile(lengths, SHORTEST))
    frames = min(MOST_FRAMES, length)
    frames -= frames % 4 if frames > 4 else 0
    known = rate.value if rate is not None else quantile(clips.rates, SHORTEST)
    fastest = max(1, int(known / FASTEST)) if known > 0 else UNKNOWN_STRIDE
    stride = max(1, min(fastest, (length - 1) // max(frames - 1, 1)))
    shorter = sum(n < span(frames, stride) for n in lengths)
    which = "the shortest clip has" if length == min(lengths) else "19 of 20 clips have at least"
    why = f"{which} {_counted(length, 'frame')}{_at(rate)}"
    if shorter:
        why += f"; the last frame of {_counted(shorter, 'shorter clip')} is repeated (--short)"
    if frames == 1 and network.flow:
        why += "; motion needs 2"
    reach = span(frames, stride)
    covers = f"{_counted(frames, 'frame')} reach over {reach}"
    if known > 0:
        covers += f", {reach / known:.2g} s, {known / stride:.3g} a second"
    else:
        covers += "; the rate is not known (--media-fps)"
    return Choice("frames", frames, why), Choice("stride", stride, covers)


def size(sides: Sequence[int], network: NetworkFacts) -> Choice:
    """Returns height and width of a clip: what the pictures have, and the network can look at.

    Args:
        sides: shorter side of each clip.
        network: that sees them.
    """
    side = quantile(sides, SHORTEST)
    most, where = (SIZE_ON_GPU, "a GPU") if network.gpu else (SIZE_ON_CPU, "a CPU")
    least = _up(max(SMALLEST_SIZE, network.stride + 1))
    held = side * 8 // 9  # decoded frames are 9/8 of a clip
    value = max(least, min(most, held // SIZE_STEP * SIZE_STEP))
    if held < least:
        why = f"pictures of {side} pixels are enlarged: {network.name} makes them {network.stride} "
        why += "times smaller, and one pixel would be left"
    elif most >= held:
        why = f"what pictures of {side} pixels hold"
    else:
        why = f"usual on {where}; pictures have {side} pixels"
    if least > most and held >= least:
        why = f"{network.name} makes it {network.stride} times smaller: less leaves one pixel"
    return Choice("size", value, why)


def batch_size(train: int) -> Choice:
    """Returns how many clips a step learns from.

    Args:
        train: clips to learn from.
    """
    value = MOST_BATCH
    while value > 1 and value * BATCHES > train:
        value //= 2
    value = max(value, min(2, train))  # batch normalisation needs two clips to compare
    return Choice("batch_size", value, f"{_counted(-(-train // value), 'step')} an epoch")


def epochs(train: int, batch: int) -> Choice:
    """Returns how often all clips are seen.

    Args:
        train: clips to learn from.
        batch: clips of a step.
    """
    steps = -(-train // batch)
    value = max(USUAL_EPOCHS, -(-WANTED_STEPS // steps))
    return Choice(
        "epochs",
        value,
        f"{value * steps:,} optimiser steps; fewer than {FEWEST_STEPS} hardly begin",
    )


def quantile(values: Sequence[Number], share: float) -> Number:
    """Returns the largest value that at most this share of the values is smaller than.

    >>> quantile([1, 2, 3], 0.05), quantile(range(100), 0.05)
    (1, 5)
    """
    return sorted(values)[int(share * len(values))]


def _ticks(frames: int, own: float, rate: float) -> int:
    """Frames of a clip that is brought to a rate; of an unknown rate as many as it has."""
    return max(1, round(frames / own * rate)) if own > 0 else frames


def _up(pixels: int) -> int:
    return -(-pixels // SIZE_STEP) * SIZE_STEP


def _at(rate: Choice | None) -> str:
    return "" if rate is None else f" at {rate.value:g} a second"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("s" if number != 1 else "")
