"""``connsearch focus show``: where a focus model looks, and when it stops."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.outcome import say_pictures
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.focus_show import FocusShowSettings


class FocusShow(FocusShowSettings, Command):
    """Shows where a focus model looks in its clips, and when it stops.

    A contact sheet has a row per clip: its frames in the order of time, the window in each, the
    order in which they are looked at, and the answer so far; a film shows the window enlarged. All
    clips of the split are counted: a heat map of the places, their spread, and a remark where the
    policy has collapsed onto one place. Thresholds of connsearch early-exit show where each clip
    stops.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Looks, draws, shows the numbers, and returns them."""
        from connsearch.view.runs.focus import places_facts
        from connsearch.workflows.focus_show import run_focus_show

        found = run_focus_show(self, terminal.listener())
        for name, value in places_facts(found):
            terminal.say(f"{name}: {value}")
        for remark in found.remarks:
            terminal.warn(f"{remark.said}\n  cure: {remark.cure}")
        terminal.say(f"contact sheet: {found.sheet}")
        if found.film is not None:
            terminal.say(f"film: {found.film}")
        terminal.say(f"table: {found.table}")
        say_pictures([Path(path) for path in found.pictures], terminal)
        return found.to_json()
