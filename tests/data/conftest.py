"""Small real videos, made once a session."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.loading.load import load_data
from connsearch.data.media.decode import write_video
from connsearch.data.options import DataOptions
from connsearch.data.sources.source import read_source
from connsearch.data.tools.pack import pack
from tests.data.helpers import CLASSES, GROUPS, HEIGHT, WIDTH, moving_square, options


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder CLASS/GROUP.mp4, an object map beside each that follows the bright square."""
    folder = tmp_path_factory.mktemp("videos")
    rng = np.random.default_rng(0)
    for label in CLASSES:
        (folder / label).mkdir()
        for group in GROUPS:
            frames, maps = moving_square(rng)
            write_video(folder / label / f"{group}.mp4", frames)
            np.savez_compressed(folder / label / f"{group}.npz", classes=maps)
    return folder


@pytest.fixture(scope="session")
def listing(videos: Path) -> Path:
    """A CSV of those videos with groups, object maps and no splits."""
    path = videos.parent / f"{videos.name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "object", "remark"])
        for label in CLASSES:
            for group in GROUPS:
                name = f"{videos.name}/{label}/{group}"
                writer.writerow([f"{name}.mp4", label, group, f"{name}.npz", "a, b"])
    return path


@pytest.fixture(scope="session")
def packed(listing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those videos as frame stores."""
    folder = tmp_path_factory.mktemp("packed")
    list(pack(read_source(options(listing)), folder, workers=2))
    return folder


@pytest.fixture(scope="session")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 100 frames, each of its own brightness; several key frames."""
    path = tmp_path_factory.mktemp("long") / "a:b -long.mp4"
    frames = np.empty((100, HEIGHT, WIDTH, 3), np.uint8)
    frames[:] = (30 + 2 * np.arange(100, dtype=np.uint8))[:, None, None, None]
    write_video(path, frames, key_every=20)
    return path


@pytest.fixture(scope="session")
def planted_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds one small planted data set."""
    cache = tmp_path_factory.mktemp("cache")
    load_data(small_planted(cache))
    return cache


def small_planted(cache: Path) -> DataOptions:
    """Returns the options of the small planted data set."""
    return options("synthetic:mix", cache=cache, train_clips=3, val_clips=1, test_clips=1)


@pytest.fixture
def planted(planted_cache: Path) -> DataOptions:
    """Options of a planted data set that is in the cache already."""
    return small_planted(planted_cache)
