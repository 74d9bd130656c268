"""``connsearch inspect``: what a structure is made of, what it costs, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.inspect import InspectSettings

if TYPE_CHECKING:
    from connsearch.workflows.inspect import Inspection
    from connsearch.workflows.inspect_network import NetworkInspection


class Inspect(InspectSettings, Command):
    """Shows the nodes, shapes, weights, parameters and multiply-accumulates (MACs) of a structure.

    Of the directory of another network: its settings, its cost, and where its weights come from.

    If a file breaks rules, all its faults are listed, and the exit code is 2.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Shows the tables and returns the numbers."""
        if self.structure is None:
            return _list_structures(terminal)
        from connsearch.workflows.inspect import run_inspect
        from connsearch.workflows.inspect_network import run_inspect_network

        other = run_inspect_network(self)
        if other is not None:
            return _show_network(other, terminal)
        found = run_inspect(self)
        _show(found, terminal)
        structure = found.structure
        return {
            "command": "inspect",
            "structure": structure.name,
            "family": structure.family,
            "attention": structure.network.attention.value,
            "num_classes": found.num_classes,
            "nodes": len(structure),
            "connections": len(structure.edges()),
            "parameters": found.cost.parameters,
            "connection_parameters": found.cost.connection_parameters,
            "macs": found.cost.macs,
            "clip": list(found.clip),
            "costs": [
                {
                    "node": node.index,
                    "kind": node.kind,
                    "parameters": node.parameters,
                    "macs": node.macs,
                    "share": found.cost.share(node),
                    "peer_only": node.index in found.peer_only,
                }
                for node in (*found.cost.nodes, found.cost.head)
            ],
            "warnings": list(found.warnings),
            "alarms": [str(alarm) for alarm in found.alarms],
            **({} if found.peers is None else {"peers": found.peers.to_json()}),
        }


def _show(found: Inspection, terminal: Terminal) -> None:
    """Shows the tables, who attends to whom if that was asked for, and what is odd."""
    from connsearch.view.structures.peer_tables import peer_blocks_table, peer_mixtures_table
    from connsearch.view.structures.tables import structure_table, totals_table

    structure, peers = found.structure, found.peers
    terminal.show(structure_table(structure, found.cost), totals_table(structure, found.cost))
    if peers is not None and peers.mixtures:
        terminal.show(peer_mixtures_table(peers), peer_blocks_table(peers))
    elif peers is not None:
        terminal.warn(
            f"no connection of {structure.name} names peers (attention "
            f"{structure.network.attention}): search it in mode peer first"
        )
    for sentence in (*found.warnings, *map(str, found.alarms)):
        terminal.warn(sentence)


def _show_network(found: NetworkInspection, terminal: Terminal) -> Mapping[str, Any]:
    """Shows a network that is no structure; returns the numbers."""
    from connsearch.view.structures.weights_table import network_table, parts_table, taken_table

    terminal.show(network_table(found.document, found.cost, found.clip, found.classes))
    if found.parts:
        terminal.show(parts_table(found.parts, found.cost, found.training_macs))
    weights = found.conversion or found.initial
    if weights is not None:
        whose = f" ({weights.publication})" if weights.publication else ""
        terminal.show(taken_table(weights.taken, title=f"weights: {weights.source.path}{whose}"))
        terminal.say(f"SHA-256 of the file: {weights.source.sha256}")
    return {
        "command": "inspect",
        **found.document.to_json(),
        "num_classes": found.num_classes,
        "classes": list(found.classes),
        "parameters": found.cost.parameters,
        "macs": found.cost.macs,
        "clip": list(found.clip),
        **({"parts": {k: v._asdict() for k, v in found.parts.items()}} if found.parts else {}),
        **({} if found.training_macs is None else {"training_macs": found.training_macs}),
        **({} if found.conversion is None else {"conversion": found.conversion.to_json()}),
        **({} if found.initial is None else {"initial_weights": found.initial.to_json()}),
    }


def _list_structures(terminal: Terminal) -> Mapping[str, Any]:
    from connsearch.graph.files import structure_names

    names = structure_names()
    terminal.say("structures that come with connsearch:")
    for name in names:
        terminal.say(f"  {name}")
    terminal.say("next: connsearch inspect NAME")
    return {"command": "inspect", "structures": names}
