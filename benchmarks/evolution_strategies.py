"""What the strategies and settings of an evolution are worth, on planted fitness.

No network is trained: a landscape (``evolution.simulate.landscape``) says what every structure is
truly worth, an evaluation sees that through noise, and learned weights say of connections as much
as they are told to. Every seed has a landscape of its own, the same for all arms, and since
children follow from (seed, number) all arms of a seed share their random founders and the noise of
their evaluations: differences are paired. One worker asks and tells; an evaluation costs 1, a child
ended at a rung its share, a repetition for an elite 1 like any other.

What is reported is the *true* fitness of the child that has the best *measured* mean so far, which
is the one an experimenter would take. A target is a share of the best of three hill climbs that see
no noise, so the true summit is at least as high.

    python benchmarks/evolution_strategies.py [--seeds 20] [--children 150] [--skip planning]
        [--markdown benchmarks/evolution_strategies.md] [--figure FILE.png]

Every evolution is filed in ``--runs`` when it is done; the same line again goes on with the next.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from statistics import fmean
from typing import Any

from common import Ledger
from evolution_arms import FRESH, PARTS, Arm
from evolution_found import found_in
from evolution_tables import TABLES, figure, report, words_of
from page import write_markdown

from connsearch.evolution.history import History
from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.proposal import Space
from connsearch.evolution.review.children import refusals
from connsearch.evolution.review.lineage import founders, operators_of
from connsearch.evolution.simulate.clock import Timed, simulate
from connsearch.evolution.simulate.fitness import Planted
from connsearch.evolution.simulate.hill_climb import best_possible
from connsearch.evolution.simulate.planning import PUBLISHED_SECONDS, plans
from connsearch.evolution.start import unlearned
from connsearch.evolution.study.address import MEMORY
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.study_directory import study_of, study_settings
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Structure
from connsearch.seeds import derive

STARTS = {"assemblenet-50": (157, (32, 224, 224)), "starter": (10, (16, 64, 64))}
"""Structure -> classes and clip that costs are counted for, which decide nothing here."""

WORKERS = (1, 8, 64)


@cache
def start_of(name: str) -> Structure:
    """Returns a structure with nothing learned."""
    return unlearned(load_structure(name))


def landscape_of(seed: int) -> int:
    """Returns the landscape of a seed: that of the planning table."""
    return derive(seed, "landscape") % 2**31


def evolve_once(arm: Arm, start: str, noise: float, seed: int, children: int) -> dict[str, Any]:
    """Returns the true fitness of the chosen child over cost, and how the population ended."""
    options = arm.kind(**arm.options)
    classes, clip = STARTS[start]
    space = Space.of(start_of(start), options, classes=classes, clip=clip)
    stored = study_settings(space.start, options, seed=seed, classes=classes, clip=clip, fitness={})
    evolution = Evolution(study_of(MEMORY, "benchmark", stored), space, options, seed=seed)
    judge = Planted(
        landscape=landscape_of(seed),
        noise=noise,
        informative=arm.informative,
        seconds=1.0,
        spread=0.0,
        rungs=options.rungs,
    )
    # A ladder ends many children at a quarter of the cost, so more fit into the same sum.
    rounds = children * 5 // 2 if options.rungs else children
    timed = [t for t in simulate(evolution, judge, 1, rounds=rounds) if t.ended <= children]
    trace = choices(timed)
    pruned = sum(t.state == "pruned" for t in timed)
    return {
        "trace": trace,
        "cost": timed[-1].ended,
        "ends": [len({t.task.child.number for t in timed}), pruned],
        **state_of(evolution.history),
        "summary": f"{trace[-1][1]:.3f}",
    }


def choices(timed: Sequence[Timed]) -> list[list[float]]:
    """Returns when another child became the best by its measured mean: cost, truth, measured."""
    measured: dict[int, list[float]] = {}
    truth: dict[int, float] = {}
    trace: list[list[float]] = []
    for one in timed:
        if one.outcome is None:
            continue
        number = one.task.child.number
        measured.setdefault(number, []).append(one.outcome.values[0])
        truth[number] = one.outcome.facts["true"]
        means = {n: fmean(values) for n, values in measured.items()}
        best = max(means, key=lambda n: (means[n], -n))
        now = [truth[best], means[best]]
        if not trace or trace[-1][1:] != now:
            trace.append([one.ended, *now])
    return trace


def state_of(history: History) -> dict[str, Any]:
    """Returns what may go wrong unseen: crowded wirings, one line alone, children refused."""
    members = [member.number for member in history.population.members]
    line = founders(history)
    structures = [history.child(n).structure for n in members]
    born = [n for n in history.births if history.births[n]["parents"]]
    wired = [n for n in born if is_wired(history, n)]
    return {
        "density": fmean(density(s) for s in structures),
        "lines": len({line[n] for n in members}),
        "refused": refusals(history),
        "unwired": 1 - len(wired) / len(born) if born else 0.0,
    }


def is_wired(history: History, number: int) -> bool:
    """Returns whether a child's wiring was drawn anew by the step of its strategy."""
    words = {operator.partition(":")[0] for operator in operators_of(history, number)}
    return not words.isdisjoint(("guided", "uniform"))


