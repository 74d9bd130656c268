"""Pictures of an evolution of any size: what they show, and that nothing hides anything else."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from connsearch.evolution.population import dominates
from connsearch.view.charts.chart import Chart
from connsearch.view.charts.draw import chart_figure
from connsearch.view.charts.places import Place, beside
from connsearch.view.evolution.diversity import diversity_chart
from connsearch.view.evolution.files import evolution_pictures
from connsearch.view.evolution.fitness import fitness_chart
from connsearch.view.evolution.operators import change_interval, operators_chart, share_interval
from connsearch.view.evolution.pareto import front_line, pareto_chart
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.workers import shifts, workers_chart
from tests.evolution.hand_made import evolved
from tests.evolution.studies import SIZES, story


def drawn(chart: Chart | None) -> Figure:
    assert chart is not None
    return chart_figure(chart)


def texts(figure: Figure) -> list[str]:
    return [
        text.get_text()
        for axes in figure.axes
        for text in (*axes.texts, axes.xaxis.label, axes.yaxis.label)
    ]


def lines(figure: Figure, label: str) -> list[tuple[list[float], list[float]]]:
    return [
        (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore[arg-type]
        for axes in figure.axes
        for line in axes.lines
        if line.get_label() == label
    ]


def points(figure: Figure, label: str) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in drawn.get_offsets()]  # type: ignore[union-attr]
        for axes in figure.axes
        for drawn in axes.collections
        if drawn.get_label() == label
    ]


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(size, marks=[pytest.mark.slow] if size in ("three goals", "many") else [])
        for size in SIZES
    ],
)
def test_a_study_of_any_size_is_drawn(size: str) -> None:
    makers = (fitness_chart, diversity_chart, operators_chart, workers_chart, pareto_chart)
    for make in makers:
        chart = make(story(size))
        assert (chart is None) == (make is pareto_chart and len(story(size).objectives) == 1)
        if chart is not None:
            figure = chart_figure(chart)
            figure.set_dpi(40)
            FigureCanvasAgg(figure).draw()


@pytest.mark.parametrize(
    "size", ["none", "one", *(pytest.param(s, marks=pytest.mark.slow) for s in SIZES[2:])]
)
def test_pictures_are_written(size: str, tmp_path: Path) -> None:
    found = evolution_pictures(story(size), tmp_path)
    names = {path.stem for path in found}
    assert names >= {"fitness", "diversity", "operators", "workers"}
    assert ("pareto" in names) == (len(story(size).objectives) > 1)
    assert ("family" in names) == (size not in ("none", "failed"))
    assert all(path.stat().st_size > 1000 for path in found)


@pytest.mark.parametrize("size", ["none", "failed"])
def test_an_empty_panel_says_why(size: str) -> None:
    assert "no child was judged yet" in texts(drawn(fitness_chart(story(size))))
    assert texts(drawn(diversity_chart(story(size)))).count("no child was judged yet") == 3
    assert texts(drawn(operators_chart(story(size)))).count("no child has a parent yet") == 3
    shown = "no evaluation began yet" in texts(drawn(workers_chart(story(size))))
    assert shown == (size == "none")


def test_fitness_shows_every_child_the_best_and_the_mean() -> None:
    told = story("few")
    figure = drawn(fitness_chart(told))
    entered, out = points(figure, "entered"), points(figure, "did not enter")
    shown = [p for group in (*entered, *out) for p in group]
    assert dict(shown) == pytest.approx({e.number: told.value(e.child) for e in told.rounds})
    ((xs, best),) = lines(figure, "best so far")
    assert xs[:-1] == [e.number for e in told.rounds]
    assert best[:-1] == [e.top[0] for e in told.rounds]
    ((_, mean),) = lines(figure, "mean of the population")
    assert mean[-1] == pytest.approx(sum(m.values[0] for m in told.history.population.members) / 4)
    ((_, start),) = lines(figure, "the start")
    assert set(start) == {told.value(0)}
    failed = points(figure, "attempt failed")[0]
    assert len(failed) == sum(m.evaluation == 0 for m in told.mishaps) == 2


def test_minimised_objectives_keep_their_own_sign() -> None:
    told = story("two goals")
    (_, (_, best)) = lines(drawn(fitness_chart(told)), "best so far")
    assert best[-1] == min(v for n in told.entries if (v := told.value(n, 1)) is not None)


def test_elites_have_their_spread() -> None:
    told = story("many")
    chart = fitness_chart(told)
    (axes,) = drawn(chart).axes
    (bars,) = axes.containers
    again = [e for e in told.rounds if told.entries[e.child].evaluations > 1]
    assert "judged again, ± 1 sd" in [key.name for key in chart.legend()]
    assert len(bars[2][0].get_segments()) == len(again) > 5  # type: ignore[index]


@pytest.mark.parametrize(("size", "panels"), [("two goals", 1), ("three goals", 3)])
def test_the_front_is_numbered(size: str, panels: int) -> None:
    told = story(size)
    figure = drawn(pareto_chart(told))
    assert len(figure.axes) == panels
    for axes in figure.axes:
        numbers = [text.get_text() for text in axes.texts]
        assert set(numbers) <= {f"#{n}" for n in told.best}
        assert len(numbers) == len(set(numbers))
        assert len(numbers) > len(told.best) / 2
    assert pareto_chart(story("few")) is None


def test_the_line_of_the_front_is_dominated_by_nobody() -> None:
    told = story("two goals")
    line = front_line(told, 1, 0)
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    for x, y in line:
        for number in told.entries:
            if told.value(number) is not None:
                values = told.value(number, 0), -(told.value(number, 1) or 0.0)
                assert not dominates(values, (y, -x))  # type: ignore[arg-type]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200)), min_size=1, max_size=40),
    st.integers(1, 40),
)
def test_numbers_hide_nothing(spots: list[tuple[float, float]], count: int) -> None:
    """Rectangles as wide as the texts, laid again by hand, meet neither each other nor a point."""
    frame = Place(-5, -5, 305, 205)
    known = dict(enumerate(spots))
    texts = {n: f"#{n}" for n in list(known)[:count]}
    found = beside(known, texts, frame)
    places = []
    for number, (right, up) in found.items():
        x, y = spots[number][0] + right, spots[number][1] + up
        wide, tall = 0.3 * 8 * len(texts[number]), 0.5 * 8
        places.append(Place(x - wide, y - tall, x + wide, y + tall))
        assert frame.left <= places[-1].left
        assert places[-1].right <= frame.right
    for i, place in enumerate(places):
        assert not any(place.meets(other) for other in places[:i])
        assert not any(
            place.left < x < place.right and place.low < y < place.high for x, y in spots
        )


def test_a_lonely_point_is_always_numbered() -> None:
    assert beside({3: (50.0, 50.0)}, {3: "#3"}, Place(0, 0, 100, 100)).keys() == {3}


def test_operators_have_their_intervals() -> None:
    told = story("many")
    figure = drawn(operators_chart(told))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [row.operator for row in told.yields]
    for row in told.yields:
        low, high = share_interval(row)
        assert low <= row.better / row.judged <= high
        found = change_interval(row)
        assert found is not None
        assert found[0] < row.change < found[1]
        assert f"{row.better} of {row.judged}" in texts(figure)
    alone = next(row for row in story("few").yields if row.judged == 1)
    assert change_interval(alone) is None


def test_every_worker_has_a_row_and_every_evaluation_a_bar() -> None:
    told = story("few")
    rows = shifts(told)
    assert sorted(rows) == ["host0-0", "host0-2", "host1-1"]
    trials = told.history.trials.values()
    assert sum(len(row) for row in rows.values()) == len(trials)
    now = max(t.finished or t.started or 0.0 for t in trials)
    first = min(t.started or 0.0 for t in trials)
    (running,) = [s for row in rows.values() for s in row if s.state == "running"]
    assert running.end == pytest.approx(now - first)
    for row in rows.values():
        assert all(a.end <= b.begin for a, b in pairwise(row))


def test_fifty_workers_are_legible() -> None:
    evolution = evolved(0)
    evolution.workers, evolution.free = 50, [1e9 + n for n in range(50)]
    for _ in range(60):
        evolution.judge(evolution.found())
    told = Story.of(evolution.history, evolution.options, title="many workers")
    figure = drawn(workers_chart(told))
    height = figure.get_size_inches()[1]
    assert len(figure.axes[0].get_yticks()) == 50
    assert height / 50 * 72 > 10, "points a row"
