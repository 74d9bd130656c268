"""What the version before the rooms were moved has written is read, gone on with, pruned, reported.

``written/`` holds a finished search with all that was found out about it and a pruned network that
was trained on, a search and a training that were killed after two steps, and an evolution of four
children. The clips and lists lie in ``tests/cli/begun``.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from connsearch.evolution.study.study_directory import reopen
from connsearch.graph.files import read_structure
from connsearch.runs.checkpoint import load_checkpoint
from connsearch.runs.files import stored_structure
from connsearch.runs.record import open_run
from tests.cli.commands import ROOT, Command
from tests.cli.conftest import cache, run  # noqa: F401 (fixtures)

pytestmark = pytest.mark.usefixtures("unpictured")

WRITTEN = Path(__file__).with_name("written")
CLIPS = ROOT / "tests" / "cli" / "begun"
SETTINGS = (
    "tiny.json --data plain.csv --frames 4 --size 16 --batch-size 4 --epochs 3 "
    "--checkpoint-steps 2 --threads 1 --precision fp32 --recalibrate-clips 4"
).split()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*CLIPS.glob("*.mp4"), CLIPS / "plain.csv", CLIPS / "tiny.json"):
        shutil.copy(name, tmp_path)
    shutil.copytree(WRITTEN, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["search", "train"])
def test_a_killed_run_goes_on(place: Path, run: Command, command: str) -> None:  # noqa: F811
    directory = f"{command}-killed"
    assert load_checkpoint(Path(directory, "checkpoint")) is not None
    assert stored_structure(Path(directory, "checkpoint", "step-000000002.safetensors"))
    done = run(command, *SETTINGS, "--run", directory, "--json")
    assert done.code == 0, done.err
    assert "step 6/6" in done.err
    assert "step 1/6" not in done.err
    with Path(directory, "metrics.csv").open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file) if row["split"] == "train"]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_finished_search_is_pruned_and_trained_on(place: Path, run: Command) -> None:  # noqa: F811
    record = open_run("searched")
    assert record.result is not None
    assert record.outcome is not None
    repeated = run("search", *SETTINGS, "--run", "searched", "--json")
    assert repeated.json["digest"] == record.result.digest
    pruned = run("prune", "searched", "--criterion", "relative:0.99", "--json")
    assert pruned.code == 0, pruned.err
    assert pruned.json["exactness"]["max_abs_difference"] == 0.0
    line = ["train", pruned.json["output"], "--steps", "1", "--threads", "1", "--json"]
    assert run(*line).code == 0
    again = run("train", "searched/pruned-top_k-2/trained", "--steps", "1", "--json")
    assert again.code == 0, again.err


def test_what_was_found_out_is_not_found_out_again(place: Path, run: Command) -> None:  # noqa: F811
    for line in (
        ["gap", "searched", "--shares", "0.5", "--tune-steps", "1"],
        ["curve", "searched"],
        ["rank-correlation", "searched", "--subnets", "4", "--steps", "2"],
    ):
        name = {"rank-correlation": "selftest"}.get(line[0], line[0])  # as it was called
        text = Path("searched", name, "summary.json").read_text()
        before = json.loads(text.replace("FLOPs", "MACs"))  # as verdicts say it now
        ledger = Path("searched", name, "ledger.jsonl").read_bytes()
        done = run(*line, "--json")
        assert done.code == 0, done.err
        assert Path("searched", name, "ledger.jsonl").read_bytes() == ledger
        now = json.loads(Path("searched", name, "summary.json").read_text())
        names = ("split", "chosen_by", "command", "output", "pictures")  # said otherwise since
        assert {k: v for k, v in now.items() if k not in names} == {
            k: v for k, v in before.items() if k not in names
        }
        assert now["split"] == "val"
    opened = run("evaluate", "searched", "--split", "val", "--json")
    assert opened.json["times_opened"] == 1
    assert "was opened on" in opened.err


def test_the_report_shows_all_of_it(place: Path, run: Command) -> None:  # noqa: F811
    done = run("report", "searched", "--json")
    assert done.code == 0, done.err
    assert "cannot be read" not in done.err
    page = Path("searched", "report.html").read_text()
    for told in ("accuracy against cost", "random", "alone", "bit-equal", "stage"):
        assert told in page.lower(), told


def test_pictures_and_differences_of_it(place: Path, run: Command) -> None:  # noqa: F811
    assert run("draw", "searched", "-o", "a.svg").code == 0
    assert run("inspect", "search-killed", "--json").code == 0
    assert run("diff", "searched", "searched/pruned-top_k-2").code == 1
    assert run("animate", "searched", "-o", "film.html").code == 0


def test_an_evolution_goes_on(place: Path, run: Command) -> None:  # noqa: F811
    found = read_structure("evolution/best.json")
    assert len(reopen("evolution").history().births) == 4
    words = [w for w in SETTINGS if w not in ("--epochs", "3", "--checkpoint-steps", "2")]
    line = ["evolve", *words, "--steps", "2", "--population", "3", "--tournament", "2"]
    done = run(*line, "--rounds", "6", "--run", "evolution", "--json")
    assert done.code == 0, done.err
    assert done.json["children"] == 6
    with Path("evolution/children.csv").open() as file:
        hashes = [row["hash"] for row in csv.DictReader(file)]
    assert hashes[0] == "a8ec447307605260429ffa555ba9215c"
    assert len(set(hashes)) == 6
    assert found.provenance["child"] in range(4)
    assert run("lineage", "evolution", "3", "--json").code == 0
    assert run("evolve", "report", "evolution", "--no-animation", "--json").code == 0
    pruned = run("prune", "evolution/children/0003-0", "--json")
    assert pruned.json["exactness"]["max_abs_difference"] == 0.0
