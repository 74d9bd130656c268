"""Multigrid schedules: which clip sizes a training goes through, as arithmetic.

Coarse clips (fewer frames, smaller pictures) are cheap, so their batches are larger by as much: a
step costs about the same whatever its shape. A *long cycle* goes through four stages from coarse to
full, a *short cycle* changes the side from step to step. Nothing here has a state: the batches of
an epoch follow from (settings, seed, epoch), so a run can be resumed anywhere.

``reference`` (Wu et al., arXiv 1912.00998). Kept as published: the shapes of stages and turns, the
batch ``B * round(T S^2 / (t s^2))``, a stride that grows by T / t so that a clip covers the same
time, epochs of a stage in proportion to its average batch, the rate's factor (the stage's own
batch over B), and full clips alone at the end. Not kept, because there are no rate steps here but
a climb and a cosine: one long cycle lay inside each rate step; here ``rounds`` long cycles fill the
epochs before the last ``fine_tune`` share of them, and the cosine runs over clips shown, not over
steps, so that an epoch has the same rate whatever its shapes times the factor of its stage. Epochs
are not multiplied by 1.5: to compare two schedules, give both the same number.

``srtg`` (the published trainer of SRTG). Every epoch has four quarters of equally many steps, with
batches 8B, 4B, 2B, B, and step i of an epoch has turn i mod 3, with batches x1, x2, x4 (in
``reference`` turns go on from epoch to epoch). The stride does not change, so coarse clips cover
less time. Counts are the intended ones: a quarter gets its
share of the clips (8, 4, 2, 1 of 15). The rate is that of the 8B quarter, then 1/2, 1/4, 1/8.

Both: every clip is shown once per epoch; what is left at the end of an epoch (``srtg``: of a
quarter) makes a smaller batch. Clips never have fewer than 2 frames (flow needs two) or 4 pixels
a side, unless the full clip has. Sides are even where the full side is not meant: ``reference``
takes the nearest even number, ``srtg`` rounds down, then up to even.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

from connsearch.data.clips.class_turns import ClassTurns, visits
from connsearch.data.clips.dataset import ClipKey, ClipShape
from connsearch.data.loading.batches import BatchPlan

Schedule = Literal["off", "reference", "srtg"]
Cycles = Literal["both", "long", "short"]

LEAST_FRAMES, LEAST_SIDE = 2, 4

_HALF = math.sqrt(0.5)
_LONG = ((1 / 4, _HALF), (1 / 2, _HALF), (1 / 2, 1.0), (1.0, 1.0))
"""Factors on (T, S) of the stages of a long cycle."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of batch: how many clips, of which shape, and the factor on the learning rate."""

    clips: int
    shape: ClipShape
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Epochs of the same kind.

    Attributes:
        epochs: how many.
        rows: an epoch goes through them in order; each takes its parts in turns.
    """

    epochs: int
    rows: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True)
class Multigrid:
    """A schedule for one data set.

    Attributes:
        schedule: ``off`` is one stage of full clips.
        cycles: which of the two cycles.
        batch: B, clips of a batch of full clips.
        frames: T of the full clip.
        side: S of the full clip.
        clips: of an epoch.
        epochs: of the training; full clips (srtg: the same) go on after them.
        rounds: long cycles, of ``reference``.
        fine_tune: share of the epochs at the end with full clips alone, of ``reference``.
        turns: of the classes, if every class is to be shown equally often.
    """

    schedule: Schedule
    cycles: Cycles
    batch: int
    frames: int
    side: int
    clips: int
    epochs: int
    rounds: int = 1
    fine_tune: float = 0.25
    turns: ClassTurns | None = None

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order; those that get no epoch are left out."""
        if self.schedule == "off":
            return (Stage(self.epochs, ((self._full(),),)),)
        if self.schedule == "srtg":
            return (Stage(self.epochs, self._srtg_rows()),)
        rows = self._reference_rows() * self.rounds
        last = min(max(1, round(self.epochs * self.fine_tune)), self.epochs)
        weights = [sum(part.clips for part in row) / len(row) for row in rows]
        ends = _shares(self.epochs - last, weights)
        counts = [end - start for start, end in zip([0, *ends], ends, strict=False)]
        stages = [Stage(n, (row,)) for n, row in zip(counts, rows, strict=True) if n]
        return (*stages, Stage(last, ((self._full(),),)))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first step of every epoch, and one more: the step after the last."""
        found = [0]
        for epoch in range(self.epochs):
            found.append(found[-1] + len(self._layouts[self._stage(epoch)][found[-1] % 3]))
        return tuple(found)

    def place(self, step: int) -> tuple[int, int]:
        """Returns (epoch, number within it) of a step, both from 0."""
        if step < self.starts[-1]:
            epoch = bisect_right(self.starts, step) - 1
            return epoch, step - self.starts[epoch]
        later, start = divmod(step - self.starts[-1], self.steps(self.epochs))
        return self.epochs + later, start

    def steps(self, epoch: int) -> int:
        """Returns the number of batches of an epoch."""
        return len(self.layout(epoch))

    def layout(self, epoch: int) -> tuple[tuple[Part, int], ...]:
        """Returns the batches of an epoch: their kind, and how many clips they really have."""
        return self._layouts[self._stage(epoch)][self.starts[min(epoch, self.epochs)] % 3]

    def shown(self, step: int) -> int:
        """Returns the number of clips shown before a step."""
        epoch, start = self.place(step)
        return epoch * self.clips + sum(count for _, count in self.layout(epoch)[:start])

    def plan(self, epoch: int, *, seed: int) -> list[BatchPlan]:
        """Returns the batches of a training epoch; every clip is in one of them.

        With turns it is every class that is in them equally often.
        """
        shown = visits(self.clips, seed=seed, epoch=epoch, shuffle=True, turns=self.turns)
        plans: list[BatchPlan] = []
        start = 0
        full = self._full().shape
        for part, count in self.layout(epoch):
            shape = None if part.shape == full else part.shape
            keys = (
                ClipKey(index, seed, epoch, True, shape, visit=visit)
                for index, visit in shown[start : start + count]
            )
            plans.append(BatchPlan(tuple(keys), replace=True, rate=part.rate))
            start += count
        return plans

    def _stage(self, epoch: int) -> int:
        ends = list(accumulate(stage.epochs for stage in self.stages))
        return min(bisect_right(ends, epoch), len(ends) - 1)

    @cached_property
    def _layouts(self) -> tuple[tuple[tuple[tuple[Part, int], ...], ...], ...]:
        """The batches of an epoch of every stage, by the turn (0, 1 or 2) it begins with."""
        return tuple(
            tuple(tuple(self._fill(stage.rows, phase)) for phase in range(3))
            for stage in self.stages
        )

    def _fill(self, rows: tuple[tuple[Part, ...], ...], phase: int) -> list[tuple[Part, int]]:
        number = phase if self.schedule == "reference" else 0
        made: list[tuple[Part, int]] = []
        shown = 0
        for row, end in zip(rows, _shares(self.clips, [r[0].clips for r in rows]), strict=True):
            while shown < end:
                part = row[number % len(row)]
                made.append((part, min(part.clips, end - shown)))
                shown += made[-1][1]
                number += 1
        return made

    def _full(self) -> Part:
        return Part(self.batch, ClipShape(self.frames, self.side))

    def _reference_rows(self) -> list[tuple[Part, ...]]:
        """Returns a row for every stage of a long cycle."""
        rows: list[tuple[Part, ...]] = []
        for time, space in _LONG if self.cycles != "short" else _LONG[-1:]:
            factors = (space,) if self.cycles == "long" else (0.5, _HALF, space)
            shapes = [self._reference_shape(time, factor) for factor in factors]
            rate = float(self._relative(shapes[-1]))
            rows.append(tuple(Part(self.batch * self._relative(s), s, rate) for s in shapes))
        return rows

    def _reference_shape(self, time: float, space: float) -> ClipShape:
        frames = self._frames(round(self.frames * time))
        side = self.side if space == 1 else self._side(2 * round(self.side * space / 2))
        return ClipShape(frames, side, self.frames / frames)

    def _relative(self, shape: ClipShape) -> int:
        """Returns how many clips of that shape cost as much as a full one."""
        full = self.frames * self.side**2
        return round(full / (shape.frames * shape.size**2))

    def _srtg_rows(self) -> tuple[tuple[Part, ...], ...]:
        """Returns the four quarters of an epoch; without the long cycle, one row."""
        frames, half = self.frames, int(self.side * _HALF)
        sizes = [(frames // 4, half), (frames // 2, half), (frames // 2, self.side)]
        sizes.append((frames, self.side))
        short = self.cycles != "long"
        rows: list[tuple[Part, ...]] = []
        for quarter, (frames, side) in enumerate(sizes):
            if self.cycles == "short" and quarter < 3:
                continue
            batch, rate = self.batch * 2 ** (3 - quarter), 0.5**quarter
            if self.cycles == "short":
                rate = 1.0
            turns = [(1, side), (2, int(side * _HALF)), (4, side // 2)][: 3 if short else 1]
            rows.append(tuple(Part(batch * n, self._srtg_shape(frames, s), rate) for n, s in turns))
        return tuple(rows)

    def _srtg_shape(self, frames: int, side: int) -> ClipShape:
        side = side if side == self.side else self._side(side + side % 2)
        return ClipShape(self._frames(frames), side)

    def _frames(self, frames: int) -> int:
        return max(frames, min(LEAST_FRAMES, self.frames))

    def _side(self, side: int) -> int:
        return min(max(side, LEAST_SIDE), self.side)


def _shares(total: int, weights: list[float] | list[int]) -> list[int]:
    """Returns where each part ends when ``total`` is split by weight."""
    whole = sum(weights)
    return [round(total * part / whole) for part in accumulate(weights)]
