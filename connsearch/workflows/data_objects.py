"""Object maps from masks, measured arrays, or a segmentation network: :func:`data_objects`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.data.sources.source import read_source
from connsearch.data.tools.convert_objects import convert_objects, parse_numbers, write_objects
from connsearch.data.tools.onnx_session import require_runtime
from connsearch.data.tools.predict_objects import ObjectMapSet, ObjectsPlan, predict_objects
from connsearch.data.tools.segmentation import Normalisation, SegmentationModel
from connsearch.data.tools.video_maps import MapMaker
from connsearch.files.paths import check_path
from connsearch.runs.events import CountEvent
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.data_objects import DataObjectsSettings


@dataclass(frozen=True, slots=True)
class ObjectMapFile:
    """The object maps of a clip, as they were written.

    Attributes:
        path: the file.
        frames: of the clip.
        height: of the maps in pixels.
        width: likewise.
        shares: class -> its share of all pixels; only of classes that occur.
    """

    path: Path
    frames: int
    height: int
    width: int
    shares: Mapping[int, float]


def data_objects(
    source: str | Path, output: str | Path, *, progress: Progress = True, **settings: Any
) -> ObjectMapFile | ObjectMapSet:
    """Returns object maps, the input of the object stream, once they are written.

    Without ``model`` they are those of one clip, made from masks or measured values. With it, a
    network in ONNX is run over all videos of a data set; the same call completes what was
    interrupted.

    Args:
        source: a folder of PNG label maps, one a frame by the numbers in their names, or an npy or
            npz array (rows, height, width); with ``model`` a data set.
        output: the file, ending in .npz; with ``model`` a folder, which becomes a data set.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch data objects`` by its name: ``levels=(26, 28, 30)``.

    Raises:
        UserError: a setting, the source or the network cannot be used, or nothing can be written.
        Failure: too many videos are unreadable; finished maps stay.
    """
    asked = DataObjectsSettings.of(source=str(source), output=Path(output), **settings)
    return run_data_objects(asked, Listener.of(progress))


def run_data_objects(
    asked: DataObjectsSettings, listener: Listener
) -> ObjectMapFile | ObjectMapSet:
    """Returns what was written.

    Raises:
        UserError: as for :func:`data_objects`.
    """
    if asked.model is not None:
        return _predicted(asked, asked.model, listener)
    check_path(asked.output)
    maps = convert_objects(
        Path(asked.source),
        numbers=_numbers(asked),
        levels=asked.levels,
        rate=asked.rate,
        start=asked.start,
        frames=asked.frames,
        size=asked.size,
    )
    write_objects(asked.output, maps)
    frames, height, width = maps.shape
    counts = np.bincount(maps.ravel())
    shares = {n: float(c / maps.size) for n, c in enumerate(counts) if c}
    return ObjectMapFile(asked.output, frames, height, width, shares)


def _predicted(asked: DataObjectsSettings, model: Path, listener: Listener) -> ObjectMapSet:
    """The maps of a data set by a network."""
    require_runtime()
    network = SegmentationModel(
        model,
        device=asked.device,
        normalisation=Normalisation(asked.mean, asked.std, asked.scale),
        output=asked.output_name,
    )
    listener.say(f"{network.name}: {network.told()}")
    source = _source(asked)
    for note in source.notes:
        listener.say(note)
    maker = MapMaker(network, _numbers(asked), asked.size, asked.batch)
    result: ObjectMapSet | None = None
    frames = size = 0
    with listener.working("videos"):
        for event in predict_objects(source, asked.output, maker, bad_share=asked.bad_share):
            if isinstance(event, ObjectMapSet):
                result = event
            elif isinstance(event, ObjectsPlan):
                _say_plan(event, asked.output, listener)
            else:
                frames, size = frames + event.frames, size + event.bytes
                state = f"{frames} frames  {size / 1e6:.1f} MB"
                listener.hear(CountEvent(event.done, event.total, "videos", state))
    assert result is not None, "it ends with its result"
    return result


def _source(asked: DataObjectsSettings) -> Source:
    return read_source(
        DataOptions.of(
            source=asked.source,
            protocol=asked.protocol,
            videos=asked.videos,
            media_fps=asked.media_fps,
        )
    )


def _say_plan(plan: ObjectsPlan, target: Path, listener: Listener) -> None:
    """Says how much there is to do and how much room it may take."""
    listener.say(
        f"{plan.videos} videos, {plan.frames} frames; the maps take at most "
        f"{plan.at_most / 1e6:.1f} MB, and as they are compressed usually a small part of it"
    )
    free = shutil.disk_usage(target).free
    if plan.at_most > free:
        listener.warn(f"{target}: {free / 1e6:.1f} MB are free there, which may not be enough")


def _numbers(asked: DataObjectsSettings) -> dict[int, int] | None:
    return None if asked.map is None else parse_numbers(asked.map)
