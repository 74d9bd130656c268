"""What follows from the files of a run: its cost, what the default pruning would keep, alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connsearch.errors import ConnsearchError
from connsearch.graph.cost import Cost, cost
from connsearch.graph.spec import Attention, Edge, Structure
from connsearch.oneshot.alarms import Alarm, structure_alarms
from connsearch.oneshot.peers import Mixture, peer_report
from connsearch.pruning.options import PruneOptions, build_criterion
from connsearch.pruning.pruner import Pruned, prune_by
from connsearch.pruning.remains import Remains, remains_of, why_dead
from connsearch.pruning.scores import learned_weights
from connsearch.runs.formats.metrics import Metrics
from connsearch.view.report.material import Material
from connsearch.view.runs.chance import Chance, chance_of
from connsearch.view.structures.facts import stream_shares


@dataclass(frozen=True, slots=True)
class Findings:
    """What the sections have in common.

    Attributes:
        cost: of the structure, on the run's own clips.
        pruned: what ``connsearch prune`` would leave by default; None if it cannot be told.
        remains: how much that is.
        why_dead: why nodes would be dead then, by number.
        pruned_cost: of that.
        alarms: of the result, or of the weights so far.
        mixtures: every soft mixture of peers, by its connection.
        inks: the colour of each node: its only stream, or ``mixed``.
    """

    cost: Cost | None = None
    pruned: Pruned | None = None
    remains: Remains | None = None
    why_dead: Mapping[int, str] = field(default_factory=dict[int, str])
    pruned_cost: Cost | None = None
    alarms: tuple[Alarm, ...] = ()
    mixtures: Mapping[Edge, Mixture] = field(default_factory=dict[Edge, Mixture])
    inks: Mapping[int, str] = field(default_factory=dict[int, str])


def find(material: Material) -> Findings:
    """Returns what follows from the material; what does not follow is None or empty."""
    structure = material.structure
    if structure is None:
        return Findings(alarms=_recorded_alarms(material))
    pruned = _pruned(structure) if material.kind == "search" and material.learned else None
    return Findings(
        cost=_cost(structure, material),
        pruned=pruned,
        remains=None if pruned is None else remains_of(pruned),
        why_dead={} if pruned is None else _why_dead(structure, pruned),
        pruned_cost=None if pruned is None else _cost(pruned.structure, material),
        alarms=_alarms(structure, material),
        mixtures=mixtures(structure),
        inks={
            node: next(iter(found)).value if len(found) == 1 else "mixed"
            for node, found in stream_shares(structure).items()
        },
    )


def mixtures(structure: Structure) -> dict[Edge, Mixture]:
    """Returns every soft mixture of peers, as long as they are mixed."""
    if structure.network.attention is not Attention.PEER:
        return {}
    return {found.edge: found for found in peer_report(structure).mixtures if found.soft}


def judged(material: Material) -> tuple[str, Metrics] | None:
    """Returns the split and numbers to show first: ``val`` where there is one."""
    found = {**({} if material.result is None else material.result.metrics)}
    if material.prune_record is not None:
        found |= material.prune_record.metrics
    for split, evaluation in material.evaluations.items():
        found.setdefault(split, evaluation.metrics)
    return next(((name, found[name]) for name in ("val", "test") if name in found), None)


def chance(material: Material) -> Chance | None:
    """Returns what guessing is worth on the split that is shown first."""
    found = judged(material)
    return chance_of(len(material.classes), None if found is None else found[1].support)


def _pruned(structure: Structure) -> Pruned | None:
    try:
        return prune_by(structure, PruneOptions())
    except ConnsearchError:  # never searched, or nothing to cut: then there is nothing to say
        return None


def _why_dead(structure: Structure, pruned: Pruned) -> dict[int, str]:
    criterion = build_criterion(PruneOptions().criterion)
    return why_dead(structure, criterion(structure, learned_weights(structure)), pruned)


def _cost(structure: Structure, material: Material) -> Cost | None:
    if not material.classes or material.clip is None:
        return None
    return cost(structure, num_classes=len(material.classes), clip=material.clip)


def _alarms(structure: Structure, material: Material) -> tuple[Alarm, ...]:
    if material.kind != "search" or not material.learned:
        return ()
    recorded = _recorded_alarms(material)
    return recorded if material.result is not None else structure_alarms(structure)


def _recorded_alarms(material: Material) -> tuple[Alarm, ...]:
    """The alarms of the result, those of kinds this version does not know among them."""
    recorded = [] if material.result is None else material.result.alarms
    return tuple(map(Alarm.read, recorded))
