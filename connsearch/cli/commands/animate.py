"""``connsearch animate``: how the weights of a search went, as GIF, MP4 or a page with a slider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.animate import AnimateSettings


class Animate(AnimateSettings, Command):
    """Animates the connection weights of a search: the picture stays, the weights change.

    The width of a line is the weight at that step, dashed is what the criterion would remove then.
    It can be made of finished, stopped and running searches.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Draws, and returns where the files are."""
        from connsearch.workflows.animate import run_animate

        drawn = run_animate(self, terminal.listener())
        return {
            "command": "animate",
            "run": self.run,
            "files": [str(path) for path in drawn.files],
            "frames": len(drawn.steps),
            "steps": list(drawn.steps),
            "connections": drawn.connections,
            "kept": drawn.remains.kept,
            "dead": drawn.remains.dead,
        }
