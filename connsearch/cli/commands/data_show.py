"""``connsearch data show``: a contact sheet of clips, as evaluated and as trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.registry import names_in
from connsearch.workflows.settings.data_show import DataShowSettings


class DataShow(DataShowSettings, Command):
    """Draws clips of a data set as a network sees them: a contact sheet, as PNG.

    Each clip as it is evaluated (its centre, untouched) and as one epoch of training sees it, its
    flow as the network computes it, and its object maps. A clip that cannot be read is shown with
    the reason.
    """

    @classmethod
    def about(cls) -> str:
        """Returns the text of its help page, with the augmentations there are."""
        names = ", ".join(names_in("connsearch.data.clips.augment", "AUGMENTATIONS"))
        return (
            f"{super().about()}\n\nChanges for --augment: {names}.\n\n"
            "The published sets are srtg_large and srtg_small."
        )

    BASIC: ClassVar[frozenset[str]] = frozenset(
        """
        output split clips names columns epoch seed json_line source frames stride fps size
        crop_scale flip brightness contrast augment augment_any augment_each
        """.split()
    )

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Draws, and returns where the picture is and what is on it."""
        from connsearch.workflows.data_show import run_data_show

        sheet = run_data_show(self, terminal.listener())
        terminal.say(f"drawn: {sheet.picture} ({len(sheet.strips)} clips)")
        return {
            "command": "data show",
            "picture": str(sheet.picture),
            "data": sheet.data,
            "clips": [
                {
                    "name": strip.name,
                    "split": strip.split,
                    "classes": list(strip.classes),
                    "frames": list(strip.numbers),
                    "fault": strip.fault or None,
                }
                for strip in sheet.strips
            ],
        }
