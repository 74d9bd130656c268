"""Records to clips: decoded once or on demand, positioned in time, and shown through a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from connsearch.data.clips.augment import Change, draw_changes
from connsearch.data.clips.read_timeout import Watch
from connsearch.data.clips.sampling import clip_generator, clip_ticks, training_ticks
from connsearch.data.clips.timeline import Timeline, timeline
from connsearch.data.clips.transforms import View, grid_view, random_view, show_objects, show_rgb
from connsearch.data.clips.usable import decoded_size
from connsearch.data.media.decode import Frames
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.objects import Maps, read_objects
from connsearch.data.media.rates import check_spans, with_rate
from connsearch.data.options import DataOptions
from connsearch.data.records import Record, VideoInfo
from connsearch.errors import DataError


@dataclass(frozen=True, slots=True)
class ClipShape:
    """The size of a clip where it is not the options' own (a multigrid schedule).

    Attributes:
        frames: T.
        size: H and W in pixels.
        stretch: the stride is multiplied by this.
    """

    frames: int
    size: int
    stretch: float = 1.0


@dataclass(frozen=True, slots=True)
class ClipKey:
    """All that decides what a clip looks like: nothing else may.

    Attributes:
        index: place of the record in the data set.
        seed: of the run.
        epoch: from 0.
        augment: random position, window, light and changes; otherwise evenly spread and untouched.
        shape: another size than the options'.
        view: which of the evaluation's views, ``clip * crops_per_clip + crop``.
    """

    index: int
    seed: int = 0
    epoch: int = 0
    augment: bool = False
    shape: ClipShape | None = None
    view: int | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip: its streams, each (C, T, H, W), and its classes.

    Attributes:
        streams: "rgb" and, where there are maps, "object".
        label: its class; of several, the one drawn for this visit (the first in evaluation); -1
            where a multi-label clip has none.
        labels: all of its classes.
    """

    streams: dict[str, Tensor]
    label: int
    labels: tuple[int, ...] = field(default=())


