"""The report of an evolution in a real browser, with the network off, by day and by night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connsearch.view.report.evolution import write_evolution_report
from tests.evolution.studies import story
from tests.view.reading import FAINT_TEXT, MARKS, SMALL_TEXT, VIEWS, Reader

pytestmark = MARKS


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("evolution")
    return {
        size: write_evolution_report(story(size), folder / f"{size[:3]}.html").as_uri()
        for size in ("failed", "two goals", "many")
    }


@pytest.mark.parametrize(
    ("size", "width", "height", "scheme"),
    [
        *(("two goals", *view, scheme) for view in VIEWS for scheme in ("light", "dark")),
        ("failed", *VIEWS[0], "dark"),
        ("many", *VIEWS[0], "light"),
    ],
)
def test_it_is_legible(
    browser: Any, pages: dict[str, str], size: str, width: int, height: int, scheme: str
) -> None:
    window = {"width": width, "height": height}
    reader = Reader(browser, pages[size], viewport=window, color_scheme=scheme)
    reader.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    reader.full_size()
    assert reader.overflow() <= 0
    assert reader.page.evaluate(SMALL_TEXT) == []
    assert reader.page.evaluate(FAINT_TEXT) == []
    assert reader.complaints == []
    assert [url for url in reader.asked if not url.startswith(("file:", "data:"))] == []


def test_points_and_bars_tell_about_themselves(browser: Any, pages: dict[str, str]) -> None:
    told = story("two goals")
    window = {"width": 1440, "height": 900}
    reader = Reader(browser, pages["two goals"], viewport=window)
    reader.page.locator("#fitness .dot:visible").first.focus()
    assert f"#{told.rounds[0].child} " in reader.shown("#tip")
    assert "round 0: entered" in reader.shown("#tip")
    reader.page.locator("#workers .dot:visible").first.hover()
    assert "#0: complete" in reader.shown("#tip")
    reader.page.locator("#pareto .dot:visible").last.focus()
    assert any(reader.shown("#tip").startswith(f"#{n}: ") for n in told.best), "they lie on top"
    assert reader.complaints == []


def test_the_wiring_of_the_best_answers(browser: Any, pages: dict[str, str]) -> None:
    told = story("many")
    assert told.winner is not None
    reader = Reader(browser, pages["many"], viewport={"width": 1440, "height": 900})
    assert reader.shown("#wiring-title").endswith(f"Wiring of #{told.winner}")
    edge = told.history.child(told.winner).structure.edges()[0]
    reader.page.select_option("#wiring-choice", f"connection-{edge.source}-{edge.target}")
    assert f"Connection {edge.source} → {edge.target}" in reader.shown("#wiring-panel")


def test_many_points_are_no_stops_of_the_keyboard(browser: Any, pages: dict[str, str]) -> None:
    reader = Reader(browser, pages["many"])
    assert reader.page.locator("#fitness .dot").count() > 200
    assert reader.page.locator("#fitness .dot[tabindex]").count() == 0


def test_the_family_follows_the_theme(browser: Any, pages: dict[str, str]) -> None:
    fills = []
    for scheme in ("light", "dark"):
        reader = Reader(browser, pages["two goals"], color_scheme=scheme)
        outline = reader.page.locator("#family .node path").first
        fills.append(outline.evaluate("node => getComputedStyle(node).fill"))
    assert fills[0] != fills[1]


def test_it_prints(browser: Any, pages: dict[str, str]) -> None:
    reader = Reader(browser, pages["two goals"], viewport={"width": 1440, "height": 900})
    assert len(reader.page.pdf(format="A4")) > 20_000
    assert Path(reader.page.url).suffix == ".html"
