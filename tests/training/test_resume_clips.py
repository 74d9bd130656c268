"""Killed in the middle of an epoch, a training on video files goes on with the same batches."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.media.decode import write_video
from connsearch.errors import DataError
from connsearch.runs.events import ResultEvent, StepEvent, WarningEvent
from connsearch.runs.names import QUARANTINE
from tests.training.clips_run import clips_training

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen videos in two classes, one of which cannot be read."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    rows = []
    for split, count in (("train", 11), ("val", 2)):
        for number in range(count):
            name = f"{split}-{number}.mp4"
            frames = rng.integers(0, 255, (7, 20, 24, 3), dtype=np.uint8)
            write_video(folder / name, frames)
            rows.append([name, "ab"[number % 2], split])
    (folder / "train-4.mp4").write_bytes(b"no video")
    with (folder / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label", "split"], *rows])
    # There is no test split to draw from so few clips.
    (folder / "test.mp4").write_bytes((folder / "train-0.mp4").read_bytes())
    with (folder / "clips.csv").open("a", newline="") as file:
        csv.writer(file).writerow(["test.mp4", "a", "test"])
    return folder / "clips.csv"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, listing: Path) -> tuple[list[str], str]:
    """The batches of an undisturbed training, and the digest it ends with."""
    return finished(tmp_path_factory.mktemp("whole") / "run", listing, 0)


def finished(directory: Path, listing: Path, workers: int) -> tuple[list[str], str]:
    seen: list[str] = []
    *_, last = clips_training(directory, listing, workers, seen)
    assert isinstance(last, ResultEvent)
    return seen, last.report.digest


def test_workers_see_the_same_batches(
    tmp_path: Path, listing: Path, whole: tuple[list[str], str]
) -> None:
    assert finished(tmp_path / "run", listing, 2) == whole
    assert len(whole[0]) == len(set(whole[0])) == 12  # four an epoch, none twice


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_killed_in_the_middle_of_an_epoch_it_goes_on_with_the_same_batches(
    tmp_path: Path, listing: Path, whole: tuple[list[str], str], workers: int
) -> None:
    directory = tmp_path / "run"
    command = [sys.executable, "-m", "tests.training.clips_run", directory, listing, str(workers)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout as lines:
        shown = []
        for line in lines:
            shown.append(line.split()[1])
            if line.startswith("7 "):  # the third batch of the second epoch
                process.send_signal(signal.SIGKILL)
                break
    assert shown == whole[0][:7]
    seen, digest = finished(directory, listing, workers)
    assert 5 <= len(seen) < 12  # from the checkpoint on
    assert seen == whole[0][-len(seen) :]
    assert digest == whole[1]


def test_what_cannot_be_read_is_listed_once_and_at_the_end(tmp_path: Path, listing: Path) -> None:
    seen: list[str] = []
    events = list(clips_training(tmp_path / "run", listing, 0, seen))
    warned = [e.message for e in events if isinstance(e, WarningEvent)]
    assert len(warned) == 1
    assert "quarantined (train)" in warned[0]
    assert "train-4.mp4: not readable as video" in warned[0]
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    (entry,) = result["quarantine"]
    assert (entry["split"], entry["name"]) == ("train", "train-4.mp4")
    with (tmp_path / "run" / QUARANTINE).open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["name"] == "train-4.mp4"
    assert row["reason"] == entry["reason"]


def test_a_resumed_run_lists_it_once_too(tmp_path: Path, listing: Path) -> None:
    events = clips_training(tmp_path / "run", listing, 0, [])
    for event in events:
        if isinstance(event, StepEvent) and event.step == 7:
            break
    events.close()  # type: ignore[attr-defined]
    *_, last = clips_training(tmp_path / "run", listing, 0, [])
    assert isinstance(last, ResultEvent)
    assert len(last.report.quarantine) == 1
    with (tmp_path / "run" / QUARANTINE).open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 1


def test_too_many_stop_the_run_with_the_list(tmp_path: Path, listing: Path) -> None:
    copy = tmp_path / "clips"
    copy.mkdir()
    for path in listing.parent.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    for number in (1, 2, 3):
        (copy / f"train-{number}.mp4").write_bytes(b"")
    with pytest.raises(DataError, match=r"(?s)of 14 videos unusable.*allowed: a share of 0.2"):
        list(clips_training(tmp_path / "run", copy / "clips.csv", 0, []))
