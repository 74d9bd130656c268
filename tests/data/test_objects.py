from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connsearch.data.media.objects import read_objects, scale_objects
from connsearch.errors import DataError

MAPS = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(np.uint8) % 5


def test_npz_npy_and_png_give_the_same_maps(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", MAPS)
    np.savez(tmp_path / "b.npz", other=MAPS * 0, classes=MAPS)
    np.save(tmp_path / "c.npy", MAPS.astype(np.int64))
    (tmp_path / "d").mkdir()
    for t, picture in enumerate(MAPS):
        Image.fromarray(picture).save(tmp_path / "d" / f"{t:03d}.png")
    for name in ("a.npz", "b.npz", "c.npy", "d"):
        read = read_objects(tmp_path / name, frames=2, classes=5)
        assert read.dtype == np.uint8
        assert np.array_equal(read, MAPS)


def test_palette_pictures_are_read_as_class_numbers(tmp_path: Path) -> None:
    picture = Image.fromarray(MAPS[0])
    picture.putpalette(list(range(200, 230)))
    (tmp_path / "p").mkdir()
    picture.save(tmp_path / "p" / "0.png")
    assert np.array_equal(read_objects(tmp_path / "p"), MAPS[:1])


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (MAPS[0], r"shape \(3, 4\); expected \(frames, H, W\)"),
        (MAPS.astype(np.float32), "float32; expected whole numbers"),
        (MAPS + 3, "object classes 3 to 7; allowed: 0 to 4; cure: renumber"),
        (MAPS.astype(np.int16) - 1, "object classes -1 to 3"),
        (MAPS[:1], "1 object maps, the video has 2 frames"),
        (np.array([{}], dtype=object), "not readable"),
    ],
)
def test_unusable_maps_are_refused_by_name(tmp_path: Path, array, words: str) -> None:
    np.save(tmp_path / "maps.npy", array)
    with pytest.raises(DataError, match=f"maps.npy: .*{words}"):
        read_objects(tmp_path / "maps.npy", frames=2, classes=5)


def test_unusable_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "maps.npz").write_bytes(b"PK\x03\x04 not a zip")
    np.savez(tmp_path / "two.npz", a=MAPS, b=MAPS)
    (tmp_path / "empty").mkdir()
    (tmp_path / "colour").mkdir()
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "colour" / "0.png")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "0.png").write_bytes(b"no picture")
    for name, words in [
        ("maps.npz", "not readable as npy or npz"),
        ("two.npz", "arrays a, b; expected: classes"),
        ("empty", "no object map; allowed: pictures in .png; cure:"),
        ("colour", "expected one channel"),
        ("torn", "not readable as PNG"),
    ]:
        with pytest.raises(DataError, match=f"{name}.*{words}"):
            read_objects(tmp_path / name)


def test_scaling_keeps_classes_whole() -> None:
    for size in [(3, 4), (6, 8), (2, 3), (5, 7)]:
        scaled = scale_objects(MAPS, size)
        assert scaled.shape == (2, *size)
        assert set(np.unique(scaled)) <= set(np.unique(MAPS))
    assert np.array_equal(scale_objects(MAPS, (6, 8))[:, ::2, ::2], MAPS)
