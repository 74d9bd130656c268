"""``connsearch data pack``: the frames of a data set as JPEGs in frame stores, quick to read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.counting import counting
from connsearch.cli.terminal import Terminal


class DataPack(Command):
    """Packs the videos of a data set into frame stores, which are several times faster to read.

    A store is one SQLite file a video with one JPEG a frame. Train on the target as on any data
    set: --data TARGET. Interrupted, the same line goes on where it was.

    Splits that the data set itself gives are kept; others are drawn from the target as they would
    be from the videos.
    """

    target: Annotated[Path, Flag(positional=True)]
    """Folder to write the stores and their list, clips.csv, to."""
    data: Annotated[str, Flag(metavar="SOURCE")]
    """The data set, as for --data of a training: a folder, a CSV file, or NAME:PLACE."""
    short_side: int = Field(default=360, ge=4, le=8192)
    """Shorter side of the stored frames in pixels; smaller videos are not enlarged."""
    quality: int = Field(default=90, ge=1, le=100)
    """JPEG quality."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """Number of processes; by default one per core."""
    bad_share: float = Field(default=0.05, ge=0.0, le=1.0)
    """Largest share of unreadable videos, which are left out and listed; above it no list is
    written."""
    patience: float = Field(default=600.0, gt=0, le=1e6)
    """Seconds to wait for one video, plus one second per 100 kB of it; then it counts as
    unreadable."""
    protocol: str | None = None
    """Use this protocol of a published list."""
    videos: Path | None = None
    """Folder of the videos of a list. The paths in the list are relative to it; of a published
    list, give it if the videos are not where its format says."""
    media_fps: float | None = Field(default=None, ge=1e-3, le=1e6, allow_inf_nan=False)
    """Frame rate of media that do not record one, such as folders of frames; it is kept in the
    stores."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Packs, and returns what stands there now."""
        from connsearch.data.options import DataOptions
        from connsearch.data.sources.source import read_source
        from connsearch.data.tools.pack import PackEvent, PackResult, pack

        options = DataOptions.of(
            source=self.data,
            protocol=self.protocol,
            videos=self.videos,
            media_fps=self.media_fps,
        )
        source = read_source(options)
        for note in source.notes:
            terminal.say(note)
        events = pack(
            source,
            self.target,
            short_side=self.short_side,
            quality=self.quality,
            workers=self.workers or os.cpu_count() or 1,
            bad_share=self.bad_share,
            patience=self.patience,
        )
        result: PackResult | None = None
        frames = size = 0
        with counting(terminal.console, "videos") as count:
            for event in events:
                if isinstance(event, PackEvent):
                    if event.packed is not None:
                        frames += event.packed.frames
                        size += event.packed.bytes
                    count(event.done, event.total, f"{frames} frames  {size / 1e6:.1f} MB")
                else:
                    result = event
        assert result is not None, "packing ends with its result"
        return _told(result, terminal)


def _told(result: Any, terminal: Terminal) -> Mapping[str, Any]:
    if result.unreadable:
        terminal.warn(f"{len(result.unreadable)} videos cannot be read and were left out")
        for reason in result.unreadable.values():
            terminal.say(f"  {reason}")
    stood = f", {result.before} of them stood there before" if result.before else ""
    terminal.say(
        f"packed: {result.clips} clips of {result.videos} videos{stood}, {result.frames} frames, "
        f"{result.bytes / 1e6:.1f} MB\n  in {result.folder}; use it with --data {result.folder}"
    )
    return {
        "command": "data pack",
        "target": str(result.folder),
        "videos": result.videos,
        "clips": result.clips,
        "frames": result.frames,
        "bytes": result.bytes,
        "before": result.before,
        "unreadable": dict(result.unreadable),
    }
