"""The frames of a data set as folders of JPEGs, as published lists name them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.data.sources.source import read_source
from connsearch.data.tools.extract import ExtractResult, extract
from connsearch.data.tools.extract_frames import FrameForm
from connsearch.runs.events import CountEvent
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.data_extract import DataExtractSettings

_DECIDES = "data protocol fps quality media_fps".split()
"""Settings that decide what is written, besides those of the form, which have defaults."""


def data_extract(
    source: str | Path, target: str | Path, *, progress: Progress = True, **settings: Any
) -> ExtractResult:
    """Returns what stands in a folder once the frames of a data set are extracted into it.

    Each clip becomes a folder of JPEGs. The target is a data set of its own, with lists of the
    form ``path frames label``. The same call completes what was interrupted.

    Args:
        source: the data set: a folder, a CSV file, or NAME:PLACE.
        target: the folder that frames and lists are written to; it is made.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch data extract`` by its name: ``height=256``.

    Raises:
        UserError: a setting or the data cannot be used, or the target holds something else.
        Failure: too many videos are unreadable; what was extracted stays.
    """
    asked = DataExtractSettings.of(data=str(source), target=Path(target), **settings)
    return run_data_extract(asked, Listener.of(progress))


def run_data_extract(asked: DataExtractSettings, listener: Listener) -> ExtractResult:
    """Returns what stands there now.

    Raises:
        UserError: as for :func:`data_extract`.
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
    form = _form(asked, source)
    line = {name: getattr(asked, name) for name in _DECIDES}
    line |= {"pattern": form.pattern, "height": form.height, "short_side": form.short_side}
    result: ExtractResult | None = None
    frames = size = 0
    with listener.working("clips"):
        for event in extract(
            source,
            asked.target,
            form,
            line=line,
            workers=asked.workers or os.cpu_count() or 1,
            bad_share=asked.bad_share,
            patience=asked.patience,
        ):
            if isinstance(event, ExtractResult):
                result = event
                continue
            if event.extracted is not None:
                frames, size = frames + event.extracted.frames, size + event.extracted.bytes
            state = f"{frames} frames  {size / 1e6:.1f} MB"
            listener.hear(CountEvent(event.done, event.total, "clips", state))
    assert result is not None, "extracting ends with its result"
    return result


def _form(asked: DataExtractSettings, source: Source) -> FrameForm:
    """Returns how frames are stored: as asked for, else as was published for the list."""
    listed, usual = source.frame_list, FrameForm()
    height = asked.height
    if height is None and asked.short_side is None:
        height = usual.height if listed is None else listed.height
    return FrameForm(
        pattern=asked.pattern or (usual.pattern if listed is None else listed.pattern),
        height=height,
        short_side=asked.short_side,
        fps=asked.fps,
        quality=asked.quality,
    )
