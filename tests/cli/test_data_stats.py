from __future__ import annotations

import json
from pathlib import Path

import pytest

from connsearch.cli.commands.data_stats import DataStats
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
