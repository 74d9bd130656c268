"""Which batches a training takes, step by step: a pure function of the data and the settings."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.data.clips.class_turns import ClassTurns
from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.batches import Batch, BatchPlan
from connsearch.data.loading.loader import Loader
from connsearch.data.loading.multigrid import Multigrid, Part
from connsearch.seeds import derive
from connsearch.training.options import MultigridOptions, ScheduleOptions


class Curriculum:
    """The steps of a training.

    Without multigrid all clips are full and all epochs alike. With it, an epoch has as many batches
    as its shapes ask for, and the learning rate follows the clips shown, not the steps.

    Args:
        dataset: the training clips.
        schedule: how long the training is.
        grid: how its clips change their size.
        seed: decides the order of the clips.
        rate_power: of the filters' learning rate, for people (``TrainOptions.rate_powers``).
        turns: of the classes; None: an epoch shows every clip once.

    Attributes:
        total: steps of the whole training.
        epochs: epochs it goes through, the last one perhaps in part.
    """

    def __init__(
        self,
        dataset: ClipDataset,
        schedule: ScheduleOptions,
        grid: MultigridOptions,
        *,
        seed: int,
        rate_power: float = 1.0,
        turns: ClassTurns | None = None,
    ) -> None:
        self._batch, self._seed, self._rate_power = dataset.loading.batch_size, seed, rate_power
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

    @property
    def norm_clips(self) -> int | None:
        """Clips whose batch-norm statistics are taken together; None: the whole batch."""
        if self._options.multigrid == "off":
            return None
        asked = self._options.multigrid_norm_clips
        return min(8, self._batch) if asked is None else asked

    def epoch(self, step: int) -> int:
        """Returns the epoch of a step, both from 0."""
        return self._grid.place(step)[0]

    def steps(self, epoch: int) -> int:
        """Returns the number of batches of an epoch."""
        return self._grid.steps(epoch)

    def plan(self, step: int) -> list[BatchPlan]:
        """Returns the batches that are left of the epoch of ``step``, from that step on."""
        epoch, start = self._grid.place(step)
        return self._grid.plan(epoch, seed=self._seed)[start:]

    def progress(self, step: int) -> tuple[float, float]:
        """Returns where on the rate's schedule a step is, and where that ends, in full batches."""
        if self._options.multigrid == "off":
            return step, self.total
        shown = self._grid.shown
        return shown(step) / self._batch, shown(self.total) / self._batch

    def starts_epoch(self, steps: int) -> bool:
        """Returns whether, after a number of steps, an epoch is over."""
        return self._grid.place(steps)[1] == 0

    def ends_period(self, steps: int, epochs: int) -> bool:
        """Returns whether, after a number of steps, a period of ``epochs`` epochs is over."""
        epoch, start = self._grid.place(steps)
        return start == 0 and epoch % epochs == 0

    def describe(self) -> str | None:
        """Returns a description of the steps for users; None if all epochs are alike."""
        options, grid = self._options, self._grid
        if options.multigrid == "off":
            return None
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
        return "\n".join(lines)

    def _row(self, row: tuple[Part, ...]) -> str:
        clips = self._grid.clips
        shapes = [f"{min(p.clips, clips)}x{p.shape.frames}x{p.shape.size}" for p in row]
        rate = row[0].rate ** self._rate_power
        return f"{', '.join(shapes)}, rate x{rate:.3g}"


class CyclicClips:
    """One batch per step, epoch after epoch of a data set, as in training: full clips, augmented.

    Which batch a step gets depends on its number alone: a resumed run continues with the next one.
    """

    def __init__(self, loader: Loader, *, seed: int, turns: ClassTurns | None = None) -> None:
        self._loader, self._seed = loader, derive(seed, "connection batches")
        self._turns = turns
        self._batches: Iterator[Batch] = iter(())
        self._next = -1

    def batch(self, step: int) -> Batch:
        """Returns the batch of a step; in order, none is made twice."""
        dataset = self._loader.dataset
        epoch, place = divmod(step, -(-len(dataset) // dataset.loading.batch_size))
        if step != self._next or place == 0:
            self._batches = self._loader.batches(
                seed=self._seed,
                epoch=epoch,
                shuffle=True,
                augment=True,
                turns=self._turns,
                start=place,
            )
        self._next = step + 1
        return next(self._batches)
