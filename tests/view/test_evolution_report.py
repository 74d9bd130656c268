"""The report of an evolution says what the study says, needs nothing else, and runs nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connsearch.errors import UserError
from connsearch.view.evolution.story import Story
from connsearch.view.report.evolution import write_evolution_report
from connsearch.view.report.evolution_sections.overview import expected_maximum, noise
from tests.evolution.hand_made import evolved
from tests.evolution.studies import SIZES, story
from tests.view.report_files import EVOLUTION, Text

_HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"


def read(told: Story, path: Path) -> str:
    return write_evolution_report(told, path / "evolution.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "size", [pytest.param(s, marks=pytest.mark.slow) if s == "many" else s for s in SIZES]
)
def test_a_study_of_any_size_is_reported(size: str, tmp_path: Path) -> None:
    told = story(size)
    page = read(told, tmp_path)
    text = str(Text(page))
    count = len(told.entries)
    assert f"Evolved: {count} child" in text
    assert f"{len(told.rounds)} judged" in text
    anchors = re.findall(r'<section id="([a-z]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert {"summary", "operators", "failures", "settings"} <= set(anchors)
    assert ("conclusions" in anchors) == ("fitness" in anchors) == bool(told.best)
    assert ("pareto" in anchors) == (len(told.objectives) > 1)
    assert "nan" not in text.lower().split()
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "no two elements share an id"


@pytest.mark.usefixtures("no_drawings")
def test_a_whole_study_has_every_section(tmp_path: Path) -> None:
    page = read(story("two goals"), tmp_path)
    anchors = re.findall(r'<section id="([a-z]+)"', page)
    assert sorted(anchors) == sorted([*EVOLUTION, "summary", "wiring", "settings"])


@pytest.mark.usefixtures("no_drawings")
def test_it_warns_of_the_winners_luck(tmp_path: Path) -> None:
    told = story("many")
    text = str(Text(read(told, tmp_path)))
    assert f"the best of {len(told.rounds)} noisy ones" in text
    assert "random structures of the same cost" in text
    found = noise(told)
    assert found is not None
    assert 0.005 < found.deviation < 0.06, "the study's noise has a deviation of .02"
    assert noise(story("one")) is None


def test_the_noise_is_pooled_over_children() -> None:
    evolution = evolved(0)
    for values in ((0.5, 0.7), (0.9, 0.8), (0.4,)):
        child = evolution.found()
        for number, value in enumerate(values):
            evolution.judge(child, evaluation=number, values=(value,))
    told = Story.of(evolution.history, evolution.options, title="noisy")
    found = noise(told)
    assert found is not None
    assert found.children == 2
    assert found.deviation == pytest.approx(((0.02 + 0.005) / 2) ** 0.5)


def test_the_best_of_equals_lies_above_them() -> None:
    from random import Random

    rng = Random(0)
    for count in (2, 20, 100):
        best = [max(rng.gauss(0, 1) for _ in range(count)) for _ in range(2000)]
        assert expected_maximum(count) == pytest.approx(sum(best) / 2000, abs=0.08)


@pytest.mark.usefixtures("no_drawings")
def test_every_child_and_failure_is_listed(tmp_path: Path) -> None:
    told = story("two goals")
    page = read(told, tmp_path)
    people = page[page.index('<section id="children"') : page.index('<section id="failures"')]
    assert re.findall(r"<td>#(\d+)</td><td>", people)[: 2 * len(told.entries)]
    for number in told.entries:
        assert f"<td>#{number}</td>" in people
    assert people.count('class="member') == len(told.history.population.members)
    failures = page[page.index('<section id="failures"') :]
    assert failures.count("CUDA out of memory") == len(told.mishaps)


def test_words_from_outside_stay_words(tmp_path: Path) -> None:
    evolution = evolved(3, mishaps=False)
    child = evolution.found()
    evolution.judge(child, state="failed", cause=_HOSTILE)
    told = Story.of(evolution.history, evolution.options, title=_HOSTILE)
    page = read(told, tmp_path)
    tags = Text(page).tags
    assert [tag for tag, _ in tags if tag in ("img", "iframe", "object")] == []
    assert len([tag for tag, attributes in tags if tag == "script" and not attributes]) == 1
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert "alert(1)" in str(Text(page))


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no directory"):
        write_evolution_report(story("one"), tmp_path / "nowhere" / "page.html")
