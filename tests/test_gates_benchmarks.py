"""The benchmarks of gates in the search: their arms, their tables, and that tiny runs work."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connsearch.cli.app import main
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.rules import validate
from connsearch.graph.spec import Post

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"

pytestmark = pytest.mark.usefixtures("unpictured")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return importlib.import_module


def test_the_arms_begin_with_the_blocks_of_the_mixed_structure_and_without_its_gates(
    bench: Callable[[str], ModuleType],
):
    arms = bench("gates_arms")
    mixed = load_structure(arms.STRUCTURE)
    bare = arms.without_gates(mixed)
    validate(bare)
    assert bare.edges() == mixed.edges()
    assert not any(c.gated for _, c in bare.connections())
    assert not any("srtg" in (b.kind or "") or b.post is not Post.NONE for _, b in bare.blocks())
    assert {b.kind for _, b in bare.blocks()} > {None, "r3d_basic", "r2plus1d_basic"}
    clip = (8, 32, 32)
    shapes = [[n.shape for n in cost(s, num_classes=4, clip=clip).nodes] for s in (mixed, bare)]
    assert shapes[0] == shapes[1]


def entry(test: float, **further: Any) -> dict[str, Any]:
    stays = {"kinds": {"4": "bottleneck"}, "posts": {"4": "sr"}, "edges": [[2, 4]], "gates": []}
    return {
        "val": test, "tuned": test, "test": test, "macs": 2e6, "difference": 0.0, "stays": stays,
        "open": {"node 8 <- 3": [0.5, 4]}, "steps": 10, **further,
    }  # fmt: skip


def test_the_tables_say_what_is_filed(bench: Callable[[str], ModuleType]):
    tables, arms = bench("gates_tables"), bench("gates_arms")
    ledger: dict[str, Any] = {}
    for seed, (bare, mixed) in enumerate([(0.5, 0.75), (0.5, 0.75), (0.25, 0.5)]):
        for arm, found in ((arms.BASELINE, bare), (arms.COMPARED, mixed)):
            ledger[f"order/{arm}/{seed}"] = entry(found)
            ledger[f"order/{arm}/{seed}/weight"] = entry(found)
        ledger[f"order/{arms.COMPARED}/{seed}/gate"] = entry(mixed - 0.25 * (seed > 0))
    row = {"wiring": "found", "draw": 0, "seed": 0, "accuracy": 0.5, "macs": 2e6}
    other = {**row, "wiring": "random", "draw": 1, "accuracy": 0.25}
    ledger["order/compare"] = {"rows": [row, other], "verdict": "no difference shown"}
    page = "\n".join(tables.report(ledger))
    compared = f"{arms.COMPARED} against {arms.BASELINE}, tuned, test"
    assert f"* {compared}: +0.250 [+0.250, +0.250] over 3 seeds, paired; excludes 0." in page
    assert "by gate against by weight, tuned, test: -0.167" in page
    assert "| 4 | 1 | bottleneck | sr | 3 of 3 |" in page
    assert "| of connections | 4 | 1 | 0.50 (0.50 to 0.50) | 100% |" in page
    assert "| random 1 | 0.250 | 0.250 | 2.0 M |" in page
    assert "> no difference shown" in page
    assert "over 15 prunings: 0.0." in page
    assert "## clips" not in page


@pytest.mark.slow
def test_a_tiny_study_goes_through_and_goes_on(
    bench: Callable[[str], ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    arms, study = bench("gates_arms"), bench("gates_search")
    small = {"size": 16, "frames": 4, "train_clips": 2, "val_clips": 1, "test_clips": 1}
    task = arms.Task({**arms.TASKS["order"].data, **small}, arms.TASKS["order"].training, 1, 0.25)
    monkeypatch.setitem(arms.TASKS, "order", task)
    line = f"--tasks order --seeds 1 --random 2 --compare-seeds 2 --epochs 1 --runs {tmp_path}"
    study.main(line.split())
    made = capsys.readouterr().out
    assert "prunings: 0.0." in made
    assert "| random 2 |" in made
    study.main([*line.split(), "--table"])
    assert capsys.readouterr().out in made


@pytest.mark.slow
def test_a_tiny_measurement_of_costs_goes_through(
    bench: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]
):
    bench("gates_cost").main(["--quick"])
    page = capsys.readouterr().out
    assert page.count("| yes |") == 6
    assert "NO" not in page


@pytest.mark.slow
def test_a_tiny_evolution_is_told_and_tried_again(
    bench: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = tmp_path / "run"
    line = (
        f"mixed_starter --rounds 3 --population 2 --elites 0 --operators post kind --run {run} "
        "--data synthetic:order --frames 4 --size 16 --train-clips 2 --val-clips 1 --test-clips 1 "
        "--epochs 1 --threads 1"
    )
    main(["evolve", *line.split()])
    capsys.readouterr()
    words = [str(run), "--ledger", str(tmp_path / "again"), "--seeds", "2"]
    bench("gates_evolution").main(words)
    page = capsys.readouterr().out
    assert "| founders | 2 |" in page
    assert "best less start" in page
    assert "best less best without posts" in page
