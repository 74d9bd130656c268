"""The frames of a data set as JPEGs in frame stores, quick to read: :func:`data_pack`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from connsearch.data.options import DataOptions
from connsearch.data.sources.source import read_source
from connsearch.data.tools.pack import PackEvent, PackResult, pack
from connsearch.runs.events import CountEvent
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.data_pack import DataPackSettings


def data_pack(
    source: str | Path, target: str | Path, *, progress: Progress = True, **settings: Any
) -> PackResult:
    """Returns what stands in a folder once the videos of a data set are packed into it.

    Each video becomes a store, one SQLite file with one JPEG a frame, which is several times faster
    to read. The folder is a data set of its own. The same call completes what was interrupted.

    Args:
        source: the data set: a folder, a CSV file, or NAME:PLACE.
        target: the folder that stores and list are written to; it is made.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch data pack`` by its name: ``short_side=128``.

    Raises:
        UserError: a setting or the data cannot be used, or the target cannot be written.
        Failure: too many videos are unreadable; what was packed stays.
    """
    asked = DataPackSettings.of(data=str(source), target=Path(target), **settings)
    return run_data_pack(asked, Listener.of(progress))


def run_data_pack(asked: DataPackSettings, listener: Listener) -> PackResult:
    """Returns what stands there now.

    Raises:
        UserError: as for :func:`data_pack`.
    """
    source = read_source(
        DataOptions.of(
            source=asked.data,
            protocol=asked.protocol,
            videos=asked.videos,
            media_fps=asked.media_fps,
        )
    )
    for note in source.notes:
        listener.say(note)
    result: PackResult | None = None
    frames = size = 0
    with listener.working("videos"):
        for event in pack(
            source,
            asked.target,
            short_side=asked.short_side,
            quality=asked.quality,
            workers=asked.workers or os.cpu_count() or 1,
            bad_share=asked.bad_share,
            patience=asked.patience,
        ):
            if isinstance(event, PackResult):
                result = event
                continue
            frames, size = _added(frames, size, event)
            state = f"{frames} frames  {size / 1e6:.1f} MB"
            listener.hear(CountEvent(event.done, event.total, "videos", state))
    assert result is not None, "packing ends with its result"
    return result


def _added(frames: int, size: int, event: PackEvent) -> tuple[int, int]:
    """Frames and bytes with those of one more video."""
    packed = event.packed
    return (frames, size) if packed is None else (frames + packed.frames, size + packed.bytes)
