from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from connsearch.cli.commands.data_stats import DataStats
from connsearch.cli.commands.search import Search
from connsearch.cli.commands.train import Train
from connsearch.cli.parse import parse
from connsearch.cli.terminal import Terminal
from tests.view.test_contact_sheet import listing


def asked(*words: str) -> DataStats:
    return parse(DataStats, words, program="connsearch data stats")


def test_classes_lists_and_files_are_shown_and_faults_stop_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = listing(tmp_path, objects=True)
    for number in range(2):
        (tmp_path / f"test-left-{number}.mp4").write_bytes(b"no video")
    report = asked("--data", str(source)).execute(Terminal())
    text = capsys.readouterr().out
    rows = [line.split() for line in text.splitlines()]
    assert ["left", "2", "2", "2", "6"] in rows
    assert ["clips", "4", "4", "4", "12"] in rows
    assert ["seconds", "1.2", "1.2", "1.2"] in rows
    assert "48 x 40 (10)" in text
    assert "constant at 10 (10)" in text
    assert "12 clips, 3 classes" in text
    assert text.count("not readable as video") == 2
    again = json.loads(json.dumps(report))
    assert again["splits"]["test"]["clips"] == 4
    assert [fault["name"] for fault in again["faults"]] == ["test-left-0.mp4", "test-left-1.mp4"]


def test_json_leaves_standard_output_to_scripts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = listing(tmp_path, objects=False)
    report = asked("--data", str(source), "--json").execute(Terminal(json_line=True))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "object maps" in shown.err
    assert report["with_objects"] == 0


def test_only_settings_that_decide_which_clips_there_are_can_be_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        asked("--help")
    text = capsys.readouterr().out
    assert "--data" in text
    assert "--split-by" in text
    for name in ("--augment", "--batch-size", "--bad-share", "--size", "--flip"):
        assert name not in text


def suggested(report: object) -> dict[str, object]:
    found = json.loads(json.dumps(report))["suggestion"]
    return {choice["option"]: choice["value"] for choice in found["choices"]} | {
        "line": found["line"]
    }


def test_the_suggested_line_is_one_that_search_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my videos"
    folder.mkdir()
    source = listing(folder, objects=True)
    found = suggested(asked("--data", str(source), "--seed", "3").execute(Terminal()))
    line = str(found["line"])
    assert line in capsys.readouterr().out.replace("\n", "")
    assert line.startswith("connsearch search starter --data '")  # there are object maps
    _, _, *words = shlex.split(line)
    search = parse(Search, words, program="connsearch search")
    assert (search.data.source.source, search.seed) == (str(source), 3)
    clips = search.data.clips
    assert (clips.frames, clips.stride, clips.size) == (12, 1, 48)  # 12 frames of 40 pixels
    assert search.data.loading.batch_size == found["batch_size"] == 2
    assert search.training.schedule.epochs == found["epochs"] == 150


def test_a_line_for_another_network_without_what_the_data_lacks(tmp_path: Path) -> None:
    source = listing(tmp_path, objects=False)
    line = str(suggested(asked("--data", str(source)).execute(Terminal()))["line"])
    assert line.startswith("connsearch search starter_rgb_flow --data ")
    line = suggested(asked("--data", str(source), "--network", "starter").execute(Terminal()))
    assert str(line["line"]).endswith("--streams rgb flow")
    line = suggested(asked("--data", str(source), "--network", "r3d_18").execute(Terminal()))
    _, command, *words = shlex.split(str(line["line"]))
    assert (command, line["size"]) == ("train", 48)  # 33 pixels at least, and 40 there are
    assert parse(Train, words, program="connsearch train").target == "r3d_18"


def test_unreadable_files_do_not_stop_the_suggested_line(tmp_path: Path) -> None:
    source = listing(tmp_path, objects=False)
    (tmp_path / "test-left-0.mp4").write_bytes(b"no video")
    line = str(suggested(asked("--data", str(source)).execute(Terminal()))["line"])
    assert line.endswith("--bad-share 0.09")


def test_nothing_is_suggested_for_built_in_data(tmp_path: Path) -> None:
    words = "--data synthetic:mix --train-clips 2 --val-clips 1 --test-clips 1".split()
    assert asked(*words, "--cache", str(tmp_path)).execute(Terminal())["suggestion"] is None
