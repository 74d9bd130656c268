"""What is seen of an evolution while it runs: the population in place, or a line for each child."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from connsearch.evolution.child import Outcome, Task
from connsearch.evolution.options import StopOptions
from connsearch.evolution.study.events import (
    Asked,
    EndedEarly,
    EvolutionBegan,
    Failed,
    Inside,
    Lost,
    Swept,
    Told,
    Waiting,
    WorkerStopped,
)
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.worker import work
from connsearch.runs.events import NoteEvent, StepEvent, WarningEvent, WorkBegan, WorkEnded
from connsearch.view.progress import pace
from tests.evolution.engine import Noise, evolution_of
from tests.view.progress.screens import plain, told


@pytest.fixture(autouse=True)
def _drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal draws four times a second; these tests do not wait for that."""
    touch = "connsearch.view.progress.canvas._Terminal.touch"
    monkeypatch.setattr(touch, lambda self: self._live.refresh())


@pytest.fixture(scope="module")
def done() -> tuple[Evolution, list[Any]]:
    """An evolution of four children, and all that its worker said."""
    evolution = evolution_of()
    return evolution, list(work(evolution, Noise(), StopOptions(rounds=4)))


def shown(events: list[Any], *, interactive: bool = False, width: int = 120) -> str:
    whole = [WorkBegan("children"), *events, WorkEnded()]
    return told(whole, interactive=interactive, width=width)


def task_of(events: list[Any]) -> Task:
    return next(event.task for event in events if isinstance(event, Asked))


def test_a_pipe_has_a_line_for_every_child(done: tuple[Evolution, list[Any]]) -> None:
    _, events = done
    lines = shown(events).splitlines()
    assert [line.split()[1] for line in lines[:4]] == ["0", "1", "2", "3"]
    assert all("accuracy ." in line and "of 4 children]" in line for line in lines[:4])
    assert lines[-1] == "the evolution ends: 4 children"


def test_a_terminal_has_the_population_below_and_keeps_only_the_lines(
    done: tuple[Evolution, list[Any]],
) -> None:
    _, events = done
    whole = shown(events, interactive=True)
    text = plain(whole)
    assert "population: 4 of 5" in text
    assert "0 under way; 0 attempts failed" in text
    assert "child 0 (" in text
    after = whole.rsplit("population: 4", 1)[1]
    assert "\x1b[2K" in after, "the table is erased"
    assert whole.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in after


def test_events_of_an_evolution_that_nobody_introduced_change_nothing(
    done: tuple[Evolution, list[Any]],
) -> None:
    _, events = done
    assert shown(events[1:]) == ""


def test_everything_that_goes_wrong_is_a_warning(done: tuple[Evolution, list[Any]]) -> None:
    evolution, events = done
    began, task = events[0], task_of(events)
    trial = evolution.history.trials[task.trial]
    lines = shown(
        [
            began,
            Failed(task, "no room", True),
            Failed(task, "no room", False),
            Lost(task),
            Swept((trial,)),
            Told(task, Outcome((0.5,)), counts=False),
            EndedEarly(task, 1),
        ]
    ).splitlines()
    assert all(line.startswith("warning: child 0: ") for line in lines[:4])
    assert "no room" in lines[0]
    assert "not be tried again" not in lines[0]
    assert "not be tried again" in lines[1]
    assert "another worker" in lines[2]
    assert trial.facts["worker"] in lines[3]
    assert "does not count" in lines[5]
    assert lines[6].startswith("child 0: ended at rung 1")


def test_waiting_is_said_once(done: tuple[Evolution, list[Any]]) -> None:
    _, events = done
    lines = shown([events[0], Waiting(2), Waiting(2), Waiting(1), WorkerStopped("done")])
    assert lines.count("waiting for 2 children") == 1
    assert lines.count("waiting") == 1
    again = shown([events[0], Waiting(2), Asked(task_of(events)), Waiting(1)])
    assert again.count("waiting") == 2
    assert "waiting for 2 children" in plain(shown([events[0], Waiting(2)], interactive=True))


def test_a_kind_of_note_of_an_evaluation_is_told_once(done: tuple[Evolution, list[Any]]) -> None:
    _, events = done
    task = task_of(events)
    notes = [
        Inside(task, WarningEvent("8 of 43 connection weights undecided (0.4): 1->5")),
        Inside(task, WarningEvent("9 of 41 connection weights undecided (0.4): 2->5")),
        Inside(task, NoteEvent("something else")),
    ]
    lines = shown([events[0], *notes]).splitlines()
    assert [line.split(":")[1].split()[0] for line in lines] == ["8", "something"]
    assert "undecided" not in plain(shown([events[0], *notes], interactive=True))


@pytest.fixture
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is six seconds later than the one before."""
    ticks = itertools.count(0.0, 6.0)
    monkeypatch.setattr(pace.time, "monotonic", lambda: next(ticks))


@pytest.mark.usefixtures("_slow")
def test_a_long_evaluation_says_where_it_is(done: tuple[Evolution, list[Any]]) -> None:
    _, events = done
    task = task_of(events)
    steps = [
        Inside(task, StepEvent(n, 0, 9, 9, 1.0, 0.5, 9.0, 1e-3, 1, (4, 3, 8, 8, 8)))
        for n in range(1, 10)
    ]
    lines = shown([events[0], Asked(task), *steps]).splitlines()
    assert lines[0].startswith("child 0: step ")
    assert 1 < len(lines) < 9
    assert "child 0: step 9/9" in plain(shown([events[0], *steps], interactive=True))


def test_the_first_event_of_a_worker_says_which_evolution_it_is(
    done: tuple[Evolution, list[Any]],
) -> None:
    evolution, events = done
    assert events[0] == EvolutionBegan(evolution.history, ("accuracy",), 4)
