"""What a structure is made of, what it costs, and what is odd about it: :func:`inspect`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connsearch.errors import SettingsError
from connsearch.graph.cost import Cost, cost
from connsearch.graph.dag import peer_only_nodes
from connsearch.graph.rules import validate, warnings
from connsearch.graph.spec import Structure
from connsearch.oneshot.alarms import Alarm, structure_alarms
from connsearch.oneshot.peers import PeerReport, peer_report
from connsearch.workflows.counted import Clip, counted_classes, counted_clip
from connsearch.workflows.given import StructureLike, name_of
from connsearch.workflows.settings.inspect import InspectSettings
from connsearch.workflows.targets import open_structure


@dataclass(frozen=True, slots=True)
class Inspection:
    """A structure, counted and looked over.

    Attributes:
        structure: in the attention mode that was asked for.
        cost: parameters and multiply-accumulates (MACs), by node and in all.
        num_classes: of the classifier that is counted.
        clip: (T, H, W) that shapes and MACs are counted for.
        warnings: of the rules; they stop nothing.
        alarms: about what was learned.
        peer_only: nodes that gate others and feed nothing that reaches a final node: they cost what
            they cost, and pruning can do without them.
        peers: who attends to whom; None: that was not asked for.
    """

    structure: Structure
    cost: Cost
    num_classes: int
    clip: Clip
    warnings: tuple[str, ...]
    alarms: tuple[Alarm, ...]
    peer_only: frozenset[int] = frozenset()
    peers: PeerReport | None = None


def inspect(structure: StructureLike, **settings: Any) -> Inspection:
    """Returns what a structure is made of and what it costs.

    >>> inspect("starter", num_classes=10).cost.parameters
    72351

    Args:
        structure: a value, a name, a file, a run, a pruned network or a checkpoint.
        settings: any option of ``connsearch inspect`` by its name: ``clip=(16, 112, 112)``,
            ``num_classes=157``, ``peers=True``.

    Raises:
        UserError: a setting cannot be used, there is no such structure, or it breaks rules.
    """
    asked = InspectSettings.of(structure=name_of(structure), **settings)
    return run_inspect(asked, structure if isinstance(structure, Structure) else None)


def run_inspect(asked: InspectSettings, structure: Structure | None = None) -> Inspection:
    """Returns what was found.

    Args:
        asked: all settings.
        structure: to look at; None: as the settings name it.

    Raises:
        UserError: as for :func:`inspect`.
    """
    named: list[str] = []
    if structure is None:
        if asked.structure is None:
            raise SettingsError("structure: none is named\n  cure: connsearch models lists them")
        named = [asked.structure]
        structure = open_structure(asked.structure)
    if asked.attention is not None:
        structure = validate(structure.with_settings(attention=asked.attention))
    classes = asked.num_classes or counted_classes(*named)
    clip = asked.clip or counted_clip(*named)
    return Inspection(
        structure,
        cost(structure, num_classes=classes, clip=clip),
        classes,
        clip,
        tuple(warnings(structure)),
        tuple(structure_alarms(structure)),
        frozenset(peer_only_nodes(structure)),
        peer_report(structure) if asked.peers else None,
    )
