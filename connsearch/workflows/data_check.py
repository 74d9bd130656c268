"""Which files of a data set are whole: :func:`data_check`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.data.records import VideoInfo
from connsearch.data.tools.check import Checked, check_clips
from connsearch.data.tools.check_source import clips_to_check
from connsearch.files.disk import atomic_write_text
from connsearch.files.paths import make_room
from connsearch.files.text import csv_text
from connsearch.workflows.beside import beside_data
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.data_check import DataCheckSettings

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


@dataclass(frozen=True, slots=True)
class CheckedData:
    """What was found out about the files of a data set.

    Attributes:
        data: its name.
        report: the CSV file with one row a clip.
        clips: what was found out about each, in the order of the data set.
        lost: (name, reason) of what is named and is not there.
    """

    data: str
    report: Path
    clips: tuple[Checked, ...]
    lost: tuple[tuple[str, str], ...] = ()

    @property
    def faults(self) -> list[tuple[str, str]]:
        """(name, reason) of every clip that cannot be used."""
        bad = [(one.record.name, one.reason) for one in self.clips if one.reason is not None]
        return bad + list(self.lost)

    @property
    def notes(self) -> list[tuple[str, str]]:
        """(name, note) of clips that can be used and of which a person should know something."""
        return [
            (one.record.name, note)
            for one in self.clips
            if one.info is not None and (note := _note(one.info))
        ]

    @property
    def different(self) -> list[Checked]:
        """Clips with frames that are others when they are read alone."""
        return [one for one in self.clips if one.differences]


def data_check(
    source: str | Path,
    output: str | Path | None = None,
    *,
    progress: Progress = True,
    **settings: Any,
) -> CheckedData:
    """Returns what is whole of a data set: every clip is read from its first frame to its last.

    The data needs no labels and no split: a folder of videos, a single file or a list of paths will
    do.

    Args:
        source: the data.
        output: the report, one row a clip, as CSV; by default NAME.check.csv beside the data.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch data check`` by its name: ``readers=4, seeks=20``.

    Raises:
        UserError: a setting cannot be used, or there is nothing to check.
    """
    file = None if output is None else Path(output)
    asked = DataCheckSettings.of(source=str(source), output=file, **settings)
    return run_data_check(asked, Listener.of(progress))


def run_data_check(asked: DataCheckSettings, listener: Listener) -> CheckedData:
    """Returns what was found, once the report is written.

    Raises:
        UserError: as for :func:`data_check`.
    """
    output = asked.output or beside_data(asked.data.source.source, "check.csv")
    make_room(output)
    there = clips_to_check(asked.data)
    source = there.source
    for note in source.notes:
        listener.warn(note)
    listener.say(f"data: {source.name}, {len(source.records) + len(there.lost)} clips")
    work = check_clips(source.records, asked.data, workers=asked.readers, seeks=asked.seeks)
    count = len(source.records)
    found = sorted(listener.count(work, count, "clips"), key=lambda one: one.place)
    rows = [_row(checked, source.classes) for checked in found]
    rows += [{"name": name, "outcome": "bad", "reason": why} for name, why in there.lost]
    atomic_write_text(output, csv_text(COLUMNS, rows))
    return CheckedData(source.name, output, tuple(found), there.lost)


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


def _note(info: VideoInfo) -> str:
    """What a person should know of a clip that can be used."""
    if info.step > 1:
        return f"holds one frame in {info.step} of a video, by the numbers in their names"
    return info.note
