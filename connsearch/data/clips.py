"""Records to clips: decoded once or on demand, positioned in time, and shown through a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from connsearch.data.decode import Frames, probe, read_frames
from connsearch.data.objects import Maps, read_objects, scale_objects
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, VideoInfo
from connsearch.data.sampling import clip_generator, clip_indices
from connsearch.data.transforms import centre_view, random_view, show_objects, show_rgb


@dataclass(frozen=True, slots=True)
class ClipKey:
    """All that decides what a clip looks like: nothing else may.

    Attributes:
        index: place of the record in the data set.
        seed: of the run.
        epoch: from 0.
        augment: random position, window and light; otherwise the centre, untouched.
    """

    index: int
    seed: int = 0
    epoch: int = 0
    augment: bool = False


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip: its streams, each (C, T, H, W), and its class."""

    streams: dict[str, Tensor]
    label: int


class ClipDataset:
    """The clips of one split.

    Args:
        records: what is on the list.
        options: how clips are cut.
        object_classes: K; 0 where there are no object maps.
        remember: keep decoded frames in memory (within this process).
    """

    def __init__(
        self,
        records: Sequence[Record],
        options: DataOptions,
        *,
        object_classes: int,
        remember: bool = False,
    ) -> None:
        self.records = tuple(records)
        self.options = options
        self.object_classes = object_classes
        self.remember = remember
        self._infos: dict[int, VideoInfo] = {}
        self._memory: dict[int, tuple[Frames, Maps | None]] = {}
        self.pools: dict[int, object] = {}

    def __len__(self) -> int:
        return len(self.records)

    def __getstate__(self) -> dict[str, Any]:
        """The data set as a worker gets it: without what was decoded, remembering nothing."""
        return self.__dict__ | {"_memory": {}, "remember": False, "pools": {}}

    @property
    def labels(self) -> tuple[int, ...]:
        """The class of every clip."""
        return tuple(r.label for r in self.records)

    def info(self, index: int) -> VideoInfo:
        """Returns what is known about a video, opening the file only if nothing is.

        Raises:
            DataError: the file cannot be opened.
        """
        record = self.records[index]
        if record.info is not None:
            return record.info
        if index not in self._infos:
            self._infos[index] = probe(record.path)
        return self._infos[index]

    def clip(self, key: ClipKey) -> Clip:
        """Returns the clip of that key: "rgb" (3, T, H, W) and, if there are any, "object" maps.

        Raises:
            DataError: the video or its maps cannot be read, by name.
        """
        options, record, info = self.options, self.records[key.index], self.info(key.index)
        rng = None
        if key.augment:
            rng = clip_generator(seed=key.seed, epoch=key.epoch, index=key.index)
        numbers = clip_indices(
            info.frames,
            options.frames,
            options.stride,
            short=options.short,
            rng=rng,
            name=str(record.path),
        )
        frames, maps = self._frames(key.index, numbers)
        height, width = frames.shape[1:3]
        view = (
            centre_view(height, width, options.size)
            if rng is None
            else random_view(height, width, options, rng)
        )
        streams = {"rgb": show_rgb(frames, view, options.size)}
        if maps is not None:
            streams["object"] = show_objects(maps, view, options.size, self.object_classes)
        return Clip(streams, record.label)

    def _frames(self, index: int, numbers: list[int]) -> tuple[Frames, Maps | None]:
        """Returns those frames of a video and its object maps, from memory where they are kept."""
        if not self.remember:
            return self._decode(index, numbers)
        if index not in self._memory:
            self._memory[index] = self._decode(index, list(range(self.info(index).frames)))
        frames, maps = self._memory[index]
        return frames[numbers], None if maps is None else maps[numbers]

    def _decode(self, index: int, numbers: list[int]) -> tuple[Frames, Maps | None]:
        record, info = self.records[index], self.info(index)
        size = decoded_size(info, self.options)
        frames = read_frames(record.path, numbers, size=size)
        if record.objects is None or self.object_classes == 0:
            return frames, None
        maps = read_objects(record.objects, frames=info.frames, classes=self.object_classes)
        return frames, scale_objects(maps[numbers], size)


def decoded_size(info: VideoInfo, options: DataOptions) -> tuple[int, int]:
    """Returns (H, W) that a video is scaled to when it is decoded."""
    side = options.decoded_side
    if not options.keep_aspect:
        return side, side
    scale = side / min(info.height, info.width)
    return max(side, round(info.height * scale)), max(side, round(info.width * scale))


def decoded_bytes(info: VideoInfo, options: DataOptions) -> int:
    """Returns how much memory a decoded video takes, object maps included."""
    height, width = decoded_size(info, options)
    return info.frames * height * width * 4
