"""Records to clips: decoded once or on demand, positioned in time, and shown through a view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field

import numpy as np
import torch
from torch import Tensor

from connsearch.data.clips.augment import ClipChange, draw_changes
from connsearch.data.clips.frame_reader import FrameReader
from connsearch.data.clips.sampling import SPREAD, clip_generator, clip_ticks, training_ticks
from connsearch.data.clips.timeline import Timeline, timeline
from connsearch.data.clips.transforms import View, grid_view, random_view, show_objects, show_rgb
from connsearch.data.media.rates import check_spans
from connsearch.data.options import (
    AugmentOptions,
    ClipLabels,
    ClipOptions,
    DataOptions,
    LoadingOptions,
)
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
        visit: how often the clip was shown in this epoch before: each time it looks different.
    """

    index: int
    seed: int = 0
    epoch: int = 0
    augment: bool = False
    shape: ClipShape | None = None
    view: int | None = None
    visit: int = 0


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip: its streams, each (C, T, H, W), and its classes.

    Attributes:
        streams: "rgb"; "object" where there are maps; "focus" where that was asked for.
        label: its class; of several, the one drawn for this visit (the first in evaluation); -1
            where a multi-label clip has none.
        labels: all of its classes.
    """

    streams: dict[str, Tensor]
    label: int
    labels: tuple[int, ...] = field(default=())


@dataclass(frozen=True, eq=False)
class ClipDataset:
    """The clips of one split, described: which records, and how clips are cut from them.

    A clip depends on its key alone, never on earlier reads. Decoded frames may be kept, which saves
    time and changes no clip. Processes, and clips that cannot be read, are handled by a
    ``loading.loader.Loader``.

    Attributes:
        records: of the split.
        clips: how clips are cut.
        augment: how training clips are changed.
        loading: how they are read: in what time, and by default in which batches.
        clip_labels: of what a training clip has the classes.
        object_classes: K; 0 where there are no object maps.
        num_classes: classes of a multi-label data set; 0: every clip has one label.
        remember: keep decoded frames in memory (of the process that made this, no other).
    """

    records: tuple[Record, ...]
    clips: ClipOptions
    augment: AugmentOptions
    loading: LoadingOptions
    _: KW_ONLY
    clip_labels: ClipLabels = "video"
    object_classes: int
    num_classes: int = 0
    remember: bool = False
    _frames: FrameReader = field(init=False, repr=False)

    @classmethod
    def of(
        cls,
        records: tuple[Record, ...],
        options: DataOptions,
        *,
        object_classes: int,
        num_classes: int = 0,
        remember: bool = False,
    ) -> ClipDataset:
        """Returns the clips of these records, read as the options of a data set say."""
        return cls(
            records,
            options.clips,
            options.augment,
            options.loading,
            clip_labels=options.source.clip_labels,
            object_classes=object_classes,
            num_classes=num_classes,
            remember=remember,
        )

    def __post_init__(self) -> None:
        reader = FrameReader(
            self.records,
            self.clips,
            timeout=self.loading.timeout,
            object_classes=self.object_classes,
            remember=self.remember,
        )
        object.__setattr__(self, "_frames", reader)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def labels(self) -> tuple[int, ...]:
        """The (first) class of every clip."""
        return tuple(r.label for r in self.records)

    @property
    def counts(self) -> Counter[int]:
        """How many clips have each class; a clip of several classes counts for each."""
        return Counter(label for record in self.records for label in record.labels)

    @property
    def unusable(self) -> dict[int, str]:
        """Index -> reason, of records that were found to be unusable before any work."""
        return {i: record.fault for i, record in enumerate(self.records) if record.fault}

    def info(self, index: int) -> VideoInfo:
        """Returns what is known about a video, opening the file only if nothing is.

        Raises:
            DataError: the file cannot be opened.
        """
        return self._frames.info(index)

    def clip(self, key: ClipKey, *, beside: Sequence[ClipKey] = ()) -> Clip:
        """Returns the clip of that key: "rgb" (3, T, H, W) and, if there are any, "object" maps.

        With ``focus_frames`` there is a stream "focus", too: other frames of the same clip, which
        are seen as those are; a frame that is in both is the same in both.

        Args:
            key: which clip.
            beside: clips that are wanted with it; those in its file are read at the same time.

        Raises:
            DataError: the video or its maps cannot be read, by name, or not in time.
        """
        record, shape = self.records[key.index], self._shape(key)
        if record.fault:
            raise DataError(record.fault)
        clock, ticks, rng = self._placed(key)
        numbers = self._numbers(key, clock, ticks)
        more = self._numbers_beside(key, beside)
        frames, maps = self._frames.frames(key.index, numbers, training=key.augment, more=more)
        height, width = frames.shape[1:3]
        changes: tuple[ClipChange, ...] = ()
        if rng is None:
            view = self._even_view(height, width, key)
            labels, label = record.labels, record.label
        else:
            view = random_view(height, width, self.clips.sides.crop, self.augment, rng)
            labels = self._seen(record, clock, ticks)
            some = len(labels) > 1
            label = labels[int(rng.integers(len(labels)))] if some else (*labels, -1)[0]
            changes = draw_changes(self.augment, rng)
        shown, own = show_rgb(frames, view, shape.size, changes), len(ticks)
        streams = {"rgb": shown[:, :own]}
        if self.clips.focus_frames is not None:
            streams = {"rgb": shown[:, :own].contiguous(), "focus": shown[:, own:].contiguous()}
        if maps is not None:
            maps = maps[:own]
            streams["object"] = show_objects(maps, view, shape.size, self.object_classes, changes)
        return Clip(streams, label, labels)

    def moments(self, key: ClipKey, *, stream: str = "rgb") -> list[tuple[int, float]]:
        """Returns (number, seconds from the first frame) of the frames of a clip; none is decoded.

        Args:
            key: which clip.
            stream: ``focus`` for the frames of that stream.

        Raises:
            DataError: nothing is known about the video, and it cannot be opened.
        """
        clock, ticks, _ = self._placed(key)
        if stream == "focus":
            ticks = self._focus_ticks(key, clock, ticks)
        return [(clock.frame(tick), clock.seconds(tick)) for tick in ticks]

    def _numbers(self, key: ClipKey, clock: Timeline, ticks: Sequence[int]) -> list[int]:
        """Returns the frames of a clip, and behind them those of its stream "focus"."""
        return clock.frames([*ticks, *self._focus_ticks(key, clock, ticks)])

    def _focus_ticks(self, key: ClipKey, clock: Timeline, ticks: Sequence[int]) -> list[int]:
        """Returns the ticks of the stream "focus": over the video if the clip's are, else over it.

        A training draws them by themselves, whatever else is drawn for the clip.
        """
        many = self.clips.focus_frames
        if many is None:
            return []
        rng = None
        if key.augment:
            drawn = clip_generator(seed=key.seed, epoch=key.epoch, index=key.index, visit=key.visit)
            (rng,) = drawn.spawn(1)
        sampler = self.clips.sampler
        if sampler not in SPREAD:
            first, count = min(ticks), max(ticks) - min(ticks) + 1
            found = clip_ticks(count, many, sampler="segments", rng=rng)
            return [first + tick for tick in found]
        crops, whole = self.clips.crops_per_clip, key.view is None
        return clip_ticks(
            clock.ticks,
            many,
            short=self.clips.short,
            sampler=sampler,
            view=0 if whole else (key.view or 0) // crops,
            views=1 if whole else self.clips.clips_per_video,
            rng=rng,
            name=str(self.records[key.index].path),
        )

    def _numbers_beside(self, key: ClipKey, beside: Sequence[ClipKey]) -> frozenset[int]:
        """Returns the frames of other clips that are in the file of this one."""
        path = self.records[key.index].path
        found: set[int] = set()
        for other in beside:
            if other != key and self.records[other.index].path == path:
                with suppress(DataError):  # that clip says so itself
                    clock, ticks, _ = self._placed(other)
                    found.update(self._numbers(other, clock, ticks))
        return frozenset(found)

    def _shape(self, key: ClipKey) -> ClipShape:
        sides = self.clips.sides if key.augment else self.clips.eval_sides
        return key.shape or ClipShape(self.clips.frames, sides.size)

    def _placed(self, key: ClipKey) -> tuple[Timeline, list[int], np.random.Generator | None]:
        """Returns the clock, the clip's ticks, and what makes further draws (None: nothing)."""
        options, record, shape = self.clips, self.records[key.index], self._shape(key)
        info = self.info(key.index)
        clock = timeline(info, window=record.window, fps=options.fps, name=record.name)
        if not key.augment:
            return clock, self._even_ticks(clock, shape, key, record), None
        rng = clip_generator(seed=key.seed, epoch=key.epoch, index=key.index, visit=key.visit)
        ticks = training_ticks(
            clock.ticks,
            shape.frames,
            options,
            stretch=shape.stretch,
            epoch=key.epoch + key.visit,
            rng=rng,
            name=str(record.path),
        )
        return clock, ticks, rng

    def _even_ticks(
        self, clock: Timeline, shape: ClipShape, key: ClipKey, record: Record
    ) -> list[int]:
        """Returns the ticks of an evaluation's clip."""
        options = self.clips
        crops = options.crops_per_clip
        return clip_ticks(
            clock.ticks,
            shape.frames,
            options.stride * shape.stretch,
            short=options.short,
            sampler=options.sampler if options.sampler in SPREAD else "centre",
            view=0 if key.view is None else key.view // crops,
            views=1 if key.view is None else options.clips_per_video,
            name=str(record.path),
        )

    def _even_view(self, height: int, width: int, key: ClipKey) -> View:
        """Returns the window of an evaluation's crop."""
        crops = 1 if key.view is None else self.clips.crops_per_clip
        side, crop = self.clips.eval_sides.crop, (key.view or 0) % crops
        rounding = self.clips.rounding
        return grid_view(height, width, side, crop=crop, crops=crops, rounding=rounding)

    def _seen(self, record: Record, clock: Timeline, ticks: Sequence[int]) -> tuple[int, ...]:
        """Returns the classes of a training clip: of its video, or those seen in the clip."""
        if self.clip_labels == "video" or not record.spans:
            return record.labels
        check_spans(clock.info, record, self.clip_labels)
        begin, end = clock.seconds(ticks[0]), clock.seconds(ticks[-1])
        return tuple(
            dict.fromkeys(s.label for s in record.spans if s.start <= end and s.end >= begin)
        )

    def target(self, labels: Sequence[int]) -> Tensor:
        """Returns the classes of a multi-label clip as float32 0 / 1, (K,)."""
        target_K = torch.zeros(self.num_classes)
        target_K[list(labels)] = 1.0
        return target_K
