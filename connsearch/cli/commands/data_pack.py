"""``connsearch data pack``: the frames of a data set as JPEGs in frame stores, quick to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.data_pack import DataPackSettings


class DataPack(DataPackSettings, Command):
    """Packs the videos of a data set into frame stores, which are several times faster to read.

    A store is one SQLite file per video with one JPEG per frame. Train on the target as on any data
    set: --data TARGET. After an interruption, rerun the same command to resume.

    Splits of the data set are kept; if it has none, they are drawn from the target exactly as from
    the videos.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Packs, and returns what stands there now."""
        from connsearch.workflows.data_pack import run_data_pack

        result = run_data_pack(self, terminal.listener())
        if result.unreadable:
            terminal.warn(f"{len(result.unreadable)} videos cannot be read and were left out")
            for reason in result.unreadable.values():
                terminal.say(f"  {reason}")
        stood = f", {result.before} of them stood there before" if result.before else ""
        terminal.say(
            f"packed: {result.clips} clips of {result.videos} videos{stood}, {result.frames} "
            f"frames, {result.bytes / 1e6:.1f} MB\n"
            f"  in {result.folder}; use it with --data {result.folder}"
        )
        return {
            "command": "data pack",
            "target": str(result.folder),
            "videos": result.videos,
            "clips": result.clips,
            "frames": result.frames,
            "bytes": result.bytes,
            "before": result.before,
            "unreadable": dict(result.unreadable),
        }
