"""``connsearch data check``: every clip read once, a report, and an exit code a script can use."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.decode import write_video
from tests.cli.commands import Command

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Six clips of two classes, in folders."""
    rng = np.random.default_rng(0)
    for number in range(6):
        folder = tmp_path / "clips" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        frames = rng.integers(0, 255, (9, 20, 24, 3), dtype=np.uint8)
        write_video(folder / f"{number}.mp4", frames, key_every=3)
    return tmp_path / "clips"


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("readers", ["0", "1"])
def test_whole_clips_are_counted(run: Command, clips: Path, readers: str) -> None:
    line = ["--split-by", "clip", "--select-share", "0", "--test-share", "0", "--readers", readers]
    done = run("data", "check", "--data", clips, *line, "--json")
    assert done.code == 0, done.err
    assert (done.json["clips"], done.json["bad"]) == (6, 0)
    found = rows(Path("check.csv"))
    assert len(found) == 6
    assert found["a/0.mp4"]["outcome"] == "ok"
    assert (found["a/0.mp4"]["frames"], found["a/0.mp4"]["height"]) == ("9", "20")


def test_damage_behind_the_first_frame_is_found(run: Command, clips: Path) -> None:
    path = clips / "a" / "2.mp4"
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    path.write_bytes(content)
    (clips / "b" / "3.mp4").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    line = ["--select-share", "0", "--test-share", "0", "--output", "report.csv"]
    done = run("data", "check", "--data", clips, *line, "--json")
    assert done.code == 1
    assert "2 of 6 clips cannot be used" in done.err
    assert "a Git LFS pointer, not the file itself; cure: git lfs pull" in done.err
    assert "Traceback" not in done.err
    found = rows(Path("report.csv"))
    assert [name for name, row in found.items() if row["outcome"] == "bad"] == [
        "a/2.mp4",
        "b/3.mp4",
    ]
    assert found["a/2.mp4"]["frames"] == "9"  # its header is fine
    assert found["b/3.mp4"]["reason"]


def test_a_group_of_commands_introduces_itself(run: Command) -> None:
    assert run("data").code == 2
    shown = run("data", "--help")
    assert shown.code == 0
    assert "data check" in shown.out
    assert "  search" not in shown.out.split("a first tour")[0]
    done = run("data", "chekc")
    assert done.code == 2
    assert "did you mean 'data check'?" in done.err
