"""Presentation times to a clock: seconds from the first frame, a rate, and irregularities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import cast

UNEVEN = 0.5
"""Times that stray from an even clock by more than this share of a frame are respected; less is
how a container rounds."""

DEPARTS = 0.02
"""A header whose rate differs from the measured one by more than this share is ignored."""

GAP_SECONDS, GAP_FRAMES = 1.0, 10
"""A frame that comes more than both of these after the one before belongs to another recording."""

FEW_BACK = 0.02
"""Where more than this share of the steps goes back, the times mean something else."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When the frames of a video are shown.

    Attributes:
        fps: frames per second, on average if the rate varies; 0: nothing is known.
        times: seconds from the first frame to each, where the rate varies; else empty.
        note: for the user; "": nothing.
    """

    fps: float
    times: tuple[float, ...] = ()
    note: str = ""


def read_clock(stamps: Sequence[int] | None, unit: float, header: float) -> Clock:
    """Returns the clock of a video.

    >>> read_clock([0, 2, 4, 6], 0.02, 50.0)
    Clock(fps=25.0, times=(), note='')
    >>> read_clock([0, 2, 4, 6], 0.02, 24.9)
    Clock(fps=24.9, times=(), note='')
    >>> read_clock([0, 1, 9], 0.1, 30.0).times
    (0.0, 0.1, 0.9)

    Args:
        stamps: presentation time of every frame, in the order they are shown; None: unknown.
        unit: seconds of one step of the stamps.
        header: frames per second from the file; 0: none.
    """
    if stamps is None or len(stamps) < 2 or unit <= 0:
        return Clock(header)
    steps, note = _repaired([b - a for a, b in pairwise(stamps)], unit)
    known = [0.0]
    for step in steps:
        known.append(known[-1] + step)
    step = known[-1] / (len(known) - 1)
    if step <= 0:
        return Clock(header)
    fps = 1.0 / (step * unit)
    if max(abs(stamp - n * step) for n, stamp in enumerate(known)) > UNEVEN * step:
        return Clock(fps, tuple(stamp * unit for stamp in known), note)
    return Clock(fps if abs(header - fps) > DEPARTS * fps else header, (), note)


def tells_order(stamps: Sequence[int | None], *, back: float = 0.0) -> bool:
    """Returns whether these can be the times of frames in the order they are shown.

    Args:
        stamps: a time for every frame; None: unknown.
        back: share of the steps that may go back, as where recordings are joined.
    """
    if None in stamps:
        return False
    steps = [b - a for a, b in pairwise(cast(Sequence[int], stamps))]
    return sum(step <= 0 for step in steps) <= back * len(steps)


def _repaired(steps: list[int], unit: float) -> tuple[list[float], str]:
    """Returns the steps with the median in place of jumps, and what a person should know."""
    usual = median([step for step in steps if step > 0] or [0])
    limit = max(GAP_SECONDS / unit, GAP_FRAMES * usual)
    jumps = [n for n, step in enumerate(steps) if not 0 < step <= limit]
    if not jumps:
        return [float(step) for step in steps], ""
    repaired = [float(usual if n in set(jumps) else step) for n, step in enumerate(steps)]
    by = (steps[jumps[0]] - usual) * unit
    where = f"by {by:+g} s before frame {jumps[0] + 2}"
    if len(jumps) > 1:
        where = f"at {len(jumps)} places, first {where}"
    return repaired, f"the clock jumps {where}; times continue as if it did not"
