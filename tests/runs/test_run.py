"""Run directories: continued, refused, read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connsearch.errors import RunError
from connsearch.runs.events import StepEvent
from connsearch.runs.files import load_weights, stored_structure
from connsearch.runs.record import open_run
from connsearch.runs.run import Run
from connsearch.runs.tensors import opened
from connsearch.settings.differences import differences
from tests.training.tiny import TinyData, result_of, tiny_search, tiny_structure

CONFIG = {"command": "search", "settings": {"epochs": 3, "seed": 0, "crop": (0.5, 1.0)}}


def changed(**settings: Any) -> dict[str, Any]:
    return {**CONFIG, "settings": {**CONFIG["settings"], **settings}}


def test_a_new_run_makes_its_directory_and_says_what_it_is(tmp_path: Path) -> None:
    with Run.open(tmp_path / "a" / "b", CONFIG) as run:
        assert not run.finished
    config = json.loads((tmp_path / "a" / "b" / "config.json").read_text())
    assert config["command"] == "search"
    assert config["settings"] == {"epochs": 3, "seed": 0, "crop": [0.5, 1.0]}
    assert config["schema"] == 1


def test_the_same_settings_continue(tmp_path: Path) -> None:
    for _ in range(2):
        Run.open(tmp_path, CONFIG).close()


def test_other_settings_are_refused_by_name_with_both_values(tmp_path: Path) -> None:
    Run.open(tmp_path, CONFIG).close()
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(RunError) as caught:
        Run.open(tmp_path, changed(epochs=4, lr=0.1))
    text = str(caught.value)
    assert "settings.epochs: the run has 3, asked for 4" in text
    assert "settings.lr: the run has not set, asked for 0.1" in text
    assert "seed" not in text
    assert "cure" in text
    assert (tmp_path / "config.json").read_bytes() == before


def test_settings_that_cannot_change_a_result_may_differ(tmp_path: Path) -> None:
    Run.open(tmp_path, changed(workers=0, checkpoint_seconds=20.0)).close()
    Run.open(tmp_path, changed(workers=2, checkpoint_seconds=1.0)).close()


def test_another_command_is_refused(tmp_path: Path) -> None:
    Run.open(tmp_path, CONFIG).close()
    with pytest.raises(RunError, match='command: the run has "search", asked for "train"'):
        Run.open(tmp_path, {**CONFIG, "command": "train"})


def test_a_refused_run_is_not_left_locked(tmp_path: Path) -> None:
    Run.open(tmp_path, CONFIG).close()
    with pytest.raises(RunError):
        Run.open(tmp_path, changed(epochs=4))
    code = f"from connsearch.files.places import *; DirectoryLock(Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_processes_in_one_directory_are_refused(tmp_path: Path) -> None:
    code = f"from connsearch.files.places import *; DirectoryLock(Path({str(tmp_path)!r}))"
    with Run.open(tmp_path, CONFIG):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert other.returncode != 0
    assert "another process" in other.stderr
    assert "RunError" in other.stderr


def test_a_folder_with_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("")
    with pytest.raises(RunError, match=r"not a run directory.*holiday\.jpg"):
        Run.open(tmp_path, CONFIG)
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_file_in_the_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="is a file"):
        Run.open(tmp_path / "run", CONFIG)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[1]", "not the config of a connsearch run"),
        ('{"name": "other tool"}', "not the config of a connsearch run"),
        ('{"connsearch": "9.0", "command": "search", "schema": 2}', "run schema 2.*connsearch 9.0"),
    ],
)
def test_a_foreign_or_newer_config_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(RunError, match=words):
        Run.open(tmp_path, CONFIG)
    with pytest.raises(RunError, match=words):
        open_run(tmp_path)


def test_other_data_is_refused(tmp_path: Path) -> None:
    events = tiny_search(tmp_path / "run")
    next(e for e in events if isinstance(e, StepEvent))
    events.close()  # type: ignore[attr-defined]
    with pytest.raises(RunError, match='data: the run has "tiny", asked for "huge"'):
        list(tiny_search(tmp_path / "run", TinyData(fingerprint="huge")))


def test_another_version_is_told_and_goes_on(tmp_path: Path) -> None:
    events = tiny_search(tmp_path / "run")
    next(e for e in events if isinstance(e, StepEvent))
    events.close()  # type: ignore[attr-defined]
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    config["environment"]["versions"]["torch"] = "1.0"
    path.write_text(json.dumps(config))
    result = result_of(tiny_search(tmp_path / "run"))
    assert any("another versions.torch: 1.0" in text for text in result.report.warnings)


def test_reading_a_run_before_during_and_after(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with pytest.raises(RunError, match="no such run"):
        open_run(directory)
    Run.open(directory, {"command": "other"}).close()
    with pytest.raises(RunError, match="before it had a model"):
        open_run(directory)
    (directory / "config.json").unlink()
    events = tiny_search(directory)
    next(e for e in events if isinstance(e, StepEvent) and e.step == 5)
    events.close()  # type: ignore[attr-defined]
    during = open_run(directory)
    assert during.result is None
    assert during.outcome is not None
    assert during.structure.edges() == during.built.edges()
    with pytest.raises(RunError, match="not finished"):
        during.weights()
    result = result_of(tiny_search(directory))
    after = open_run(directory)
    assert after.structure == result.structure
    assert after.result == result.report
    assert set(after.weights()) > {"head.classify.weight"} or after.weights()


def test_weight_files_and_checkpoints_carry_their_structure(tmp_path: Path) -> None:
    result = result_of(tiny_search(tmp_path / "run", epochs=1, method="assemblenet"))
    checkpoint = max((tmp_path / "run" / "checkpoint").iterdir())
    for path in (tmp_path / "run" / "learned.safetensors", checkpoint):
        assert stored_structure(path).weights() == result.structure.weights()
    ours, theirs = load_weights(checkpoint), load_weights(tmp_path / "run" / "learned.safetensors")
    assert set(ours) == set(theirs)
    logits = [name for name in ours if name.endswith("logits")]
    assert logits
    assert all((ours[name] == theirs[name]).all() for name in logits)


def test_a_weight_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"\x80\x04pickle")
    for read in (load_weights, stored_structure):
        with pytest.raises(RunError, match="pickle"):
            read(path)


def test_differences_are_named_by_dotted_key() -> None:
    a = {"x": {"y": 1, "z": [1]}, "only": 0}
    b = {"x": {"y": 2, "z": [1]}}
    assert differences(a, b) == {"x.y": (1, 2), "only": (0, "not set")}


def test_the_tiny_structure_is_what_was_searched(tmp_path: Path) -> None:
    result = result_of(tiny_search(tmp_path / "run", epochs=1))
    assert result.structure.name == "tiny-searched"
    assert result.structure.provenance["parents"] == [tiny_structure().name]
    assert result.structure.provenance["operator"] == "one-shot search"


def test_what_describes_a_run_is_kept_and_never_compared(tmp_path: Path) -> None:
    wanted = {"command": "train", "settings": {"seed": 0}}
    with Run.open(tmp_path / "run", wanted) as run:
        run.describe("splits", {"train": {"clips": 3, "hash": "a"}})
        run.describe("splits", {"train": {"clips": 4, "hash": "b"}})
    with Run.open(tmp_path / "run", wanted) as again:
        assert again.config["splits"] == {"train": {"clips": 3, "hash": "a"}}


def test_weights_that_are_gone_are_said_to_be_gone(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match=r"no such file.*\n.*keep their weights"),
        opened(tmp_path / "learned.safetensors"),
    ):
        pass
