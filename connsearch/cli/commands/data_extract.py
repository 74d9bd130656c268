"""``connsearch data extract``: the frames of a data set as folders of JPEGs, with their lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.data_extract import DataExtractSettings


class DataExtract(DataExtractSettings, Command):
    """Extracts the frames of a data set into folders of JPEGs, and writes lists of them.

    Lists of the form "path frames label" stand beside the frames, under the published names where
    the data set is a published list; clips.csv keeps groups and splits. Train on the target as on
    any data set: --data DIR. After an interruption, rerun the same command to resume.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Extracts, and returns what stands there now."""
        from connsearch.workflows.data_extract import run_data_extract

        result = run_data_extract(self, terminal.listener())
        if result.unreadable:
            terminal.warn(
                f"{len(result.unreadable)} clips cannot be read and were left out; "
                f"{result.folder / 'quarantine.csv'} lists them"
            )
            for reason in result.unreadable.values():
                terminal.say(f"  {reason}")
        stood = f", {result.before} of them stood there before" if result.before else ""
        terminal.say(
            f"extracted: {result.clips} clips{stood}, {result.frames} frames, "
            f"{result.bytes / 1e6:.1f} MB\n"
            f"  in {result.folder}, lists {', '.join(result.lists)}; use it with --data "
            f"{result.folder}"
        )
        return {
            "command": "data extract",
            "target": str(result.folder),
            "clips": result.clips,
            "frames": result.frames,
            "bytes": result.bytes,
            "before": result.before,
            "lists": list(result.lists),
            "unreadable": dict(result.unreadable),
        }
