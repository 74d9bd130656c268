from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.clips.read_timeout import TimeLimit, TimeoutFault
from connsearch.data.loading.batches import Batch
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.media.decode import Frames, read_frames
from connsearch.data.media.formats import video
from connsearch.errors import DataError, Failure
from tests.data.helpers import options, same

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def test_work_in_time_gives_what_it_gives() -> None:
    limit = TimeLimit(5)
    assert limit.run(lambda: 3, "v.mp4") == 3
    with pytest.raises(ZeroDivisionError):
        limit.run(lambda: 1 // 0, "v.mp4")
    assert limit.run(lambda: 4, "v.mp4") == 4


def test_work_that_hangs_is_left_alone_and_the_next_goes_on() -> None:
    limit, release = TimeLimit(0.05), threading.Event()
    begin = time.monotonic()
    with pytest.raises(TimeoutFault, match=r"v.mp4: not read within 0.05 s; cure"):
        limit.run(release.wait, "v.mp4")
    assert time.monotonic() - begin < 5
    assert limit.run(lambda: 5, "w.mp4") == 5
    release.set()


def test_a_watch_travels_without_its_thread() -> None:
    limit = TimeLimit(5)
    limit.run(int, "v.mp4")
    assert pickle.loads(pickle.dumps(limit)).run(lambda: 6, "v.mp4") == 6


def bad_reader(monkeypatch: pytest.MonkeyPatch, name: str, how: str) -> None:
    """Makes the decoder hang on, or be killed by, one file."""

    def read(path: Path, numbers: object, **changes: object) -> Frames:
        if path.name == name and how == "hangs":
            time.sleep(60)
        if path.name == name and how == "kills":
            os.kill(os.getpid(), signal.SIGKILL)
        return read_frames(path, numbers, **changes)  # type: ignore[arg-type]

    monkeypatch.setattr(video, "read_frames", read)


def clips_of(listing: Path, **changes: object) -> ClipDataset:
    return load_data(options(listing, memory_mb=0, object_classes=3, **changes)).train


def with_one(clips: ClipDataset) -> tuple[ClipDataset, int]:
    """Returns the clips of which only one has its file's name, and its place."""
    target = clips.records[1]
    kept = [r for r in clips.records if r is target or r.path.name != target.path.name]
    return replace(clips, records=tuple(kept), object_classes=3, remember=False), kept.index(target)


def shown(loader: Loader) -> list[Batch]:
    return list(loader.batches(batch_size=4, seed=3, shuffle=True, augment=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_hangs_is_quarantined_and_not_tried_again(
    listing: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    clips, place = with_one(clips_of(listing, timeout=2.0))
    bad_reader(monkeypatch, clips.records[place].path.name, "hangs")
    begin = time.monotonic()
    with Loader(clips, workers=workers) as loader:
        first = shown(loader)
        (fault,) = (fault for batch in first for fault in batch.faults)
        assert fault.index == place
        assert fault.lasting
        assert "not read within 2 s" in fault.reason
        assert loader.faults == loader.quarantined == {place: fault.reason}
        again = shown(loader)
        assert same(first, again)
    assert time.monotonic() - begin < 20


def test_a_file_that_kills_its_reader_is_found_and_named(
    listing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips, place = with_one(clips_of(listing))
    bad_reader(monkeypatch, clips.records[place].path.name, "kills")
    with Loader(clips, workers=2) as loader:
        made = shown(loader)
        (fault,) = (fault for batch in made for fault in batch.faults)
        assert fault.index == place
        assert "kills the process that reads it (SIGKILL)" in fault.reason
        assert sum(len(batch.labels) for batch in made) == len(clips)
        assert same(made, shown(loader))  # and it is not tried again


def test_readers_that_die_without_a_file_to_blame_end_the_work(
    listing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = clips_of(listing)

    def made(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr("connsearch.data.loading.workers.make_batch", made)
    with (
        Loader(clips, workers=1) as loader,
        pytest.raises(Failure, match=r"(?s)no file is the cause.*cure"),
    ):
        shown(loader)


def test_too_many_bad_files_stop_the_work_with_the_list(
    listing: Path, videos: Path, tmp_path: Path
) -> None:
    copy = tmp_path / videos.name
    for path in videos.rglob("*.*"):
        (copy / path.parent.name).mkdir(parents=True, exist_ok=True)
        (copy / path.parent.name / path.name).write_bytes(path.read_bytes())
    (tmp_path / listing.name).write_text(listing.read_text())
    (copy / "fall" / "person-a.mp4").write_bytes(b"gone")
    with pytest.raises(DataError, match=r"1 of 18 videos unusable\n.*person-a.mp4.*read: 4 bytes"):
        load_data(options(tmp_path / listing.name))
    data = load_data(options(tmp_path / listing.name, bad_share=0.06))
    assert any("1 video(s) cannot be read" in note for note in data.notes)
    assert sum(len(dataset.unusable) for _, dataset in data) == 1
    late = load_data(options(tmp_path / listing.name, check_files=False))
    assert late.hashes == data.hashes
    for known, unknown in zip(data, late, strict=True):
        first = list(Loader(known[1]).batches(augment=True))
        assert same(first, list(Loader(unknown[1]).batches(augment=True)))
        assert np.sum([len(b.faults) for b in first]) == len(known[1].unusable)
