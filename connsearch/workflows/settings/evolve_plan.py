"""What the plan of an evolution can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from connsearch.evolution.options import EvolutionOptions
from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class EvolvePlanSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.evolve_plan.evolve_plan` can be asked for."""

    structure: Annotated[str, Flag(positional=True)] = "assemblenet-50"
    """Start structure of the evolution: its name or a file."""
    measured: Annotated[Path | None, Flag(metavar="RUN")] = None
    """Use the durations of the evaluations in this evolution."""
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where the study of that evolution is kept, if not in its directory: as in the command that
    began it."""
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
