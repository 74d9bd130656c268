"""Which batches a training takes, step by step: a pure function of the data and the settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from connsearch.data.clips.class_turns import ClassTurns
from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.batches import Batch, BatchPlan, epoch_plan, micro_batches
from connsearch.data.loading.loader import Loader
from connsearch.data.loading.multigrid import Multigrid, Part
from connsearch.training.options import MultigridOptions, ScheduleOptions


class Place(NamedTuple):
    """Where on a learning rate's schedule a step is, in full batches.

    Attributes:
        step: its place, from 0.
        total: where the training ends.
        epoch: how long an epoch is.
    """

    step: float
    total: float
    epoch: float


@dataclass(frozen=True, slots=True)
class StepClips:
    """The clips of one step.

    Attributes:
        clips: how many there should be; where one cannot be read, another is shown.
        parts: in so many batches.
        batches: these; each is made when it is asked for.
    """

    clips: int
    parts: int
    batches: Iterator[Batch]

    @classmethod
    def of(cls, plan: Sequence[BatchPlan], made: Iterator[Batch]) -> StepClips:
        """Returns the clips of a planned step; ``made`` yields its batches next."""
        return cls(sum(len(part.keys) for part in plan), len(plan), islice(made, len(plan)))


class Curriculum:
    """The steps of a training.

    Without multigrid all clips are full and all epochs alike. With it, an epoch has as many batches
    as its shapes ask for, and the learning rate follows the clips shown, not the steps.

    Args:
        dataset: the training clips.
        schedule: how long the training is.
        grid: how its clips change their size.
        seed: decides the order of the clips.
        accumulate: batches in a step.
        turns: of the classes; None: an epoch shows every clip once.
        rate_power: of the filters' learning rate, for people (``TrainOptions.rate_powers``).

    Attributes:
        total: steps of the whole training.
        epochs: epochs it goes through, the last one perhaps in part.
        whole_epochs: those that it goes through to their end.
    """

    def __init__(
        self,
        dataset: ClipDataset,
        schedule: ScheduleOptions,
        grid: MultigridOptions,
        *,
        seed: int,
        accumulate: int = 1,
        rate_power: float = 1.0,
        turns: ClassTurns | None = None,
    ) -> None:
        self._accumulate, self._seed, self._rate_power = accumulate, seed, rate_power
        self._batch = dataset.loading.batch_size * accumulate
        self._options, self._epochs = grid, schedule.epochs
        self._grid = Multigrid(
            grid.multigrid,
            grid.multigrid_cycles,
            batch=self._batch,
            frames=dataset.clips.frames,
            side=dataset.clips.size,
            clips=len(dataset),
            epochs=schedule.epochs,
            rounds=grid.multigrid_rounds,
            fine_tune=grid.multigrid_fine_tune,
            turns=turns,
        )
        self.total = schedule.steps or self._grid.starts[-1]
        self.epochs = self.epoch(self.total - 1) + 1
        self.whole_epochs = self.epochs - (not self.starts_epoch(self.total))

    @property
    def norm_clips(self) -> int | None:
        """Clips whose batch-norm statistics are taken together; None: the whole batch."""
        if self._options.multigrid == "off":
            return None
        asked = self._options.multigrid_norm_clips
        return min(8, self._batch // self._accumulate) if asked is None else asked

    def epoch(self, step: int) -> int:
        """Returns the epoch of a step, both from 0."""
        return self._grid.place(step)[0]

    def steps(self, epoch: int) -> int:
        """Returns the number of steps of an epoch."""
        return self._grid.steps(epoch)

    def plan(self, step: int) -> list[list[BatchPlan]]:
        """Returns the batches of every step left of the epoch of ``step``, that step included."""
        epoch, start = self._grid.place(step)
        made = zip(self._grid.layout(epoch), self._grid.plan(epoch, seed=self._seed), strict=True)
        found = [micro_batches(plan, part.clips // self._accumulate) for (part, _), plan in made]
        return found[start:]

    def place(self, step: int) -> Place:
        """Returns where on the rate's schedule a step is."""
        if self._options.multigrid == "off":
            return Place(step, self.total, self._grid.steps(0))
        shown = self._grid.shown
        ends = shown(step), shown(self.total), self._grid.clips
        return Place(*(clips / self._batch for clips in ends))

    def starts_epoch(self, steps: int) -> bool:
        """Returns whether, after a number of steps, an epoch is over."""
        return self._grid.place(steps)[1] == 0

    def ends_period(self, steps: int, epochs: int) -> bool:
        """Returns whether, after a number of steps, a period of ``epochs`` epochs is over."""
        epoch, start = self._grid.place(steps)
        return start == 0 and epoch % epochs == 0

    def describe(self) -> str | None:
        """Returns a description of the steps for users; None if all are one plain batch."""
        options, grid = self._options, self._grid
        if options.multigrid == "off":
            return self._accumulated()
        plain = self._epochs * -(-grid.clips // grid.batch)
        lines = [
            f"multigrid {options.multigrid}, cycles {options.multigrid_cycles}: "
            f"{self._epochs} epochs of {grid.clips} clips in {grid.starts[-1]} steps "
            f"({plain} with full clips alone); batch norm over {self.norm_clips} clips"
        ]
        first = 0
        for stage in grid.stages:
            last = first + stage.epochs
            name = f"epoch {last}" if stage.epochs == 1 else f"epochs {first + 1} to {last}"
            rows = "; ".join(self._row(row) for row in stage.rows)
            lines.append(f"  {name} ({grid.starts[last] - grid.starts[first]} steps): {rows}")
            first = last
        if self.total < grid.starts[-1]:
            lines.append(f"  it stops after step {self.total}, in epoch {self.epochs}")
        note = self._accumulated()
        return "\n".join(lines if note is None else [*lines, f"  {note}"])

    def _accumulated(self) -> str | None:
        """How a step of several batches is made, for users."""
        if self._accumulate == 1:
            return None
        batch = self._batch // self._accumulate
        return (
            f"accumulate {self._accumulate}: a step learns from {self._batch} full clips, "
            f"{batch} at a time"
        )

    def _row(self, row: tuple[Part, ...]) -> str:
        clips = self._grid.clips
        shapes = [f"{min(p.clips, clips)}x{p.shape.frames}x{p.shape.size}" for p in row]
        rate = row[0].rate ** self._rate_power
        return f"{', '.join(shapes)}, rate x{rate:.3g}"


class CyclicClips:
    """The clips of a step, epoch after epoch of a data set, as in training: full, augmented.

    Which clips a step gets depends on its number alone: a resumed run continues with the next ones.

    Args:
        loader: of the data set.
        seed: decides the order of the clips.
        accumulate: batches in a step.
        turns: of the classes; None: an epoch shows every clip once.
    """

    def __init__(
        self,
        loader: Loader,
        *,
        seed: int,
        accumulate: int = 1,
        turns: ClassTurns | None = None,
    ) -> None:
        self._loader, self._seed, self._accumulate = loader, seed, accumulate
        self._turns = turns
        self._batches: Iterator[Batch] = iter(())
        self._plan: list[list[BatchPlan]] = []
        self._next = -1

    def clips(self, step: int) -> StepClips:
        """Returns the clips of a step; in order, and all of them taken, none is made twice."""
        dataset = self._loader.dataset
        batch = dataset.loading.batch_size
        size = batch * self._accumulate
        epoch, place = divmod(step, -(-len(dataset) // size))
        if step != self._next or place == 0:
            plan = epoch_plan(
                dataset,
                batch_size=size,
                seed=self._seed,
                epoch=epoch,
                shuffle=True,
                augment=True,
                turns=self._turns,
            )
            self._plan = [micro_batches(whole, batch) for whole in plan]
            self._batches = self._loader.planned([p for parts in self._plan[place:] for p in parts])
        self._next = step + 1
        return StepClips.of(self._plan[place], self._batches)
