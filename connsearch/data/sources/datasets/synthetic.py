"""Planted data: real video files and lossless object maps, written once into the cache."""

from __future__ import annotations

import csv
import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from connsearch.data.clips.sampling import span
from connsearch.data.media.decode import write_video
from connsearch.data.options import DataOptions
from connsearch.data.records import BEFORE, SPLITS, Source, VideoInfo, listed
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.datasets.csv_list import read_list
from connsearch.data.sources.planted import (
    CLASS_NAMES,
    OBJECT_CLASSES,
    TASKS,
    Factors,
    PlantedShape,
    Task,
    draw_factors,
    draw_marked,
    draw_objects,
    draw_scene,
)
from connsearch.data.sources.planted_mark import BOXES, Box, write_boxes
from connsearch.errors import DataError
from connsearch.files.disk import FULL, disk_full
from connsearch.files.drafts import alone
from connsearch.files.places import make_directories
from connsearch.registry import suggest

VERSION = 2
"""Part of the cache key: raised whenever the same options would give other pictures."""

SMALLEST = 16
"""Smallest clip size, in pixels, in which shapes and their motion can still be told apart."""

SMALLEST_MARKED = 48
"""Smallest decoded frame, in pixels, in which a mark is more than one block of its texture."""

FEWEST_ORDERED = 4
"""Smallest number of frames of a clip that can follow each other in the orders of ``order``."""

SPARE_FRAMES = 4
"""Frames a planted video has beyond one clip, for random positions in time."""


@dataset("synthetic", "train_clips", "val_clips", "test_clips")
def read_synthetic(rest: str, options: DataOptions) -> Source:
    """Returns the planted data set of that task, writing its files if they are not there yet.

    Raises:
        DataError: no such task, clips too small, or a cache that is damaged or cannot be written.
    """
    if rest not in TASKS:
        raise DataError(suggest("planted task", rest, sorted(TASKS)))
    clips, planted, seed = options.clips, options.planted, options.split.seed
    if clips.size < SMALLEST:
        raise DataError(f"planted data needs a size of at least {SMALLEST}, read {clips.size}")
    task: Task = rest
    if task == "order" and clips.frames < FEWEST_ORDERED:
        raise DataError(
            f"synthetic:order needs clips of at least {FEWEST_ORDERED} frames, read "
            f"{clips.frames}: fewer have no four orders; cure: --frames 8"
        )
    if task == "mark" and clips.sides.decoded < SMALLEST_MARKED:
        raise DataError(
            f"synthetic:mark needs frames of at least {SMALLEST_MARKED} pixels, read "
            f"{clips.sides.decoded}: its textures are finer than smaller ones show; cure: --size 96"
        )
    frames, side = span(clips.frames, clips.stride) + SPARE_FRAMES, clips.sides.decoded
    counts = (planted.train_clips, planted.val_clips, planted.test_clips)
    sizes = "-".join(str(n) for n in counts)
    made = f"{task}-{clips.frames}by{clips.stride}" if task == "order" else task
    key = f"v{VERSION}-{made}-{frames}x{side}-{sizes}-seed{seed}"
    folder = options.loading.cache_directory / "synthetic" / key
    if not (folder / "clips.csv").is_file():
        shape = PlantedShape(frames, side, clips.frames, clips.stride)
        _write_once(folder, task, counts, shape, seed=seed)
    _check(folder)
    source = read_list(folder / "clips.csv", options.source)
    order = [source.classes.index(name) for name in CLASS_NAMES[task]]
    info = VideoInfo(frames, side, side, 12.0)
    records = tuple(replace(r, labels=(order.index(r.label),), info=info) for r in source.records)
    return Source(f"synthetic:{task}", CLASS_NAMES[task], records, OBJECT_CLASSES)


def _check(folder: Path) -> None:
    """Refuses a cache whose files are gone or were changed."""
    wrong: list[str] = []
    with (folder / "clips.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, size in ((row["path"], row["bytes"]), (row["object"], row["object_bytes"])):
                path = folder / name
                if not path.is_file() or path.stat().st_size != int(size):
                    wrong.append(name)
    if wrong:
        raise DataError(
            f"{folder}: the cache is damaged; missing or changed:\n{listed(wrong)}\n"
            "  cure: delete that folder, it will be written again"
        )


def _write_once(
    folder: Path, task: Task, counts: tuple[int, int, int], shape: PlantedShape, *, seed: int
) -> None:
    """Writes the whole data set beside its place and renames it; the first of several wins.

    The others wait meanwhile: what stands there once it is their turn, a killed process has left.
    """
    try:
        make_directories(folder.parent)
        with alone(folder.with_name(f".{folder.name}.lock")) as sure:
            if (folder / "clips.csv").is_file():
                return
            if sure:
                _clear(folder)
            draft = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}")
            try:
                draft.mkdir()
                _write(draft, task, counts, shape, seed=seed)
                draft.rename(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        if (folder / "clips.csv").is_file():
            return  # without locks, another process was faster
        if error.errno in FULL:
            raise disk_full(folder, error) from None
        raise DataError(
            f"{folder}: planted data cannot be written ({error.strerror}); "
            "cure: name another directory with --cache"
        ) from error


def _clear(folder: Path) -> None:
    """Removes the drafts of killed processes."""
    for draft in folder.parent.glob(f".{folder.name}.*"):
        if draft.is_dir():
            shutil.rmtree(draft)


def _write(
    folder: Path, task: Task, counts: tuple[int, int, int], shape: PlantedShape, *, seed: int
) -> None:
    rows: list[dict[str, object]] = []
    boxes: dict[str, tuple[Box, ...]] = {}
    classes = CLASS_NAMES[task]
    for part, (split, count) in enumerate(zip(SPLITS, counts, strict=True)):
        place = BEFORE[split]  # part of a clip's name, which is part of the fingerprint
        (folder / place).mkdir()
        for number in range(count * len(classes)):
            label = number % len(classes)
            rng = np.random.default_rng([seed, VERSION, TASKS.index(task), part, number])
            factors = draw_factors(task, label, rng)
            video, maps = f"{place}/{number:05d}.mp4", f"{place}/{number:05d}.npz"
            if task == "mark":
                size = {"frames": shape.length, "side": shape.side}
                scene, boxes[video] = draw_marked(factors, **size, rng=rng)
            else:
                scene = draw_scene(task, factors, shape, rng)
            write_video(folder / video, scene)
            drawn = draw_objects(factors, frames=shape.length, side=shape.side, rng=rng)
            np.savez_compressed(folder / maps, classes=drawn)
            row: dict[str, object] = {
                "path": video,
                "label": classes[label],
                "split": split,
                "object": maps,
            }
            row["bytes"] = os.path.getsize(folder / video)
            row["object_bytes"] = os.path.getsize(folder / maps)
            rows.append(row | _factors(factors))
    if boxes:
        write_boxes(folder / BOXES, boxes)
    with (folder / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _factors(factors: Factors) -> dict[str, object]:
    """The factors that a scene shows, by name."""
    if factors.texture is not None:
        return {"texture": factors.texture, "region": factors.region}
    shown: dict[str, object] = {
        "colour": factors.colour,
        "direction": factors.direction,
        "region": factors.region,
    }
    return shown if factors.order is None else shown | {"order": factors.order}
