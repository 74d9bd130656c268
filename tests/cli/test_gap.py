"""``connsearch gap`` as a person runs it."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.commands import Command, Tour, hear_interrupts

pytestmark = pytest.mark.usefixtures("unpictured")


@pytest.fixture
def search(tour: Tour, tmp_path: Path) -> Path:
    """A copy of a finished search, to write into."""
    return shutil.copytree(tour.run, tmp_path / "search")


def test_gap_writes_table_pictures_and_summary(search: Path, run: Command) -> None:
    done = run("gap", search, "--shares", "0.001", "0.99", "--tune-steps", "1", "--json")
    assert done.code == 0, done.err
    place = search / "gap"
    names = {path.name for path in place.iterdir()}
    assert names >= {"ledger.jsonl", "gap.csv", "gap.svg", "gap.png", "summary.json"}
    report = done.json
    assert json.loads((place / "summary.json").read_text()) == report
    assert report["split"] == "val"
    assert report["tune_steps"] == 1
    stages = ["soft", "masked", "recalibrated", "fine-tuned"]
    assert [row["stage"] for row in report["rows"]] == stages * 2
    keys = "share stage accuracy low high clips connections parameters macs dead".split()
    assert all(set(keys) <= set(row) for row in report["rows"])
    rows = list(csv.DictReader((place / "gap.csv").read_text().splitlines()))
    assert [float(row["accuracy"]) for row in rows] == [r["accuracy"] for r in report["rows"]]
    recorded = json.loads((search / "result.json").read_text())["metrics"]["val"]
    assert report["rows"][0]["accuracy"] == recorded["accuracy"]
    assert "its search recorded" not in done.err
    assert "validation split was used for choosing" in done.err
    assert max(map(len, done.err.splitlines()[-30:])) <= 140
    before = (place / "ledger.jsonl").read_bytes()
    again = run("gap", search, "--shares", "0.001", "0.99", "--tune-steps", "1", "--json")
    assert again.json == report
    assert (place / "ledger.jsonl").read_bytes() == before


def test_a_soft_network_that_is_not_the_recorded_one_is_told(search: Path, run: Command) -> None:
    result = json.loads((search / "result.json").read_text())
    result["metrics"]["val"]["accuracy"] = 0.123
    (search / "result.json").write_text(json.dumps(result))
    done = run("gap", search, "--shares", "0.5", "--tune-steps", "0")
    assert done.code == 0, done.err
    assert "its search recorded 0.1230" in done.out


def test_more_lost_than_the_limit_is_a_failure_and_all_is_written(
    search: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("gap", search, "--shares", "0.5", "--tune-steps", "0", "--limit", "0.2")
    import connsearch.analysis.gap as gap

    judged = gap._result  # pyright: ignore[reportPrivateUsage]
    scores = iter([0.9, 0.6, 0.8])
    other = lambda found: judged(found).model_copy(update={"accuracy": next(scores)})  # noqa: E731
    monkeypatch.setattr(gap, "_result", other)
    done = run(*line)
    assert done.code == 1, done.err
    assert "more than --limit 0.2 is lost from soft to masked: 0.300 at 0.5" in done.err
    assert (search / "gap" / "summary.json").exists()
    assert run(*line[:-1], "0.4").code == 0, "filed, and within this limit"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("missing", "missing: no such run"),
        ("missing --shares 1.5", "`share` of a block's strongest weight is in (0, 1]"),
        ("missing --criterion relatif", "did you mean 'relative'?"),
        ("missing --criterion top_k", "whole number of inputs"),
        ("missing --limit 2", "--limit: read '2'"),
        ("missing --tune-steps -1", "--tune-steps: read '-1'"),
    ],
)
def test_a_mistake_of_gap_is_named(run: Command, arguments: str, said: str) -> None:
    done = run("gap", *arguments.split())
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_gap_is_of_a_search(tour: Tour, run: Command) -> None:
    done = run("gap", tour.trained)
    assert done.code == 2
    assert "not the directory of a search" in done.err
    assert not (tour.trained / "gap").exists()


def test_an_interrupted_gap_goes_on(
    search: Path, environment: dict[str, str], tmp_path: Path, run: Command
) -> None:
    line = ["--shares", "0.5", "0.99", "--tune-steps", "3", "--json"]
    ledger = search / "gap" / "ledger.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "connsearch", "gap", str(search), *line],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )
    try:
        deadline = time.monotonic() + 60
        while not ledger.exists() or ledger.read_bytes().count(b"\n") < 3:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    half = ledger.read_bytes()
    resumed = run("gap", search, *line)
    assert resumed.code == 0, resumed.err
    assert ledger.read_bytes().startswith(half)
    whole = run("gap", search, *line, "--output", tmp_path / "whole")
    assert resumed.json["rows"] == whole.json["rows"]


def test_help_of_gap_is_cheap() -> None:
    script = (
        "import sys\nfrom connsearch.cli.app import main\n"
        "assert main(['gap', '--help']) == 0\n"
        "assert not {'torch', 'pandas', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
