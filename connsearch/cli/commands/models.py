"""``connsearch models``: which networks there are by name, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.flags import Flag
from connsearch.workflows.settings.sizes import Size


class Models(Command):
    """Lists every network that `train` and `create_model` take by name, with what it costs.

    Counted are parameters, and the multiply-accumulates (MACs) of one clip; the representation flow
    of a structure is not part of them. Structures can be searched, pruned and evolved; the other
    networks can be trained and evaluated.
    """

    patterns: Annotated[tuple[str, ...], Flag(positional=True)] = ()
    """Only these names; a pattern such as 'srtg_*' is all that fit it."""
    num_classes: int = Field(default=400, ge=1, le=10**6)
    """Number of classes."""
    frames: Size | None = None
    """Frames of the clip to count MACs for; by default what each network was made for."""
    size: Size | None = None
    """Height and width of the clip in pixels; by default what each network was made for."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Shows the table and returns the numbers."""
        from connsearch.models.catalogue import list_models
        from connsearch.view.structures.tables import metrics_table, short

        found = list_models(
            *self.patterns, num_classes=self.num_classes, frames=self.frames, size=self.size
        )
        rows = [
            {
                "name": entry.name,
                "kind": entry.kind,
                "parameters": short(entry.parameters),
                "MACs": short(entry.macs),
                "clip": "x".join(map(str, entry.clip)),
            }
            for entry in found
        ]
        terminal.show(metrics_table(rows, title=f"networks by name, {self.num_classes} classes"))
        terminal.say("next: connsearch train NAME --data ...")
        return {"models": [{**asdict(entry), "clip": list(entry.clip)} for entry in found]}
