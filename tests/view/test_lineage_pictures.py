"""Family trees and films: who is in them, what stands out, and that every frame has one size."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connsearch.errors import UnknownNameError
from connsearch.evolution.review.lineage import ancestry, parent_of
from connsearch.view.charts.draw import chart_figure
from connsearch.view.evolution import lineage_animation
from connsearch.view.evolution.lineage_animation import ancestry_frames, write_animation
from connsearch.view.evolution.lineage_draw import MANY, draw_lineage, family, lineage_svg, shade
from connsearch.view.evolution.lineage_plot import lineage_chart
from connsearch.view.evolution.story import Story
from connsearch.view.structures.palette import PAPER, SHADES
from tests.evolution.hand_made import evolved
from tests.evolution.studies import story, study
from tests.view.svg import groups, stroke, texts


def oldest_line(told: Story) -> int:
    return max(told.entries, key=lambda n: len(ancestry(told.history, n)))


def test_the_family_is_the_ancestors_and_their_children() -> None:
    told = story("two goals")
    number = oldest_line(told)
    line = ancestry(told.history, number)
    assert family(told, number, others=False) == sorted(line)
    members = family(told, number)
    assert set(line) < set(members)
    assert all(n in line or parent_of(told.history, n) in line for n in members)
    with pytest.raises(UnknownNameError, match="no child 999"):
        family(told, 999)


def test_the_line_of_ancestry_is_bold_and_names_its_operators(tmp_path: Path) -> None:
    told = story("two goals")
    number = oldest_line(told)
    (path,) = draw_lineage(told, number, [tmp_path / "family.svg"])
    found, line = groups(path), ancestry(told.history, number)
    members = family(told, number)
    assert {name for name in found if name.startswith("child-")} == {f"child-{n}" for n in members}
    for child in members:
        if parent_of(told.history, child) is not None:
            width = float(stroke(found[f"birth-{child}"], "stroke-width") or 1)
            assert (width > 2) == (child in line)
    words = " ".join(texts(path))
    assert "founder" in words
    assert f"generation {len(line) - 1}" in words
    assert told.steps(number).split(",")[0] in words


def test_darker_is_better_and_the_unjudged_stay_white() -> None:
    told = story("many")
    values = {n: v for n in told.entries if (v := told.value(n)) is not None}
    assert shade(told, max(values, key=values.__getitem__)) == SHADES[-1]
    assert shade(told, min(values, key=values.__getitem__)) == SHADES[0]
    ranks = [SHADES.index(shade(told, n)) for n in sorted(values, key=values.__getitem__)]
    assert ranks == sorted(ranks)
    lost = next(n for n, entry in told.entries.items() if entry.fate == "failed")
    assert shade(told, lost) == PAPER


@pytest.mark.parametrize("size", ["one", "failed"])
def test_one_child_is_a_family(size: str, tmp_path: Path) -> None:
    (path,) = draw_lineage(story(size), 0, [tmp_path / "family.svg"])
    assert "#0" in " ".join(texts(path))


def test_large_families_are_drawn_over_the_births(tmp_path: Path) -> None:
    told = story("many")
    number = next(n for n in reversed(told.entries) if len(family(told, n)) > MANY)
    members, line = family(told, number), ancestry(told.history, number)
    (axes,) = chart_figure(lineage_chart(told, number, members)).axes
    thick = [found for found in axes.lines if found.get_linewidth() > 1.5]
    assert len(thick) == len(line) - 1
    drawn = {n for points in axes.collections for n in points.get_offsets()[:, 0]}  # type: ignore
    assert drawn == {float(n) for n in members}
    assert any(text.get_text().startswith(f"#{number} ") for text in axes.texts)
    (path,) = draw_lineage(told, number, [tmp_path / "family.png"])
    with Image.open(path) as picture:
        assert picture.size == (1584, 864)
    assert f'id="family-child-{number}"' in html.unescape(lineage_svg(told, number))


@pytest.mark.slow
def test_all_frames_have_one_size(tmp_path: Path) -> None:
    told = story("few")
    number = oldest_line(told)
    frames = ancestry_frames(told, number)
    assert len(frames) == len(ancestry(told.history, number)) > 2
    assert {frame.shape for frame in frames} == {frames[0].shape}
    height, width, _ = frames[0].shape
    assert height % 2 == width % 2 == 0
    assert width <= lineage_animation.WIDEST
    assert not np.array_equal(frames[0], frames[-1])
    (path,) = write_animation(told, number, [tmp_path / "film.gif"])
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) == len(frames)
        assert picture.size == (width, height)


def test_a_film_of_one_frame(tmp_path: Path) -> None:
    paths = write_animation(story("one"), 0, [tmp_path / "film.gif", tmp_path / "film.mp4"])
    assert all(path.stat().st_size > 1000 for path in paths)


def test_long_lines_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    told, shown = story("many"), list[int]()

    def picture(told: Story, number: int) -> Image.Image:
        shown.append(number)
        return Image.new("RGB", (11 + number % 3, 7))

    monkeypatch.setattr(lineage_animation, "_picture", picture)
    monkeypatch.setattr(lineage_animation, "MOST_FRAMES", 3)
    number = oldest_line(told)
    line = ancestry(told.history, number)
    assert len(ancestry_frames(told, number)) == 3
    assert (shown[0], shown[-1]) == (line[0], line[-1])
    assert shown[1] in line[1:-1]


def test_the_tree_does_not_need_the_child_to_be_judged(tmp_path: Path) -> None:
    evolution = evolved(5, population=4, mishaps=False)
    child = evolution.breed()
    evolution.judge(child, state="running")
    told = Story.of(evolution.history, evolution.options, title="young")
    (path,) = draw_lineage(told, child, [tmp_path / "family.svg"])
    assert "not judged yet" in texts(path)
    assert study("few").history.births
