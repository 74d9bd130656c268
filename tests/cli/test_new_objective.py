"""An objective is one new file: with it, an evolution and all that is told of it know it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

from connsearch.evolution.objectives import OBJECTIVES

FILE = '''
"""How much is connected."""

from connsearch.evolution.objectives import OBJECTIVES, Objective

OBJECTIVES.register("connections")(
    Objective(
        lambda found: float(len(found.structure.edges())),
        higher=False,
        label="connections of the network",
        style="count",
        unit="connections",
    )
)
'''
MAIN = """
import importlib.util, json, sys
import connsearch.evolution
spec = importlib.util.find_spec("connsearch.evolution.objectives")
spec.submodule_search_locations.append(sys.argv[1])
cupboard = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = connsearch.evolution.objectives = cupboard
spec.loader.exec_module(cupboard)
from connsearch.cli.app import main
for line in json.loads(sys.argv[2]):
    try:
        code = main(line)
    except SystemExit as end:
        code = end.code
    assert not code, (line, code)
"""
"""Several command lines, one after the other, where the cupboard has a second folder."""


def test_one_file_adds_an_objective(tmp_path: Path) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "connections.py").write_text(FILE)
    evolve = ["evolve", *"--population 3 --tournament 2 --simulate planted --run evo".split()]
    evolve += ["--objectives", "accuracy", "connections"]
    lines = [
        ["evolve", "--help"],
        [*evolve, "--rounds", "12", "--json"],
        ["evolve", "report", "evo", "--no-pictures", "--no-animation"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", MAIN, str(folder), json.dumps(lines)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "{" + ",".join(sorted({*OBJECTIVES, "connections"})) + "}" in done.stdout

    told = next(json.loads(row) for row in done.stdout.splitlines() if row.startswith("{"))
    assert told["objectives"] == ["accuracy", "connections"]
    assert told["judged"] == 12
    with (tmp_path / "evo" / "children.csv").open() as file:
        rows = list(csv.DictReader(file))
    points = [(float(row["accuracy_mean"]), int(row["connections"])) for row in rows]
    assert [float(row["connections_mean"]) for row in rows] == [count for _, count in points]
    best = [n for n, own in enumerate(points) if not any(beats(other, own) for other in points)]
    assert sorted(child["child"] for child in told["best"]) == best, "fewer connections are better"
    page = (tmp_path / "evo" / "report" / "evolution.html").read_text(encoding="utf-8")
    assert "connections of the network (less is better)" in page


def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] >= other[0] and one[1] <= other[1] and one != other
