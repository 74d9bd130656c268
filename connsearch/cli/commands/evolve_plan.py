"""``connsearch evolve plan``: how long an evolution takes, before anybody waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator

from connsearch.cli.command import Command, Flag
from connsearch.cli.progress import duration
from connsearch.cli.target import open_structure
from connsearch.cli.terminal import Terminal
from connsearch.errors import RunError, SettingsError
from connsearch.evolution.options import EvolutionOptions
from connsearch.files.disk import atomic_write_text
from connsearch.files.text import csv_text

if TYPE_CHECKING:
    from connsearch.evolution.simulate.planning import PlannedEvolution


class EvolvePlan(Command):
    """Estimates what an evolution takes, by simulating it with so many workers.

    Evaluations last as long as those of the published search (10,000 steps in four hours), as you
    say, or as those that an evolution of yours has measured. Fitness is planted.
    """

    structure: Annotated[str, Flag(positional=True)] = "assemblenet-50"
    """Start structure of the evolution: its name or a file."""
    measured: Annotated[Path | None, Flag(metavar="RUN")] = None
    """Use the durations of the evaluations in this evolution."""
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where the study of --measured is kept, if not in its directory: the same --storage as in
    connsearch evolve."""
    hours: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Hours that an evaluation of --steps steps takes; by default 4, as published."""
    steps: int = Field(default=10_000, ge=1)
    """Steps of an evaluation, 10,000 as published; measured durations are scaled to this number."""
    spread: float | None = Field(default=None, ge=0, le=3)
    """Standard deviation of the logarithm of a duration; by default 0.15 (3 to 5 hours), or as
    measured."""
    rounds: int = Field(default=200, ge=2)
    """Total number of children; 200 as published."""
    workers: tuple[int, ...] = (1, 8, 64)
    """Numbers of workers to compare, such as 1 8 64."""
    seeds: int = Field(default=5, ge=1, le=1000)
    """Number of simulated evolutions for each number of workers."""
    price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Price of one hour of one worker, in any currency."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """Also write the table to this CSV file."""
    evolution: EvolutionOptions = EvolutionOptions()

    @field_validator("workers")
    @classmethod
    def _some_workers(cls, counts: tuple[int, ...]) -> tuple[int, ...]:
        if not counts or min(counts) < 1:
            raise ValueError(f"{counts}: numbers from 1, such as 1 8 64")
        return counts

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Simulates, and returns the rows of the table."""
        from connsearch.evolution.proposal import Space
        from connsearch.evolution.simulate.fitness import Planted
        from connsearch.evolution.simulate.planning import plans
        from connsearch.evolution.start import unlearned
        from connsearch.view.structures.tables import metrics_table

        if self.evolution.objectives != ("accuracy",):
            raise SettingsError("a plan is made for one objective, accuracy")
        seconds, spread, words = self._durations()
        start = unlearned(open_structure(self.structure))
        space = Space.of(start, self.evolution, classes=157, clip=(32, 224, 224))
        judge = Planted(seconds=seconds, spread=spread, rungs=self.evolution.rungs)
        total = self.seeds * len(self.workers)
        found = plans(
            space,
            self.evolution,
            judge,
            workers=self.workers,
            rounds=self.rounds,
            seeds=self.seeds,
        )
        done = list(terminal.count(found, total, "evolutions"))
        rows = [self._row([p for p in done if p.workers == count]) for count in self.workers]
        terminal.say(f"{self.rounds} children, {words}; {self.seeds} simulated evolutions each")
        terminal.show(metrics_table(rows, title="what it takes"))
        terminal.say("best: true value of the best child, on planted preferences")
        if self.output is not None:
            atomic_write_text(self.output, csv_text(list(rows[0]), rows))
        return {"command": "evolve plan", "seconds": seconds, "spread": spread, "rows": rows}

    def _row(self, found: Sequence[PlannedEvolution]) -> dict[str, Any]:
        alone = mean(p.work for p in found)
        row: dict[str, Any] = {
            "workers": found[0].workers,
            "wall clock, h": round(mean(p.wall for p in found) / 3600, 2),
            "from": round(min(p.wall for p in found) / 3600, 2),
            "to": round(max(p.wall for p in found) / 3600, 2),
            "worker hours": round(alone / 3600, 1),
            "speed-up": round(mean(p.work / p.wall for p in found), 1),
            "busy": f"{mean(p.busy for p in found):.0%}",
            "best": round(mean(p.best for p in found), 3),
        }
        if self.price is not None:
            row["price"] = round(alone / 3600 * self.price, 2)
        return row

    def _durations(self) -> tuple[float, float, str]:
        """Mean and spread of a duration, and where they come from.

        Raises:
            RunError: nothing was measured there yet.
        """
        from connsearch.evolution.simulate.planning import (
            PUBLISHED_SECONDS,
            PUBLISHED_STEPS,
            logarithms,
        )
        from connsearch.evolution.study.study_directory import reopen

        if self.measured is None:
            if self.storage is not None:
                raise SettingsError("--storage says where the study of --measured is kept")
            per_step = PUBLISHED_SECONDS / PUBLISHED_STEPS
            seconds = self.steps * per_step if self.hours is None else self.hours * 3600
            spread = 0.15 if self.spread is None else self.spread
            return seconds, spread, f"{duration(seconds)} each ({self.steps} steps)"
        if self.hours is not None:
            raise SettingsError("--hours and --measured both say how long an evaluation takes")
        rates = reopen(self.measured, storage=self.storage).history().paces()
        if not rates:
            raise RunError(f"{self.measured}: no evaluation has measured seconds and steps yet")
        centre, width = logarithms(rates)
        seconds = centre * self.steps
        spread = width if self.spread is None else self.spread
        words = f"{duration(seconds)} each ({self.steps} steps, measured on {len(rates)} children)"
        return seconds, spread, words
