"""``connsearch data check``: which files of a data set are whole?"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.terminal import Terminal
from connsearch.data.options import DataOptions
from connsearch.errors import Failure

if TYPE_CHECKING:
    from connsearch.data.check import Checked

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
)
"""One row a clip; the outcome is ``ok`` or ``bad``, and the reason says why."""


class DataCheck(Command):
    """Reads every clip of a data set from its first frame to its last, and writes a report.

    Ends with exit code 1 where a file cannot be used; the report names each with its reason.
    """

    data: DataOptions = DataOptions()
    output: Annotated[Path, Flag(short="-o", metavar="FILE")] = Path("check.csv")
    """The report, one row a clip."""
    readers: int = Field(default=1, ge=0, le=256)
    """Processes that read; with 0 a file that kills its reader ends the check."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Reads everything, writes the report, and returns the numbers.

        Raises:
            Failure: at least one clip cannot be used.
        """
        from connsearch.data.check import check_clips
        from connsearch.data.load import load_data
        from connsearch.graph.files import atomic_write_text

        data = load_data(self.data.model_copy(update={"bad_share": 1.0}), follow=terminal.count)
        total = sum(len(dataset) for _, dataset in data)
        terminal.say(f"data: {data.name}, {total} clips in {len(data.classes)} classes")
        found = list(terminal.count(check_clips(data, workers=self.readers), total, "clips"))
        rows = [_row(checked, data.classes) for checked in found]
        atomic_write_text(self.output, _table(rows))
        for checked in found:
            if checked.info is not None and checked.info.note:
                terminal.warn(f"{checked.record.name}: {checked.info.note}")
        bad = [checked for checked in found if checked.reason is not None]
        terminal.say(f"report: {self.output}")
        if bad:
            reasons = "\n".join(f"  {checked.reason}" for checked in bad)
            raise Failure(f"{len(bad)} of {total} clips cannot be used\n{reasons}")
        terminal.say(f"all {total} clips can be used")
        return {
            "command": "data check",
            "clips": total,
            "bad": 0,
            "report": str(self.output),
            "fingerprint": data.fingerprint,
        }


def _row(checked: Checked, classes: tuple[str, ...]) -> dict[str, Any]:
    record, info = checked.record, checked.info
    row: dict[str, Any] = {
        "split": checked.split,
        "name": record.name,
        "class": "|".join(classes[label] for label in record.labels),
        "outcome": "ok" if checked.reason is None else "bad",
        "reason": checked.reason or "",
    }
    if info is not None:
        row |= {"frames": info.frames, "height": info.height, "width": info.width}
        row["fps"] = round(info.fps, 3)
    return row


def _table(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
