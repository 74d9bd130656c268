"""Speeds in the colours and the writing that SRTG's users know."""

from __future__ import annotations

import io

import pytest

from connsearch.runs.events import EvaluationEvent, Speeds, StepEvent, WorkBegan, WorkEnded
from connsearch.runs.metrics import summarise
from connsearch.view.console import Console
from connsearch.view.progress.display import Display
from connsearch.view.progress.speeds import colour, figure, shown
from tests.view.progress.screens import told

LIMITS = [
    ("read", (99.9, 100, 2999, 3000)),
    ("forward", (49.9, 50, 299, 300)),
    ("backward", (19.9, 20, 199, 200)),
]
SPEEDS = Speeds(read=153_000, forward=49.9, backward=20)


@pytest.mark.parametrize(("part", "speeds"), LIMITS)
def test_colours_change_at_the_published_limits(part: str, speeds: tuple[float, ...]) -> None:
    wanted = ["bright_red", "bright_yellow", "bright_yellow", "bright_green"]
    assert [colour(part, speed) for speed in speeds] == wanted


def test_speeds_are_written_in_three_digits() -> None:
    assert [figure(x) for x in (153_000, 1, 0.025, 9.999e9)] == [
        "1.53e+5",
        "1.00e+0",
        "2.50e-2",
        "1.00e+10",
    ]
    assert shown(SPEEDS).plain == "read 1.53e+5 forward 4.99e+1 backward 2.00e+1 clips/s"
    assert shown(Speeds(read=1, forward=2)).plain == "read 1.00e+0 forward 2.00e+0 clips/s"
    assert shown(None, before=", ").plain == ""


def step() -> StepEvent:
    return StepEvent(1, 0, 3, 6, 1.25, 0.5, 12.34, 0.05, 2, (4, 3, 8, 9, 9), SPEEDS)


def shown_on_a_terminal() -> str:
    written = io.StringIO()
    console = Console(
        written, force_terminal=True, force_interactive=True, width=100, color_system="standard"
    )
    display = Display(console)
    for event in (WorkBegan("steps"), step(), WorkEnded()):
        display.hear(event)
    return written.getvalue()


def test_a_terminal_shows_them_in_the_codes_that_the_published_program_prints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = shown_on_a_terminal()
    assert "\x1b[92m1.53e+5" in text
    assert "\x1b[91m4.99e+1" in text
    assert "\x1b[93m2.00e+1" in text
    assert "clips 4x3x8x9x9  rate 5.00e-2" in text


def test_no_colour_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown_on_a_terminal()
    assert "1.53e+5" in text
    assert not any(code in text for code in ("\x1b[91m", "\x1b[92m", "\x1b[93m"))


def test_a_pipe_gets_shape_rate_and_speeds_in_its_line_and_no_colours() -> None:
    text = told([step()])
    wanted = "clips 4x3x8x9x9  rate 5.00e-2  read 1.53e+5 forward 4.99e+1 backward 2.00e+1 clips/s"
    assert wanted in text
    assert "\x1b" not in text


def test_an_evaluation_says_reading_and_forward_passes_alone() -> None:
    metrics = summarise([0, 1], [0, 1], classes=["a", "b"], loss=1.0)
    text = told([EvaluationEvent(0, "val", metrics, 3, Speeds(read=10, forward=20))])
    assert text.rstrip().endswith("read 1.00e+1 forward 2.00e+1 clips/s")
