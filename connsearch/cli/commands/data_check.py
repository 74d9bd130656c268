"""``connsearch data check``: which files of a data set are whole?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.files.text import visible
from connsearch.workflows.settings.data_check import DataCheckSettings

if TYPE_CHECKING:
    from connsearch.workflows.data_check import CheckedData

WHOLE, FAULTY = 0, 1

_SHOWN = 20
"""Frames of a file that a line names before it counts the rest, and faulty clips that are named."""


class DataCheck(DataCheckSettings, Command):
    """Reads every clip of a data set from its first frame to its last, and writes a report.

    The data needs no labels and no split: a folder of videos, a single file or a list of paths is
    enough.

    Exit code 1: a file cannot be used, or a frame that is read alone differs from the same frame
    in one pass over the file; the report names each. Exit code 2: nothing could be checked.
    """

    FAILURE: ClassVar[int] = 2
    BASIC: ClassVar[frozenset[str]] = frozenset(
        """
        output readers seeks json_line source protocol videos media_fps object_classes frames stride
        fps size short timeout
        """.split()
    )

    def exit_code(self, report: Mapping[str, Any]) -> int:
        """Returns 1 where a clip cannot be used or a frame differs."""
        return FAULTY if report["unusable"] or report["seek_differences"] else WHOLE

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Reads everything, writes the report, and returns the numbers."""
        from connsearch.workflows.data_check import run_data_check

        found = run_data_check(self, terminal.listener())
        terminal.say(f"report: {found.report}")
        report = {"command": "data check", "data": found.data, **_report(found)}
        _tell(report, terminal)
        return {**report, "report": str(found.report)}


def _report(found: CheckedData) -> dict[str, Any]:
    """The numbers, and everything that is wrong by name."""
    return {
        "clips": len(found.clips) + len(found.lost),
        "unusable": len(found.faults),
        "bad": len(found.faults),
        "seeks": sum(one.seeks for one in found.clips),
        "seek_differences": sum(len(one.differences) for one in found.clips),
        "faults": [{"name": name, "reason": reason} for name, reason in found.faults],
        "notes": [{"name": name, "note": note} for name, note in found.notes],
        "differences": [
            {
                "name": one.record.name,
                "path": str(one.record.path),
                "frames": [difference.frame for difference in one.differences],
                "reasons": sorted({d.reason for d in one.differences if d.reason}),
            }
            for one in found.different
        ],
    }


def _tell(report: Mapping[str, Any], terminal: Terminal) -> None:
    """Says what was found."""
    bad, clips = report["faults"], report["clips"]
    if bad:
        terminal.say(f"{len(bad)} of {clips} clips cannot be used")
        for fault in bad[:_SHOWN]:
            terminal.say(f"  {fault['reason']}")
        if len(bad) > _SHOWN:
            terminal.say(f"  and {len(bad) - _SHOWN} more; the report names each")
    else:
        terminal.say(f"all {clips} clips can be used")
    for noted in report["notes"]:
        terminal.warn(f"{visible(noted['name'])}: {noted['note']}")
    if report["seeks"]:
        terminal.say(
            f"{report['seeks']} frames read alone: {report['seek_differences']} differ from one "
            "pass over the file"
        )
    for found in report["differences"]:
        frames = found["frames"]
        more = f" and {len(frames) - _SHOWN} more" if len(frames) > _SHOWN else ""
        numbers = ", ".join(map(str, frames[:_SHOWN]))
        terminal.say(f"  {visible(found['path'])}: frame {numbers}{more} (counted from 0)")
        for reason in found["reasons"][:_SHOWN]:
            terminal.say(f"    {reason}")
