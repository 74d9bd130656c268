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
from connsearch.view.charts.chart import Chart
from connsearch.view.charts.marks import Points, Polyline
from connsearch.view.clips.embedded import MOST_BYTES, embedded
from connsearch.view.clips.focus_film import SIDE, count_frames, film_frames, write_film
from connsearch.view.clips.focus_marks import WINDOW, FocusClip
from connsearch.view.clips.focus_sheet import MOST_FRAMES, focus_sheet
from connsearch.view.lettering import length
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


def test_the_chart_says_places_answers_and_stops() -> None:
    plain = focus_chart(summary(), title="")
    assert [panel.title for panel in plain.panels] == [
        "middles of all windows",
        "after each window",
    ]
    assert "row 8, column 12: 75.0% of the windows" in plain.panels[0].described()
    assert "right answers: from 0 to 0.4" in plain.panels[1].described()
    chart = focus_chart(stopping(), title="")
    assert "after 1 window: 2 clips, 20%" in chart.panels[2].described()
    facts = dict(places_facts(stopping()))
    assert facts["stops"] == "after 3.00 of 5 windows on average"
    assert facts["spread"] == "3.2 pixels, 0.25 of that of random places"
    alone = places_facts(summary(places=replace_places(across=None, share=None)))
    assert "spread over clips, step by step" not in dict(alone)


def together(**changes: Any) -> FocusSummary:
    """One window for all frames, with an answer after the glance and one after the look."""
    ends = [LookStep(step=step, accuracy=0.5, probability=0.5, stops=4) for step in (0, FRAMES)]
    known: dict[str, Any] = {"steps": ends, "window": "clip", "confidence": "probability"}
    return summary(**{**known, **changes})


def test_where_all_windows_are_looked_at_together_there_is_a_glance_and_a_look() -> None:
    _, answers, stops = focus_chart(together(), title="").panels
    assert answers.title == "after glance and look"
    assert list(answers.x.ticks or ()) == [(0, "glance"), (1, "look")]
    points = [mark for mark in answers.marks if isinstance(mark, Points)]
    assert [list(mark.xs) for mark in points] == [[0, 1], [0, 1]], "each answer has its point"
    assert list(stops.y.ticks or ()) == [(0, "glance"), (1, "look")]
    assert "after the glance: 4 clips, 50%; after the look: 4 clips, 50%" in stops.described()
    facts = dict(places_facts(together(glanced=2)))
    assert facts["clips"] == f"8 of val, one window for all {FRAMES} frames"
    assert facts["glance"] == f"at 2 of these {FRAMES} frames"
    assert facts["stops"] == "4 after the glance, 4 after the look (of 8 clips)"
    assert "spread over clips, step by step" not in facts, "there is one step"
    glides = dict(places_facts(together(window="track")))
    assert glides["clips"] == f"8 of val, one window that glides through {FRAMES} frames"
    two = [LookStep(step=step, probability=0.5) for step in (1, 2)]
    assert summary(steps=two, windows=2).one_by_one
    assert not summary(steps=two, windows=2, window="clip").one_by_one
    alone = focus_chart(together(steps=together().steps[1:]), title="")
    assert alone.panels[1].title == "after the look"


def test_places_by_setting_and_windows_of_several_sizes_are_said() -> None:
    plain = focus_chart(summary(), title="")
    assert "by setting" not in plain.note
    assert "places" not in dict(places_facts(summary()))
    for name in ("centre", "random"):
        found = summary(chosen_by=name)
        assert f"by setting (--places {name})" in dict(places_facts(found))["places"]
        assert f"by setting (--places {name})" in focus_chart(found, title="").note
    several = summary(smallest=8)
    assert dict(places_facts(several))["window"] == (
        "12x12 of 32x32 pixels on average, 8x8 at least"
    )
    chart = focus_chart(several, title="")
    assert "the middle of the smallest window can go" in chart.note

    def reach(chart: Chart) -> float:
        marks = [mark for mark in chart.panels[0].marks if isinstance(mark, Polyline)]
        return next(min(mark.xs) for mark in marks if mark.name == "reach of a middle")

    cell = SIZE / 8
    assert reach(plain) == PATCH / 2 / cell - 0.5
    assert reach(chart) == 8 / 2 / cell - 0.5, "smaller ones go further"


@pytest.mark.parametrize(
    ("count", "ticks"), [(4, [1, 2, 3, 4]), (16, [1, 4, 6, 8, 10, 12, 14, 16]), (1, [1])]
)
def test_the_first_and_the_last_window_have_ticks(count: int, ticks: list[int]) -> None:
    steps = [LookStep(step=n + 1, probability=0.5, stops=1) for n in range(count)]
    _, answers, stops = focus_chart(summary(steps=steps, windows=count), title="").panels
    assert [at for at, _ in answers.x.ticks or ()] == ticks
    assert [at for at, _ in stops.y.ticks or ()] == ticks
    assert stops.y.title == "", "it would touch the panel beside it"


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