def density(structure: Structure) -> float:
    """Returns the share of all legal connections that are there."""
    return len(structure.edges()) / len(over_connect(structure).edges())


def summit_once(start: str, seed: int) -> dict[str, Any]:
    """Returns the best true fitness that hill climbs find on the landscape of a seed."""
    classes, clip = STARTS[start]
    space = Space.of(start_of(start), EvolutionOptions(), classes=classes, clip=clip)
    judge = Planted(landscape=landscape_of(seed))
    found = best_possible(judge.true, space.start, space.limits, seed=seed)
    return {"fitness": found.fitness, "summary": f"{found.fitness:.3f}"}


def planning_once(rounds: int, seeds: int) -> dict[str, Any]:
    """Returns the plans of the published search; as ``connsearch evolve plan`` makes them."""
    options = EvolutionOptions()
    classes, clip = STARTS["assemblenet-50"]
    space = Space.of(start_of("assemblenet-50"), options, classes=classes, clip=clip)
    judge = Planted(seconds=PUBLISHED_SECONDS, spread=0.15)
    found = plans(space, options, judge, workers=WORKERS, rounds=rounds, seeds=seeds)
    names = ("workers", "seed", "wall", "work", "busy", "best")
    return {"plans": [{name: getattr(plan, name) for name in names} for plan in found]}


def measure(ledger: Ledger, options: argparse.Namespace) -> None:
    """Files everything asked for, seed after seed, so that what is there is always balanced."""
    if "planning" not in options.skip:
        work = partial(planning_once, options.planning_rounds, options.planning_seeds)
        ledger.measure(f"planning/{options.planning_rounds}/{options.planning_seeds}", work)
    seeds = range(options.first, options.first + options.seeds)
    for seed in seeds:
        for start in options.starts:
            ledger.measure(f"summit/{start}/{seed}", partial(summit_once, start, seed))
            for part in ("strategies", "settings"):
                measure_part(ledger, options, part, start, seed)
    for seed in seeds:
        for start in options.starts:
            measure_part(ledger, options, "confirmed", start, FRESH + seed)


def measure_part(
    ledger: Ledger, options: argparse.Namespace, part: str, start: str, seed: int
) -> None:
    """Files the evolutions of one part from one start with one seed, unless it is skipped."""
    for arm in () if part in options.skip else PARTS[part]():
        for noise in arm.noises:
            work = partial(evolve_once, arm, start, noise, seed, options.children)
            ledger.measure(f"{part}/{arm.name}/{noise:g}/{start}/{seed}", work)


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    made.add_argument("--seeds", type=int, default=20)
    made.add_argument("--first", type=int, default=0, help="the first seed")
    made.add_argument("--children", type=int, default=150, help="evaluations of each evolution")
    made.add_argument("--starts", nargs="+", choices=list(STARTS), default=list(STARTS))
    made.add_argument("--skip", nargs="*", choices=[*PARTS, "planning"], default=[])
    made.add_argument("--planning-rounds", type=int, default=200)
    made.add_argument("--planning-seeds", type=int, default=10)
    made.add_argument("--runs", type=Path, default=Path("runs/evolution_strategies"))
    made.add_argument("--markdown", type=Path, help="also write the tables to this file")
    made.add_argument("--figure", type=Path, help="also draw the strategies to this file")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    with Ledger(options.runs / "ledger.jsonl", {"children": options.children}) as ledger:
        measure(ledger, options)
    found = found_in(ledger.results, options.children)
    lines = report(found)
    print("\n".join(lines))
    if options.figure is not None:
        figure(found, options.figure)
        lines = [f"![true fitness over evaluations]({options.figure.name})", "", *lines]
    if options.markdown is not None:
        command = f"python benchmarks/evolution_strategies.py --seeds {options.seeds}"
        command += f" --children {options.children}"
        lines = [*words_of(options.markdown), TABLES, "", *lines[:-1]]
        write_markdown(options.markdown, "What strategies and settings are worth", command, lines)


if __name__ == "__main__":
    main()
