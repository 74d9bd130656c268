"""Budgets: networks measured here, what was reached, and which streams that left."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from connsearch.graph.spec import Structure
from connsearch.models.latency import Latency, latencies
from connsearch.models.structure import Network
from connsearch.pruning.budget import LATENCY
from connsearch.pruning.reached import Reached, Solved, counted, describe_reached
from connsearch.pruning.solve import Measure
from connsearch.runs.formats.prune import FollowingRecord, ReachedRecord
from connsearch.runs.recorded import recorded_settings
from connsearch.training.environment import describe_environment, processor_threads
from connsearch.training.options import ComputeOptions
from connsearch.workflows.listening import Listener


def measure_on(
    target: str, num_classes: int, clip: tuple[int, int, int], listener: Listener
) -> Measure:
    """Returns what measures a network of a structure, on the device the run was trained on.

    Its weights are new: they do not change what is computed.
    """

    def measure(structure: Structure) -> Latency:
        recorded = recorded_settings(target).get("training", {}).get("compute", {})
        wanted = {k: recorded[k] for k in ("device", "precision", "threads") if k in recorded}
        here = describe_environment(ComputeOptions(**wanted))
        with processor_threads(here["threads"]):
            network = Network(structure, num_classes, seed=0).to(here["device"])
            found = latencies([network], clip=clip, precision=here["precision"])[0]
        edges = len(structure.edges())
        listener.say(f"measured with {edges} connections: {found}")
        return found

    return measure


def say_reached(solved: Solved, listener: Listener) -> dict[str, Any]:
    """Returns what a record of the pruning has about its budgets, after showing it."""
    for name, found in solved.reached.items():
        listener.say(f"budget {found.budget}: {_values(name, found)}")
        if found.spread is not None and found.spread > 0.05:
            listener.warn(
                f"the time that confirmed {found.budget} spreads by {found.spread:.0%}: this "
                "machine does something else, too"
            )
    _say_following(solved, listener)
    reached = describe_reached(solved.reached)
    told = {name: ReachedRecord.model_validate(found) for name, found in reached.items()}
    if solved.following is None:
        return {"budget": told}
    return {"budget": told, "following": FollowingRecord(**asdict(solved.following))}


def say_unseen(before: Structure, after: Structure, listener: Listener) -> None:
    """Says which streams no stem sees any more.

    Args:
        before: what was pruned.
        after: what is left of it.
        listener: hears it, if there are any.
    """
    left = after.modalities()
    unseen = [stream for stream in before.modalities() if stream not in left]
    if unseen:
        listener.say(f"no longer seen: {', '.join(unseen)} (none of its stems stays)")


def _say_following(solved: Solved, listener: Listener) -> None:
    """Says what stood next, as a warning where much of the budget is left."""
    why = f"the next larger network: {solved.following}" if solved.following else ""
    if solved.far_under:
        most = max(found.used for found in solved.reached.values())
        reason = why or "what is missing would be too slow"
        listener.warn(f"only {most:.0%} of the budget is used; {reason}")
    elif why:
        listener.say(why)


def _values(name: str, found: Reached) -> str:
    def shown(value: float) -> str:
        return f"{value * 1e3:.3g} ms" if name == LATENCY else counted(value)

    share = "" if found.whole != found.whole else f" ({found.value / found.whole:.1%})"
    return (
        f"reached {shown(found.value)}{share} of at most {shown(found.limit)}; "
        f"within reach {shown(found.smallest)} to {shown(found.largest)}"
    )
