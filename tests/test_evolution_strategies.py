"""The benchmark of evolution strategies: what it measures, and that a tiny run goes through."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("evolution_strategies")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("evolution_found")


def ended(number: int, when: float, measured: float, true: float) -> Any:
    outcome = SimpleNamespace(values=(measured,), facts={"true": true})
    task = SimpleNamespace(child=SimpleNamespace(number=number))
    return SimpleNamespace(task=task, ended=when, outcome=outcome)


def arm(bench: ModuleType, name: str, part: str = "strategies") -> Any:
    return next(one for one in bench.PARTS[part]() if one.name == name)


def test_the_chosen_child_is_the_best_measured_one_and_told_for_its_truth(bench: ModuleType):
    pruned = SimpleNamespace(task=ended(9, 0, 0, 0).task, ended=2.5, outcome=None)
    timed = [
        ended(0, 1.0, 0.5, 0.4),
        ended(1, 2.0, 0.9, 0.3),  # a lucky one
        pruned,
        ended(2, 3.0, 0.6, 0.6),
        ended(1, 4.0, 0.5, 0.3),  # its mean is still the best
        ended(1, 5.0, 0.1, 0.3),  # and now found out
    ]
    chosen = [[1.0, 0.4, 0.5], [2.0, 0.3, 0.9], [4.0, 0.3, 0.7], [5.0, 0.6, 0.6]]
    assert bench.choices(timed) == chosen


def test_what_is_read_from_a_trace(found: ModuleType):
    trace = [[1, 0.4, 0.5], [3, 0.6, 0.7], [8, 0.5, 0.9]]
    assert [found.truth_at(trace, cost) for cost in (1, 2.9, 3, 9)] == [0.4, 0.4, 0.6, 0.5]
    assert found.reached_at(trace, 0.55, 10) == 3
    assert found.reached_at(trace, 0.55, 2) is None
    assert found.reached_at(trace, 0.7, 10) is None


def test_who_does_not_reach_the_target_counts_with_the_horizon(found: ModuleType):
    results = {
        "summit/s/0": {"fitness": 1.0},
        "summit/s/1": {"fitness": 0.5},
        "strategies/a/0.05/s/0": {"trace": [[1, 0.45, 0.5]]},
        "strategies/a/0.05/s/1": {"trace": [[1, 0.1, 0.1], [4, 0.45, 0.5]]},
    }
    held = found.found_in(results, 10)
    cell = found.Cell("strategies", "a", "0.05", "s")
    assert found.waits(held, cell, 0.8) == {0: 10, 1: 4}
    assert found.reaching(held, cell, 0.8) == 0.5


def test_differences_are_paired_by_seed(found: ModuleType):
    assert found.differences({0: 1.0, 1: 5.0, 2: 9.0}, {2: 4.0, 0: 3.0}) == [-2.0, 5.0]
    assert found.together([{0: 1.0, 1: 2.0}, {1: 4.0}]) == {1: 3.0}
    mean, low, high = found.bounds([0.0, 1.0, 2.0, 3.0])
    assert (mean, low < 1 < 2 < high) == (1.5, True)
    assert found.clear([1.0, 1.1, 1.2], ".1f") == "**+1.1 [+1.0, +1.2]**"
    assert found.clear([-1.0, 1.0, 0.1], ".1f").startswith("+0.0 [")


def test_all_arms_of_a_seed_begin_alike(bench: ModuleType):
    """Population 20: until then neither strategy nor weights matter, only seed and noise do."""
    names = ("guided", "guided, weights say nothing", "uniform, a third", "random search")
    runs = [bench.evolve_once(arm(bench, n), "starter", 0.05, 3, 20)["trace"] for n in names]
    assert all(run == runs[0] for run in runs)
    other = bench.evolve_once(arm(bench, names[0]), "starter", 0.05, 4, 20)
    assert other["trace"] != runs[0]


def test_what_weights_say_matters_to_guiding_alone(bench: ModuleType):
    def end(name: str, informative: float) -> Any:
        other = replace(arm(bench, name), informative=informative)
        return bench.evolve_once(other, "starter", 0.0, 0, 35)

    assert end("uniform, a third", 1.0) == end("uniform, a third", 0.0)
    assert end("nodes only", 1.0) == end("nodes only", 0.0)
    assert end("guided", 1.0) != end("guided", 0.0)


def test_half_the_connections_go_where_a_half_is_asked_for(bench: ModuleType):
    half = arm(bench, "uniform, a half")
    assert half.kind(**half.options).wiring == "uniform:0.5"
    third = bench.evolve_once(arm(bench, "uniform, a third"), "starter", 0.0, 1, 40)
    assert bench.evolve_once(half, "starter", 0.0, 1, 40) != third


def test_repetitions_and_rungs_are_paid_for(bench: ModuleType):
    elites = bench.evolve_once(arm(bench, "elites 3", "settings"), "starter", 0.05, 0, 40)
    assert elites["cost"] == 40
    assert elites["ends"][0] < 40
    rungs = bench.evolve_once(arm(bench, "rungs .25 .5", "settings"), "starter", 0.05, 0, 40)
    begun, pruned = rungs["ends"]
    assert 38 <= rungs["cost"] <= 40
    assert begun > 45, "those that ended early left time for others"
    assert begun - pruned + pruned / 4 <= rungs["cost"]


@pytest.mark.slow
def test_a_tiny_run_writes_its_page_and_goes_on_where_it_was(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    page, drawn = tmp_path / "page.md", tmp_path / "figure.png"
    line = ["--seeds", "1", "--children", "21", "--starts", "starter", "--planning-rounds", "3"]
    line += ["--planning-seeds", "1", "--runs", str(tmp_path / "runs"), "--markdown", str(page)]
    bench.main([*line, "--figure", str(drawn)])
    text = page.read_text()
    assert "### Strategies from starter" in text
    assert "| guided, threshold .5 | 0.1 | 1 |" in text
    assert "### Planning the published search" in text
    assert drawn.read_bytes().startswith(b"\x89PNG")

    def twice(*_: object) -> None:
        raise AssertionError("done already")

    monkeypatch.setattr(bench, "evolve_once", twice)
    monkeypatch.setattr(bench, "summit_once", twice)
    page.write_text(text.replace(bench.TABLES, f"## What it says\n\nMuch.\n\n{bench.TABLES}"))
    bench.main(line)
    again = page.read_text()
    assert again.count("Much.") == 1
    assert again.count("### Strategies from starter") == 1
