"""Clips as strips of pictures: as they are evaluated, as they are trained on, flow and objects.

Shape letters: C colours, K object classes, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from connsearch.data.clips.dataset import Clip, ClipKey
from connsearch.data.loading.load import DataSplits
from connsearch.data.media.objects import scale_objects
from connsearch.data.records import Split
from connsearch.errors import DataError, UnknownNameError
from connsearch.nn.flow import representation_flow
from connsearch.registry import suggest
from connsearch.view.clips.overlays import (
    Field,
    Picture,
    flow_picture,
    longest,
    objects_picture,
)

FLOW_ITERATIONS = 40
SMALLEST, LARGEST = 128, 176
"""Sides of a tile in pixels: smaller clips are enlarged by a whole number, larger ones shrunk."""


@dataclass(frozen=True, slots=True)
class StripRow:
    """One row of a strip.

    Attributes:
        title: what is shown.
        remark: a figure that goes with it, or nothing.
        pictures: tiles of one size.
        captions: under each tile: its frame and its time.
    """

    title: str
    remark: str
    pictures: tuple[Picture, ...]
    captions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """One clip.

    Attributes:
        name: of the clip.
        split: the list it is on.
        classes: names of its classes; none where a multi-label clip has none.
        rows: what there is to see; empty where it cannot be read.
        numbers: the frames of the video that are shown in the first row.
        objects: object classes seen in it.
        fault: why it cannot be read, or nothing.
    """

    name: str
    split: Split
    classes: tuple[str, ...]
    rows: tuple[StripRow, ...] = ()
    numbers: tuple[int, ...] = ()
    objects: frozenset[int] = frozenset()
    fault: str = ""


def spread_picks(data: DataSplits, split: Split, count: int, *, seed: int) -> list[int]:
    """Returns places in a list, spread over the classes: one clip of each, then another of each.

    The seed decides which; a clip of several classes stands for its first.
    """
    labels = np.asarray(dict(data)[split].labels, np.intp)
    rng = np.random.default_rng([seed, 5])
    queues = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    order = [int(q[turn]) for turn in range(len(labels)) for q in queues if turn < len(q)]
    return sorted(order[:count], key=lambda index: (labels[index], order.index(index)))


def named_picks(data: DataSplits, names: Sequence[str]) -> list[tuple[Split, int]]:
    """Returns the list and the place of clips by name.

    Raises:
        UnknownNameError: no clip of that name on any list, with the nearest.
    """
    places: dict[str, tuple[Split, int]] = {
        r.name: (split, i) for split, found in data for i, r in enumerate(found.records)
    }
    for name in names:
        if name not in places:
            known = sorted(places)
            text = suggest("clip", name, known).split(" Known: ")[0]
            raise UnknownNameError(f"{data.name}: {text} Known: {len(known)} clips, {known[0]} ...")
    return [places[name] for name in names]


def make_strip(
    data: DataSplits, split: Split, index: int, *, columns: int, seed: int, epoch: int
) -> Strip:
    """Returns one clip as pictures, or with the reason why it cannot be read.

    Args:
        data: the data set.
        split: the list it is on.
        index: its place there.
        columns: the most frames that are shown, spread evenly over the clip.
        seed: of the training visit.
        epoch: of the training visit.
    """
    dataset = dict(data)[split]
    record = dataset.records[index]
    classes = tuple(data.classes[label] for label in record.labels)
    still, visit = ClipKey(index, seed, epoch), ClipKey(index, seed, epoch, augment=True)
    try:
        clips = dataset.clip(still), dataset.clip(visit)
        moments = dataset.moments(still), dataset.moments(visit)
    except DataError as error:
        return Strip(record.name, split, classes, fault=str(error))
    count = clips[0].streams["rgb"].shape[1]
    shown = np.unique(np.linspace(0, count - 1, min(columns, count)).round().astype(int)).tolist()
    return Strip(
        record.name,
        split,
        classes,
        tuple(_rows(clips, moments, shown, timed=dataset.info(index).fps > 0)),
        tuple(moments[0][t][0] for t in shown),
        _object_classes(clips[0]) | _object_classes(clips[1]),
    )


def _rows(
    clips: tuple[Clip, Clip],
    moments: tuple[list[tuple[int, float]], list[tuple[int, float]]],
    shown: Sequence[int],
    *,
    timed: bool,
) -> list[StripRow]:
    """Returns frames before and after augmentation, flow, and objects where there are any."""
    captions = [tuple(_caption(*each[t], timed=timed) for t in shown) for each in moments]
    before, after = (_tiles(clip.streams["rgb"], shown) for clip in clips)
    flow_2THW = _flow(clips[0].streams["rgb"])
    against = longest(flow_2THW)
    tinted = [
        flow_picture(tile, flow_2THW[:, t], against) for tile, t in zip(before, shown, strict=True)
    ]
    rows = [
        StripRow("as evaluated", "", tuple(before), captions[0]),
        StripRow("in training", "", tuple(after), captions[1]),
        StripRow("flow", f"full colour: {against:.2g} px", tuple(tinted), captions[0]),
    ]
    titles = ("objects", "objects in training")
    for title, clip, tiles, times in zip(titles, clips, (before, after), captions, strict=True):
        if "object" in clip.streams:
            maps = _maps(clip.streams["object"], shown, tiles[0].shape[:2])
            drawn = [objects_picture(tile, one) for tile, one in zip(tiles, maps, strict=True)]
            rows.append(StripRow(title, "", tuple(drawn), times))
    return rows


def _caption(number: int, seconds: float, *, timed: bool) -> str:
    return f"{number}  {seconds:.2f} s" if timed else f"{number}"


def _tiles(rgb_CTHW: Tensor, shown: Sequence[int]) -> list[Picture]:
    """Returns frames in [-1, 1] as pictures of a readable size."""
    frames = ((rgb_CTHW[:, list(shown)] + 1) * 127.5).round().clamp(0, 255)
    frames_THWC: Picture = frames.permute(1, 2, 3, 0).numpy().astype(np.uint8)
    size = frames_THWC.shape[1]
    if size <= LARGEST:
        times = max(1, round(SMALLEST / size))
        return list(frames_THWC.repeat(times, 1).repeat(times, 2))
    smaller = (LARGEST, LARGEST)
    return [
        np.asarray(Image.fromarray(f).resize(smaller, Image.Resampling.BOX)) for f in frames_THWC
    ]


def _flow(rgb_CTHW: Tensor) -> Field:
    """Returns flow (2, T, H, W) of a clip as the network computes it."""
    return representation_flow(rgb_CTHW[None], iterations=FLOW_ITERATIONS)[0].numpy()


def _maps(objects_KTHW: Tensor, shown: Sequence[int], size: tuple[int, ...]) -> Picture:
    """Returns class numbers (T, H, W) of one-hot maps, at the size of a tile."""
    numbers_THW: Picture = objects_KTHW[:, list(shown)].argmax(0).numpy().astype(np.uint8)
    return scale_objects(numbers_THW, (size[0], size[1]))


def _object_classes(clip: Clip) -> frozenset[int]:
    if "object" not in clip.streams:
        return frozenset()
    seen_K = clip.streams["object"].amax((1, 2, 3)) > 0
    return frozenset(seen_K.nonzero().flatten().tolist())
