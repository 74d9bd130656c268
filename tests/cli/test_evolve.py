"""``connsearch evolve``: start, join, go on, be refused; and what it leaves for other commands."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connsearch.evolution.study.study_directory import reopen
from connsearch.graph.files import read_structure
from connsearch.graph.rules import validate
from tests.cli.commands import TINY, Command, hear_interrupts

SMALL = ("--population", "3", "--tournament", "2")
PLANTED = ("--simulate", "planted:noise=0.02")
SLOW = ("--simulate", "planted:noise=0.02,seconds=0.05,spread=0,sleep=1")


def children(directory: str | Path) -> list[dict[str, str]]:
    with (Path(directory) / "children.csv").open() as file:
        return list(csv.DictReader(file))


def sequence(directory: str | Path) -> list[tuple[str, ...]]:
    """What must be the same whatever happened on the way."""
    kept = ("child", "parents", "operators", "hash", "accuracy_mean")
    return [tuple(row[name] for name in kept) for row in children(directory)]


@pytest.fixture(scope="module")
def searches() -> tuple[str, ...]:
    return ("--steps", "2", *TINY, *SMALL, "--run", "evo")


def test_children_are_searched_and_the_best_goes_on(
    run: Command, searches: tuple[str, ...]
) -> None:
    done = run("evolve", *searches, "--rounds", "5", "--json")
    assert done.code == 0, done.err
    assert done.json["children"] == done.json["judged"] == 5
    best = validate(read_structure("evo/best.json"))
    assert any(isinstance(weight, float) for weight in best.weights().values())
    number = done.json["best"][0]["child"]
    assert best.provenance["child"] == number

    assert run("draw", "evo", "-o", "best.svg").code == 0
    repeated = run(
        "evolve", "--config", "evo/config.json", "--run", "evo", "--rounds", "5", "--json"
    )
    assert repeated.json["best"] == done.json["best"]

    members = {row["child"] for row in children("evo") if row["member"] == "1"}
    assert len(members) == 3
    kept = {str(int(p.parent.name[:4])) for p in Path("evo/children").glob("*/*.safetensors")}
    assert kept == members

    pruned = run("prune", f"evo/children/{number:04d}-0", "--json")
    assert pruned.code == 0, pruned.err
    assert pruned.json["exactness"]["max_abs_difference"] == 0.0

    assert run("lineage", "evo", "4", "--json").json["replayed"][-1] == 4
    assert run("evolve", "report", "evo", "--no-animation", "--json").json["judged"] == 5

    again = run("evolve", *searches, "--rounds", "5", "--json")
    assert again.json["best"] == done.json["best"]
    before = sequence("evo")
    further = run("evolve", *searches, "--rounds", "6", "--json")
    assert further.json["children"] == 6
    assert sequence("evo")[:5] == before


def test_a_run_is_named_after_what_was_asked_for(run: Command) -> None:
    plain = run("evolve", *PLANTED, "--rounds", "2", "--json").json["run"]
    assert plain == run("evolve", *PLANTED, "--rounds", "3", "--json").json["run"]
    other = run("evolve", *PLANTED, "--rounds", "2", "--mutations", "1", "--json").json["run"]
    assert other != plain
    assert "evolve-starter" in other


def test_the_table_says_what_the_study_says(run: Command) -> None:
    run("evolve", *PLANTED, *SMALL, "--rounds", "12", "--run", "evo")
    history = reopen("evo").history()
    rows = children("evo")
    assert [int(row["child"]) for row in rows] == sorted(history.births) == list(range(12))
    for row in rows:
        assert float(row["accuracy_mean"]) == pytest.approx(
            history.judged[int(row["child"])].mean[0]
        )
    assert rows[0]["operators"] == "start"
    assert Path("evo/study.json").stat().st_mode == Path("evo/config.json").stat().st_mode


def test_other_settings_do_not_mix(run: Command) -> None:
    run("evolve", *PLANTED, *SMALL, "--rounds", "4", "--run", "evo")
    done = run("evolve", *PLANTED, *SMALL, "--rounds", "4", "--run", "evo", "--removal", "oldest")
    assert done.code == 2
    assert "evolution.removal" in done.err
    assert "worst" in done.err
    assert "oldest" in done.err
    other = run("evolve", *PLANTED, *SMALL, "--run", "evo", "--seed", "1")
    assert other.code == 2
    assert "seed" in other.err


def test_all_children_have_the_same_class_weights(run: Command, searches: tuple[str, ...]) -> None:
    line = ("evolve", "starter_rgb_flow", *searches, "--class-weights", "weights.csv", "--rounds")
    names = [f"hue-{hue}-{way}" for hue in (0, 180) for way in ("left", "right")]
    rows = [f"{name},1" for name in names]
    Path("weights.csv").write_text("\n".join(["label,weight", *rows]))
    assert run(*line, "1").code == 0
    Path("weights.csv").write_text("\n".join(["label,weight", *rows[1:], f"{names[0]},2"]))
    done = run(*line, "2")
    assert done.code == 2
    assert f"fitness.class_weights.{names[0]}" in done.err
    assert len(children("evo")) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no-such",), "no structure named 'no-such'"),
        (("--operators", "splitt"), "did you mean 'split'"),
        (("--population", "4", "--tournament", "5"), "population of 4"),
        (("--simulate", "plantid"), "did you mean 'planted'"),
        (("--simulate", "planted:noise=loud"), "noise"),
        (("--simulate", "table:nowhere.json"), "nowhere.json"),
        (("--budget", "macs<=50%", *PLANTED), "above the budget macs<=50%"),
        (("--budget", "latency<=5ms"), "objectives"),
        (("--objectives", "accuracy", "accuracy"), "each once"),
        (("--rungs", "0.5", "0.25"), "rising"),
        (("--strategy", "random", "--threshold", "0.5"), "threshold"),
        (("--storage", "postgres://me:secret@nowhere/db", *PLANTED), "storage"),
        (("--storage", "grpc://nowhere", *PLANTED), "grpc://HOST:PORT"),
    ],
)
def test_what_cannot_be_is_refused_by_name(words: tuple[str, ...], said: str, run: Command) -> None:
    done = run("evolve", *words)
    assert done.code == 2, done.err
    assert said in done.err.replace("\n", " ").replace("  ", " ")
    assert "Traceback" not in done.err
    assert "secret" not in done.err + done.out


@pytest.mark.parametrize("population", ["2", "4", "5"])
def test_a_small_population_evolves_as_it_stands(population: str, run: Command) -> None:
    done = run("evolve", *PLANTED, "--population", population, "--rounds", "8", "--run", "evo")
    assert done.code == 0, done.err
    assert "nothing evolves" not in done.out
    recorded = json.loads(Path("evo/config.json").read_text())["settings"]["evolution"]
    assert recorded["tournament"] == (5 if population == "5" else 2)
    assert any(row["parents"] for row in children("evo"))


def test_an_evolution_that_only_fills_its_population_says_so(run: Command) -> None:
    done = run("evolve", *PLANTED, *SMALL, "--rounds", "3", "--run", "evo")
    assert done.code == 0
    assert "nothing evolves" in done.out
    assert "--rounds" in done.out


def test_a_directory_of_something_else_is_left_alone(run: Command) -> None:
    Path("evo").mkdir()
    Path("evo/thesis.txt").write_text("mine")
    done = run("evolve", *PLANTED, "--run", "evo")
    assert done.code == 2
    assert "thesis.txt" in done.err
    assert os.listdir("evo") == ["thesis.txt"]
    for words in (("lineage", "evo", "0"), ("evolve", "report", "evo"), ("evolve", "serve", "evo")):
        done = run(*words)
        assert done.code == 2
        assert "no evolution" in done.err


def start(directory: Path, environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "connsearch", "evolve", *SLOW, *SMALL, "--run", "evo", *words],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def wait_for_children(directory: Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    journal = directory / "evo" / "study.journal"
    while not journal.exists() or journal.read_text().count('"result"') < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    "how", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_the_same_line_goes_on_as_if_nothing_had_happened(
    how: signal.Signals, environment: dict[str, str], tmp_path: Path, run: Command
) -> None:
    process = start(tmp_path, environment, "--rounds", "14")
    try:
        wait_for_children(tmp_path, 6, process)
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    if how is signal.SIGINT:
        assert process.returncode == 130, err
        assert "rerun the same command to resume" in err
    done = run("evolve", *SLOW, *SMALL, "--run", "evo", "--rounds", "14", "--json")
    assert done.code == 0, done.err
    assert done.json["judged"] == 14
    whole = run("evolve", *SLOW, *SMALL, "--run", "whole", "--rounds", "14", "--json")
    assert whole.code == 0
    assert sequence("evo") == sequence("whole")


def test_the_same_line_twice_is_two_workers(environment: dict[str, str], tmp_path: Path) -> None:
    workers = [
        start(tmp_path, environment, "--rounds", "30", "--worker", name) for name in ("ann", "bob")
    ]
    try:
        ends = [worker.communicate(timeout=90) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], ends
    history = reopen(tmp_path / "evo").history()
    assert sorted(history.births) == list(range(30))
    assert all(len(one.values) == 1 for one in history.judged.values())
    judges = {history.trials[number].facts["worker"] for number in history.order}
    assert judges == {"ann", "bob"}


def test_two_workers_that_take_all_cores_are_warned(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("evolve", "--steps", "1", *TINY, *SMALL, "--rounds", "1", "--run", "evo")
    assert "another worker" not in run(*line).out
    monkeypatch.setattr("connsearch.workflows.evolve._has_neighbours", lambda evolution: True)
    assert "another worker" not in run(*line).out, "it has said how many threads it takes"
    free = " ".join(line).replace("--threads 1 ", "").split()
    done = run(*free)
    assert done.code == 0, "threads are each worker's own business"
    assert "another worker" in done.out


def test_a_plan_scales_with_the_workers(run: Command) -> None:
    line = ("evolve", "plan", "--rounds", "24", "--seeds", "1", "--workers", "1", "4", "--json")
    done = run(*line, "--hours", "1", "--spread", "0", "--price", "2")
    assert done.code == 0, done.err
    alone, four = done.json["rows"]
    assert alone["wall clock, h"] == alone["worker hours"] == 24
    assert four["wall clock, h"] == 6
    assert alone["price"] == four["price"] == 48


def test_a_plan_takes_measured_durations(run: Command, searches: tuple[str, ...]) -> None:
    refused = run("evolve", "plan", "--measured", "nowhere")
    assert refused.code == 2
    run("evolve", *searches, "--rounds", "2")
    done = run("evolve", "plan", "--measured", "evo", "--rounds", "4", "--seeds", "1", "--json")
    assert done.code == 0, done.err
    rates = reopen("evo").history().paces()
    assert done.json["seconds"] == pytest.approx(10_000 * sum(rates) / len(rates), rel=0.5)
