"""``prune --budget``, ``prune --curve`` and ``curve`` as a person runs them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from connsearch.graph.files import read_structure
from tests.cli.commands import Command, Tour

pytestmark = pytest.mark.usefixtures("unpictured")


def test_a_budget_is_met_reported_and_recorded(tour: Tour, run: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(
        "prune", tour.run, "--budget", "macs<=60%", "--budget", "params<=60k", "-o", out, "--json"
    )
    assert done.code == 0, done.err
    found = done.json
    macs, params = found["budget"]["macs"], found["budget"]["params"]
    assert found["exactness"]["max_abs_difference"] == 0.0
    assert macs["value"] == found["macs"]["after"] <= 0.6 * found["macs"]["before"]
    assert macs["whole"] == found["macs"]["before"]
    assert params["value"] == found["parameters"]["after"] <= 60_000
    assert macs["smallest"] <= macs["value"] <= macs["largest"]
    assert "within reach" in done.err
    record = json.loads((out / "prune.json").read_text())
    assert record["pruning"]["budget"] == ["macs<=60%", "params<=60k"]
    assert record["budget"] == json.loads(json.dumps(found["budget"]))
    noted = read_structure(out / "structure.json").provenance["criterion"]
    assert noted["budget"] == ["macs<=60%", "params<=60k"]


def test_the_default_directory_is_named_after_the_budget(run: Command, tmp_path: Path) -> None:
    done = run("prune", "assemblenet-50", "--budget", "connections<=20,macs<=90%", "--json")
    assert done.code == 0, done.err
    slug = "pruned-connections-20-macs-90pct"
    assert done.json["output"] == f"runs/prune-assemblenet-50/{slug}"
    assert done.json["connections"]["after"] <= 20


def test_a_latency_is_measured_and_confirmed(tour: Tour, run: Command, tmp_path: Path) -> None:
    done = run("prune", tour.run, "--budget", "latency<=20s", "-o", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    found = done.json["budget"]["latency"]
    assert 0 < found["value"] <= found["limit"] == 20
    assert found["whole"] is None, "no share was asked for, so the whole was not measured"
    assert "measured with" in done.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--budget macs<=0.1%", "reachable: "),
        ("--budget latency<=1us", "smallest network"),
        ("--budget mac<=60%", "did you mean 'macs'"),
        ("--budget macs<60%", "write macs<=60%"),
        ("--budget macs<=60% --criterion random", "allowed: one of them"),
        ("--curve --budget macs<=60%", "--budget cannot be used with --curve"),
        ("--points 3", "give --curve"),
    ],
)
def test_mistakes_are_said_before_anything_is_written(
    tour: Tour, run: Command, tmp_path: Path, line: str, said: str
) -> None:
    done = run("prune", tour.run, "-o", tmp_path / "out", *line.split())
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert "data:" not in done.out, "refused before the data is read"
    assert not (tmp_path / "out").exists()


def test_the_curve_of_a_run(tour: Tour, run: Command, tmp_path: Path) -> None:
    out = tmp_path / "curve"
    done = run("prune", tour.run, "--curve", "--points", "3", "-o", out, "--json")
    assert done.code == 0, done.err
    found = json.loads((out / "summary.json").read_text())
    assert found == done.json
    assert {path.name for path in out.iterdir()} >= {"curve.svg", "curve.png", "curve.csv"}
    whole, *_, smallest = found["points"]
    assert whole["connections"] == 53
    assert smallest["connections"] < 10
    keys = "connections parameters macs latency_ms latency_spread accuracy low high clips"
    for point in found["points"]:
        assert set(keys.split()) <= set(point)
    assert (found["clip"], found["device"], found["threads"]) == ([4, 16, 16], "cpu", 1)
    with (out / "curve.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3
    again = run("curve", tour.run, "--points", "3", "-o", out, "--json")
    assert again.json["points"] == found["points"], "the same line: nothing is measured again"
    other = run("curve", tour.run, "--mode", "published", "-o", out)
    assert other.code == 2
    assert "results of other settings" in other.err


@pytest.mark.parametrize("target", ["nowhere", "starter"])
def test_a_curve_needs_a_search(run: Command, target: str) -> None:
    done = run("curve", target)
    assert done.code == 2
    assert "no such run" in done.err


def test_a_pruned_network_has_no_curve(tour: Tour, run: Command) -> None:
    done = run("curve", tour.pruned)
    assert done.code == 2
    assert "not the directory of a search" in done.err
