"""``connsearch draw``: a picture of any structure, run, pruned network or checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.draw import DrawSettings


class Draw(DrawSettings, Command):
    """Draws a structure as SVG, PNG or PDF.

    Columns are levels, colours are streams, the width of a line is its learned weight; dashed is
    below the threshold, dotted is peer attention, red is dead; a bow tie at its end is a temporal
    gate, and a badge says what follows a block.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Draws, and returns where the picture is."""
        from connsearch.workflows.draw import run_draw

        structure, path = run_draw(self)
        terminal.say(f"drawn: {path}")
        return {
            "command": "draw",
            "structure": structure.name,
            "picture": str(path),
            "nodes": len(structure),
            "connections": len(structure.edges()),
        }
