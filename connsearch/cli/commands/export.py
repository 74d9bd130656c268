"""``connsearch export``: a network for those who do not have connsearch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.runs.names import EXPORT_RECORD
from connsearch.workflows.settings.export import ExportSettings


class Export(ExportSettings, Command):
    """Writes a trained network as one file that runs without connsearch.

    The written file and the network are run on the same clips; the largest difference between their
    logits is shown, and if it is too large, nothing is kept.

    The number of clips stays open, their size is fixed. export.json, next to the file, says
    what its inputs and outputs are.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Writes, compares, keeps; returns what stands in export.json."""
        from connsearch.workflows.export import run_export

        found = run_export(self, terminal.listener())
        terminal.say(f"exported: {found.file} ({found.record.bytes / 2**20:.2f} MiB)")
        terminal.say(f"  what goes in and comes out: {found.directory / EXPORT_RECORD}")
        return {**found.record.to_json(), "output": str(found.directory)}
