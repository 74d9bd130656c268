"""``connsearch curve``: what accuracy costs, from the whole network to its strongest path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.outcome import say_pictures
from connsearch.cli.terminal import Terminal
from connsearch.runs.names import CURVE, table
from connsearch.workflows.settings.curve import CurveSettings


class Curve(CurveSettings, Command):
    """Shows what accuracy costs: accuracy over MACs and over measured latency.

    Prunes the searched network step by step, the weakest connection of each block first, down to
    its strongest path.

    Every network inherits its weights; its batch-norm statistics are computed again, and it is
    evaluated on the validation split. Nothing is trained. All are timed in turn on this device.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Judges, times, shows and draws the points; returns the curve."""
        from connsearch.view.runs.curve import curve_table
        from connsearch.workflows.curve import run_curve

        points, found = run_curve(self, terminal.listener())
        terminal.show(curve_table(points))
        terminal.say(f"table: {Path(found.output) / table(CURVE)}")
        say_pictures([Path(path) for path in found.pictures], terminal)
        return found.to_json()
