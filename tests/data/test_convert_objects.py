from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from connsearch.data.media.objects import read_objects
from connsearch.data.tools.convert_objects import convert_objects, parse_numbers, write_objects
from connsearch.errors import DataError


def saved(folder: Path, array: object) -> Path:
    path = folder / "rows.npy"
    np.save(path, np.asarray(array))
    return path


def test_masks_become_classes(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for n in range(3):
        mask = np.zeros((4, 6), np.uint8)
        mask[n] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{n:05d}.png")
    maps = convert_objects(tmp_path / "masks", numbers={0: 0, 255: 1})
    assert (maps.dtype, maps.shape) == (np.uint8, (3, 4, 6))
    assert [int(np.argmax(m[:, 0])) for m in maps] == [0, 1, 2]
    assert maps.max() == 1


def test_what_is_written_is_read_by_the_project(tmp_path: Path) -> None:
    maps = convert_objects(saved(tmp_path, np.arange(8).reshape(2, 2, 2)))
    write_objects(tmp_path / "new" / "clip.npz", maps)
    assert np.array_equal(read_objects(tmp_path / "new" / "clip.npz", frames=2), maps)


def test_measurements_are_cut_at_the_levels(tmp_path: Path) -> None:
    values = np.array([[[25.9, 26.0], [28.0, 31.5]]], np.float16)
    maps = convert_objects(saved(tmp_path, values), levels=[26, 28, 30])
    assert maps.tolist() == [[[0, 1], [2, 3]]]


@given(
    rows=st.integers(1, 40),
    rate=st.floats(0.2, 9.0),
    start=st.integers(0, 50),
    frames=st.integers(1, 50),
)
def test_every_frame_takes_the_nearest_row_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: int, rate: float, start: int, frames: int
) -> None:
    path = saved(tmp_path_factory.mktemp("a"), np.arange(rows, dtype=np.uint8)[:, None, None])
    if (start + frames - 1) / rate + 0.5 >= rows:
        with pytest.raises(DataError, match=f"frame {start + frames - 1} needs row"):
            convert_objects(path, rate=rate, start=start, frames=frames)
        return
    maps = convert_objects(path, rate=rate, start=start, frames=frames)
    times = rate * np.arange(rows)
    for n, row in enumerate(maps[:, 0, 0]):
        away = np.abs(times - (start + n))
        assert away[row] <= away.min() + 1e-6


def test_frames_go_as_far_as_the_rows(tmp_path: Path) -> None:
    path = saved(tmp_path, np.arange(10, dtype=np.uint8)[:, None, None])
    assert convert_objects(path)[:, 0, 0].tolist() == list(range(10))
    assert convert_objects(path, start=7)[:, 0, 0].tolist() == [7, 8, 9]
    # row 9 is frame 9 * 3.08 = 27.72, so frame 27 is the last that rows were recorded around
    assert len(convert_objects(path, rate=3.08)) == 28
    with pytest.raises(DataError, match="10 rows end before frame 10"):
        convert_objects(path, start=10)


def test_maps_are_scaled_without_new_classes(tmp_path: Path) -> None:
    path = saved(tmp_path, np.array([[[0, 7], [7, 0]]]))
    maps = convert_objects(path, size=(6, 4))
    assert maps.shape == (1, 6, 4)
    assert set(np.unique(maps)) == {0, 7}


@pytest.mark.parametrize(
    ("array", "settings", "words"),
    [
        ([[[0, 1, 2]]], {"numbers": {0: 0}}, r"values without a class: 1, 2; cure: --map VALUE:"),
        ([[[0, 300]]], {}, r"values without a class: 300"),
        ([[[-1, 0]]], {}, r"values without a class: -1"),
        ([[[0.5]]], {}, r"values of float64; expected whole numbers; cure: --levels"),
        ([[[0.5]]], {"levels": [3, 2]}, r"levels \[3, 2\]: allowed: up to 255 rising numbers"),
        ([[[0.5]]], {"levels": [float("nan")]}, "rising numbers"),
        ([[[float("nan")]]], {"levels": [1]}, "a value that is not a number"),
        ([[0, 1]], {}, r"shape \(1, 2\); expected \(rows, H, W\)"),
        ([[["a"]]], {"levels": [1]}, "values of <U1; expected numbers"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(
    tmp_path: Path, array: object, settings: dict, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        convert_objects(saved(tmp_path, array), **settings)


def test_numbers_are_read_strictly() -> None:
    assert parse_numbers("0:0, 255:1") == {0: 0, 255: 1}
    for text in ("", "0", "0:0,0:1", "a:1", "1:256", "1:-1", "0:0,"):
        with pytest.raises(DataError, match="allowed: VALUE:CLASS,VALUE:CLASS"):
            parse_numbers(text)
