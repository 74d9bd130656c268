"""The one display of progress: what a terminal, a pipe and a program without either are told."""

from __future__ import annotations

import io
import itertools
import logging
import os
import pty
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from connsearch.analysis.units import UnitFinished, UnitStarted
from connsearch.runs.events import (
    AdviceEvent,
    CountEvent,
    EvaluationEvent,
    NoteEvent,
    StepEvent,
    WarningEvent,
    WorkBegan,
    WorkEnded,
)
from connsearch.runs.formats.advice import Advice
from connsearch.runs.metrics import summarise
from connsearch.view.console import Console
from connsearch.view.progress import pace
from connsearch.view.progress.default import default_display, logged_display
from connsearch.view.progress.display import Display
from connsearch.view.progress.units import MANY
from tests.view.progress.screens import display, plain, told

HOSTILE = "a\x1b[31m\x07[bold]b"


def step(number: int, total: int = 6) -> StepEvent:
    epochs = -(-total // 3)
    return StepEvent(
        number, (number - 1) // 3, 3, total, 1.25, 0.5, 12.34, 1e-3, epochs, (4, 3, 8, 9, 9)
    )


def training(first: int = 1, last: int = 6) -> Iterator[object]:
    yield WorkBegan("steps")
    yield from (step(number, last) for number in range(first, last + 1))
    yield WorkEnded()


def counted(total: int, what: str = "videos") -> Iterator[object]:
    yield WorkBegan(what)
    yield from (CountEvent(done, total, what, "5 MB") for done in range(1, total + 1))
    yield WorkEnded()


def units(total: int, *, filed: int = 0, name: str = "unit") -> Iterator[object]:
    yield WorkBegan("units")
    for number in range(1, total + 1):
        place = (f"{name} {number}", number, total)
        if number > filed:
            yield UnitStarted(*place)
            yield step(1, 2)
            yield step(2, 2)
        yield UnitFinished(*place, "fine", number <= filed)
    yield WorkEnded()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Every look at the clock is so many seconds later than the one before."""

    def ticking(seconds: float) -> None:
        ticks = itertools.count(0.0, seconds)
        monkeypatch.setattr(pace.time, "monotonic", lambda: next(ticks))

    return ticking


def test_a_pipe_is_told_the_first_and_the_last_step_and_some_between(
    clock: Callable[[float], None],
) -> None:
    clock(1.0)
    lines = told(training(last=60)).splitlines()
    assert lines[0].startswith("epoch 1/20  step 1/60  loss 1.250  accuracy 0.500  12.3 clips/s")
    assert lines[0].endswith(" left")
    assert "step 60/60" in lines[-1]
    assert 4 < len(lines) < 20


def test_a_quick_training_has_two_lines_in_a_pipe() -> None:
    assert len(told(training(last=60)).splitlines()) == 2


def test_the_time_left_follows_from_what_was_done_here(clock: Callable[[float], None]) -> None:
    for first, left in ((1, "9m 54s left"), (91, "54s left")):
        clock(6.0)
        assert told(training(first, 100)).splitlines()[0].endswith(left)


def test_another_training_starts_from_its_own_first_step(clock: Callable[[float], None]) -> None:
    clock(6.0)
    twice = [WorkBegan("steps"), step(90, 100), step(1, 100), step(2, 100), WorkEnded()]
    lines = told(twice).splitlines()
    assert "left" not in lines[1], "nobody knows yet"
    assert lines[2].endswith("s left")
    assert "9m" in lines[2] or "19m" in lines[2]


def test_work_whose_beginning_nobody_told_is_timed_from_its_first_event(
    clock: Callable[[float], None],
) -> None:
    shown, written = display()
    clock(1000.0)
    shown.hear(step(1, 100))
    shown.hear(CountEvent(1, 4, "videos"))
    clock(6.0)
    assert "left" not in written.getvalue().splitlines()[0]
    assert written.getvalue().splitlines()[1] == "videos 1/4"


def test_things_are_counted_with_what_else_is_known(clock: Callable[[float], None]) -> None:
    clock(3.0)
    lines = told(counted(8)).splitlines()
    assert lines[0].startswith("videos 1/8  5 MB  ")
    assert lines[-1].startswith("videos 8/8  5 MB  ")
    assert 2 < len(lines) < 7


def test_what_begins_anew_is_timed_anew(clock: Callable[[float], None]) -> None:
    def inside(events: Iterator[object]) -> list[object]:
        return [event for event in events if not isinstance(event, WorkBegan | WorkEnded)]

    clock(6.0)
    first = told([WorkBegan("units"), *inside(units(4)), *inside(units(4))]).splitlines()
    assert "left" not in next(line for line in first[6:] if line.startswith("1/4 unit 1: fine"))
    clock(60.0)
    lines = told([WorkBegan("videos"), *inside(counted(3)), *inside(counted(3))]).splitlines()
    assert [" left" in line for line in lines] == [True, True, True, False, True, True]


@pytest.mark.parametrize("count", [3, MANY])
def test_a_few_units_have_a_line_each(count: int) -> None:
    lines = told(units(count)).splitlines()
    assert len(lines) == count
    assert lines[0].startswith("1/")
    assert lines[0].endswith(" left")


def test_many_short_units_share_lines_but_the_ends_are_said() -> None:
    lines = told(units(200)).splitlines()
    assert 2 <= len(lines) < 20
    assert lines[0].startswith("1/200 unit 1: fine")
    assert lines[-1] == "200/200 unit 200: fine"


def test_units_that_were_filed_before_are_not_told_and_not_counted(
    clock: Callable[[float], None],
) -> None:
    clock(6.0)
    lines = [line for line in told(units(10, filed=8)).splitlines() if ": fine" in line]
    assert [line.split()[0] for line in lines] == ["9/10", "10/10"]
    assert "left" in lines[0]
    assert "0s" not in lines[0]


def test_a_long_unit_says_where_it_is_now_and_then(clock: Callable[[float], None]) -> None:
    clock(11.0)
    text = told(units(2))
    assert "1/2 unit 1  step 1/2" in text


@pytest.mark.parametrize("events", [training(), counted(6), units(6)])
def test_a_terminal_gets_one_bar_that_stays(events: Iterator[object]) -> None:
    text = told(events, interactive=True)
    assert "6/6" in plain(text)
    assert text.rstrip().endswith("\x1b[?25h"), "the cursor is back"
    assert text.count("\x1b[?25l") == 1


def test_lines_stand_above_the_bar() -> None:
    events = [WorkBegan("steps"), step(1), NoteEvent("a note"), step(6), WorkEnded()]
    text = plain(told(events, interactive=True))
    assert text.index("a note") < text.index("6/6")


def test_without_a_beginning_there_are_lines_also_on_a_terminal() -> None:
    text = told([step(1), step(6), CountEvent(2, 2, "videos")], interactive=True)
    assert "\x1b" not in text
    assert "step 6/6" in text
    assert "videos 2/2" in text


def test_work_inside_of_work_takes_its_bar_away_again() -> None:
    shown, written = display(interactive=True)
    for event in (WorkBegan("trainings"), step(1), *counted(4)):
        shown.hear(event)
    shown.hear(step(2))
    shown.hear(WorkEnded())
    end = plain(written.getvalue()).rsplit("\r", 1)[-1]
    assert "2/6" in end
    assert "videos" not in end
    assert "5 MB" in told([WorkBegan("trainings"), step(1), *counted(4), WorkEnded()])


def test_an_end_without_a_beginning_is_nothing() -> None:
    assert told([WorkEnded(), object(), NoteEvent("still here")]) == "still here\n"


def test_what_a_unit_says_of_its_own_training_is_not_told_one_by_one() -> None:
    metrics = summarise([0, 1], [0, 1], classes=["a", "b"], loss=1.0)
    said = [NoteEvent("a note"), EvaluationEvent(0, "val", metrics, 3), WarningEvent("careful")]
    outside = told(said)
    assert "a note" in outside
    assert "after epoch 1: val accuracy 1.000" in outside
    inside = told([WorkBegan("units"), UnitStarted("one", 1, 1), *said, WorkEnded()])
    assert inside == "warning: careful\n"


def test_advice_is_a_warning_but_not_for_every_unit() -> None:
    advice = AdviceEvent(Advice(kind="few steps", said="40 steps are planned", cure="--epochs 9"))
    expected = "warning: 40 steps are planned\n  cure: --epochs 9\n"
    assert told([WorkBegan("steps"), advice, WorkEnded()]) == expected
    assert told([WorkBegan("units"), UnitStarted("one", 1, 1), advice, WorkEnded()]) == ""


@pytest.mark.parametrize("interactive", [True, False])
def test_names_of_others_are_shown_and_not_obeyed(interactive: bool) -> None:
    events = [
        *(WorkBegan(HOSTILE), CountEvent(1, 2, HOSTILE, HOSTILE), WorkEnded()),
        *(NoteEvent(HOSTILE), WarningEvent(HOSTILE), *units(1, name=HOSTILE)),
    ]
    text = told(events, interactive=interactive, width=200)
    assert r"a\x1b[31m\x07[bold]b 1/2" in text or interactive
    assert r"warning: a\x1b[31m\x07[bold]b" in text
    assert "\x1b[31m" not in text
    assert "\x07" not in text


@pytest.mark.parametrize("width", [1, 12, 30, 60])
def test_a_narrow_terminal_is_not_left(width: int) -> None:
    for events in (training(), counted(6), units(6)):
        lines = [
            line
            for line in plain(told(events, interactive=True, width=width)).splitlines()
            if "fine" not in line  # a line of ours is broken by the terminal, not by us
        ]
        assert max(map(len, lines)) <= width


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    written = io.StringIO()
    shown = Display(Console(written, force_terminal=True, force_jupyter=False))
    for event in training():
        shown.hear(event)
    assert "step 6/6" in written.getvalue()
    assert "\x1b[?25l" not in written.getvalue()


def test_a_real_terminal_gets_a_bar_and_its_cursor_back() -> None:
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as terminal:
        shown = Display(Console(terminal, force_jupyter=False, _environ={"TERM": "xterm"}))
        for event in training():
            shown.hear(event)
    text = ""
    with suppress(OSError):  # what is left of a terminal that was closed, and then no more
        while part := os.read(reader, 10_000):
            text += part.decode()
    os.close(reader)
    assert "6/6" in text
    assert text.rstrip().endswith("\x1b[?25h")


def test_lines_go_through_what_the_caller_prints_with() -> None:
    said: list[str] = []
    warned: list[str] = []
    shown = Display(None, say=said.append, warn=warned.append)
    for event in (*training(), *units(2), WarningEvent("careful")):
        shown.hear(event)
    assert len(said) == 4
    assert warned == ["careful"]


def test_a_reader_that_has_gone_is_the_callers_business() -> None:
    def gone(text: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Display(None, say=gone, warn=gone).hear(NoteEvent("a note"))


def test_where_nobody_watches_a_warning_is_logged_and_ends_nothing(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = default_display()
    with caplog.at_level(logging.INFO, logger="connsearch"):
        for event in (*training(), WarningEvent(HOSTILE), NoteEvent("a note")):
            shown.hear(event)
    assert capsys.readouterr() == ("", "")
    found = [(r.levelname, r.getMessage()) for r in caplog.records]
    assert ("WARNING", r"a\x1b[31m\x07[bold]b") in found
    assert ("INFO", "a note") in found
    assert any("step 6/6" in text for level, text in found if level == "INFO")


def test_a_log_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    logged_display().hear(WarningEvent("postgresql://me:secret@host/study is slow"))
    assert "secret" not in caplog.text
    assert "host" in caplog.text
