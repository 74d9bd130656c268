"""compare, stability and rank-correlation as a person runs them: resumed, grown, refused."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connsearch.graph.files import read_structure
from connsearch.runs.ledger import Ledger
from tests.cli.commands import TINY, Command, Tour

pytestmark = pytest.mark.usefixtures("unpictured")

COMPARE = ["--criterion", "top_k:2", "--steps", "1"]
COUNTS = ["--random", "2", "--seeds", "2"]
WHERE = ("output", "pictures", "run", "structure")


@pytest.fixture
def searched(tour: Tour, tmp_path: Path) -> Path:
    """A copy of the finished search."""
    return shutil.copytree(tour.run, tmp_path / "first")


def summary(place: Path) -> dict[str, Any]:
    return json.loads((place / "summary.json").read_text())


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two summaries agree in all but where they lie."""
    return all(one[key] == other[key] for key in {*one, *other} - set(WHERE))


def interrupt(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Ctrl-C in the moment when a result would be filed, after so many were."""
    plain, count = Ledger.file, iter(range(10_000))

    def file(self: Ledger, unit: str, result: Mapping[str, Any]) -> None:
        if next(count) == after:
            raise KeyboardInterrupt
        plain(self, unit, result)

    monkeypatch.setattr(Ledger, "file", file)


def test_compare_is_resumed_and_grows(
    searched: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, line = searched / "compare", ["compare", searched, *COMPARE]
    with monkeypatch.context() as patched:
        interrupt(patched, after=3)
        assert run(*line, *COUNTS).code == 130
    assert not (place / "summary.json").exists()
    done = run(*line, *COUNTS, "--json")
    assert done.code == 0, done.err
    assert done.json == summary(place)
    whole = run(*line, *COUNTS, "--output", "whole", "--json")
    assert same(done.json, whole.json)

    rows = done.json["rows"]
    assert [(row["wiring"], row["draw"], row["seed"]) for row in rows] == [
        *(("found", 0, 0), ("random", 1, 0), ("random", 2, 0)),
        *(("found", 0, 1), ("random", 1, 1), ("random", 2, 1)),
    ]
    grown = run(*line, "--random", "3", "--seeds", "2", "--json")
    assert grown.code == 0, grown.err
    assert [row for row in grown.json["rows"] if row["draw"] < 3] == rows
    assert len(grown.json["rows"]) == 8
    assert grown.err.count("val accuracy") == 2, "only the new wiring was trained"
    assert {p.name for p in place.iterdir()} >= {"compare.csv", "compare.svg", "compare.png"}
    with (place / "compare.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["accuracy"]) for row in table] == [r["accuracy"] for r in grown.json["rows"]]


def test_compare_trains_wirings_that_are_alike(searched: Path, run: Command) -> None:
    done = run("compare", searched, *COMPARE, *COUNTS, "--json")
    assert done.code == 0, done.err
    trained = {
        (name, seed): read_structure(
            searched / "compare" / "runs" / f"{name}-seed-{seed}" / "structure.json"
        )
        for name in ("found", "random-1", "random-2")
        for seed in (0, 1)
    }
    found = trained["found", 0]
    for (name, seed), structure in trained.items():
        assert structure == trained[name, 0], f"{name} has one wiring, not one a seed ({seed})"
        assert len(structure) == len(found)
        assert len(structure.edges()) == len(found.edges())
        assert set(structure.weights().values()) == {"free"}, "nothing learned is brought along"
    assert len({structure.edges() for structure in trained.values()}) == 3
    macs = [row["macs"] for row in done.json["rows"]]
    assert all(abs(cost / macs[0] - 1) <= 0.1 for cost in macs)
    assert done.json["difference"]["n"] == 2
    assert done.json["budget"] == {"epochs": 16, "steps": 1}
    assert done.json["split"] == "val"
    results = [json.loads(p.read_text()) for p in searched.glob("compare/runs/*/result.json")]
    assert {tuple(result["metrics"]) for result in results} == {("val",)}


def test_compare_opens_the_test_split_when_asked_and_trains_nothing_for_it(
    searched: Path, run: Command
) -> None:
    line = ["compare", searched, *COMPARE, *COUNTS, "--json"]
    before = run(*line)
    opened = run(*line, "--open-test")
    assert opened.code == 0, opened.err
    assert "the test split is opened" in opened.err
    assert opened.err.count("val accuracy") == 0
    assert opened.err.count("test accuracy") == 6
    assert opened.json["split"] == "test"
    again = run(*line, "--open-test")
    assert again.err.count("test accuracy") == 0
    assert again.json == opened.json
    assert run(*line).json == before.json


def test_compare_takes_what_prune_left(searched: Path, run: Command) -> None:
    budget, place = ["--budget", "connections<=60%"], searched / "within"
    assert run("prune", searched, *budget, "-o", place).code == 0
    named = run("compare", searched, "--pruned", place, "--steps", "1", *COUNTS, "--json")
    assert named.code == 0, named.err
    again = run("compare", searched, *budget, "--steps", "1", *COUNTS, "--json")
    assert again.json == named.json, "the same wiring, and nothing was trained anew"
    both = run("compare", searched, "--pruned", place, *COMPARE, "--json")
    assert both.code == 2
    assert "--pruned is pruned already" in both.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--random 0", "--random: read '0'"),
        ("--seeds 1", "--seeds: read '1'"),
        ("--macs-tolerance 0", "--macs-tolerance: read '0'"),
        ("--criterion relative:0.01", "keeps all"),
        ("--budget latency<=40ms", "--budget latency<=40ms: a latency is measured"),
        ("--pruned nowhere/at/all", "nowhere/at/all"),
    ],
)
def test_compare_refuses_before_any_work(
    searched: Path, run: Command, words: str, said: str
) -> None:
    done = run("compare", searched, *words.split())
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert not (searched / "compare").exists()


@pytest.mark.parametrize("command", ["compare", "rank-correlation"])
def test_what_is_no_search_is_refused(tour: Tour, run: Command, command: str) -> None:
    for target in ("nowhere", tour.trained, tour.pruned):
        done = run(command, target)
        assert done.code == 2, done.err
        assert str(target) in done.err


def test_compare_refuses_other_settings_and_strange_places(searched: Path, run: Command) -> None:
    assert run("compare", searched, *COMPARE, *COUNTS).code == 0
    other = run("compare", searched, "--criterion", "top_k:3", "--steps", "1", *COUNTS)
    assert other.code == 2
    assert "results of other settings" in other.err
    strange = run("compare", searched, *COMPARE, "--output", searched)
    assert strange.code == 2
    assert "contains other files" in strange.err


def test_rank_correlation_is_resumed_and_grows(
    searched: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ["rank-correlation", searched, "--steps", "1", "--epochs", "1"]
    with monkeypatch.context() as patched:
        interrupt(patched, after=1)
        assert run(*line, "--subnets", "3").code == 130
    done = run(*line, "--subnets", "3", "--json")
    assert done.code == 0, done.err
    assert done.json == summary(searched / "rank_correlation")
    assert same(run(*line, "--subnets", "3", "-o", "whole", "--json").json, done.json)
    grown = run(*line, "--subnets", "4", "--json")
    assert grown.json["rows"][:3] == done.json["rows"]
    assert grown.err.count("alone") >= 1
    assert {"tau", "low", "high", "flops_tau", "flops_low", "flops_high"} <= set(grown.json)
    told = ("MACs", "no ranking", "train longer")
    assert any(words in grown.json["verdict"] for words in told)
    names = {path.name for path in (searched / "rank_correlation").iterdir()}
    assert names >= {
        "rank_correlation.csv",
        "rank_correlation.svg",
        "rank_correlation.png",
        "summary.json",
    }
    refused = run(*line, "--subnets", "2")
    assert refused.code == 2
    assert "--subnets: read '2'" in refused.err


def test_rank_correlation_judges_in_the_supernet_what_prune_and_recalibrate_give(
    searched: Path, run: Command
) -> None:
    """The score in the supernet is that of the pruned network, its statistics set anew."""
    line = ["rank-correlation", searched, "--steps", "1", "--subnets", "3", "--json"]
    row = run(*line).json["rows"][0]
    trained = read_structure(searched / "rank_correlation" / "runs" / "subnet-1" / "structure.json")
    assert len(trained.edges()) == row["connections"]
    assert 0 <= row["supernet"] <= 1


def test_stability_is_resumed_and_grows(
    run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = ["stability", "--steps", "1", *TINY, "--criterion", "top_k:2"]
    with monkeypatch.context() as patched:
        interrupt(patched, after=1)
        assert run(*line, "--searches", "2", "--run", "half").code == 130
    done = run(*line, "--searches", "2", "--run", "half", "--json")
    assert done.code == 0, done.err
    assert done.json == summary(tmp_path / "half")
    whole = run(*line, "--searches", "2", "--run", "whole", "--json")
    assert same(whole.json, done.json)
    grown = run(*line, "--searches", "3", "--run", "half", "--json")
    assert grown.code == 0, grown.err
    kept = grown.json["kept"]
    assert list(kept) == ["seed-0", "seed-1", "seed-2"]
    assert {name: kept[name] for name in ("seed-0", "seed-1")} == done.json["kept"]
    names = {path.name for path in (tmp_path / "half").iterdir()}
    assert names >= {"stability.csv", "stability.svg", "consensus.json", "seed-2", "summary.json"}
    consensus = read_structure(tmp_path / "half" / "consensus.json")
    assert len(consensus.edges()) == len(grown.json["consensus"])
    rare = [w for w in consensus.weights().values() if isinstance(w, float) and w < 0.5]
    assert len(rare) == len(grown.json["repairs"])
    other = run(*line[:-1], "top_k:1", "--searches", "3", "--run", "half", "--json")
    assert other.code == 0, other.err
    assert "val accuracy" not in other.err, "another criterion searches nothing anew"
    assert sum(other.json["kept"].values()) < sum(kept.values())
    within = run(
        *line[:-2], "--budget", "connections<=20", "--searches", "3", "--run", "half", "--json"
    )
    assert set(within.json["kept"].values()) == {20}
    assert within.json["criterion"] == "connections<=20"
    timed = run(*line[:-2], "--budget", "latency<=9ms", "--run", "other")
    assert (timed.code, "a latency is measured" in timed.err) == (2, True)


def test_each_search_of_stability_is_one_that_search_would_have_made(
    run: Command, tmp_path: Path
) -> None:
    line = ["--steps", "1", *TINY, "--json"]
    assert run("stability", *line, "--searches", "2", "--run", "both").code == 0
    place = tmp_path / "both" / "seed-1"
    again = run("search", *line, "--run", place, "--seed", "1", "--data-seed", "0")
    assert again.code == 0, again.err
    assert "it is finished; this is its result" in again.err
    one, two = (read_structure(tmp_path / "both" / f"seed-{n}" / "learned.json") for n in (0, 1))
    assert one.weights() != two.weights()
    facts = [
        json.loads((tmp_path / "both" / f"seed-{n}" / "config.json").read_text()) for n in (0, 1)
    ]
    assert facts[0]["facts"]["data"] == facts[1]["facts"]["data"], "the same data for all"
    assert run("stability", *line, "--searches", "1").code == 2
