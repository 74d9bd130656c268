"""``connsearch lineage``: where a child of an evolution, or one of its connections, comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.lineage import LineageSettings

if TYPE_CHECKING:
    from connsearch.evolution.review.lineage import Origin
    from connsearch.view.evolution.story import Story


class Lineage(LineageSettings, Command):
    """Shows where a child of an evolution comes from, and draws its family.

    Every ancestor is made again from its parent with the recorded operators, and the result must be
    the same.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Replays, shows, draws, and returns the line."""
        from connsearch.view.evolution.tables import ancestry_table, origin_table
        from connsearch.workflows.lineage import run_lineage

        found = run_lineage(self, terminal.listener())
        terminal.show(ancestry_table(found.story, self.child))
        if found.connection is not None:
            terminal.show(origin_table(found.connection))
        for path in found.pictures:
            terminal.say(f"drawn: {path}")
        return {
            "command": "lineage",
            "run": self.run,
            "child": self.child,
            "line": [_ancestor(found.story, number) for number in found.line],
            "replayed": list(found.replayed),
            "connection": None if found.connection is None else _told(found.connection),
            "pictures": [str(path) for path in found.pictures],
        }


def _ancestor(story: Story, number: int) -> dict[str, Any]:
    entry = story.entries[number]
    return {
        "child": number,
        "operators": list(entry.operators),
        "values": None if entry.values is None else list(entry.values),
        "evaluations": entry.evaluations,
        "connections": entry.connections,
    }


def _told(origin: Origin) -> dict[str, Any]:
    return {
        "connection": list(origin.edge),
        "since": origin.child,
        "operator": origin.operator,
        "seed": origin.seed,
        "generations": [
            {
                "child": found.child,
                "connections": [list(edge) for edge in found.edges],
                "weights": list(found.weights),
            }
            for found in origin.generations
        ],
    }
