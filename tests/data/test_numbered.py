"""Pictures of a folder in the order of their numbers: frames and object maps alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connsearch.data.media.formats import MEDIA
from connsearch.data.media.objects import read_objects
from connsearch.errors import DataError

READERS = {
    "frame": lambda folder: MEDIA["frame_folder"].probe(folder).frames,
    "object map": lambda folder: len(read_objects(folder)),
}


def pictures(folder: Path, *names: str) -> Path:
    """Writes one picture a name, whose value is its place in the list."""
    folder.mkdir(exist_ok=True)
    for value, name in enumerate(names):
        Image.fromarray(np.full((4, 5), value, np.uint8)).save(folder / name)
    return folder


@pytest.mark.parametrize("what", READERS)
def test_numbers_missing_or_twice_are_refused_by_name(tmp_path: Path, what: str) -> None:
    read = READERS[what]
    gap = pictures(tmp_path / "gap", *(f"m_{n}.png" for n in (1, 2, 3, 5, 6)))
    with pytest.raises(DataError, match=rf"gap: {what}s are missing\n  1 between m_3.png and m_5"):
        read(gap)
    twice = pictures(tmp_path / "twice", "1.png", "2.png", "02.png")
    with pytest.raises(
        DataError, match=rf"twice: {what}s that are there twice\n  02.png and 2.png"
    ):
        read(twice)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=rf"none: no {what}; allowed: pictures in .*png; cure:"):
        read(tmp_path / "none")


@pytest.mark.parametrize("what", READERS)
def test_equal_steps_are_a_sample_and_unequal_ones_are_not(tmp_path: Path, what: str) -> None:
    read = READERS[what]
    for name, numbers in {"from1": range(1, 52, 5), "from0": range(0, 101, 10)}.items():
        assert read(pictures(tmp_path / name, *(f"{n}.png" for n in numbers))) == 11
    torn = pictures(tmp_path / "torn", *(f"{n}.png" for n in (1, 6, 11, 21, 26)))
    words = rf"{what}s are missing; the others are 5 numbers apart\n  9 between 11.png and 21.png"
    with pytest.raises(DataError, match=words):
        read(torn)
    with pytest.raises(DataError, match=r"4 between 1.png and 6.png"):  # two say nothing of steps
        read(pictures(tmp_path / "two", "1.png", "6.png"))


@pytest.mark.parametrize("what", READERS)
def test_capitals_count_and_dot_files_do_not(tmp_path: Path, what: str) -> None:
    folder = pictures(tmp_path / "v", "1.png", "2.PNG", "3.Png")
    (folder / "._2.png").write_bytes(b"what a Mac leaves behind")
    (folder / ".4.png").write_bytes(b"")
    assert READERS[what](folder) == 3


def test_object_maps_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "v", *(f"{n}.png" for n in range(1, 13)))
    assert read_objects(folder)[:, 0, 0].tolist() == list(range(12))
    assert read_objects(folder, numbers=[11, 1, 1])[:, 0, 0].tolist() == [11, 1, 1]


def test_a_sample_of_frames_says_its_step(tmp_path: Path) -> None:
    whole = pictures(tmp_path / "whole", *(f"{n}.png" for n in range(3, 9)))
    sample = pictures(tmp_path / "sample", *(f"{n}.png" for n in range(0, 30, 10)))
    assert [MEDIA["frame_folder"].probe(p).step for p in (whole, sample)] == [1, 10]


def test_the_bytes_of_a_folder_with_gaps_can_be_told(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "v", "1.png", "2.png", "4.png")
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert MEDIA["frame_folder"].bytes_on_disk(folder) == size
