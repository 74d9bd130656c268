"""What people see while work goes on, on a terminal and in a pipe."""

from __future__ import annotations

import io
import itertools
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from connsearch.analysis.units import UnitEvent, UnitFinished, UnitStarted
from connsearch.cli.terminal import Terminal
from connsearch.errors import Failure
from connsearch.graph.spec import Structure
from connsearch.models.document import ModelDocument
from connsearch.runs.events import (
    CheckpointEvent,
    EvaluationEvent,
    Event,
    ResultEvent,
    StepEvent,
    WarningEvent,
)
from connsearch.runs.metrics import summarise
from connsearch.view.console import Console
from connsearch.view.progress import pace


def terminal(*, interactive: bool) -> tuple[Terminal, io.StringIO]:
    written = io.StringIO()
    console = Console(written, force_terminal=interactive, force_interactive=interactive, width=100)
    return Terminal(console=console), written


def events(structure: Structure, *, first: int = 1, last: int = 6) -> Iterator[Event]:
    for step in range(first, last + 1):
        yield StepEvent(
            step, (step - 1) // 3, 3, last, 1.25, 0.5, 12.34, 1e-3, -(-last // 3), (4, 3, 8, 16, 16)
        )
        if step == 3:
            metrics = summarise([0, 1, 1, 0], [0, 1, 0, 0], classes=["a", "b"], loss=1.0)
            yield EvaluationEvent(0, "val", metrics, step)
    yield CheckpointEvent(last, Path("checkpoint"))
    yield WarningEvent("one [bold]weight[/bold] never moved")
    yield ResultEvent(ModelDocument.of(structure), {})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is six seconds later than the one before."""
    ticks = itertools.count(0.0, 6.0)
    monkeypatch.setattr(pace.time, "monotonic", lambda: next(ticks))


@pytest.mark.usefixtures("clock")
def test_a_pipe_gets_plain_lines_now_and_then(structure: Structure) -> None:
    made, written = terminal(interactive=False)
    made.listener().follow(events(structure))
    lines = written.getvalue().splitlines()
    assert lines[0].startswith("epoch 1/2  step 1/6  loss 1.250  accuracy 0.500  12.3 clips/s  ")
    assert lines[0].endswith(" left")
    assert "\x1b" not in written.getvalue()
    steps = [line for line in lines if " step " in line]
    assert 1 < len(steps) <= 6
    assert "step 6/6" in steps[-1]
    assert (
        "after epoch 1: val accuracy 0.750 [0.301, 0.954] of 4 clips, balanced accuracy 0.750"
        in lines
    )
    assert "warning: one [bold]weight[/bold] never moved" in lines


def test_a_terminal_gets_a_bar(structure: Structure) -> None:
    made, written = terminal(interactive=True)
    result = made.listener().follow(events(structure))
    assert result.structure is structure
    assert "\x1b[" in written.getvalue()
    assert "6/6" in written.getvalue()
    assert "12.3 clips/s" in written.getvalue()


@pytest.mark.usefixtures("clock")
def test_time_left_counts_only_the_steps_done_here(structure: Structure) -> None:
    def left(first: int) -> str:
        made, written = terminal(interactive=False)
        made.listener().follow(events(structure, first=first, last=100))
        return written.getvalue().splitlines()[0].rpartition("1.00e-3")[2].strip()

    assert left(1) == "9m 54s left"
    assert left(91) == "54s left"


def test_json_leaves_standard_output_to_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(json_line=True).say("for people")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "for people\n")
    Terminal().say("for people")
    assert capsys.readouterr().out == "for people\n"


def test_work_ends_its_bar_also_where_it_fails() -> None:
    made, written = terminal(interactive=True)

    def failing() -> Generator[UnitEvent, None, str]:
        yield UnitStarted("one", 1, 2)
        raise Failure("no room")

    with pytest.raises(Failure, match="no room"):
        made.listener().work_through(failing(), "units")
    assert written.getvalue().rstrip().endswith("\x1b[?25h"), "the cursor is back"
    with pytest.raises(ZeroDivisionError):
        list(made.listener().count((1 / number for number in (1, 0)), 2))
    assert written.getvalue().count("\x1b[?25h") == 2


def test_units_are_worked_through_to_their_result() -> None:
    made, written = terminal(interactive=False)

    def work() -> Generator[UnitEvent, None, str]:
        yield UnitStarted("one", 1, 1)
        yield UnitFinished("one", 1, 1, "fine", filed=False)
        return "result"

    assert made.listener().work_through(work(), "units") == "result"
    assert list(made.listener().count("ab", 2)) == ["a", "b"]
    assert written.getvalue().splitlines()[0] == "1/1 one: fine"
    assert "videos 2/2" in written.getvalue()
