"""The chart of a focus model, and what it says in words: places, answers and stops."""

from __future__ import annotations

from typing import Any

import pytest

from connsearch.runs.formats.focus import LookPlaces, LookStep
from connsearch.view.charts.chart import Chart
from connsearch.view.charts.marks import Points, Polyline
from connsearch.view.notebook.focus import focus_html
from connsearch.view.runs.focus import focus_chart, places_facts
from tests.view.focus_drawn import FRAMES, PATCH, SIZE, stopping, summary, together

pytestmark = pytest.mark.usefixtures("unpictured")


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
    videos = summary(split="videos", clips=1, windows=1)
    assert dict(places_facts(videos))["videos"] == "1, 1 window in each"
    assert focus_chart(videos, title="").note.startswith("1 video, 1 window in each; pixels")


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


def replace_places(**changes: Any) -> LookPlaces:
    return summary().places.model_copy(update=changes)


def test_a_card_says_after_what_clips_end() -> None:
    plain, both = focus_html(summary()), focus_html(together())
    assert ("after each window" in plain, "after glance and look" in plain) == (True, False)
    assert "the glance" in both
    assert "after each window" not in both
