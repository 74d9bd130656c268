"""Tables of an evolution, for people and as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from connsearch.evolution.review.lineage import connection_ancestry
from connsearch.view.evolution.story import worth
from connsearch.view.evolution.tables import (
    ancestry_table,
    best_table,
    failures_table,
    measured,
    operators_table,
    origin_table,
    population_table,
    refused_table,
    write_tables,
)
from tests.evolution.studies import SIZES, story, study


def printed(table: Table, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", SIZES)
def test_every_table_fits_eighty_columns(size: str, tmp_path: Path) -> None:
    told = story(size)
    for make in (population_table, best_table, failures_table, operators_table, refused_table):
        text = printed(make(told))
        assert max(map(len, text.splitlines()), default=0) <= 80
    paths = write_tables(told, tmp_path)
    assert [path.name for path in paths] == ["children.csv", "operators.csv", "diversity.csv"]


def test_the_population_is_listed_best_first() -> None:
    told = story("many")
    text = printed(population_table(told, limit=5), 120)
    members = [m.number for m in told.history.population.members]
    assert f"#{members[0]} " in text
    assert "15 more not shown" in text
    places = [text.index(f"\n #{n} ") for n in members[:5]]
    assert places == sorted(places)
    assert measured(told, members[0], 0) in text


def test_a_mean_has_its_spread_and_one_evaluation_none() -> None:
    told = story("many")
    again = next(n for n, e in told.entries.items() if e.evaluations == 3)
    entry = told.entries[again]
    assert entry.values is not None
    assert entry.spread is not None
    assert measured(told, again, 0) == f"{worth('accuracy', entry.values[0])} ± " + worth(
        "accuracy", entry.spread[0]
    )
    once = next(n for n, e in told.entries.items() if e.evaluations == 1)
    assert "±" not in measured(told, once, 0)
    lost = next(n for n, e in told.entries.items() if e.fate == "failed")
    assert measured(told, lost, 0) == "-"


def test_failures_show_the_first_line_of_their_cause_the_newest_first() -> None:
    text = printed(failures_table(story("failed")))
    assert "CUDA out of memory" in text
    assert "tried to allocate" not in text
    assert text.index("given up") < text.index("tried again")
    assert text.index("#3") < text.index("#0")
    assert "failed attempts: 8" in text


def test_refusals_are_counted() -> None:
    told = story("few")
    total = sum(birth["refused"].get("duplicate", 0) for birth in told.history.births.values())
    assert f"{total}" in printed(refused_table(told))
    assert total


def test_csv_has_a_row_a_child(tmp_path: Path) -> None:
    told = story("two goals")
    write_tables(told, tmp_path)
    with (tmp_path / "children.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["child"]) for row in rows] == sorted(told.entries)
    for row in rows:
        value = told.value(int(row["child"]), 1)
        assert row["macs_mean"] == ("" if value is None else str(value))
    assert sum(int(row["member"]) for row in rows) == 8
    with (tmp_path / "diversity.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(told.rounds)


def test_a_connections_line_shows_its_weight_in_every_generation() -> None:
    evolution, told = study("many"), story("many")
    number = told.winner
    assert number is not None
    edges = told.history.child(number).structure.edges()
    origins = [connection_ancestry(told.history, number, e, evolution.limits) for e in edges]
    origin = max(origins, key=lambda found: len(found.generations))
    text = printed(origin_table(origin), 120)
    assert f"since #{origin.child}: {origin.operator}" in text
    for found in origin.generations:
        assert f"#{found.child} " in text
    assert f"where #{number} comes from" in printed(ancestry_table(told, number), 120)
