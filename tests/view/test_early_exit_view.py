"""The curve and the tables of clips that stop early."""

from __future__ import annotations

import pytest
from rich.console import Console

from connsearch.view.charts.marks import Labels, Points, Polyline
from connsearch.view.runs.early_exit import early_exit_chart, stopping_tables
from tests.view.early_exits import early_exits

pytestmark = pytest.mark.usefixtures("unpictured")


def printed(exits: int, budgets: list[str]) -> list[str]:
    """Lines of the tables, as 80 columns show them."""
    first = early_exits().budgets[0]
    shares = [1 / exits] * exits
    found = early_exits(
        exits=exits,
        costs=[123_000_000 * (n + 1) for n in range(exits)],
        budgets=[first.model_copy(update={"budget": b, "stopping": shares}) for b in budgets],
    )
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        for table in stopping_tables(found):
            console.print(table)
    return capture.get().splitlines()


@pytest.mark.parametrize("exits", [2, 4, 8, 16])
def test_many_budgets_stay_legible_in_80_columns(exits: int) -> None:
    names = [f"macs<={share}%" for share in (70, 75, 80, 85, 90, 95)]
    lines = printed(exits, names)
    assert "…" not in "".join(lines)
    for name in names:
        found = [line for line in lines if line.split()[:1] == [name]]
        assert sum(len(line.split()) - 1 for line in found) == exits
    words = [line.split() for line in lines]
    heads = [some[1:] for some in words if some[:1] == ["exit"] and some[1:]]
    assert [int(number) for head in heads for number in head] == list(range(1, exits + 1))
    assert sum(line.count("MACs until there") for line in lines) == len(heads)


def test_a_budget_has_its_label_and_a_line_to_what_was_planned_for_it() -> None:
    found = early_exits()
    marks = early_exit_chart(found, title="").panels[0].marks
    (labels,) = (mark for mark in marks if isinstance(mark, Labels))
    assert list(zip(labels.xs, labels.texts, strict=True)) == [(2.0, "50%"), (3.0, "3G")]
    lines = [mark for mark in marks if isinstance(mark, Polyline) and mark.dash == "dotted"]
    assert [list(line.xs) for line in lines] == [[2.0, 2.5], [3.0, 3.125]]
    (planned,) = (mark for mark in marks if isinstance(mark, Points) and mark.foot)
    assert list(planned.xs) == [2.0, 3.0]
    heights = {line.ys[0] for line in lines}
    assert heights == set(labels.ys), "the line begins at its label"


def test_the_ring_of_all_steps_is_seen_around_a_budget_of_the_same_cost() -> None:
    marks = early_exit_chart(early_exits(), title="").panels[0].marks
    points = {mark.shape: mark for mark in marks if isinstance(mark, Points)}
    assert points["ring"].size > points["dot"].size + 4
    assert marks.index(points["ring"]) > marks.index(points["dot"])
