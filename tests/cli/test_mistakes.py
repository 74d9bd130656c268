"""A person's mistake: named, exit code 2, no traceback, nothing written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connsearch import __version__
from connsearch.cli.app import COMMANDS, command_class, main
from connsearch.graph.files import load_structure, write_structure
from tests.cli.commands import TINY, Command, Tour

pytestmark = pytest.mark.usefixtures("unpictured")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("serch", "no command named 'serch', did you mean 'search'?"),
        ("inspect startr", "no structure named 'startr', did you mean 'starter'?"),
        ("inspect no/such/place", "no/such/place: no such file or directory"),
        ("inspect missing.json", "no such file"),
        ("inspect missing.safetensors", "missing.safetensors"),
        ("inspect starter --attention pear", "did you mean 'peer'?"),
        ("inspect starter --clip 0 8 8", "--clip: read '0'; it should be greater than or equal"),
        ("draw starter -o picture.jpg", "picture.jpg"),
        ("draw starter --threshold 2", "--threshold: read '2'"),
        ("search --frames 0 --lr nan --optimiser adam", "3 settings cannot be used"),
        ("search --frames many", "--frames: read 'many'; it should be a valid integer"),
        ("search --val-share .9 --test-share .3", "--val-share 0.9"),
        ("search --data synthetic:apearance", "did you mean 'appearance'?"),
        ("search --data no/such/folder", "no/such/folder"),
        ("search --streams audio", "no value of --streams named 'audio'"),
        ("search --config missing.json", "missing.json"),
        ("search --run .", "not a run directory"),
        ("prune .", "not a run directory"),
        ("prune no-such-run", "no-such-run"),
        ("prune starter", "never searched"),
        ("prune assemblenet-50 --criterion treshold", "did you mean 'threshold'?"),
        ("prune assemblenet-50 --criterion threshold:2", "threshold"),
        ("prune assemblenet-50 --recalibrate 8", "needs a trained network"),
        ("train no-such-thing", "no-such-thing"),
        ("evaluate no-such-run", "no-such-run: no such run"),
        ("evaluate .", "not a run directory"),
    ],
)
def test_a_mistake_is_named(run: Command, tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "something.txt").write_text("not a run")
    done = run(*line.split())
    assert said in done.err
    assert done.code == 2
    assert "Traceback" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["something.txt"]


@pytest.mark.parametrize("line", ["prune", "inspect starter --clip 8 8", "draw starter --tresh 1"])
def test_what_cannot_be_parsed_is_a_mistake(run: Command, line: str) -> None:
    done = run(*line.split(), "--json")
    assert done.code == 2
    assert done.json["exit"] == 2


def test_a_broken_file_is_answered_with_all_its_faults(run: Command, tmp_path: Path) -> None:
    rows = [[-1, 1], [0, [0, 0], 8, 1, 1], [3, [7], -8, 1, 1]]
    broken = {"schema": 1, "name": "broken", "family": "assemblenett", "nodes": rows}
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    done = run("inspect", "broken.json", "--json")
    assert done.code == 2
    rules = [fault["rule"] for fault in done.json["error"]["faults"]]
    assert len(rules) >= 4
    for fault in done.json["error"]["faults"]:
        assert fault["message"] in done.err


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1, 2]", b"null", b'{"schema": 99}'])
@pytest.mark.parametrize(
    "line", ["inspect broken.json", "search broken.json", "search --config broken.json"]
)
def test_a_file_that_is_something_else_is_a_mistake(
    run: Command, tmp_path: Path, line: str, content: bytes
) -> None:
    (tmp_path / "broken.json").write_bytes(content)
    done = run(*line.split())
    assert done.code == 2
    assert "broken" in done.err
    assert "Traceback" not in done.err


def test_a_broken_weight_file_is_a_mistake(run: Command, tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"\x80\x04 not a tensor")
    done = run("draw", "broken.safetensors")
    assert done.code == 2
    assert "safetensors" in done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"seed": 1, "optimizer": "adam"}', ["no setting named 'optimizer'"]),
        ('{"data": {"frame": 8}}', ["no setting named 'frame', did you mean 'frames'?"]),
        ('{"training": {"lr": -1}, "data": {"frames": "x"}}', ["--lr: read -1", "--frames: read"]),
        ('{"data": 5, "streams": "rgb"}', ["data settings: read 5", "--streams: read 'rgb'"]),
        ('{"data": {"crop_scale": [1]}}', ["--crop-scale: read [1]"]),
        ('{"settings": [1]}', ["its settings are no JSON object"]),
    ],
)
def test_what_is_wrong_in_a_config_is_named(
    run: Command, tmp_path: Path, content: str, said: list[str]
) -> None:
    (tmp_path / "mine.json").write_text(content)
    done = run("search", "--config", "mine.json")
    assert done.code == 2
    assert done.err.startswith("error: mine.json: ")
    assert all(sentence in done.err for sentence in said)


@pytest.mark.parametrize(
    ("file", "content", "line", "said"),
    [
        ("config.json", "{", "prune copy", "cannot be read"),
        ("result.json", '{"metrics": 3}', "prune copy", "not the result of a connsearch run"),
        ("learned.json", "{}", "draw copy", "no nodes"),
        ("learned.safetensors", "\0" * 100, "evaluate copy", "cannot be read as safetensors"),
        ("evaluation.json", '{"test": 1}', "evaluate copy", "unknown whether the split test"),
        ("pruned/prune.json", "[]", "train copy/pruned", "a list, not a JSON object"),
        ("pruned/weights.safetensors", "", "train copy/pruned", "cannot be read as safetensors"),
    ],
)
def test_a_damaged_run_is_a_mistake(
    tour: Tour, run: Command, tmp_path: Path, file: str, content: str, line: str, said: str
) -> None:
    copy = shutil.copytree(tour.run, tmp_path / "copy")
    (copy / file).write_text(content)
    done = run(*line.split())
    assert said in done.err
    assert done.code == 2
    assert "Traceback" not in done.err


def test_weights_of_another_structure_are_refused(tour: Tour, run: Command, tmp_path: Path) -> None:
    copy = shutil.copytree(tour.run, tmp_path / "copy")
    write_structure(load_structure("starter"), copy / "structure.json")
    done = run("prune", copy)
    assert done.code == 2
    assert "its weights do not fit its structure" in done.err


def test_debug_shows_the_traceback(run: Command) -> None:
    done = run("inspect", "startr", "--debug")
    assert done.code == 2
    assert "Traceback" in done.err
    assert "did you mean 'starter'" in done.err


def test_a_fault_of_ours_is_a_failure(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from connsearch.cli.commands.inspect import Inspect

    def fail(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Inspect, "execute", fail)
    done = run("inspect", "starter", "--json")
    assert done.code == 1
    assert "a bug in connsearch" in done.err
    assert done.json["error"]["type"] == "ZeroDivisionError"


def test_prune_leaves_a_directory_that_is_something_else_alone(tour: Tour, run: Command) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    done = run("prune", tour.run, "-o", "mine")
    assert done.code == 2
    assert "contains other files, such as" in done.err
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]


def test_an_unfinished_run_has_no_result_to_prune(run: Command, tmp_path: Path) -> None:
    done = run("search", "--run", "half", "--steps", "1", *TINY)
    assert done.code == 0, done.err
    (tmp_path / "half" / "result.json").unlink()
    done = run("prune", "half")
    assert done.code == 2
    assert "not finished" in done.err
    assert run("draw", "half").code == 0, "what it has learned so far can be looked at"


def test_objects_are_asked_for_where_there_are_none(run: Command, tmp_path: Path) -> None:
    from connsearch.data.media.decode import write_video

    numpy = pytest.importorskip("numpy")
    frames = numpy.zeros((4, 16, 16, 3), numpy.uint8)
    for label in ("left", "right"):
        (tmp_path / "clips" / label).mkdir(parents=True)
        for number in range(6):
            write_video(tmp_path / "clips" / label / f"{number}.mp4", frames)
    done = run("search", "--data", "clips", "--frames", "4", "--size", "16", "--steps", "1")
    assert done.code == 2
    assert "--streams rgb flow" in done.err


def test_no_command_shows_what_there_is() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "connsearch"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert all(name in done.stderr for name in COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"connsearch {__version__}\n"


def _settings(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation)
        else:
            yield f"{model.__name__}.{name}", field


@pytest.mark.parametrize("name", COMMANDS)
def test_every_setting_says_what_it_is(name: str) -> None:
    command = command_class(name)
    assert [where for where, field in _settings(command) if not field.description] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_page_explains_every_option(name: str, run: Command) -> None:
    done = run(*name.split(), "--help")
    assert done.code == 0
    assert "--json" in done.out
    assert "Attributes:" not in done.out
    assert "``" not in done.out
    assert max(map(len, done.out.splitlines())) <= 250
    assert "{}" not in done.out, "a choice of nothing"
