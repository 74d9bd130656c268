"""How long an evolution takes, before anybody waits for it: :func:`evolve_plan`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from connsearch.errors import RunError, SettingsError
from connsearch.evolution.proposal import Space
from connsearch.evolution.simulate.fitness import Planted
from connsearch.evolution.simulate.planning import (
    PUBLISHED_SECONDS,
    PUBLISHED_STEPS,
    PlannedEvolution,
    logarithms,
    plans,
)
from connsearch.evolution.start import unlearned
from connsearch.evolution.study.study_directory import reopen
from connsearch.files.disk import atomic_write_text
from connsearch.files.text import csv_text
from connsearch.graph.spec import Structure
from connsearch.workflows.given import StructureLike, name_of, structure_in
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.evolve_plan import EvolvePlanSettings
from connsearch.workflows.targets import open_structure

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EvolutionPlan:
    """What an evolution takes, by simulation.

    Attributes:
        seconds: an evaluation takes on average.
        spread: standard deviation of the logarithm of that.
        measured: evaluations that this was measured on; None: it is as published, or as told.
        rows: a row for each number of workers: hours, speed-up, share of busy time, best child.
    """

    seconds: float
    spread: float
    measured: int | None
    rows: tuple[Row, ...]


def evolve_plan(
    structure: StructureLike = "assemblenet-50", *, progress: Progress = True, **settings: Any
) -> EvolutionPlan:
    """Returns how long an evolution takes, simulated with planted fitness and so many workers.

    Args:
        structure: where it would start: a value, a name or a file.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch evolve plan`` by its name: ``workers=(1, 8)``,
            ``hours=2``, ``rounds=100``.

    Raises:
        UserError: a setting cannot be used, there is no such structure, or nothing was measured
            yet in the evolution that durations are to be taken from.
    """
    asked = EvolvePlanSettings.of(structure=name_of(structure), **settings)
    return run_evolve_plan(asked, Listener.of(progress), structure_in(structure))


def run_evolve_plan(
    asked: EvolvePlanSettings, listener: Listener, structure: Structure | None = None
) -> EvolutionPlan:
    """Returns the plan that was asked for; also written as CSV if that was asked for.

    Args:
        asked: all settings.
        listener: hears what happens.
        structure: it starts from; None: as the settings name it.

    Raises:
        UserError: as for :func:`evolve_plan`.
    """
    if asked.evolution.objectives != ("accuracy",):
        raise SettingsError("a plan is made for one objective, accuracy")
    seconds, spread, measured = _durations(asked)
    start = unlearned(open_structure(asked.structure) if structure is None else structure)
    space = Space.of(start, asked.evolution, classes=157, clip=(32, 224, 224))
    judge = Planted(seconds=seconds, spread=spread, rungs=asked.evolution.rungs)
    found = plans(
        space,
        asked.evolution,
        judge,
        workers=asked.workers,
        rounds=asked.rounds,
        seeds=asked.seeds,
    )
    done = list(listener.count(found, asked.seeds * len(asked.workers), "evolutions"))
    rows = [_row([p for p in done if p.workers == n], asked.price) for n in asked.workers]
    if asked.output is not None:
        atomic_write_text(asked.output, csv_text(list(rows[0]), rows))
    return EvolutionPlan(seconds, spread, measured, tuple(rows))


def _row(found: Sequence[PlannedEvolution], price: float | None) -> Row:
    alone = mean(p.work for p in found)
    row: Row = {
        "workers": found[0].workers,
        "wall clock, h": round(mean(p.wall for p in found) / 3600, 2),
        "from": round(min(p.wall for p in found) / 3600, 2),
        "to": round(max(p.wall for p in found) / 3600, 2),
        "worker hours": round(alone / 3600, 1),
        "speed-up": round(mean(p.work / p.wall for p in found), 1),
        "busy": f"{mean(p.busy for p in found):.0%}",
        "best": round(mean(p.best for p in found), 3),
    }
    if price is not None:
        row["price"] = round(alone / 3600 * price, 2)
    return row


def _durations(asked: EvolvePlanSettings) -> tuple[float, float, int | None]:
    """Mean and spread of a duration, and on how many children they were measured.

    Raises:
        RunError: nothing was measured there yet.
        SettingsError: two settings say how long, or one says nothing without another.
    """
    if asked.measured is None:
        if asked.storage is not None:
            raise SettingsError("--storage has no effect without --measured, whose study it is of")
        per_step = PUBLISHED_SECONDS / PUBLISHED_STEPS
        seconds = asked.steps * per_step if asked.hours is None else asked.hours * 3600
        return seconds, 0.15 if asked.spread is None else asked.spread, None
    if asked.hours is not None:
        raise SettingsError("--hours and --measured both say how long an evaluation takes")
    rates = reopen(asked.measured, storage=asked.storage).history().paces()
    if not rates:
        raise RunError(f"{asked.measured}: no evaluation has measured seconds and steps yet")
    centre, width = logarithms(rates)
    spread = width if asked.spread is None else asked.spread
    return centre * asked.steps, spread, len(rates)
