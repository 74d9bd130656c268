"""``connsearch weights convert``: a published file to a directory that other commands open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.weights_convert import WeightsConvertSettings

_OF_THE_RECORD = frozenset({"command", "line", "settings", "facts"})
"""What stands in ``conversion.json`` and not in the command's JSON object."""


class WeightsConvert(WeightsConvertSettings, Command):
    """Reads published weights, and writes them as a network that other commands open.

    Nothing in the file is executed: a file that would run code on loading is refused. Every name is
    mapped by the publication's key map and every shape is compared; what does not fit is named. The
    prefix of DataParallel is removed, the state of an optimiser is left out.

    The directory can be evaluated, trained further, exported, and asked about videos. As nothing
    is known of its data, name that with --data.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Converts, shows what was loaded, and returns what stands in conversion.json."""
        from connsearch.view.structures.weights_table import taken_table
        from connsearch.workflows.weights_convert import run_weights_convert

        run = run_weights_convert(self, terminal.listener())
        record, place = run.conversion, run.directory
        assert record is not None, "it was just written"
        terminal.show(taken_table(record.taken, title=f"{record.model} from {record.publication}"))
        terminal.say(f"SHA-256 of the file: {record.source.sha256}")
        terminal.say(f"converted: {place} (weights: {run.weights_path.name})")
        new = bool(record.taken.left_out)
        terminal.say(f"next: connsearch {'train' if new else 'evaluate'} {place} --data ...")
        told = {k: v for k, v in record.to_json().items() if k not in _OF_THE_RECORD}
        classes = run.num_classes
        return {"command": "weights convert", **told, "classes": classes, "output": str(place)}
