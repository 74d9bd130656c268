"""``connsearch draw``: a picture of any structure, run, pruned network or checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.target import open_structure
from connsearch.cli.terminal import Terminal
from connsearch.files.places import place_of


class Draw(Command):
    """Draws a structure as SVG, PNG or PDF.

    Columns are levels, colours are streams, the width of a line is its learned weight; dashed is
    below the threshold, dotted is peer attention, red is dead.
    """

    structure: Annotated[str, Flag(positional=True)]
    """The name of a structure, a structure file, a run, a pruned network, or a checkpoint."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """The picture, ending in .svg, .png or .pdf; by default NAME.svg in this directory."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """Draw connections with a smaller weight as dashed lines."""
    title: str | None = None
    """Title of the picture; by default the name of the structure."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Draws, and returns where the picture is."""
        from connsearch.view.structures.draw import render

        structure = open_structure(self.structure)
        path = self.output or Path(structure.name.replace("/", "-") + ".svg")
        with place_of(path):
            render(structure, path, threshold=self.threshold, title=self.title)
        terminal.say(f"drawn: {path}")
        return {
            "command": "draw",
            "structure": structure.name,
            "picture": str(path),
            "nodes": len(structure),
            "connections": len(structure.edges()),
        }
