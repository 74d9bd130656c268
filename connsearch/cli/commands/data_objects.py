"""``connsearch data objects``: object maps from masks, measured arrays or a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.data_objects import DataObjectsSettings

if TYPE_CHECKING:
    from connsearch.data.tools.predict_objects import ObjectMapSet
    from connsearch.workflows.data_objects import ObjectMapFile


class DataObjects(DataObjectsSettings, Command):
    """Makes object maps, the input of the object stream: of a clip, or of a data set by a network.

    Of a clip: the source is a folder of PNG label maps, one per frame, by the numbers in their
    names, or an npy or npz array (rows, height, width). Put the result next to the clip, under the
    same name with the suffix .npz, or name it in the column object of a list.

    With --model: a segmentation network in ONNX is run over a data set. Search on the output folder
    as on any data set: --data FOLDER.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Converts or predicts, and returns what was written."""
        from connsearch.workflows.data_objects import ObjectMapFile, run_data_objects

        found = run_data_objects(self, terminal.listener())
        _say(found, terminal)
        told = ", ".join(f"{n}: {share:.1%}" for n, share in found.shares.items())
        terminal.say(f"share of the pixels by class: {told}")
        shares = {str(n): share for n, share in found.shares.items()}
        if isinstance(found, ObjectMapFile):
            size = {"frames": found.frames, "height": found.height, "width": found.width}
            return {"command": "data objects", "output": str(found.path), **size, "shares": shares}
        return {
            "command": "data objects",
            "output": str(found.folder),
            "videos": found.videos,
            "clips": found.clips,
            "frames": found.frames,
            "bytes": found.bytes,
            "before": found.before,
            "classes": found.classes,
            "shares": shares,
            "unreadable": dict(found.unreadable),
        }


def _say(found: ObjectMapFile | ObjectMapSet, terminal: Terminal) -> None:
    """Says what was written, and what to do with it."""
    from connsearch.workflows.data_objects import ObjectMapFile

    if isinstance(found, ObjectMapFile):
        size = f"{found.frames} frames of {found.height}x{found.width}"
        terminal.say(f"written: {found.path}, {size}")
        return
    if found.unreadable:
        terminal.warn(f"{len(found.unreadable)} videos cannot be read and were left out")
        for reason in found.unreadable.values():
            terminal.say(f"  {reason}")
    stood = f", {found.before} of them had them before" if found.before else ""
    terminal.say(
        f"written: maps of {found.videos} videos{stood}, {found.frames} frames, "
        f"{found.bytes / 1e6:.1f} MB\n"
        f"  use them with --data {found.folder} --object-classes {found.classes}"
    )