class ClipDataset:
    """The clips of one split.

    Args:
        records: what is on the list.
        options: how clips are cut.
        object_classes: K; 0 where there are no object maps.
        num_classes: classes of a multi-label data set; 0: every clip has one label.
        remember: keep decoded frames in memory (within this process).
        faults: index -> reason, of records that are known to be unreadable and not tried again.

    Attributes:
        quarantined: index -> reason, of everything that could not be read so far.
        beacon: where a worker says which record it reads, in case that kills it; int64 (1,).
    """

    def __init__(
        self,
        records: Sequence[Record],
        options: DataOptions,
        *,
        object_classes: int,
        num_classes: int = 0,
        remember: bool = False,
        faults: dict[int, str] | None = None,
    ) -> None:
        self.records = tuple(records)
        self.options = options
        self.object_classes = object_classes
        self.num_classes = num_classes
        self.remember = remember
        self.faults: dict[int, str] = dict(faults or {})
        self.quarantined: dict[int, str] = dict(faults or {})
        self._infos: dict[int, VideoInfo] = {}
        self._memory: dict[int, tuple[Frames, Maps | None]] = {}
        self._watch = Watch(options.timeout)
        self.pools: dict[int, object] = {}
        self.beacon: Tensor | None = None

    def __len__(self) -> int:
        return len(self.records)

    def __getstate__(self) -> dict[str, Any]:
        """The data set as a worker gets it: without what was decoded, remembering nothing."""
        return self.__dict__ | {"_memory": {}, "remember": False, "pools": {}}

    @property
    def labels(self) -> tuple[int, ...]:
        """The (first) class of every clip."""
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
            probe = MEDIA[record.medium].probe
            found = self._watch.run(lambda: probe(record.path), str(record.path))
            self._infos[index] = with_rate(found, record)
        return self._infos[index]

    def clip(self, key: ClipKey) -> Clip:
        """Returns the clip of that key: "rgb" (3, T, H, W) and, if there are any, "object" maps.

        Raises:
            DataError: the video or its maps cannot be read, by name, or not in time.
        """
        if key.index in self.faults:
            raise DataError(self.faults[key.index])
        if self.beacon is not None:
            self.beacon[0] = key.index
        return self._clip(key)

    def moments(self, key: ClipKey) -> list[tuple[int, float]]:
        """Returns (number, seconds from the first frame) of the frames of a clip; none is decoded.

        Raises:
            DataError: nothing is known about the video, and it cannot be opened.
        """
        clock, ticks, _ = self._placed(key)
        return [(clock.frame(tick), clock.seconds(tick)) for tick in ticks]

    def _shape(self, key: ClipKey) -> ClipShape:
        return key.shape or ClipShape(self.options.frames, self.options.size)

    def _placed(self, key: ClipKey) -> tuple[Timeline, list[int], np.random.Generator | None]:
        """Returns the clock, the clip's ticks, and what makes further draws (None: nothing)."""
        options, record, shape = self.options, self.records[key.index], self._shape(key)
        info = self.info(key.index)
        clock = timeline(info, window=record.window, fps=options.fps, name=record.name)
        if not key.augment:
            return clock, self._even_ticks(clock, shape, key, record), None
        rng = clip_generator(seed=key.seed, epoch=key.epoch, index=key.index)
        ticks = training_ticks(
            clock.ticks,
            shape.frames,
            options,
            stretch=shape.stretch,
            epoch=key.epoch,
            rng=rng,
            name=str(record.path),
        )
        return clock, ticks, rng

    def _clip(self, key: ClipKey) -> Clip:
        options, record, shape = self.options, self.records[key.index], self._shape(key)
        clock, ticks, rng = self._placed(key)
        frames, maps = self._frames(key.index, clock.frames(ticks))
        height, width = frames.shape[1:3]
        changes: tuple[Change, ...] = ()
        if rng is None:
            view = self._even_view(height, width, key)
            labels, label = record.labels, record.label
        else:
            view = random_view(height, width, options, rng)
            labels = self._seen(record, clock, ticks)
            some = len(labels) > 1
            label = labels[int(rng.integers(len(labels)))] if some else (*labels, -1)[0]
            changes = draw_changes(options, rng)
        streams = {"rgb": show_rgb(frames, view, shape.size, changes)}
        if maps is not None:
            streams["object"] = show_objects(maps, view, shape.size, self.object_classes, changes)
        return Clip(streams, label, labels)

    def _even_ticks(
        self, clock: Timeline, shape: ClipShape, key: ClipKey, record: Record
    ) -> list[int]:
        """Returns the ticks of an evaluation's clip."""
        options = self.options
        crops = options.crops_per_clip
        return clip_ticks(
            clock.ticks,
            shape.frames,
            options.stride * shape.stretch,
            short=options.short,
            sampler="segments" if options.sampler == "segments" else "centre",
            view=0 if key.view is None else key.view // crops,
            views=1 if key.view is None else options.clips_per_video,
            name=str(record.path),
        )

    def _even_view(self, height: int, width: int, key: ClipKey) -> View:
        """Returns the window of an evaluation's crop."""
        crops = 1 if key.view is None else self.options.crops_per_clip
        return grid_view(
            height, width, self.options.size, crop=(key.view or 0) % crops, crops=crops
        )

    def _seen(self, record: Record, clock: Timeline, ticks: Sequence[int]) -> tuple[int, ...]:
        """Returns the classes of a training clip: of its video, or those seen in the clip."""
        if self.options.clip_labels == "video" or not record.spans:
            return record.labels
        check_spans(clock.info, record, self.options)
        begin, end = clock.seconds(ticks[0]), clock.seconds(ticks[-1])
        return tuple(
            dict.fromkeys(s.label for s in record.spans if s.start <= end and s.end >= begin)
        )

    def target(self, labels: Sequence[int]) -> Tensor:
        """Returns the classes of a multi-label clip as float32 0 / 1, (K,)."""
        target_K = torch.zeros(self.num_classes)
        target_K[list(labels)] = 1.0
        return target_K

    def _frames(self, index: int, numbers: list[int]) -> tuple[Frames, Maps | None]:
        """Returns those frames of a video and its object maps, from memory where they are kept."""
        if not self.remember:
            return self._decode(index, numbers)
        if index not in self._memory:
            try:
                self._memory[index] = self._decode(index, list(range(self.info(index).frames)))
            except DataError:  # damaged further on, perhaps: what is asked for now may be whole
                return self._decode(index, numbers)
        frames, maps = self._memory[index]
        return frames[numbers], None if maps is None else maps[numbers]

    def _decode(self, index: int, numbers: Sequence[int]) -> tuple[Frames, Maps | None]:
        path = str(self.records[index].path)
        size = decoded_size(self.info(index), self.options, name=path)
        return self._read(index, numbers, size)

    def _read(
        self, index: int, numbers: Sequence[int], size: tuple[int, int], *, maps: bool = True
    ) -> tuple[Frames, Maps | None]:
        """Returns frames and, if they are asked for, their object maps, both of that size.

        Only this is watched. Next to nothing in it computes with torch: a thread of its own would
        bring threads of its own, and they would fight with the network's.
        """
        record, info = self.records[index], self.info(index)

        def read() -> tuple[Frames, Maps | None]:
            frames = MEDIA[record.medium].read(record.path, numbers, size=size, info=info)
            if record.objects is None or self.object_classes == 0 or not maps:
                return frames, None
            return frames, read_objects(
                record.objects,
                frames=info.frames,
                classes=self.object_classes,
                numbers=numbers,
                size=size,
            )

        return self._watch.run(read, str(record.path))


def decoded_bytes(info: VideoInfo, options: DataOptions) -> int:
    """Returns how much memory a decoded video takes, object maps included."""
    height, width = decoded_size(info, options)
    return info.frames * height * width * 4
