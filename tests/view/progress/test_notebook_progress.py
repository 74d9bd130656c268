"""Progress in a notebook: one output a piece of work, replaced as it goes on, kept at its end."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from typing import Any

import pytest
from rich.jupyter import JupyterRenderable

from connsearch.evolution.options import StopOptions
from connsearch.evolution.study.worker import work
from connsearch.runs.events import CountEvent, NoteEvent, StepEvent, WorkBegan, WorkEnded
from connsearch.view.console import Console
from connsearch.view.progress.display import Display
from tests.evolution.engine import Noise, evolution_of
from tests.view.notebook.pages import Page

HOSTILE = "<script>a\x1b[31m"


class Cell:
    """The outputs of a notebook's cell; those with a name can be replaced."""

    def __init__(self) -> None:
        self.outputs: list[JupyterRenderable] = []
        self.drawn = 0

    def display(self, value: Any, *, display_id: bool = False) -> Any:
        place = len(self.outputs)
        self.outputs.append(value)

        def update(newer: Any) -> None:
            self.drawn += 1
            self.outputs[place] = newer

        return types.SimpleNamespace(update=update) if display_id else None

    @property
    def texts(self) -> list[str]:
        return [output.text for output in self.outputs]


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    """A cell of a notebook: what is needed of IPython, which these tests do without."""
    found = Cell()
    for name in ("IPython", "IPython.display"):
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["IPython.display"].display = found.display  # type: ignore[attr-defined]
    return found


def hear(*events: object) -> None:
    shown = Display(Console(force_jupyter=True, width=100))
    for event in events:
        shown.hear(event)


def step(number: int) -> StepEvent:
    return StepEvent(number, 0, 6, 600, 1.25, 0.5, 12.34, 1e-3, 1, (4, 3, 8, 16, 16))


def test_a_bar_is_one_output_that_stays(cell: Cell) -> None:
    hear(WorkBegan("steps"), *(step(n) for n in range(1, 601)), WorkEnded())
    assert len(cell.outputs) == 1
    assert "600/600 loss 1.250" in cell.texts[0]
    assert "600/600" in Page(cell.outputs[0].html).text
    assert cell.drawn < 60, "not once a step"


def test_what_is_said_has_outputs_of_its_own_below(cell: Cell) -> None:
    hear(WorkBegan("videos"), CountEvent(1, 2, "videos"), NoteEvent("a note"), WorkEnded())
    assert ["1/2" in cell.texts[0], "a note" in cell.texts[1]] == [True, True]


def test_names_of_others_are_shown_and_not_obeyed(cell: Cell) -> None:
    hear(WorkBegan(HOSTILE), CountEvent(1, 2, HOSTILE, HOSTILE), NoteEvent(HOSTILE), WorkEnded())
    for output in cell.outputs:
        page = Page(output.html)
        assert "script" not in page.tags
        assert r"<script>a\x1b[31m" in page.text
        assert "\x1b[31m" not in output.text


def test_the_population_goes_when_the_evolution_has_ended(cell: Cell) -> None:
    hear(WorkBegan("children"), *work(evolution_of(), Noise(), StopOptions(rounds=3)))
    assert "population: " in cell.texts[0]
    cell.outputs.clear()
    hear(WorkBegan("children"), *work(evolution_of(), Noise(), StopOptions(rounds=3)), WorkEnded())
    assert cell.texts[0] == ""
    assert sum("child " in text for text in cell.texts) == 3


def test_without_ipython_there_are_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "IPython", None)
    said: list[str] = []
    shown = Display(Console(force_jupyter=True), say=said.append, warn=said.append)
    for event in (WorkBegan("steps"), step(1), step(600), WorkEnded()):
        shown.hear(event)
    assert len(said) == 2
    assert "step 600/600" in said[1]
