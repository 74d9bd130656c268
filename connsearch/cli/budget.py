"""Budgets on the command line: networks measured here, and what was reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connsearch.cli.target import recorded_settings
from connsearch.cli.terminal import Terminal
from connsearch.graph.spec import Structure
from connsearch.pruning.budget import LATENCY
from connsearch.pruning.options import PruneOptions
from connsearch.runs.formats.prune import ReachedRecord

if TYPE_CHECKING:
    from connsearch.models.latency import Latency
    from connsearch.pruning.solve import Measure, Reached, Solved

POINTS = 12


def refuse_beside_curve(curve: bool, recalibrate: int, points: int, options: PruneOptions) -> None:
    """Refuses settings that contradict ``--curve``, or that say nothing without it.

    Raises:
        ValueError: names them.
    """
    if not curve:
        if points != POINTS:
            raise ValueError(f"points {points} without a curve: give --curve, or leave it out")
        return
    plain = PruneOptions()
    given = {
        "--criterion": options.criterion != plain.criterion,
        "--budget": options.budget != plain.budget,
        "--repair": options.repair != plain.repair,
        "--recalibrate": recalibrate != 0,
    }
    named = [name for name, there in given.items() if there]
    if named:
        raise ValueError(
            f"{', '.join(named)} beside --curve: the curve goes over the whole range, and sets the "
            "batch-norm statistics of every network; leave it out"
        )


def measure_on(
    target: str, num_classes: int, clip: tuple[int, int, int], terminal: Terminal
) -> Measure:
    """Returns what measures a network of a structure, on the device the run was trained on.

    Its weights are new: they do not change what is computed.
    """

    def measure(structure: Structure) -> Latency:
        from connsearch.models.latency import latencies
        from connsearch.models.structure import Network
        from connsearch.training.environment import describe_environment, processor_threads
        from connsearch.training.options import ComputeOptions

        recorded = recorded_settings(target).get("training", {}).get("compute", {})
        wanted = {k: recorded[k] for k in ("device", "precision", "threads") if k in recorded}
        here = describe_environment(ComputeOptions(**wanted))
        with processor_threads(here["threads"]):
            network = Network(structure, num_classes, seed=0).to(here["device"])
            bf16 = here["precision"] == "bf16"
            found = latencies([network], clip=clip, bf16=bf16)[0]
        edges = len(structure.edges())
        terminal.say(f"measured with {edges} connections: {found}")
        return found

    return measure


def say_reached(solved: Solved, terminal: Terminal) -> dict[str, ReachedRecord]:
    """Returns what was reached, by the name of the budget, after showing it."""
    from connsearch.pruning.solve import describe_reached

    for name, found in solved.reached.items():
        terminal.say(f"budget {found.budget}: {_values(name, found)}")
        if found.spread is not None and found.spread > 0.05:
            terminal.warn(
                f"the time that confirmed {found.budget} spreads by {found.spread:.0%}: this "
                "machine does something else, too"
            )
    reached = describe_reached(solved.reached)
    return {name: ReachedRecord.model_validate(found) for name, found in reached.items()}


def _values(name: str, found: Reached) -> str:
    def shown(value: float) -> str:
        return f"{value * 1e3:.3g} ms" if name == LATENCY else f"{value:,.10g}"

    share = "" if found.whole != found.whole else f" ({found.value / found.whole:.1%})"
    return (
        f"reached {shown(found.value)}{share} of at most {shown(found.limit)}; "
        f"within reach {shown(found.smallest)} to {shown(found.largest)}"
    )
