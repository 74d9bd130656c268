"""Folders that hold every fifth frame, in the lists that count or number frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from connsearch.data.loading.load import load_data
from connsearch.data.sources.source import read_source
from connsearch.errors import DataError
from tests.data.datasets.formats import FRAMES, Maker, frames, jester
from tests.data.helpers import options
from tests.data.media.helpers import flat, jpegs

PICTURE = jpegs(flat(1))[0]


def sampled(folder: Path, pattern: str, count: int) -> None:
    """Makes every third of so many images, numbered from 1."""
    for number in range(1, count + 1, 3):
        (folder / (pattern % number)).write_bytes(PICTURE)


def test_numbered_clips_of_a_sample_are_its_pictures(tmp_path: Path) -> None:
    frames(tmp_path, Maker(frames=sampled))
    asked = options(f"frames:{tmp_path}", frames=2, val_share=0.0, test_share=0.0, media_fps=6.0)
    data = load_data(asked)
    assert {(r.window.start, r.window.end) for r in data.train.records if r.window} == {
        (0, FRAMES // 3)
    }
    assert {r.info.fps for r in data.train.records if r.info} == {2.0}
    assert "hold one frame in 3 of a video" in " ".join(data.notes)
    (tmp_path / "clips" / "0-0" / "img_00004.jpg").unlink()
    with pytest.raises(DataError, match=r"clips/0-0 has 3 of the 12 frames 1 to 12"):
        load_data(asked)


def test_a_list_that_counts_all_frames_takes_a_sample_of_them(tmp_path: Path) -> None:
    tiny = jester(tmp_path, Maker(frames=sampled))
    data = load_data(options(f"jester:{tiny.rest}", frames=2, val_share=0.0))
    assert {(r.info.frames, r.info.step, r.info.fps) for r in data.train.records if r.info} == {
        (FRAMES // 3, 3, 4.0)
    }
    folder = next(iter(data.train.records)).path
    (folder / "00004.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of 10 folders hold fewer frames than the list says"):
        read_source(options(f"jester:{tiny.rest}", bad_share=0.0))
