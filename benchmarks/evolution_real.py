"""Guided, uniform or random? The same question as on planted fitness, on real one-shot searches.

Each evolution begins with the same random structures for all strategies of a seed, so those are
trained once. Every child is a short search on small planted clips, one thread. Afterwards the child
that each evolution takes for its best is trained again with other seeds: what it scored first is
the greatest of many noisy values.

    python benchmarks/evolution_real.py --ledger DIR [--seeds 5] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import Ledger, interval
from page import table, write_markdown

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.options import DataOptions
from connsearch.evolution.child import Child, Outcome, Task
from connsearch.evolution.options import EvolutionOptions, StopOptions
from connsearch.evolution.proposal import Space
from connsearch.evolution.start import unlearned
from connsearch.evolution.study.events import Failed
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.study_directory import study_of, study_settings
from connsearch.evolution.study.worker import work
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Edge
from connsearch.graph.streams import fit_objects
from connsearch.oneshot.fitness import SearchFitness
from connsearch.oneshot.options import SearchOptions
from connsearch.seeds import derive
from connsearch.settings.nesting import flat

STRATEGIES = ("guided", "uniform", "random")
SHARED = {"population": 8, "tournament": 3, "include_start": False}
AGAIN = 3
"""Trainings of a best child with seeds of their own."""


class Filed:
    """A fitness that remembers what it has judged, so that nothing is trained twice."""

    def __init__(self, ledger: Ledger, data: DataSplits, options: SearchOptions) -> None:
        self._ledger = ledger
        self._directory = ledger.directory / "children"
        self._fitness = SearchFitness(data, options, self._directory)

    def __call__(self, task: Task) -> Generator[Any, None, Outcome]:
        """Yields the events of a search, or nothing where it was done before."""
        unit = f"{task.child.hash} {task.seed}"
        if unit not in self._ledger:
            outcome = yield from self._fitness(task)
            weights = [[e.source, e.target, w] for e, w in outcome.weights.items()]
            seconds = outcome.facts["seconds"]
            self._ledger.file(
                unit, {"value": outcome.values[0], "weights": weights, "seconds": seconds}
            )
            shutil.rmtree(self._directory)
        found = self._ledger[unit]
        weights = {Edge(s, t): w for s, t, w in found["weights"]}
        return Outcome((found["value"],), weights, {"seconds": found["seconds"]})

    def value(self, child: Child, seed: int) -> float:
        """Returns what a child scores with a seed."""
        steps = self(Task(0, child, 0, 0, seed))
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value.values[0]


def evolve(
    strategy: str, seed: int, fitness: Filed, data: DataSplits, children: int
) -> dict[str, Any]:
    """Returns the values of all children of one evolution, and of its best one trained again."""
    options = EvolutionOptions(strategy=strategy, **SHARED)
    start = load_structure("starter")
    start = unlearned(fit_objects(start, data.object_classes, data=data.name))
    space = Space.of(start, options, classes=len(data.classes), clip=data.clip)
    settings = study_settings(
        start, options, seed=seed, classes=space.classes, clip=space.clip, fitness={}
    )
    evolution = Evolution(study_of("memory", "real", settings), space, options, seed=seed)
    for event in work(evolution, fitness, StopOptions(rounds=children)):
        if isinstance(event, Failed):
            raise SystemExit(f"child {event.task.child.number}: {event.cause}")
    history = evolution.history
    values = [history.judged[n].mean[0] for n in sorted(history.judged)]
    best = history.child(history.population.members[0].number)
    again = [fitness.value(best, derive(seed, "again", n)) for n in range(AGAIN)]
    return {"values": values, "best": best.number, "again": again}


def reached(values: Sequence[float], target: float) -> int:
    """Returns how many children it took, one more than all where it was not enough."""
    return next((n for n, value in enumerate(values, 1) if value >= target), len(values) + 1)


def lines(found: Mapping[tuple[str, int], Mapping[str, Any]], seeds: int) -> list[str]:
    """Returns the tables of a results page."""
    shared = SHARED["population"]
    everyone = [v for result in found.values() for v in result["values"][shared:]]
    target = float(np.quantile(everyone, 0.9))
    rows: list[list[str]] = []
    measures = {
        f"children to {target:.3f}": lambda r: float(reached(r["values"], target)),
        "best, as measured": lambda r: max(r["values"]),
        "best, trained again": lambda r: float(np.mean(r["again"])),
        "mean of children": lambda r: float(np.mean(r["values"][shared:])),
    }
    for strategy in STRATEGIES:
        row = [strategy]
        for name, measure in measures.items():
            ours = [measure(found[strategy, seed]) for seed in range(seeds)]
            row.append(with_interval(ours, places=1 if "children to" in name else 3))
        rows.append(row)
    for other in STRATEGIES[1:]:
        row = [f"guided less {other}"]
        for name, measure in measures.items():
            pairs = [
                measure(found["guided", seed]) - measure(found[other, seed])
                for seed in range(seeds)
            ]
            row.append(with_interval(pairs, places=1 if "children to" in name else 3))
        rows.append(row)
    heads = ["strategy", *measures]
    again = [result["again"] for result in found.values()]
    noise = float(np.sqrt(np.mean([np.var(values, ddof=1) for values in again])))
    return [
        f"{seeds} evolutions of each strategy; 95 % t intervals, pairs share their seed. The "
        "target is the 90th percentile of all children after the first ones; an evolution that "
        "never reached it counts as one child more than it had. `trained again`: the child each "
        f"took for its best, {AGAIN} other seeds. Standard deviation of one child over seeds: "
        f"{noise:.3f}.",
        "",
        *table(heads, rows),
    ]


def with_interval(values: Sequence[float], *, places: int) -> str:
    """Returns a mean with its interval as a table cell."""
    low, high = interval(values)
    return f"{np.mean(values):.{places}f} [{low:.{places}f}, {high:.{places}f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--children", type=int, default=24)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--data", default="synthetic:object")
    parser.add_argument("--train-clips", type=int, default=24)
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    clips = {"val_clips": 60, "train_clips": arguments.train_clips}
    data = load_data(DataOptions.of(source=arguments.data, **clips))
    options = SearchOptions.of(epochs=50, steps=arguments.steps, threads=1)
    settings = {
        "data": data.fingerprint,
        "training": flat(options),
        "evolution": SHARED,
    }
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    with Ledger(arguments.ledger / "ledger.jsonl", settings) as ledger:
        fitness = Filed(ledger, data, options)
        for seed in range(arguments.seeds):
            for strategy in STRATEGIES:
                result = evolve(strategy, seed, fitness, data, arguments.children)
                found[strategy, seed] = result
                print(
                    f"{strategy}, seed {seed}: best {max(result['values']):.3f}, again "
                    f"{np.mean(result['again']):.3f}",
                    flush=True,
                )
            for line in lines(found, seed + 1):
                print(line, flush=True)
        seconds = [r["seconds"] for r in ledger.results.values() if "seconds" in r]
    command = (
        f"python benchmarks/evolution_real.py --ledger DIR --seeds {arguments.seeds} "
        f"--children {arguments.children} --steps {arguments.steps} --data {arguments.data} "
        f"--train-clips {arguments.train_clips}"
    )
    note = f"1 thread, {len(seconds)} searches of {np.mean(seconds):.1f} s"
    if arguments.markdown:
        write_markdown(
            arguments.markdown,
            "Guided, uniform or random, on real searches",
            command,
            lines(found, arguments.seeds),
            note=note,
        )


if __name__ == "__main__":
    main()
