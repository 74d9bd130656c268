"""In a real kernel: a bar, and a structure that shows itself. Needs nbclient and ipykernel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.view.notebook.pages import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # what a kernel says of its own is not ours
]

SHOWS = """\
from connsearch.graph.files import load_structure
from connsearch.view.notebook.register import register
structure = load_structure("starter")
register()
structure
"""

WORKS = """\
from connsearch.runs.events import StepEvent, WarningEvent, WorkBegan, WorkEnded
from connsearch.view.progress.default import default_display
hear = default_display().hear
hear(WorkBegan("steps"))
for step in range(1, 61):
    hear(StepEvent(step, 0, 60, 60, 1.25, 0.5, 12.34, 1e-3, 1, (4, 3, 8, 16, 16)))
hear(WarningEvent("<b>careful"))
hear(WorkEnded())
"""


def test_a_notebook_shows_a_structure_and_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]), prepend=os.pathsep)
    cells = [nbformat.v4.new_code_cell(source) for source in (SHOWS, WORKS)]
    notebook: Any = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (structure,), (bar, warning) = (cell.outputs for cell in notebook.cells)
    assert structure.data["text/plain"].startswith("<Structure 'starter'")
    assert "svg" in Page(structure.data["text/html"]).tags
    assert "60/60 loss 1.250" in bar.data["text/plain"]
    assert "60/60" in Page(bar.data["text/html"]).text
    assert "warning: <b>careful" in Page(warning.data["text/html"]).text
