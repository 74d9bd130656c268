"""An evolution whose fitness is nothing but noise, in this process or in others that can be killed.

Imports no torch. Workers are forked from a server that has imported all of this already.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from connsearch.evolution.child import Outcome, Rung, Task, Trial
from connsearch.evolution.history import History, Key
from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.options import EvolutionOptions, StopOptions
from connsearch.evolution.proposal import Space
from connsearch.evolution.study import worker as worker_module
from connsearch.evolution.study.address import MEMORY
from connsearch.evolution.study.evolution import Evolution, history_of
from connsearch.evolution.study.storage import open_storage
from connsearch.evolution.study.study import Study
from connsearch.evolution.study.study_directory import _reduction
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Structure
from connsearch.seeds import derive

NAME = "tried"
CLIP = (8, 32, 32)

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.evolution.engine"])


def start() -> Structure:
    """Returns the structure all evolutions here begin with."""
    return load_structure("starter_rgb_flow")


def space_of(options: EvolutionOptions) -> Space:
    """Returns what is searched under some options."""
    return Space.of(start(), options, classes=5, clip=CLIP)


def options_of(**chosen: Any) -> EvolutionOptions:
    """Returns options of a small evolution."""
    return EvolutionOptions(**{"population": 5, "tournament": 2, **chosen})


def study_of(place: str | Path, options: EvolutionOptions) -> Study:
    """Returns the study of an evolution, new or known."""
    return Study(
        open_storage(place),
        NAME,
        [OBJECTIVES[name].higher for name in options.objectives],
        {"evolution": options.model_dump(mode="json")},
        reduction=_reduction(options),
    )


def evolution_of(
    place: str | Path | Study = MEMORY,
    *,
    seed: int = 0,
    worker: str = "worker",
    lease: float = 60.0,
    **chosen: Any,
) -> Evolution:
    """Returns an evolution at a place; those of one storage share their study."""
    options = options_of(**chosen)
    if isinstance(place, Study):  # every worker has its own, in the same storage
        study = Study(
            place.storage,
            place.name,
            [OBJECTIVES[name].higher for name in options.objectives],
            place.settings,
            reduction=_reduction(options),
        )
    else:
        study = study_of(place, options)
    return Evolution(
        study, space_of(options), options, seed=seed, worker=worker, lease_seconds=lease
    )


def read(place: str | Path | Study, **chosen: Any) -> History:
    """Returns what a study says to somebody who opens it now."""
    options = options_of(**chosen)
    history = history_of(space_of(options), options)
    history.update((place if isinstance(place, Study) else study_of(place, options)).changed())
    return history


@dataclass(frozen=True)
class Noise:
    """A fitness that follows from the seed of a task alone; an ``Evaluate``.

    Attributes:
        seconds: mean duration.
        failure: probability that an attempt fails.
        objectives: how many values it finds.
        rungs: how often it reports on its way.
    """

    seconds: float = 0.0
    failure: float = 0.0
    objectives: int = 1
    rungs: int = 0

    def __call__(self, task: Task) -> Generator[Any, None, Outcome]:
        """Yields rungs; returns values between 0 and 1 and a weight for every connection."""
        draw = Random(derive(task.seed, "noise"))
        values = tuple(draw.random() for _ in range(self.objectives))
        pause = self.seconds * (0.5 + draw.random()) / (self.rungs + 1)
        weights = {edge: draw.random() for edge in task.child.structure.edges()}
        for rung in range(self.rungs):
            time.sleep(pause)
            yield Rung(rung, tuple(value * (rung + 1) / (self.rungs + 1) for value in values))
        time.sleep(pause)
        yield "nearly there"
        if Random(derive(task.seed, "failure", task.attempt)).random() < self.failure:
            raise RuntimeError("failed, as some do")
        return Outcome(values, weights)


def run_worker(
    place: str, chosen: Mapping[str, Any], rounds: int, fitness: Noise, lease: float, seed: int
) -> None:
    """Works until the evolution has ended; to be run in a process that may be killed."""
    worker_module._POLL = 0.05
    evolution = evolution_of(place, lease=lease, seed=seed, **chosen)
    for _ in worker_module.work(evolution, fitness, StopOptions(rounds=rounds)):
        pass


def start_worker(
    place: str | Path,
    *,
    rounds: int,
    fitness: Noise,
    lease: float = 5.0,
    seed: int = 0,
    **chosen: Any,
) -> Any:
    """Returns a process that works on a study."""
    arguments = (str(place), chosen, rounds, fitness, lease, seed)
    process = PROCESSES.Process(target=run_worker, args=arguments)
    process.start()
    return process


def birth(hash_: str = "h", parents: Sequence[int] = ()) -> dict[str, Any]:
    """Returns what a study keeps of a child, for histories that never read its structure."""
    counts = {"macs": 1, "parameters": 1, "refused": {}}
    return {
        **{"nodes": [], "weights": {}, "steps": [["start", 0]], **counts},
        **{"hash": hash_, "parents": list(parents)},
    }


def trial(
    number: int,
    key: tuple[int, int, int],
    state: str = "complete",
    values: Sequence[float] | None = (0.5,),
    **facts: Any,
) -> Trial:
    """Returns one row of a study."""
    child, evaluation, attempt = Key(*key)
    told = {"child": child, "evaluation": evaluation, "attempt": attempt, "strikes": 0, "seed": 1}
    if evaluation == attempt == 0:
        told["birth"] = birth(f"h{child}")
    done = tuple(values) if state == "complete" and values is not None else None
    return Trial(number, state, done, {**told, **facts}, {}, None, None)  # type: ignore[arg-type]
