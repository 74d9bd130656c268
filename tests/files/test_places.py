"""Directories that commands work in: one process at a time, gone on with, left as they were."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from connsearch.errors import RunError, SettingsError
from connsearch.files.places import (
    LOCK_FILE,
    UNFINISHED,
    DirectoryLock,
    check_place,
    filling,
    make_directories,
    place_of,
)

LINE: Mapping[str, Any] = {"command": "prune", "pruning": {"criterion": "top_k:2"}}
OTHER: Mapping[str, Any] = {"command": "prune", "pruning": {"criterion": "top_k:3"}}

CROWD = """
import sys, time
from pathlib import Path
from connsearch.errors import RunError
from connsearch.files.places import DirectoryLock
start = float(sys.argv[2])
while time.time() < start:
    pass
try:
    lock = DirectoryLock(Path(sys.argv[1]))
except RunError as error:
    print("refused", error)
else:
    print("in")
    time.sleep(1.5)
    lock.release()
"""


def test_of_several_that_start_at_once_one_gets_in(tmp_path: Path) -> None:
    import time

    start = str(time.time() + 2.0)
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", CROWD, str(tmp_path / "deep" / "run"), start],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    told = [process.communicate(timeout=60)[0] for process in crowd]
    winner = next(n for n, text in enumerate(told) if text == "in\n")
    assert sum(text == "in\n" for text in told) == 1
    for text in told[:winner] + told[winner + 1 :]:
        assert f"another process (id {crowd[winner].pid}) is working in this directory" in text
        assert "deep/run" in text


@pytest.mark.parametrize("content", ["", "1", "this process", "no number"])
def test_a_lock_whose_owner_was_killed_holds_nobody_up(tmp_path: Path, content: str) -> None:
    """Also where another process has its number now: the system knows who holds it."""
    (tmp_path / LOCK_FILE).write_text(content.replace("this process", str(os.getpid())))
    lock = DirectoryLock(tmp_path)
    assert (tmp_path / LOCK_FILE).read_text() == str(os.getpid())
    lock.release()
    assert os.listdir(tmp_path) == []


def test_a_lock_that_is_undone_leaves_nothing(tmp_path: Path) -> None:
    DirectoryLock(tmp_path / "a" / "b").undo()
    assert os.listdir(tmp_path) == []
    (tmp_path / "a").mkdir()
    DirectoryLock(tmp_path / "a").undo()
    assert os.listdir(tmp_path) == ["a"], "what was there before stays"


def test_directories_are_made_and_taken_away_again(tmp_path: Path) -> None:
    assert make_directories(tmp_path / "a" / "b") == [tmp_path / "a", tmp_path / "a" / "b"]
    assert make_directories(tmp_path / "a" / "b") == []
    with pytest.raises(KeyError), place_of(tmp_path / "a" / "c" / "d.txt"):
        raise KeyError
    assert os.listdir(tmp_path / "a") == ["b"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        make_directories(tmp_path / "file" / "b")


def left_by(line: Mapping[str, Any], place: Path) -> None:
    """A line that was killed in the middle of its work."""
    with suppress(SystemExit), filling(place, line, done="done.json"):
        (place / "half.json").write_text("{}")
        raise SystemExit


def test_what_a_killed_line_left_is_gone_on_with(tmp_path: Path) -> None:
    place = tmp_path / "pruned"
    left_by(LINE, place)
    assert sorted(os.listdir(place)) == [UNFINISHED, "half.json"]
    with filling(place, LINE, done="done.json"):
        (place / "done.json").write_text("{}")
    assert sorted(os.listdir(place)) == ["done.json", "half.json"]


def test_what_another_line_left_is_refused_by_name(tmp_path: Path) -> None:
    place = tmp_path / "pruned"
    left_by(LINE, place)
    words = r'(?s)pruned: .*unfinished.*pruning\.criterion: that command has "top_k:2"'
    with pytest.raises(SettingsError, match=words):
        check_place(place, OTHER, done="done.json")
    with pytest.raises(SettingsError, match=words), filling(place, OTHER, done="done.json"):
        pass
    assert sorted(os.listdir(place)) == [UNFINISHED, "half.json"]


def test_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("")
    with pytest.raises(SettingsError, match=r"other files, such as holiday\.jpg"):
        check_place(tmp_path, LINE, done="done.json")
    with pytest.raises(SettingsError), filling(tmp_path, LINE, done="done.json"):
        pass
    assert os.listdir(tmp_path) == ["holiday.jpg"]
    with pytest.raises(SettingsError, match="is a file"):
        check_place(tmp_path / "holiday.jpg", LINE, done="done.json")


@pytest.mark.parametrize(
    "name", [LOCK_FILE, ".done.json.connsearch.tmp", ".a.json.0123456789ab.tmp"]
)
def test_the_first_moments_of_a_killed_process_are_no_obstacle(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("half")
    check_place(tmp_path, LINE, done="done.json")


def test_a_marker_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / UNFINISHED).write_text("{")
    with pytest.raises(SettingsError, match=r"unfinished\.json: cannot be read"):
        check_place(tmp_path, LINE, done="done.json")


def test_while_one_fills_a_directory_another_is_refused(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom connsearch.files.places import filling\n"
        f"with filling(Path(sys.argv[1]), {dict(LINE)!r}, done='done.json'): pass"
    )
    with filling(tmp_path, LINE, done="done.json"):
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
        )
        assert f"another process (id {os.getpid()})" in other.stderr
        assert RunError.__name__ in other.stderr
        assert (tmp_path / UNFINISHED).exists()
