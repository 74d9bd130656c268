"""The contact sheet and the film of a focus model: each window where it is, and no further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from connsearch.data.media.decode import read_frames, stream_frames
from connsearch.errors import RunError
from connsearch.runs.formats.focus import (
    FocusSummary,
    LookPlaces,
    LookRemark,
    LookShown,
    LookStep,
)
from connsearch.view.clips.embedded import MOST_BYTES, embedded
from connsearch.view.clips.focus_film import SIDE, count_frames, film_frames, write_film
from connsearch.view.clips.focus_marks import WINDOW, FocusClip
from connsearch.view.clips.focus_sheet import MOST_FRAMES, focus_sheet
from connsearch.view.runs.focus import focus_chart, places_facts
from connsearch.view.structures.palette import DEAD

GREY, FRAMES, SIZE, PATCH = 90, 5, 32, 12


def ink(code: str) -> tuple[int, ...]:
    return tuple(int(code[at : at + 2], 16) for at in (1, 3, 5))


def clip(**changes: Any) -> FocusClip:
    """Grey frames; the window of a step is at (step, 2 * step), its inside is white."""
    frames = np.full((FRAMES, SIZE, SIZE, 3), GREY, np.uint8)
    windows = np.array([[step, 2 * step, PATCH, PATCH] for step in range(FRAMES)], np.float64)
    for step in range(FRAMES):
        frames[step, step : step + PATCH, 2 * step : 2 * step + PATCH] = 255
    answers = tuple((("walk", 0.5 + step / 10), ("run", 0.5 - step / 10)) for step in range(FRAMES))
    known: dict[str, Any] = {
        "name": "a.mp4",
        "classes": ("walk",),
        "frames": frames,
        "order": (2, 0, 4, 1, 3),
        "captions": tuple(map(str, range(FRAMES))),
        "windows": windows,
        "answers": answers,
        "answered": tuple(range(1, FRAMES + 1)),
        "exit": FRAMES - 1,
    }
    return FocusClip(**{**known, **changes})


def summary(**changes: Any) -> FocusSummary:
    heat = [[0] * 8 for _ in range(8)]
    heat[2][3], heat[4][4] = 30, 10
    known: dict[str, Any] = {
        "run": "runs/f",
        "model": "adafocus",
        "clips": 8,
        "windows": FRAMES,
        "places": LookPlaces(
            frame=[float(SIZE)] * 2,
            window=[float(PATCH)] * 2,
            heat=heat,
            middle=[12.0, 14.5],
            spread=3.25,
            share=0.25,
            across=2.5,
            from_centre=5.5,
            overlap=0.5,
        ),
        "steps": [
            LookStep(step=step + 1, frame=step, accuracy=step / 10, probability=0.5)
            for step in range(FRAMES)
        ],
        "shown": [LookShown(name="a.mp4", classes=["walk"], answer="walk", probability=0.9)],
    }
    return FocusSummary(**{**known, **changes})


def stopping(**changes: Any) -> FocusSummary:
    steps = [step.model_copy(update={"stops": 2}) for step in summary().steps]
    return summary(steps=steps, confidence="probability", mean_steps=3.0, **changes)


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
    rows = (sheet(long).shape[0] - whole.shape[0]) / (128 + 30 + 4) + 1
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
    together: dict[str, Any] = {"answered": (0, FRAMES), "answers": clip().answers[:2]}
    (first, *_) = film_frames([clip(**together, exit=0, stopping=True)], fps=1)
    assert not (first == ink(WINDOW)).all(-1).any()
    assert len(list(film_frames([clip(**together, exit=1)], fps=1))) == FRAMES + 2
    stopped, whole = (sheet(clip(**together, exit=exit, stopping=True)) for exit in (0, 1))
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


def test_the_chart_says_places_answers_and_stops() -> None:
    plain = focus_chart(summary(), title="")
    assert [panel.title for panel in plain.panels] == [
        "middles of all windows",
        "after each window",
    ]
    assert "row 8, column 12: 75.0% of the windows" in plain.panels[0].described()
    assert "right answers: from 0 to 0.4" in plain.panels[1].described()
    chart = focus_chart(stopping(), title="")
    assert "after 1 windows: 2 clips, 20%" in chart.panels[2].described()
    ends = [LookStep(step=step, accuracy=0.5, probability=0.5, stops=4) for step in (0, FRAMES)]
    together = focus_chart(summary(steps=ends, mean_steps=2.5), title="")
    assert together.panels[1].title == "after glance and look"
    assert "after 0 windows: 4 clips, 50%" in together.panels[2].described()
    facts = dict(places_facts(stopping()))
    assert facts["stops"] == "after 3.00 of 5 windows on average"
    assert facts["spread"] == "3.2 pixels, 0.25 of that of random places"
    assert facts["clips"].endswith("of val, 5 windows in each")
    videos = summary(split="videos", clips=1, windows=1)
    assert dict(places_facts(videos))["videos"] == "1, 1 window in each"
    assert focus_chart(videos, title="").note.startswith("1 video; pixels")
    alone = places_facts(summary(places=replace_places(across=None, share=None)))
    assert "spread over clips, step by step" not in dict(alone)


def replace_places(**changes: Any) -> LookPlaces:
    return summary().places.model_copy(update=changes)


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
