"""``connsearch data objects``: masks, label pictures or measured arrays as object maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.data_objects import DataObjectsSettings


class DataObjects(DataObjectsSettings, Command):
    """Makes the object-map file of a clip, the input of the object stream.

    The source is a folder of PNG label maps, one per frame, by the numbers in their names, or an
    npy or npz array (rows, height, width). Put the result next to the clip, under the same name
    with the suffix .npz, or name it in the column object of a list.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Converts, and returns what was written."""
        from connsearch.workflows.data_objects import run_data_objects

        found = run_data_objects(self)
        told = ", ".join(f"{n}: {share:.1%}" for n, share in found.shares.items())
        size = f"{found.frames} frames of {found.height}x{found.width}"
        terminal.say(f"written: {found.path}, {size}")
        terminal.say(f"share of the pixels by class: {told}")
        return {
            "command": "data objects",
            "output": str(found.path),
            "frames": found.frames,
            "height": found.height,
            "width": found.width,
            "shares": {str(n): share for n, share in found.shares.items()},
        }
