"""``connsearch inspect``: what a structure is made of, what it costs, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.counted import counted_classes, counted_clip
from connsearch.cli.target import open_structure
from connsearch.cli.terminal import Terminal
from connsearch.graph.spec import Attention, Structure

Size = Annotated[int, Field(ge=1, le=4096)]


class Inspect(Command):
    """Shows the nodes, shapes, weights, parameters and multiply-accumulates (MACs) of a structure.

    A file that breaks rules is answered with all its faults and exit code 2.
    """

    structure: Annotated[str | None, Flag(positional=True)] = None
    """The name of a structure, a structure file, a run, a pruned network, or a checkpoint; without
    one, the known names are listed."""
    num_classes: int | None = Field(default=None, ge=1, le=10**6)
    """Number of classes; by default that of the run, else 400."""
    attention: Attention | None = None
    """Use this peer-attention mode instead of the one in the structure."""
    clip: Annotated[tuple[Size, Size, Size] | None, Flag(metavar="T H W")] = None
    """Frames, height and width of a clip, for shapes and MACs; by default those of the run, else 16
    112 112."""
    peers: Annotated[bool, Flag(switch=True)] = False
    """Also show which block attends to which: the mixture of peers of every connection, how decided
    it is, and what the connections of a block agree on."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Shows the tables and returns the numbers."""
        if self.structure is None:
            return _list_structures(terminal)
        from connsearch.graph.cost import cost
        from connsearch.graph.rules import validate, warnings
        from connsearch.oneshot.alarms import structure_alarms
        from connsearch.view.structures.tables import structure_table, totals_table

        structure = open_structure(self.structure)
        if self.attention is not None:
            structure = validate(structure.with_settings(attention=self.attention))
        classes = self.num_classes or counted_classes(self.structure)
        clip = self.clip or counted_clip(self.structure)
        found = cost(structure, num_classes=classes, clip=clip)
        warned = warnings(structure)
        alarms = [str(alarm) for alarm in structure_alarms(structure)]
        terminal.show(structure_table(structure, found), totals_table(structure, found))
        peers = _show_peers(structure, terminal) if self.peers else {}
        for sentence in (*warned, *alarms):
            terminal.warn(sentence)
        return {
            "command": "inspect",
            "structure": structure.name,
            "family": structure.family,
            "attention": structure.network.attention.value,
            "num_classes": classes,
            "nodes": len(structure),
            "connections": len(structure.edges()),
            "parameters": found.parameters,
            "connection_parameters": found.connection_parameters,
            "macs": found.macs,
            "clip": list(clip),
            "warnings": warned,
            "alarms": alarms,
            **peers,
        }


def _show_peers(structure: Structure, terminal: Terminal) -> dict[str, Any]:
    """Shows who attends to whom; returns that section of the JSON object."""
    from connsearch.oneshot.peers import peer_report
    from connsearch.view.structures.peer_tables import peer_blocks_table, peer_mixtures_table

    report = peer_report(structure)
    if report.mixtures:
        terminal.show(peer_mixtures_table(report), peer_blocks_table(report))
    else:
        terminal.warn(
            f"no connection of {structure.name} names peers (attention "
            f"{structure.network.attention}): search it in mode peer first"
        )
    return {"peers": report.to_json()}


def _list_structures(terminal: Terminal) -> Mapping[str, Any]:
    from connsearch.graph.files import structure_names

    names = structure_names()
    terminal.say("structures that come with connsearch:")
    for name in names:
        terminal.say(f"  {name}")
    terminal.say("next: connsearch inspect NAME")
    return {"command": "inspect", "structures": names}
