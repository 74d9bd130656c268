"""Letters that our font lacks: drawn with a font of the system, or named once."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connsearch.graph.files import load_structure
from connsearch.view import fonts
from connsearch.view.charts.draw import chart_figure
from connsearch.view.charts.files import write_chart
from connsearch.view.clips.contact_sheet import contact_sheet
from connsearch.view.clips.strips import Strip
from connsearch.view.runs.confusion import confusion_chart
from connsearch.view.structures.draw import render

CAT, WALK = "猫", "क"
COUNTS = {CAT: {CAT: 2, "dog": 1}, "dog": {CAT: 0, "dog": 3}}


def make_font(path: Path, letters: str) -> Path:
    """A font whose letters are black squares, so that nobody takes them for an empty box."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    for place, point in enumerate([(0, 0), (0, 900), (900, 900), (900, 0)]):
        (pen.lineTo if place else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    names = [".notdef", *(f"u{ord(letter):X}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"u{ord(letter):X}" for letter in letters})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fonts, "_said", set())
    fonts._system_fonts.cache_clear()  # pyright: ignore[reportPrivateUsage]
    yield
    fonts._system_fonts.cache_clear()  # pyright: ignore[reportPrivateUsage]


def system(monkeypatch: pytest.MonkeyPatch, *there: Path) -> None:
    """Makes these the fonts of the system."""
    from matplotlib import font_manager

    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: list(map(str, there)))


def test_our_own_letters_need_no_other_font(monkeypatch: pytest.MonkeyPatch) -> None:
    def searched() -> list[str]:
        raise AssertionError("the system's fonts were looked through")

    from matplotlib import font_manager

    monkeypatch.setattr(font_manager, "findSystemFonts", searched)
    assert fonts.families_for(["walk", "идти", "περπατώ", "قفز", "7→5 ⊙ é"]) == ["DejaVu Sans"]


def test_a_font_of_the_system_draws_what_ours_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = make_font(tmp_path / "other.ttf", WALK)
    squares = make_font(tmp_path / "squares.ttf", CAT)
    system(monkeypatch, other, squares, tmp_path / "gone.ttf")
    assert fonts.fonts_for([f"{CAT} walks"]) == (squares,)
    chart = confusion_chart(COUNTS, title=CAT)
    families = {t.get_fontfamily()[-1] for t in chart_figure(chart).axes[0].get_xticklabels()}
    assert families == {"Squares"}
    write_chart(chart, [tmp_path / "cat.svg"])
    assert caplog.records == []


def test_pictures_of_structures_and_clips_have_them_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squares = make_font(tmp_path / "squares.ttf", CAT)
    black: list[int] = []
    for there in ((), (squares,)):
        system(monkeypatch, *there)
        fonts._system_fonts.cache_clear()  # pyright: ignore[reportPrivateUsage]
        picture = render(load_structure("starter"), tmp_path / "cat.png", title=CAT * 9)
        drawn = Image.open(io.BytesIO(picture.read_bytes())).convert("L").crop((0, 0, 500, 90))
        black.append(int((np.asarray(drawn) < 80).sum()))
        sheet = contact_sheet([Strip(CAT * 9, "train", (CAT,), fault="lost")], title=CAT * 9)
        black.append(int((np.asarray(sheet.convert("L")) < 80).sum()))
    assert black[2] > 2 * black[0], "squares are filled, boxes are empty"
    assert black[3] > 1.3 * black[1]


def test_what_no_font_has_is_said_once_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    system(monkeypatch)
    with caplog.at_level(logging.WARNING, "connsearch"):
        for _ in range(2):
            chart_figure(confusion_chart(COUNTS, title=""))
    (said,) = [record.getMessage() for record in caplog.records]
    assert "no font here has 猫 (U+732B)" in said
    assert "cure: install a font of their script" in said
    assert "fonts-noto" in said
    with caplog.at_level(logging.WARNING, "connsearch"):
        fonts.fonts_for([f"{CAT}{WALK}"])
    assert len(caplog.records) == 2
    assert caplog.records[1].getMessage().count("U+") == 1, "the other one was said before"


def test_letters_without_a_picture_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    system(monkeypatch)
    assert fonts.fonts_for(["a\u200b\u200db\ufe0f\u00a0\n"]) == ()
    assert fonts._said == set()  # pyright: ignore[reportPrivateUsage]
