from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from connsearch.data.media.formats import MEDIA
from connsearch.data.media.formats.frame_folder import frame_names
from connsearch.errors import DataError
from tests.data.media.helpers import flat, jpegs, numbers, png_folder

FOLDER = MEDIA["frame_folder"]


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    "form", ["image_{:05d}.jpg", "img_{:05d}.JPG", "{:05d}.jpeg", "{:06d}.png", "f{}.jpg"]
)
@pytest.mark.parametrize("first", [0, 1, 95])
def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path, form: str, first: int) -> None:
    names = [form.format(n) for n in range(first, first + 12)]
    touched(tmp_path, *reversed(names), ".DS_Store", "._img_00001.jpg", "notes.txt")
    assert frame_names(tmp_path) == tuple(names)


def test_other_names_are_in_the_order_a_person_counts(tmp_path: Path) -> None:
    touched(tmp_path, "b2.jpg", "b10.jpg", "a.jpg", "B3.png")
    assert frame_names(tmp_path) == ("a.jpg", "b2.jpg", "B3.png", "b10.jpg")


def test_gaps_are_refused_by_name(tmp_path: Path) -> None:
    touched(tmp_path, *[f"img_{n:05d}.jpg" for n in (1, 2, 5, 6, 8)])
    words = r"frames are missing\n  2 between img_00002.jpg and img_00005.jpg\n  1 between .*cure:"
    with pytest.raises(DataError, match=rf"(?s){words}"):
        FOLDER.probe(tmp_path)


def test_a_number_that_stands_twice_is_refused(tmp_path: Path) -> None:
    touched(tmp_path, "1.jpg", "2.jpg", "02.png")
    with pytest.raises(DataError, match=r"twice\n  02.png and 2.jpg"):
        FOLDER.probe(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no frame; allowed: pictures in .jpg, .jpeg, .png; cure:"):
        FOLDER.probe(touched(tmp_path, "notes.txt"))


def test_png_frames_are_exact(tmp_path: Path) -> None:
    folder = png_folder(tmp_path / "v", flat(4))
    assert (FOLDER.read(folder, range(4), size=None, info=FOLDER.probe(folder)) == flat(4)).all()


def test_jpeg_and_png_may_be_mixed(tmp_path: Path) -> None:
    folder = png_folder(tmp_path / "v", flat(4))
    (folder / "2.png").unlink()
    (folder / "2.jpg").write_bytes(jpegs(flat(4))[2])
    frames = FOLDER.read(folder, [3, 2, 2, 0], size=(10, 11), info=FOLDER.probe(folder))
    assert numbers(frames) == [3, 2, 2, 0]


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_frame_of_another_size_is_refused_by_name(tmp_path: Path, suffix: str) -> None:
    folder = png_folder(tmp_path / "v", flat(4))
    (folder / "2.png").unlink()
    Image.new("RGB", (41, 24)).save(folder / f"2.{suffix}")
    info = FOLDER.probe(folder)
    with pytest.raises(DataError, match=rf"2.{suffix}: 24x41 pixels .*the first frame has 24x40"):
        FOLDER.read(folder, [0, 2], size=None, info=info)


def test_a_folder_that_changed_is_listed_again(tmp_path: Path) -> None:
    folder = png_folder(tmp_path / "v", flat(4))
    assert FOLDER.probe(folder).frames == 4
    (folder / "4.png").write_bytes((folder / "0.png").read_bytes())
    os.utime(folder, ns=(1, 1))
    assert FOLDER.probe(folder).frames == 5


def test_a_damaged_frame_is_refused_by_name(tmp_path: Path) -> None:
    folder = png_folder(tmp_path / "v", flat(3))
    info = FOLDER.probe(folder)
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:-30])
    with pytest.raises(DataError, match=r"1.png: not readable as a picture .*cure:"):
        FOLDER.read(folder, [0, 1], size=None, info=info)
