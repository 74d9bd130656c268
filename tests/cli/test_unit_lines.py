"""What work on many units prints into a pipe: not a line for every moment."""

from __future__ import annotations

import io
from collections.abc import Generator

import pytest
from rich.console import Console

from connsearch.analysis.units import UnitEvent, UnitFinished, UnitStarted
from connsearch.cli.terminal import Terminal
from connsearch.view.progress.units import MANY


def work(count: int) -> Generator[UnitEvent, None, str]:
    for number in range(1, count + 1):
        yield UnitStarted(f"unit {number}", number, count)
        yield UnitFinished(f"unit {number}", number, count, "fine", filed=False)
    return "result"


@pytest.mark.parametrize("count", [3, MANY])
def test_a_few_units_have_a_line_each(count: int) -> None:
    assert len(lines(count)) == count


def test_many_short_units_share_lines_but_the_ends_are_said() -> None:
    found = lines(200)
    assert 2 <= len(found) < 20
    assert found[0].startswith("1/200 unit 1: fine")
    assert found[-1] == "200/200 unit 200: fine"


def lines(count: int) -> list[str]:
    terminal = Terminal()
    text = io.StringIO()
    terminal.console = Console(file=text, width=100)
    assert terminal.work_through(work(count), "units") == "result"
    return text.getvalue().splitlines()
