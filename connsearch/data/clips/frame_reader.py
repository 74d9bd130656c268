"""Frames of the records of a split, read in time; what was read before may be kept.

Keeping frames only saves time: a frame is the same whether it is kept, read alone or read with
others (``data check --seeks`` compares them), and unreadable ones are tried again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.data.clips.read_timeout import TimeLimit, TimeoutFault
from connsearch.data.clips.usable import decoded_size
from connsearch.data.media.decode import Frames
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.objects import Maps, read_objects
from connsearch.data.media.rates import with_rate
from connsearch.data.options import ClipOptions
from connsearch.data.records import Record, VideoInfo
from connsearch.errors import DataError


@dataclass(frozen=True, slots=True)
class _Held:
    """Frames of one file, decoded: number -> place, the pictures, and the object maps."""

    file: tuple[Path, Path | None, bool]
    places: Mapping[int, int]
    frames: Frames
    maps: Maps | None


class FrameReader:
    """Reads videos and their object maps, decoded by the options.

    Args:
        records: where the videos are.
        options: the size of decoded frames.
        timeout: seconds that reading may take.
        object_classes: K; 0 where there are no object maps.
        remember: keep decoded videos in the memory of this process; a process that was made from
            it keeps none.
    """

    def __init__(
        self,
        records: Sequence[Record],
        options: ClipOptions,
        *,
        timeout: float,
        object_classes: int,
        remember: bool,
    ) -> None:
        self._records, self._options, self._object_classes = records, options, object_classes
        self._alike = options.sides.decoded == options.eval_sides.decoded
        self._limit = TimeLimit(timeout)
        self._rememberer = os.getpid() if remember else None
        self._infos: dict[int, VideoInfo] = {}
        self._memory: dict[tuple[int, bool], tuple[Frames, Maps | None]] = {}
        self._held: _Held | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: nothing that was decoded."""
        return self.__dict__ | {"_memory": {}, "_held": None}

    def info(self, index: int) -> VideoInfo:
        """Returns what is known about a video, opening the file only if nothing is.

        Raises:
            DataError: the file cannot be opened.
        """
        record = self._records[index]
        if record.info is not None:
            return record.info
        if index not in self._infos:
            probe = MEDIA[record.medium].probe
            found = self._limit.run(lambda: probe(record.path), str(record.path))
            self._infos[index] = with_rate(found, record)
        return self._infos[index]

    def frames(
        self,
        index: int,
        numbers: Sequence[int],
        *,
        training: bool = True,
        more: frozenset[int] = frozenset(),
    ) -> tuple[Frames, Maps | None]:
        """Returns those frames of a video, uint8 (N, H, W, 3), and its object maps, (N, H, W).

        Args:
            index: of the record.
            numbers: of the frames.
            training: of the size for training; else of that for evaluations.
            more: frames of the same file that will be asked for next: they are read at the same
                time, and held until another file or further frames are asked for.

        Raises:
            DataError: they cannot be read, by name, or not in time.
        """
        training = training or self._alike
        if self._rememberer != os.getpid():
            if more:
                return self._from_held(index, numbers, more, training)
            return self._read(index, numbers, training)
        key = index, training
        if key not in self._memory:
            try:
                self._memory[key] = self._read(index, range(self.info(index).frames), training)
            except DataError:  # perhaps damaged further on: the requested part may be intact
                return self._read(index, numbers, training)
        frames, maps = self._memory[key]
        places = list(numbers)
        return frames[places], None if maps is None else maps[places]

    def _from_held(
        self, index: int, numbers: Sequence[int], more: frozenset[int], training: bool
    ) -> tuple[Frames, Maps | None]:
        """Returns frames out of those that are held; reads them first, with ``more`` of them."""
        record, held = self._records[index], self._held
        file = (record.path, record.objects, training)
        if held is None or held.file != file or not held.places.keys() >= set(numbers):
            self._held = None  # what is held may go before more is read
            wanted = sorted({*numbers, *more})
            try:
                frames, maps = self._read(index, wanted, training)
            except TimeoutFault:
                raise
            except DataError:  # perhaps damaged further on: the requested part may be intact
                return self._read(index, numbers, training)
            places = {number: place for place, number in enumerate(wanted)}
            held = self._held = _Held(file, places, frames, maps)
        chosen = [held.places[number] for number in numbers]
        return held.frames[chosen], None if held.maps is None else held.maps[chosen]

    def _read(
        self, index: int, numbers: Sequence[int], training: bool
    ) -> tuple[Frames, Maps | None]:
        """Returns frames and object maps from the files.

        Only this has a time limit. It hardly uses torch, because torch in another thread would
        start more threads, which would compete with the network's.
        """
        record, info = self._records[index], self.info(index)
        size = decoded_size(info, self._options, training=training, name=str(record.path))

        def read() -> tuple[Frames, Maps | None]:
            frames = MEDIA[record.medium].read(record.path, numbers, size=size, info=info)
            if record.objects is None or self._object_classes == 0:
                return frames, None
            return frames, read_objects(
                record.objects,
                frames=info.frames,
                classes=self._object_classes,
                numbers=numbers,
                size=size,
            )

        return self._limit.run(read, str(record.path))
