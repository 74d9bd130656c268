"""The files of a prediction: its table, the picture of a timeline, videos with answers on them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from connsearch.data.records import Record
from connsearch.errors import DataError, SettingsError
from connsearch.files.disk import atomic_write_text, is_folder, is_plain, is_there
from connsearch.files.paths import make_room
from connsearch.files.text import csv_text
from connsearch.training.predicted import COLUMNS, STOPPED, PredictedVideos, Prediction, UnreadVideo
from connsearch.view.charts.files import write_chart
from connsearch.view.predictions.annotated import annotate_video
from connsearch.view.predictions.chart import MOST_VIDEOS, timeline_chart
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.predict import PredictSettings

_EVERY = 10.0
"""Seconds after which the table is written again, with all answers there are by then."""


class AnswerTable:
    """The CSV file of all answers: written whole every few seconds, and when the work ends.

    However it ends: what was answered until then is in the file.

    Args:
        path: of the file; None: nothing is written.
        top: classes of each answer.
        stopping: whether clips stop early, and the table says where.
    """

    def __init__(self, path: Path | None, top: int, *, stopping: bool = False) -> None:
        self._path, self._top = path, top
        self._columns = (*COLUMNS, *STOPPED) if stopping else COLUMNS
        self._parts = [csv_text(self._columns, ())]
        self._written = time.monotonic()
        # what is written to a pipe or a device stays there, so that is done once
        self._again = path is not None and (is_plain(path) or not is_there(path))

    def __enter__(self) -> AnswerTable:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if len(self._parts) > 1:
            self._write()

    def add(self, prediction: Prediction) -> None:
        """Takes down an answer."""
        if self._path is None:
            return
        self._parts.append(csv_text(self._columns, prediction.rows(self._top), header=False))
        if self._again and time.monotonic() - self._written > _EVERY:
            self._write()

    def _write(self) -> None:
        if self._path is not None:
            atomic_write_text(self._path, "".join(self._parts))
            self._written = time.monotonic()


def require_places(asked: PredictSettings, videos: Sequence[Path]) -> None:
    """Refuses files that cannot be written, before any work is done, and makes their folders.

    Raises:
        SettingsError: one is a folder, or is itself one of the videos, or there are several videos
            and one file for all of them.
    """
    options = {"csv": asked.csv, "picture": asked.picture, "annotate": asked.annotate}
    given = {name: path for name, path in options.items() if path is not None}
    sources = {os.path.realpath(video) for video in videos}
    for name, path in given.items():
        films = name == "annotate" and not path.suffix
        if os.path.realpath(path) in sources:
            raise SettingsError(f"--{name} {path}: is one of the videos\n  cure: another name")
        if is_folder(path) and not films:
            raise SettingsError(f"--{name} {path}: is a folder\n  cure: the name of a file")
        if films and is_there(path) and not is_folder(path):
            raise SettingsError(f"--{name} {path}: is no folder\n  cure: end the name with .mp4")
        make_room(path / "video.mp4" if films else path)
    if asked.annotate is not None and asked.annotate.suffix and len(sources) > 1:
        raise SettingsError(
            f"--annotate {asked.annotate}: one file for {len(sources)} videos\n"
            "  cure: a folder (a name without .mp4)"
        )


def pictured(asked: PredictSettings, found: PredictedVideos, listener: Listener) -> None:
    """Draws the timelines, where a picture is asked for."""
    if asked.picture is None:
        return
    left = len(found.videos) - MOST_VIDEOS
    if left > 0:
        listener.warn(f"the picture shows the first {MOST_VIDEOS} videos, not {left} further ones")
    write_chart(timeline_chart(found), [asked.picture])


def annotated(
    asked: PredictSettings, found: PredictedVideos, records: Sequence[Record], listener: Listener
) -> PredictedVideos:
    """Returns the answers, after writing the videos with these on their frames if asked for.

    A video that cannot be read to its end is not written, and is among the faults.
    """
    if asked.annotate is None:
        return found
    faults = list(found.faults)
    taken: set[Path] = set()
    sources = {record.name: record for record in records}
    for name, windows in found.videos.items():
        record, path = sources[name], _film(asked.annotate, name, taken)
        assert record.info is not None, "it was looked at"
        frames = annotate_video(record, windows, path, hop=found.hop)
        try:
            for _ in listener.count(frames, record.info.frames, "frames"):
                pass
        except DataError as error:
            faults.append(UnreadVideo(name, f"{error}; {path} was not written", answered=True))
    return replace(found, faults=tuple(faults))


def _film(place: Path, name: str, taken: set[Path]) -> Path:
    """Where the video of that name goes: the file asked for, or a name of its own in the folder."""
    if place.suffix:
        return place
    stem = Path(name).stem
    path, number = place / f"{stem}.mp4", 1
    while path in taken:
        number += 1
        path = place / f"{stem}-{number}.mp4"
    taken.add(path)
    return path
