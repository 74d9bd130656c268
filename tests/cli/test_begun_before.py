"""Runs that the version before this one has begun: they go on, with a note, on the lists they had.

``begun/`` holds twelve videos, two lists and two searches that were killed: on a clip a video
after three steps, and on three windows a video before the first checkpoint.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connsearch.cli.commands.search import Search
from connsearch.cli.terminal import Terminal
from connsearch.data.loading.load import DataSplits
from connsearch.data.reading import CHANGES, READING, changes_since, note_since
from connsearch.errors import RunError
from connsearch.runs.migration import migrated
from connsearch.runs.same_data import reading_of, what_changed
from connsearch.settings.earlier import migrated_settings
from connsearch.workflows.data import begun_with, check_data, open_data, prepare
from tests.cli.commands import Command

pytestmark = pytest.mark.usefixtures("unpictured")

BEGUN = Path(__file__).with_name("begun")
SETTINGS = (
    "--frames 4 --size 16 --batch-size 4 --epochs 3 --checkpoint-steps 3 --threads 1 "
    "--precision fp32 --recalibrate-clips 4"
).split()
NOTE = "started by a version that read data differently"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(BEGUN, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def line(kind: str, run: str = "") -> list[str]:
    directory = run or f"run-{kind}"
    return ["search", "tiny.json", "--data", f"{kind}.csv", *SETTINGS, "--run", directory, "--json"]


def config(run: str) -> dict[str, Any]:
    return json.loads(Path(run, "config.json").read_text())


def prepared(kind: str, run: str = "") -> DataSplits:
    """Returns the data of a search that goes on, as the command opens it."""
    one = Search.model_validate(migrated_settings(config(f"run-{kind}")["settings"]))
    asked = {"command": "search", "settings": one.settings()}
    directory = Path(run or f"run-{kind}")
    data = prepare(directory, asked, one.data_options(), Terminal().listener())
    assert data is not None
    return data


def torn(data: DataSplits) -> int:
    held = [{record.path for record in clips.records} for _, clips in data]
    return sum(map(len, held)) - len(set[Path]().union(*held))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def test_a_run_of_before_goes_on_with_a_note(place: Path, run: Command) -> None:
    before = migrated(config("run-plain"))
    done = run(*line("plain"))
    assert done.code == 0, done.err
    assert done.err.count(NOTE) == 1
    assert "step 4/6" in done.err or "step 6/6" in done.err
    assert "step 1/6" not in done.err
    after = config("run-plain")
    for key in ("facts", "splits", "settings"):
        assert after[key] == before[key]
    trained = run("evaluate", "run-plain", "--split", "val", "--json")
    assert trained.code == 0, trained.err
    assert NOTE in trained.err


def test_windows_that_were_torn_stay_where_they_were(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = prepared("windows")
    recorded = migrated(config("run-windows"))
    assert data.hashes == {name: entry["hash"] for name, entry in recorded["splits"].items()}
    assert data.earlier == recorded["facts"]["data"]
    assert (data.reading, torn(data)) == (1, 12)
    assert "have clips in several splits" in capsys.readouterr().out
    anew = prepared("windows", "another")
    assert (anew.reading, torn(anew)) == (READING, 0)


def test_data_of_other_sizes_is_refused_as_before(place: Path, run: Command) -> None:
    with (place / "v03.mp4").open("ab") as file:
        file.write(b"more")
    done = run(*line("plain"))
    assert done.code == 2
    assert "run-plain: contains a run with other data" in done.err
    assert "file sizes than before" in done.err


def test_of_a_run_of_before_only_names_and_sizes_are_known(place: Path) -> None:
    flip(place / "v03.mp4")
    data = prepared("plain")
    assert check_data("run-plain", data, Terminal().listener()).fingerprint == data.earlier


def test_a_change_of_the_same_size_is_refused_by_name(place: Path, run: Command) -> None:
    first = run(*line("plain", "mine"), "--steps", "1")
    assert first.code == 0, first.err
    assert NOTE not in first.err
    facts = config("mine")["facts"]
    assert (facts["fingerprint"], facts["reading"]) == ("sample", READING)
    flip(place / "v03.mp4")
    for command in (["gap", "mine"], ["evaluate", "mine"]):
        done = run(*command, "--json")
        assert done.code == 2
        assert "the content of v03.mp4 changed" in done.err
    Path("mine/result.json").unlink()
    again = run(*line("plain", "mine"), "--steps", "1")
    assert again.code == 2
    assert "contains a run with other data" in again.err
    assert "the content of v03.mp4 changed" in again.err


def test_another_kind_of_fingerprint_is_another_run(place: Path, run: Command) -> None:
    done = run(*line("plain"), "--fingerprint", "full")
    assert done.code == 2
    assert 'settings.data.fingerprint: the run has "sample", asked for "full"' in done.err


def test_a_run_of_a_later_version_is_refused(place: Path) -> None:
    with pytest.raises(RunError, match=f"as a later version does \\({READING + 1}\\)"):
        reading_of({"reading": READING + 1})
    assert reading_of(None) == reading_of({}) == READING
    assert reading_of({"data": "x"}) == 1


def test_lists_that_were_classes_are_told(place: Path) -> None:
    data = SimpleNamespace(classes=("a", "b"), hashes={}, contents=None)
    facts = {"data": "x", "classes": ["train", "valid"]}
    told = what_changed(data, {"facts": facts})  # pyright: ignore
    assert "folders named like splits were classes in that version" in told[1]
    assert len(what_changed(data, {"facts": {**facts, "reading": READING}})) == 1  # pyright: ignore


def test_every_version_says_what_changed(place: Path) -> None:
    assert set(CHANGES) == set(range(2, READING + 1))
    assert changes_since(1) == tuple(s for version in sorted(CHANGES) for s in CHANGES[version])
    assert note_since(READING) == ""
    assert note_since(1, "mine").startswith("mine was started by")


def test_what_belongs_to_another_source_is_not_taken_along(place: Path, run: Command) -> None:
    recorded = config("run-plain")
    recorded["settings"]["data"] |= {"source": "ucf101:lists", "protocol": "2", "size": 20}
    Path("settings.json").write_text(json.dumps(recorded))
    words = ["search", "tiny.json", "--config", "settings.json", "--data", "plain.csv"]
    done = run(*words, "--run", "other", "--steps", "1", "--json")
    assert done.code == 0, done.err
    data = config("other")["settings"]["data"]
    source = data["source"]
    assert (source["source"], source["protocol"]) == ("plain.csv", None)
    assert data["clips"]["size"] == 20


def test_nothing_is_said_of_data_that_is_as_recorded(place: Path) -> None:
    terminal = Terminal().listener()
    data = open_data(Search().data.with_values(source="plain.csv", size=16), terminal)
    assert check_data("plain.csv", data, terminal) is data


def test_work_of_before_is_known_by_names_and_sizes(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal().listener()
    data = open_data(Search().data.with_values(source="plain.csv", size=16), terminal)
    for recorded in (data.fingerprint, data.earlier, "another"):
        capsys.readouterr()

        def begin(fingerprint: str, recorded: str = recorded) -> str:
            if fingerprint != recorded:
                raise RunError(f"has {recorded}, asked for {fingerprint}")
            return fingerprint

        if recorded == "another":
            with pytest.raises(RunError, match=f"has another, asked for {data.fingerprint}"):
                begun_with(data, begin, terminal)
            continue
        assert begun_with(data, begin, terminal) == recorded
        assert (NOTE in capsys.readouterr().out) == (recorded == data.earlier)
