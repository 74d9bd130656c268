"""Masks, label pictures or measured arrays as object maps: :func:`data_objects`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from connsearch.data.tools.convert_objects import convert_objects, parse_numbers, write_objects
from connsearch.files.paths import check_path
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


def data_objects(source: str | Path, output: str | Path, **settings: Any) -> ObjectMapFile:
    """Returns the object maps of a clip, the input of the object stream, once they are written.

    Args:
        source: a folder of PNG label maps, one a frame by the numbers in their names, or an npy or
            npz array (rows, height, width).
        output: the file, ending in .npz.
        settings: any option of ``connsearch data objects`` by its name: ``levels=(26, 28, 30)``.

    Raises:
        UserError: a setting or the source cannot be used, or the file cannot be written.
    """
    asked = DataObjectsSettings.of(source=Path(source), output=Path(output), **settings)
    return run_data_objects(asked)


def run_data_objects(asked: DataObjectsSettings) -> ObjectMapFile:
    """Returns what was written.

    Raises:
        UserError: as for :func:`data_objects`.
    """
    check_path(asked.output)
    maps = convert_objects(
        asked.source,
        numbers=None if asked.map is None else parse_numbers(asked.map),
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
