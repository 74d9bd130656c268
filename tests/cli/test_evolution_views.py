"""``connsearch lineage`` and ``connsearch evolve report`` on a study made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from connsearch.errors import SettingsError
from connsearch.evolution.review.lineage import ancestry
from connsearch.evolution.steps import Step
from connsearch.workflows import evolve_report, lineage
from connsearch.workflows.lineage import read_edge
from tests.cli.commands import Command
from tests.evolution.hand_made import Evolution, evolved
from tests.evolution.studies import study


def opens(monkeypatch: pytest.MonkeyPatch, evolution: Evolution) -> None:
    """Makes every directory hold this study; the storage has tests of its own."""
    opened = SimpleNamespace(
        history=lambda: evolution.history,
        space=SimpleNamespace(limits=evolution.limits),
        options=evolution.options,
    )
    for workflow in (lineage, evolve_report):
        monkeypatch.setattr(workflow, "reopen", lambda run, storage=None: opened)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Evolution:
    (tmp_path / "run").mkdir()
    evolution = study("few")
    opens(monkeypatch, evolution)
    return evolution


def oldest(evolution: Evolution) -> int:
    births = evolution.history.births
    return max(births, key=lambda n: len(ancestry(evolution.history, n)))


def test_lineage_replays_and_draws(few: Evolution, run: Command) -> None:
    number = oldest(few)
    done = run("lineage", "run", str(number), "--json")
    assert done.code == 0, done.err
    line = ancestry(few.history, number)
    assert [one["child"] for one in done.json["line"]] == line
    assert done.json["replayed"] == line
    assert "replayed: same structure" in done.err
    for name in ("svg", "png"):
        assert Path(f"run/lineage-{number}.{name}").stat().st_size > 1000


def test_lineage_traces_a_connection(few: Evolution, run: Command) -> None:
    number = oldest(few)
    edge = few.history.child(number).structure.edges()[0]
    words = ("lineage", "run", str(number), "--connection", f"{edge.source}-{edge.target}")
    done = run(*words, "--output", "tree.svg", "--no-others", "--json")
    assert done.code == 0, done.err
    told = done.json["connection"]
    assert told["connection"] == list(edge)
    assert told["generations"][-1]["child"] == number
    assert f"since #{told['since']}: {told['operator']}" in done.err
    assert Path("tree.svg").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("99", "no child 99; children are numbered 0 to 8"),
        ("0 --connection 3", "read '3', allowed is SOURCE-TARGET"),
        ("0 --connection 0-1", "child 0 has no connection 0 -> 1"),
        ("-- -1", "greater than or equal to 0"),
        ("0 --output tree.bmp", "bmp"),
    ],
)
def test_mistakes_are_named(few: Evolution, run: Command, words: str, said: str) -> None:
    done = run("lineage", "run", *words.split())
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_child_that_comes_out_otherwise_is_a_failure(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    evolution = evolved(9, population=4)
    opens(monkeypatch, evolution)
    number = evolution.bear(evolution.start, (1,), (Step("filters", 1),))
    evolution.judge(number)
    done = run("lineage", ".", str(number))
    assert done.code == 2
    assert f"child {number} of child 1: replaying its steps gives another structure" in done.err
    assert "same structure" not in done.out
    assert not list(Path().glob("lineage-*"))


def test_the_report_writes_everything(few: Evolution, run: Command) -> None:
    done = run("evolve", "report", "run", "--mp4", "--json")
    assert done.code == 0, done.err
    names = {path.name for path in Path("run/report").iterdir()}
    pictures = ("fitness", "diversity", "operators", "workers", "family")
    assert names == {
        *("children.csv", "operators.csv", "diversity.csv", "evolution.html"),
        *("ancestry.gif", "ancestry.mp4"),
        *(f"{name}.{suffix}" for name in pictures for suffix in ("svg", "png")),
    }
    told = done.json
    assert (told["children"], told["judged"]) == (9, 9)
    assert told["winner"] == told["best"][0]
    assert "too good on average" in done.err
    assert "population: 4 of 4" in done.err


@pytest.mark.parametrize("size", ["none", "failed"])
def test_nobody_judged_is_no_failure(
    size: str, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens(monkeypatch, study(size))
    done = run("evolve", "report", ".", "--output", "out", "--no-pictures")
    assert done.code == 0, done.err
    assert "no child was judged yet" in done.out
    names = {path.name for path in Path("out").iterdir()}
    assert names == {"children.csv", "operators.csv", "diversity.csv", "evolution.html"}


def test_a_file_is_no_directory(few: Evolution, run: Command) -> None:
    Path("there").write_text("something")
    done = run("evolve", "report", "run", "--output", "there")
    assert done.code == 2
    assert "there: is a file" in done.err


def test_a_connection_is_read_as_people_write_it() -> None:
    assert read_edge("3-7") == read_edge("3->7") == read_edge(" 3 , 7 ") == (3, 7)
    with pytest.raises(SettingsError, match="such as 3-7"):
        read_edge("three")
    assert json.dumps(read_edge("3-7")) == "[3, 7]"
