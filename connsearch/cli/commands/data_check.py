"""``connsearch data check``: which files of a data set are whole?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.terminal import Terminal
from connsearch.data.options import DataOptions
from connsearch.files.paths import make_room
from connsearch.files.text import csv_text, visible

if TYPE_CHECKING:
    from connsearch.data.records import VideoInfo
    from connsearch.data.tools.check import Checked
    from connsearch.data.tools.check_source import ToCheck

COLUMNS: tuple[str, ...] = (
    "split",
    "name",
    "class",
    "frames",
    "height",
    "width",
    "fps",
    "outcome",
    "reason",
    "seeks",
    "differences",
)
"""One row a clip; the outcome is ``ok`` or ``bad``, and the reason says why. ``differences`` are
the numbers, from 0, of frames that are others when they are read alone."""

WHOLE, FAULTY = 0, 1

_SHOWN = 20
"""Frames of a file that a line names before it counts the rest."""


class DataCheck(Command):
    """Reads every clip of a data set from its first frame to its last, and writes a report.

    The data needs no labels and no split: a folder of videos, a single file or a list of paths will
    do.

    Exit code 1: a file cannot be used, or a frame read alone is another one than in one pass; the
    report names each. Exit code 2: nothing could be checked.
    """

    FAILURE: ClassVar[int] = 2
    BASIC: ClassVar[frozenset[str]] = frozenset(
        """
        output readers seeks json_line source protocol videos media_fps object_classes frames stride
        fps size short timeout
        """.split()
    )

    data: DataOptions = DataOptions()
    output: Annotated[Path, Flag(short="-o", metavar="FILE")] = Path("check.csv")
    """Report to write, one row per clip."""
    readers: int = Field(default=1, ge=0, le=256)
    """Number of processes that read; with 0, a file that crashes the reader ends the check."""
    seeks: int = Field(default=0, ge=0, le=100_000)
    """Also read this many single frames of each file, as training does, and compare them bit for
    bit with one pass over the file."""

    def exit_code(self, report: Mapping[str, Any]) -> int:
        """Returns 1 where a clip cannot be used or a frame differs."""
        return FAULTY if report["unusable"] or report["seek_differences"] else WHOLE

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Reads everything, writes the report, and returns the numbers."""
        from connsearch.data.tools.check import check_clips
        from connsearch.data.tools.check_source import clips_to_check
        from connsearch.graph.files import atomic_write_text

        make_room(self.output)
        there = clips_to_check(self.data)
        records = there.source.records
        for note in there.source.notes:
            terminal.warn(note)
        total = len(records) + len(there.lost)
        terminal.say(f"data: {there.source.name}, {total} clips")
        work = check_clips(records, self.data, workers=self.readers, seeks=self.seeks)
        found = sorted(terminal.count(work, len(records), "clips"), key=lambda one: one.place)
        rows = [_row(checked, there.source.classes) for checked in found]
        rows += [{"name": name, "outcome": "bad", "reason": why} for name, why in there.lost]
        atomic_write_text(self.output, csv_text(COLUMNS, rows))
        terminal.say(f"report: {self.output}")
        report = {"command": "data check", "data": there.source.name, **_report(there, found)}
        _tell(report, terminal)
        return {**report, "report": str(self.output)}


def _row(checked: Checked, classes: Sequence[str]) -> dict[str, Any]:
    record, info = checked.record, checked.info
    row: dict[str, Any] = {
        "split": record.split,
        "name": record.name,
        "class": "|".join(classes[label] for label in record.labels),
        "outcome": "ok" if checked.reason is None else "bad",
        "reason": checked.reason,
    }
    if info is not None:
        row |= {"frames": info.frames, "height": info.height, "width": info.width}
        row["fps"] = round(info.fps, 3)
    if checked.seeks:
        row["seeks"] = checked.seeks
        row["differences"] = " ".join(str(one.frame) for one in checked.differences)
    return row


def _report(there: ToCheck, found: Sequence[Checked]) -> dict[str, Any]:
    """The numbers, and everything that is wrong by name."""
    bad = [(one.record.name, one.reason) for one in found if one.reason is not None]
    bad += there.lost
    return {
        "clips": len(found) + len(there.lost),
        "unusable": len(bad),
        "bad": len(bad),
        "seeks": sum(one.seeks for one in found),
        "seek_differences": sum(len(one.differences) for one in found),
        "faults": [{"name": name, "reason": reason} for name, reason in bad],
        "notes": [
            {"name": one.record.name, "note": note}
            for one in found
            if one.info is not None and (note := _note(one.info))
        ],
        "differences": [
            {
                "name": one.record.name,
                "path": str(one.record.path),
                "frames": [difference.frame for difference in one.differences],
                "reasons": sorted({d.reason for d in one.differences if d.reason}),
            }
            for one in found
            if one.differences
        ],
    }


def _note(info: VideoInfo) -> str:
    """What a person should know of a clip that can be used."""
    if info.step > 1:
        return f"holds one frame in {info.step} of a video, by the numbers in their names"
    return info.note


def _tell(report: Mapping[str, Any], terminal: Terminal) -> None:
    """Says what was found."""
    bad, clips = report["faults"], report["clips"]
    if bad:
        terminal.say(f"{len(bad)} of {clips} clips cannot be used")
        for fault in bad:
            terminal.say(f"  {fault['reason']}")
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
