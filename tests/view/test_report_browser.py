"""The report in a real browser, with the network off: telephone and desk, by day and by night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.view.reading import FAINT_TEXT, MARKS, SMALL_TEXT, VIEWS, Reader
from tests.view.report_files import make_run, write_analyses

pytestmark = MARKS


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    from connsearch.view.report.build import write_report

    run = make_run(tmp_path_factory.mktemp("browser") / "run")
    write_analyses(run)
    return Path(write_report(run).path).as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), VIEWS)
def test_it_is_legible(browser: Any, address: str, width: int, height: int, scheme: str) -> None:
    size = {"width": width, "height": height}
    reader = Reader(browser, address, viewport=size, color_scheme=scheme)
    assert reader.overflow() <= 0
    assert reader.page.evaluate(SMALL_TEXT) == []
    assert reader.page.evaluate(FAINT_TEXT) == []
    reader.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    reader.full_size()
    assert reader.overflow() <= 0, "unfolded"
    assert reader.page.evaluate(SMALL_TEXT) == []
    assert reader.complaints == []
    assert [url for url in reader.asked if not url.startswith(("file:", "data:"))] == []


def test_the_theme_follows_the_system_and_the_button(browser: Any, address: str) -> None:
    reader = Reader(browser, address, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    night = reader.page.evaluate(ground)
    reader.page.click("#theme")
    day = reader.page.evaluate(ground)
    assert night != day
    reader.page.reload()
    assert reader.page.evaluate(ground) == day, "the choice is kept"
    assert Reader(browser, address, color_scheme="light").page.evaluate(ground) == day
    assert reader.complaints == []


def test_pointing_at_the_wiring_tells_about_it(browser: Any, address: str) -> None:
    reader = Reader(browser, address, viewport={"width": 1440, "height": 900})
    reader.page.locator("#node-5").hover()
    told = reader.shown("#wiring-panel")
    assert "Node 5" in told
    assert "multiply-accumulates" in told
    reader.page.select_option("#wiring-choice", "connection-0-5")
    told = reader.shown("#wiring-panel")
    assert "Connection 0 → 5" in told
    assert "0.1200" in told
    assert "entropy" in told
    assert reader.page.locator("#connection-0-5.lit").count() == 1
    assert reader.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_wiring_fits_the_page_at_first(browser: Any, address: str, width: int) -> None:
    reader = Reader(browser, address, viewport={"width": width, "height": 800})
    hidden = "(p) => [p.scrollWidth - p.clientWidth, p.scrollHeight - p.clientHeight]"
    picture = reader.page.locator("#wiring-picture")
    assert picture.evaluate(hidden) == [0, 0], "nothing of it is hidden"
    whole = picture.locator("svg").bounding_box()
    assert whole["width"] > 0.8 * picture.bounding_box()["width"]
    reader.full_size()
    assert picture.evaluate(hidden)[0] > 100, "it scrolls"
    reader.full_size()
    assert picture.evaluate(hidden) == [0, 0]


def test_a_tap_does_what_pointing_does(browser: Any, address: str) -> None:
    size = {"width": 390, "height": 844}
    reader = Reader(browser, address, viewport=size, has_touch=True, is_mobile=True)
    reader.page.locator("#node-5").tap()
    assert "Node 5" in reader.shown("#wiring-panel")
    reader.page.locator("[data-edge='0-5']").tap()
    assert "0 rgb → node 5" in reader.shown("#tip")
    assert reader.overflow() <= 0


def test_charts_answer_to_pointer_and_keyboard(browser: Any, address: str) -> None:
    reader = Reader(browser, address, viewport={"width": 1440, "height": 900})
    plot = reader.page.locator("#weights .plot").first
    plot.hover()
    assert "from" in reader.shown("#tip")
    assert plot.locator(".line.lit").count() == 1
    plot.focus()
    for key in (*["ArrowLeft"] * 9, "ArrowDown", "ArrowRight"):
        plot.press(key)
    assert "step 5" in reader.shown("#tip")
    dot = reader.page.locator("#compare .dot[data-tip^='found, seed']").first
    dot.focus()
    assert "found, seed 0: 0.810" in reader.shown("#tip")
    reader.page.keyboard.press("Escape")
    assert reader.page.locator("#tip").is_hidden()


def test_the_slider_goes_back_in_time(browser: Any, address: str) -> None:
    reader = Reader(browser, address)
    number = reader.page.locator("[data-edge='0-5'] .number")
    assert number.inner_text() == "0.12"
    reader.page.locator("#weights-step").fill("0")
    assert number.inner_text() == "0.50"
    assert reader.shown("#weights-now") == "0"
    reader.page.locator("#weights-step").fill("8")
    assert number.inner_text() == "0.12"


def test_without_scripts_everything_is_still_there(browser: Any, address: str) -> None:
    reader = Reader(browser, address, java_script_enabled=False)
    assert "Searched: 53 connections" in reader.shown("h1")
    assert reader.page.locator("#curves path.line").count() >= 3
    assert reader.page.locator(".slider").is_hidden()


def test_it_prints(browser: Any, address: str) -> None:
    reader = Reader(browser, address, viewport={"width": 1440, "height": 900})
    assert len(reader.page.pdf(format="A4")) > 20_000
    reader.page.emulate_media(media="print")
    assert reader.page.locator(".contents").is_hidden()
    assert reader.complaints == []
