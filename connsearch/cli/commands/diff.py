"""``connsearch diff``: what differs between two structures, as a table, a picture and a code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.diff import DiffSettings

if TYPE_CHECKING:
    from connsearch.graph.compare import Change
    from connsearch.workflows.diff import StructureDiff

EQUAL, DIFFERENT, TROUBLE = 0, 1, 2


class Diff(DiffSettings, Command):
    """Shows what differs between two structures.

    Both may be anything that `connsearch draw` takes. Names and the order of inputs do not count.

    Nodes are matched by number if both have the same nodes; by the parent's numbers where one
    was pruned from the other, or both from one parent; by a renumbering if there is one; else by
    their order within a stream or a level.

    Exit code, as of diff(1): 0 equal, 1 different, 2 trouble. Everywhere else in connsearch 1 is
    a failure; here every failure is 2.
    """

    FAILURE: ClassVar[int] = TROUBLE

    def exit_code(self, report: Mapping[str, Any]) -> int:
        """Returns 1 where something differs."""
        return DIFFERENT if report["different"] else EQUAL

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Shows the differences, draws them, and returns them."""
        from connsearch.graph.hashing import structure_hash
        from connsearch.view.structures.facts import DEAD, PEER_ONLY, nodes_by_role
        from connsearch.workflows.diff import run_diff

        found = run_diff(self)
        _show(found, terminal)
        matching = found.differences.matching
        return {
            "command": "diff",
            "a": self.before,
            "b": self.after,
            "different": bool(found),
            "structures": [
                {
                    "name": structure.name,
                    "hash": structure_hash(structure),
                    "peer_only": nodes_by_role(structure).get(PEER_ONLY, []),
                    "dead": nodes_by_role(structure).get(DEAD, []),
                }
                for structure in (found.differences.a, found.differences.b)
            ],
            "matched_by": matching.rule,
            "same_up_to_renumbering": matching.rule == "renumbering",
            "matches": sorted(matching.to_b.items()),
            "settings": _changes(found.differences.settings),
            "nodes": [
                {"state": n.state, "a": n.before, "b": n.after, "changes": _changes(n.changes)}
                for n in found.differences.nodes
            ],
            "connections": [
                {
                    "state": c.state,
                    "a": c.before,
                    "b": c.after,
                    "weights": list(c.weights),
                    "changes": _changes(c.changes),
                }
                for c in found.differences.connections
            ],
            "cost": {
                "parameters": [cost.parameters for cost in found.costs],
                "macs": [cost.macs for cost in found.costs],
                "num_classes": found.num_classes,
                "clip": list(found.clip),
            },
            "pictures": [str(path) for path in found.pictures],
        }


def _show(diff: StructureDiff, terminal: Terminal) -> None:
    from connsearch.view.structures.diff_markup import counts
    from connsearch.view.structures.diff_tables import (
        connections_diff_table,
        nodes_diff_table,
        settings_diff_table,
        told_apart,
        totals_diff_table,
    )
    from connsearch.view.structures.facts import nodes_by_role

    found = diff.differences
    for line in told_apart(found, diff.names):
        terminal.say(line)
    terminal.show(totals_diff_table(found, *diff.costs))
    if found.settings:
        terminal.show(settings_diff_table(found))
    if found.nodes:
        terminal.show(nodes_diff_table(found))
    if found.connections:
        terminal.show(connections_diff_table(found))
    if found.matching.rule == "renumbering":
        terminal.say("the same up to renumbering")
    if found.matching.rule == "order":
        terminal.say("nodes are matched by their order within a stream or a level")
    terminal.say(", ".join(counts(found)))
    for name, structure in (("A", found.a), ("B", found.b)):
        for role, nodes in nodes_by_role(structure).items():
            terminal.say(f"{role} in {name}: {', '.join(map(str, nodes))}")
    for path in diff.pictures:
        terminal.say(f"drawn: {path}")


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [asdict(change) for change in changes]
