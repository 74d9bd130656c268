"""Is the found wiring better than chance? It and random ones, trained alike with the same seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from connsearch.analysis.alike import nothing_to_tell
from connsearch.analysis.searched_run import SearchedRun, free_weights, train_alone, trained_alone
from connsearch.analysis.statistics import (
    MOST_RUNS,
    Crossed,
    Needed,
    Paired,
    crossed,
    more_pairs,
    more_runs,
    paired,
)
from connsearch.analysis.units import UnitWork
from connsearch.graph.spec import Structure
from connsearch.runs.events import Event, ResultEvent
from connsearch.runs.formats.analyses import CompareRow
from connsearch.runs.formats.ledger import TestedUnit, TrainedUnit
from connsearch.runs.ledger import Ledger
from connsearch.runs.names import TRAININGS
from connsearch.training.options import TrainOptions


@dataclass(frozen=True)
class Wiring:
    """One of the wirings that are compared: ``draw`` 0 is the found one, 1 and up are random."""

    draw: int
    structure: Structure

    @property
    def kind(self) -> Literal["found", "random"]:
        """``found`` or ``random``."""
        return "random" if self.draw else "found"

    @property
    def name(self) -> str:
        """Its name among the units of a comparison."""
        return f"random-{self.draw}" if self.draw else "found"


@dataclass(frozen=True)
class Verdict:
    """The result of a comparison.

    Attributes:
        difference: found less random; seeds and wirings are both chance.
        needed: what would show a difference of this size.
        over_seeds: the same for these random wirings only; chance is the seeds alone.
        pairs: how many more seeds that would need.
        sentence: for users; never "better" unless the interval excludes 0.
    """

    difference: Crossed
    needed: Needed
    over_seeds: Paired
    pairs: int | None
    sentence: str


def wirings(found: Structure, random: Sequence[Structure]) -> list[Wiring]:
    """Returns the wirings to compare; all of their connection weights learn from the start."""
    return [Wiring(draw, free_weights(one)) for draw, one in enumerate([found, *random])]


def units(
    searched: SearchedRun,
    compared: Sequence[Wiring],
    options: TrainOptions,
    seeds: Sequence[int],
    directory: Path,
    *,
    open_test: bool = False,
) -> dict[str, UnitWork]:
    """Returns one unit per wiring and seed, and with ``open_test`` another that judges it.

    All wirings of a seed see the same clips in the same order. The test units only judge what was
    trained before, so that the split can be opened later and is opened once.
    """
    pairs = [(wiring, seed) for seed in seeds for wiring in compared]
    work: dict[str, UnitWork] = {}
    for wiring, seed in pairs:
        work[unit_name(wiring, seed)] = _training(searched, wiring, options, seed, directory)
    for wiring, seed in pairs if open_test else ():
        work[unit_name(wiring, seed, "test")] = _judging(searched, wiring, seed, directory)
    return work


def unit_name(wiring: Wiring, seed: int, split: str = "val") -> str:
    """Returns the name of a unit in the ledger."""
    name = f"{wiring.name}, seed {seed}"
    return name if split == "val" else f"{name}, {split}"


def rows(
    results: Ledger,
    compared: Sequence[Wiring],
    seeds: Sequence[int],
    split: str,
) -> list[CompareRow]:
    """Returns one row a training: wiring, draw, seed, score on the split, and what it costs."""
    found: list[CompareRow] = []
    for seed in seeds:
        for wiring in compared:
            trained = results.read(unit_name(wiring, seed), TrainedUnit)
            judged = results.read(unit_name(wiring, seed, split), TestedUnit)
            found.append(
                CompareRow(
                    wiring=wiring.kind,
                    draw=wiring.draw,
                    seed=seed,
                    accuracy=judged.score,
                    connections=trained.connections,
                    macs=trained.macs,
                    parameters=trained.parameters,
                )
            )
    return found


def judge(scores: Sequence[CompareRow], *, measure: str, split: str) -> Verdict:
    """Returns the verdict of the rows of a comparison."""
    by_draw: dict[int, dict[int, float]] = {}
    for row in scores:
        by_draw.setdefault(row.draw, {})[row.seed] = row.accuracy
    seeds = list(by_draw[0])
    table = [[by_draw[draw][seed] for seed in seeds] for draw in sorted(by_draw)]
    ours, theirs = table[0], table[1:]
    difference = crossed(ours, theirs)
    means = [sum(column) / len(column) for column in zip(*theirs, strict=True)]
    over_seeds = paired([a - b for a, b in zip(ours, means, strict=True)])
    needed = more_runs(difference)
    what = f"{measure} on {split}"
    same = nothing_to_tell(
        [row.accuracy for row in scores],
        of="trainings",
        measure=what,
        longer="cure: more --epochs or --steps for every training, or a longer search",
    )
    sentence = same or describe(difference, needed, what)
    return Verdict(difference, needed, over_seeds, more_pairs(over_seeds), sentence)


def describe(found: Crossed, needed: Needed, what: str) -> str:
    """Returns one plain sentence; better or worse only if the interval excludes 0."""
    over = f"over {found.seeds} seeds and {found.wirings} random wirings"
    if not found.low <= found.high:
        return (
            f"no difference can be judged: {found.mean:+.3f} {what} {over}, and all random "
            "wirings did equally well; more --seeds, longer trainings (--epochs) or more clips are "
            "needed to distinguish them"
        )
    number = f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}] {what} {over}"
    if found.shown:
        word = "better" if found.mean > 0 else "worse"
        return f"{word} than random wirings: {number} (p = {found.p:.2g})"
    return f"no difference shown: {number}; {_missing(needed, found)}"


def _missing(needed: Needed, found: Crossed) -> str:
    if found.mean == 0:
        return "there is nothing to claim"
    parts = [
        f"{count} more {name}"
        for count, name in (
            (needed.seeds, "seeds (--seeds)"),
            (needed.wirings, "random wirings (--random)"),
        )
        if count is not None
    ]
    if parts:
        return f"a claim of this size needs about {' or '.join(parts)}"
    return (
        f"neither {MOST_RUNS} seeds nor {MOST_RUNS} random wirings would show one of this size: "
        "random wirings differ by as much from each other"
    )


def _training(
    searched: SearchedRun, wiring: Wiring, options: TrainOptions, seed: int, directory: Path
) -> UnitWork:
    def work() -> Iterator[Event | TrainedUnit]:
        place = _place(directory, wiring, seed)
        structure, result = wiring.structure, None
        seeded = options.with_values(seed=seed)
        for event in train_alone(structure, searched.data, seeded, place):
            result = event if isinstance(event, ResultEvent) else result
            yield event
        assert result is not None, "a training ends with its result"
        price, metrics = searched.cost(structure), result.metrics["val"]
        yield TrainedUnit(
            score=metrics.score,
            connections=len(structure.edges()),
            macs=price.macs,
            parameters=price.parameters,
            summary=f"val {metrics.measure} {metrics}",
        )

    return work


def _judging(searched: SearchedRun, wiring: Wiring, seed: int, directory: Path) -> UnitWork:
    def work() -> Iterator[Event | TestedUnit]:
        network = trained_alone(_place(directory, wiring, seed), len(searched.data.classes))
        metrics = searched.judge(network.to(searched.compute.device), "test")
        yield TestedUnit(score=metrics.score, summary=f"test {metrics.measure} {metrics}")

    return work


def _place(directory: Path, wiring: Wiring, seed: int) -> Path:
    return directory / TRAININGS / f"{wiring.name}-seed-{seed}"
