"""The object maps of one video by a segmentation network, and the file they are kept in.

Shape letters: T frames, H W pixels.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from connsearch.data.media.decode import Frames
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.objects import Maps, read_objects, stored_shape
from connsearch.data.media.passes import one_pass
from connsearch.data.records import Record, VideoInfo
from connsearch.data.tools.segmentation import SegmentationModel
from connsearch.errors import DataError, Failure, SettingsError
from connsearch.graph.files import atomic_write_bytes

_ORIGIN = "origin"
"""The array of a file of maps that says what they were made from."""


@dataclass(frozen=True, slots=True)
class MapMaker:
    """How frames become maps.

    Attributes:
        model: the network.
        numbers: class of the network -> class of the maps; None: the same.
        size: (H, W) of the frames that it sees, if it takes any; None: as it says.
        batch: frames at a time, if it takes any number.
    """

    model: SegmentationModel
    numbers: Mapping[int, int] | None = None
    size: tuple[int, int] | None = None
    batch: int = 8

    def seen(self, info: VideoInfo) -> tuple[int, int]:
        """Returns the (H, W) that the frames of a video are scaled to."""
        return self.size or self.model.fitting(info.height, info.width)

    def tried(self, size: tuple[int, int]) -> tuple[tuple[int, int], int | None]:
        """Returns the (H, W) of the maps of frames of that size, and how many classes there are.

        Raises:
            SettingsError: the network does not fit.
        """
        maps, classes = self.model.classes(np.zeros((1, *size, 3), np.uint8))
        if self.numbers is not None:
            classes = max(self.numbers.values()) + 1
        return (maps.shape[1], maps.shape[2]), classes

    def maps(self, record: Record, info: VideoInfo) -> Maps:
        """Returns the maps ``uint8`` (T, h, w) of a video.

        Raises:
            DataError: a frame cannot be read.
            SettingsError: the network does not fit, or gives a class that ``numbers`` lacks.
        """
        frames = one_pass(record.path, record.medium, info, size=self.seen(info))
        return np.concatenate([self._of(some) for some in _batches(frames, self.batch)])

    def origin(self, info: VideoInfo, size: int) -> dict[str, Any]:
        """Returns all that decides the maps of a video of ``size`` bytes, as JSON values."""
        how = self.model.normalisation
        raw = [*how.mean, *how.std, how.scale]
        return {
            "model": self.model.sha256,
            "output": self.model.output,
            "normalisation": None if self.model.takes_bytes else raw,
            "numbers": None if self.numbers is None else sorted(self.numbers.items()),
            "size": self.seen(info),
            "bytes": size,
            "frames": info.frames,
        }

    def _of(self, frames: Frames) -> Maps:
        maps = self.model.maps(frames)
        if self.numbers is None:
            return maps
        table = np.full(256, -1, np.int16)
        for before, after in self.numbers.items():
            if 0 <= before < 256:
                table[before] = after
        found = table[maps]
        if found.min() < 0:
            strange = ", ".join(map(str, np.unique(maps[found < 0])[:12]))
            raise SettingsError(
                f"{self.model.name}: gives classes that --map does not name: {strange}\n"
                "  cure: --map VALUE:CLASS for every class of the network"
            )
        return found.astype(np.uint8)


@dataclass
class MapJob:
    """A video and the file of its maps.

    Attributes:
        record: the first clip of it.
        path: of the file.
        info: the facts of the video; None: they were not asked for, or it cannot be read.
        fault: why it cannot be read.
        origin: all that decides its maps.
    """

    record: Record
    path: Path
    info: VideoInfo | None = None
    fault: str = ""
    origin: bytes = b""

    def look(self, maker: MapMaker) -> None:
        """Finds out how long and large the video is, or why it cannot be used."""
        medium = MEDIA[self.record.medium]
        try:
            info = medium.probe(self.record.path)
            size = medium.bytes_on_disk(self.record.path)
        except (DataError, OSError) as error:
            self.fault = str(error)
            return
        self.info = info
        self.origin = json.dumps(maker.origin(info, size), sort_keys=True).encode()

    def finished(self) -> Maps | None:
        """Returns the maps that stand there, made of the same video in the same way; else None."""
        with suppress(DataError, OSError, ValueError, KeyError):
            with np.load(self.path, allow_pickle=False) as held:
                origin = bytes(held[_ORIGIN])
            assert self.info is not None
            if origin == self.origin and stored_shape(self.path)[0] == self.info.frames:
                return read_objects(self.path)
        return None

    def make(self, maker: MapMaker) -> Maps | None:
        """Returns the maps, written whole; None, with the fault kept, if it cannot be read.

        Raises:
            SettingsError: the network does not fit.
            Failure: the file cannot be written.
        """
        assert self.info is not None
        try:
            maps = maker.maps(self.record, self.info)
        except DataError as error:
            self.fault = str(error)
            return None
        held: dict[str, Any] = {"classes": maps, _ORIGIN: np.frombuffer(self.origin, np.uint8)}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **held)
        try:
            self.path.parent.mkdir(exist_ok=True)
            atomic_write_bytes(self.path, buffer.getvalue())
        except OSError as error:
            raise Failure(
                f"{self.path}: could not be written ({error.strerror}); what is finished stays\n"
                "  cure: make room, and rerun the same command"
            ) from None
        return maps


def _batches(frames: Iterator[Frames], batch: int) -> Iterator[Frames]:
    while some := list(islice(frames, batch)):
        yield np.stack(some)
