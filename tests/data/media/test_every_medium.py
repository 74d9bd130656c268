"""What every medium promises; a new one is found by itself and needs a maker in helpers.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connsearch.data.media.formats import MEDIA, Medium
from connsearch.errors import DataError
from tests.data.media.helpers import HEIGHT, MAKERS, WIDTH, flat, numbers

COUNT = 9


@pytest.fixture(scope="module", params=list(MEDIA))
def clip(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Medium, Path]:
    assert request.param in MAKERS, "a new medium needs a maker in helpers.py"
    folder = tmp_path_factory.mktemp("a ?b#c%20d é视")
    return MEDIA[request.param], MAKERS[request.param](folder, flat(COUNT))


def test_probe_says_what_is_stored(clip: tuple[Medium, Path]) -> None:
    medium, path = clip
    info = medium.probe(path)
    assert (info.frames, info.height, info.width) == (COUNT, HEIGHT, WIDTH)
    assert info.fps in (0.0, 12.0)


@settings(max_examples=20, deadline=None)
@given(wanted=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=12))
def test_frames_come_in_the_order_asked_for_with_repeats(
    clip: tuple[Medium, Path], wanted: list[int]
) -> None:
    medium, path = clip
    frames = medium.read(path, wanted, size=None, info=medium.probe(path))
    assert frames.dtype == np.uint8
    assert frames.shape == (len(wanted), HEIGHT, WIDTH, 3)
    assert numbers(frames) == wanted


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (12, 20), (7, 9), (50, 60)])
def test_frames_have_the_size_asked_for(clip: tuple[Medium, Path], size: tuple[int, int]) -> None:
    medium, path = clip
    frames = medium.read(path, [5, 5, 2], size=size, info=medium.probe(path))
    assert frames.shape == (3, *size, 3)
    assert frames.flags.c_contiguous
    assert numbers(frames) == [5, 5, 2]


def test_a_frame_does_not_depend_on_what_else_is_read(clip: tuple[Medium, Path]) -> None:
    medium, path = clip
    info = medium.probe(path)
    alone = medium.read(path, [3], size=(10, 13), info=info)
    among = medium.read(path, range(COUNT), size=(10, 13), info=info)
    assert np.array_equal(alone[0], among[3])


def test_a_frame_beyond_the_end_is_refused_by_name(clip: tuple[Medium, Path]) -> None:
    medium, path = clip
    with pytest.raises(DataError, match=rf"(?s)clip.*{COUNT + 1}.*cure:"):
        medium.read(path, [0, COUNT], size=None, info=medium.probe(path))


@pytest.mark.parametrize("name", list(MEDIA))
def test_what_is_not_there_is_refused_by_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)gone.x.*cure:"):
        MEDIA[name].probe(tmp_path / "gone.x")


@pytest.mark.parametrize("name", list(MEDIA))
def test_what_is_something_else_is_refused_by_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.x"
    path.write_bytes(b"\1" * 5000)
    with pytest.raises(DataError, match=r"(?s)odd.x.*cure:"):
        MEDIA[name].probe(path)


def test_a_red_frame_is_red(tmp_path: Path) -> None:
    red = np.zeros((2, 32, 32, 3), np.uint8)
    red[..., 0] = 255
    for name in MEDIA:
        (tmp_path / name).mkdir()
        path = MAKERS[name](tmp_path / name, red)
        frames = MEDIA[name].read(path, [1], size=(16, 16), info=MEDIA[name].probe(path))
        assert frames[..., 0].min() > 245
        assert frames[..., 1:].max() < 10


def test_the_bytes_on_disk_are_those_of_the_frames(clip: tuple[Medium, Path]) -> None:
    medium, path = clip
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    assert medium.bytes_on_disk(path) == sum(file.stat().st_size for file in files) > 0
