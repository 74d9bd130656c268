"""The contact sheet and the film of a focus model: each window where it is, and no further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from connsearch.data.media.decode import read_frames, stream_frames
from connsearch.errors import RunError
from connsearch.runs.formats.focus import FocusSummary, LookRemark
from connsearch.view.clips.embedded import MOST_BYTES, embedded
from connsearch.view.clips.focus_film import SIDE, count_frames, film_frames, write_film
from connsearch.view.clips.focus_marks import WINDOW, FocusClip
from connsearch.view.clips.focus_sheet import MOST_FRAMES, focus_sheet
from connsearch.view.lettering import length
from connsearch.view.structures.palette import DEAD
from tests.view.focus_drawn import (
    FRAMES,
    GREY,
    PATCH,
    SIZE,
    clip,
    ink,
    stopping,
    summary,
    together,
)


def sheet(*clips: FocusClip, found: FocusSummary | None = None) -> np.ndarray[Any, Any]:
    picture = focus_sheet(clips, found or summary(), title="t", remark="r", columns=8)
    return np.asarray(picture)


def test_windows_are_drawn_where_they_are_in_the_order_of_time() -> None:
    picture = sheet(clip())
    orange = (picture == ink(WINDOW)).all(-1)
    head = np.flatnonzero((picture == GREY).all(-1).any(1))
    top, left = head[0], 14 + 148
    for place, step in enumerate((1, 3, 0, 4, 2)):  # looked at in the order 2 0 4 1 3
        tile = orange[top : top + 128, left + place * 132 : left + place * 132 + 128]
        rows, columns = np.flatnonzero(tile.any(1)), np.flatnonzero(tile.any(0))
        assert (rows[0], rows[-1]) == (4 * step, 4 * (step + PATCH) - 1)
        assert (columns[0], columns[-1]) == (8 * step, 4 * (2 * step + PATCH) - 1)


def test_what_is_not_looked_at_is_pale_and_has_no_window() -> None:
    picture = sheet(clip(exit=1, stopping=True), found=stopping())
    top, left = np.flatnonzero((picture == GREY).all(-1).any(1))[0], 14 + 148
    seen = [
        (picture[top : top + 128, left + n * 132 : left + n * 132 + 128] == ink(WINDOW))
        .all(-1)
        .any()
        for n in range(FRAMES)
    ]
    assert seen == [True, False, True, False, False]
    border = picture[top - 1, left + 10 : left + 100]
    assert (border == ink(DEAD.line)).all(), "the second, which is the first in time, is the last"


def test_a_clip_that_cannot_be_read_says_why_and_a_long_one_is_thinned() -> None:
    whole = sheet(clip())
    both = sheet(clip(), FocusClip("b.mp4", ("run",), fault="b.mp4: is cut off; cure: another"))
    assert both.shape[0] > whole.shape[0]
    assert (both == ink(DEAD.tint)).all(-1).any()
    many = 3 * MOST_FRAMES
    frames = np.full((many, SIZE, SIZE, 3), GREY, np.uint8)
    long = clip(
        frames=frames,
        order=tuple(range(many)),
        captions=("",) * many,
        windows=np.tile([1.0, 1, 8, 8], (many, 1)),
        answers=((("walk", 1.0),),) * many,
        answered=tuple(range(1, many + 1)),
        exit=many - 1,
    )
    short = clip(
        **{n: getattr(long, n)[:8] for n in ("order", "captions", "answered", "answers")},
        frames=frames[:8],
        windows=np.tile([1.0, 1, 8, 8], (8, 1)),
        exit=7,
    )
    rows = (sheet(long).shape[0] - sheet(short).shape[0]) / (128 + 30 + 4) + 1
    assert rows == MOST_FRAMES / 8


def test_no_clip_at_all_is_still_a_sheet() -> None:
    assert sheet(FocusClip("b.mp4", fault="gone")).size


def test_the_film_has_a_picture_a_window_and_ends_where_the_clip_stops(tmp_path: Path) -> None:
    clips = [clip(), FocusClip("b.mp4", fault="gone"), clip(exit=1, stopping=True)]
    frames = list(film_frames(clips, fps=2))
    assert len(frames) == count_frames(clips, fps=2) == (5 + 3) + (2 + 3)
    assert len({frame.shape for frame in frames}) == 1
    assert all(side % 2 == 0 for side in frames[0].shape[:2])
    assert (frames[4] == frames[7]).all(), "the last one stays"
    assert (frames[3] != frames[4]).any()
    red = [(frame == ink(DEAD.line)).all(-1).any() for frame in frames]
    assert red == [False] * 9 + [True] * 4, "only where it stops early"
    path = tmp_path / "film.mp4"
    write_film(iter(frames), path, fps=2)
    read = list(stream_frames(path))
    assert len(read) == len(frames)
    assert np.abs(read[9].astype(int) - frames[9]).mean() < 4
    assert list(tmp_path.iterdir()) == [path]


def test_the_window_is_shown_enlarged_beside_its_frame() -> None:
    (first, *_), wide = film_frames([clip(exit=0)], fps=1), 12 + SIDE + 12
    inside = first[46 + 60 : 46 + SIDE - 60, wide + 60 : wide + SIDE - 60]
    assert (inside == 255).all(), "the inside of the window, and nothing of what is around it"


def test_a_model_that_stops_after_its_glance_has_no_window_in_the_film() -> None:
    ends: dict[str, Any] = {"answered": (0, FRAMES), "answers": clip().answers[:2]}
    (first, *_) = film_frames([clip(**ends, exit=0, stopping=True)], fps=1)
    assert not (first == ink(WINDOW)).all(-1).any()
    assert len(list(film_frames([clip(**ends, exit=1)], fps=1))) == FRAMES + 2
    stopped, whole = (sheet(clip(**ends, exit=exit, stopping=True)) for exit in (0, 1))
    seen = [int((picture == ink(WINDOW)).all(-1).sum()) for picture in (stopped, whole)]
    assert seen[0] < seen[1]


def test_without_an_encoder_it_is_a_gif(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    clips = [clip()]
    write_film(film_frames(clips, fps=2), path, fps=2)
    with Image.open(path) as gif:
        shown = sum(gif.seek(n) or gif.info["duration"] for n in range(gif.n_frames))  # type: ignore[attr-defined,func-returns-value]
    assert shown == count_frames(clips, fps=2) * 500, "equal pictures share one frame"


def test_a_film_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_film(film_frames([clip()], fps=2), path, fps=2)
    before = path.read_bytes()

    def broken() -> Any:
        yield from film_frames([clip(exit=0)], fps=2)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_film(broken(), path, fps=2)
    assert path.read_bytes() == before
    assert read_frames(path, [0]).shape[0] == 1


def test_frames_that_are_glanced_at_are_told_from_others() -> None:
    known: dict[str, Any] = {"answered": (0, FRAMES), "answers": clip().answers[:2]}
    known |= {"order": tuple(range(FRAMES)), "glanced": (0, 4), "stopping": True}
    looked, left = clip(**known, exit=1), clip(**known, exit=0)
    assert [looked.sight(step) for step in (0, 1)] == ["glance and look", "look only"]
    assert [left.sight(step) for step in (0, 1)] == ["glance only", "not seen"]
    assert clip().sight(0) == ""
    picture = sheet(left, found=together())
    top, start = np.flatnonzero((picture == GREY).all(-1).any(1))[0], 14 + 148
    shown = [bool((picture[top + 100, start + n * 132 + 100] == GREY).all()) for n in range(FRAMES)]
    assert shown == [True, False, False, False, True], "what is never seen is pale"
    (first, *_), (plain, *_) = (
        film_frames([clip(**known | {"glanced": seen}, exit=1)], fps=1) for seen in ((0, 4), ())
    )
    strip = slice(46 + SIDE + 12, 46 + SIDE + 12 + 18)
    changed = (first[strip] != plain[strip]).any(-1).any(0)
    each = (first.shape[1] - 24) / FRAMES
    assert [changed[round(12 + n * each) : round(12 + (n + 1) * each)].any() for n in range(5)] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_a_sheet_is_no_wider_than_its_frames() -> None:
    def wide(count: int) -> int:
        some = clip(
            frames=np.full((count, SIZE, SIZE, 3), GREY, np.uint8),
            order=tuple(range(count)),
            captions=("",) * count,
            windows=np.tile([1.0, 1, 8, 8], (count, 1)),
            answers=clip().answers[:1] * count,
            answered=tuple(range(1, count + 1)),
            exit=count - 1,
        )
        return sheet(some).shape[1]

    assert [wide(count) for count in (1, 4, 6, 8, 20)] == [
        2 * 14 + 148 + columns * 132 for columns in (4, 4, 6, 8, 8)
    ]


def test_a_long_class_name_leaves_the_count_legible() -> None:
    (short, *_), (long, *_) = (
        film_frames([clip(classes=(name,), exit=0)], fps=1) for name in ("w", "W" * 80)
    )
    right = round(short.shape[1] - 12 - length("window 1 of 5", size=13)) - 4
    assert (short[:24, right:] == long[:24, right:]).all()
    assert (short[:24, 40:right] != long[:24, 40:right]).any()


def test_a_picture_in_a_page_is_small_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 255, (1200, 1200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    found = embedded(path)
    assert found.source.startswith("data:image/jpeg;base64,")
    assert len(found.source) < 1.4 * MOST_BYTES
    assert (found.width, found.height) == (1200, 1200)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(RunError, match=r"noise.png: cannot be read as a picture.*\n  cure: rerun"):
        embedded(path)
    Image.new("1", (9000, 9000)).save(path)
    with pytest.raises(RunError, match="9000x9000 pixels, more than a page can show"):
        embedded(path)


def test_remarks_are_on_the_sheet() -> None:
    remark = LookRemark(kind="collapsed", said="it has collapsed", cure="more epochs")
    plain, told = sheet(clip()), sheet(clip(), found=summary(remarks=[remark]))
    red = [(picture == ink(DEAD.line)).all(-1).sum() for picture in (plain, told)]
    assert red[0] == 0 < red[1]
