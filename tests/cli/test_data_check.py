"""``connsearch data check``: every clip read once, a report, and an exit code a script can use."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connsearch.data.media.decode import Frames, write_video
from connsearch.data.media.formats import MEDIA
from connsearch.data.records import VideoInfo
from connsearch.data.tools import check
from connsearch.errors import DataError
from tests.cli.commands import Command
from tests.data.media.helpers import flat, png_folder


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
    done = run("data", "check", "--data", clips, "--readers", readers, "--json")
    assert done.code == 0, done.err
    assert (done.json["clips"], done.json["unusable"], done.json["bad"]) == (6, 0, 0)
    assert (done.json["seeks"], done.json["seek_differences"]) == (0, 0)
    found = rows(clips.parent / "clips.check.csv")
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
    done = run("data", "check", "--data", clips, "--output", "report.csv", "--json")
    assert done.code == 1
    assert "2 of 6 clips cannot be used" in done.err
    assert (done.json["clips"], done.json["unusable"]) == (6, 2)
    assert [fault["name"] for fault in done.json["faults"]] == ["a/2.mp4", "b/3.mp4"]
    assert "a Git LFS pointer, not the file itself; cure: git lfs pull" in done.err
    assert "Traceback" not in done.err
    found = rows(Path("report.csv"))
    assert [name for name, row in found.items() if row["outcome"] == "bad"] == [
        "a/2.mp4",
        "b/3.mp4",
    ]
    assert found["a/2.mp4"]["frames"] == "9"  # its header is fine
    assert found["b/3.mp4"]["reason"]


class _Wrong:
    """A video of which some frames read alone are others, and one cannot be read."""

    def __init__(self, wrong: Sequence[int]) -> None:
        self._real, self._wrong = MEDIA["video"], wrong

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def read(
        self, path: Path, numbers: Sequence[int], *, size: tuple[int, int] | None, info: VideoInfo
    ) -> Frames:
        if list(numbers) == [0]:
            raise DataError(f"{path}: no key frame")
        moved = [n - 1 if n in self._wrong else n for n in numbers]
        return self._real.read(path, moved, size=size, info=info)


def test_a_frame_that_differs_is_named(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "MEDIA", {"video": _Wrong([64, 65, 79])})
    frames = np.empty((80, 16, 24, 3), np.uint8)
    frames[:] = (10 + 3 * np.arange(80, dtype=np.uint8))[:, None, None, None]
    (tmp_path / "clips").mkdir()
    write_video(tmp_path / "clips" / "a.mp4", frames, key_every=20)
    line = "data check --data clips --readers 0 --seeks 20".split()
    done = run(*line, "--json")
    assert done.code == 1
    assert done.json["clips"] == 1
    assert (done.json["unusable"], done.json["seeks"]) == (0, 20)
    assert done.json["seek_differences"] == 4
    (differing,) = done.json["differences"]
    assert (differing["name"], differing["frames"]) == ("a.mp4", [0, 64, 65, 79])
    assert "clips/a.mp4: frame 0, 64, 65, 79 (counted from 0)" in done.err
    assert "no key frame" in done.err
    done = run(*line)
    assert done.code == 1
    assert "20 frames read alone: 4 differ" in done.out
    assert "0 64 65 79" in Path("clips.check.csv").read_text()


def test_a_group_of_commands_introduces_itself(run: Command) -> None:
    assert run("data").code == 2
    shown = run("data", "--help")
    assert shown.code == 0
    assert "data check" in shown.out
    assert "  search" not in shown.out.split("a first tour")[0]
    done = run("data", "chekc")
    assert done.code == 2
    assert "did you mean 'data check'?" in done.err


def test_a_sample_of_frames_is_noted(run: Command, tmp_path: Path) -> None:
    folder = png_folder(tmp_path / "v", flat(4))
    for number in reversed(range(4)):
        (folder / f"{number}.png").rename(folder / f"frame_{1 + 5 * number}.png")
    done = run("data", "check", "--data", folder, "--json")
    assert done.code == 0
    assert json.loads(done.out.splitlines()[-1])["notes"] == [
        {"name": "v", "note": "holds one frame in 5 of a video, by the numbers in their names"}
    ]


def test_of_many_faults_the_first_are_shown_and_the_report_has_all(
    run: Command, tmp_path: Path
) -> None:
    lines = "".join(f"gone/{n}.mp4,a\n" for n in range(50))
    (tmp_path / "mine.csv").write_text(f"path,label\n{lines}")
    done = run("data", "check", "--data", tmp_path / "mine.csv", "--json")
    assert done.code == 1
    assert "none of the 50 listed files exists" in done.err
    assert "  and 30 more; the report names each" in done.err
    assert done.err.count("no such file; cure") == 20
    assert (len(done.json["faults"]), len(rows(tmp_path / "mine.check.csv"))) == (50, 50)
