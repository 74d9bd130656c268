"""The windows of a timeline: all of a video, each with the ticks of one clip."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.clips.sampling import span
from connsearch.data.clips.timeline import timeline
from connsearch.data.clips.windows import seconds_shown, windows
from connsearch.data.loading.batches import BatchPlan, make_batch
from connsearch.data.media.decode import write_video
from connsearch.data.media.survey import probe
from connsearch.data.options import ClipOptions, DataOptions
from connsearch.data.records import Record, VideoInfo
from connsearch.data.sources.unlabelled import held, videos_at
from connsearch.errors import DataError
from tests.data.media.helpers import flat

INFOS = st.builds(
    lambda count, fps, late: VideoInfo(
        count, 8, 8, fps, tuple(n / fps + late * (n > 3) for n in range(count)) if late else ()
    ),
    st.integers(1, 60),
    st.sampled_from([1.0, 12.5, 30.0]),
    st.sampled_from([0.0, 0.7]),
)


@given(
    INFOS,
    st.integers(1, 9),
    st.integers(1, 4),
    st.sampled_from([None, 5.0, 24.0]),
    st.none() | st.floats(0.01, 9.0),
)
def test_windows_are_whole_clips_from_the_start_to_the_end(
    info: VideoInfo, frames: int, stride: int, fps: float | None, hop: float | None
) -> None:
    options = ClipOptions(frames=frames, stride=stride, fps=fps)
    whole = timeline(info, fps=fps)
    need = min(span(frames, stride), whole.ticks)
    found = windows(info, options, hop=hop)
    assert found[0].start == 0
    assert all(window.end - window.start == need for window in found)
    starts = [window.start for window in found]
    assert starts == sorted(set(starts))
    if hop is None or (len(starts) > 1 and all(b - a <= need for a, b in pairwise(starts))):
        assert found[-1].end == whole.ticks
    for window in found:
        clock = timeline(info, window=window, fps=fps)
        ticks = range(int(window.start), int(window.end))
        assert clock.frames(range(clock.ticks)) == whole.frames(ticks)
        start, end = seconds_shown(clock) or (0.0, 0.0)
        assert start == pytest.approx(whole.seconds(ticks[0]))
        assert end > start


def test_a_video_without_a_rate_has_no_timeline() -> None:
    with pytest.raises(DataError, match=r"x: has no frame rate.*--media-fps"):
        windows(VideoInfo(9, 8, 8, 0.0), ClipOptions(), name="x")


def test_clips_that_are_read_together_are_those_that_are_read_alone(tmp_path: Path) -> None:
    for name in "ab":
        write_video(tmp_path / f"{name}.mp4", flat(30), fps=10, key_every=8)
    options = DataOptions.of(frames=4, size=16, batch_size=4)
    records = tuple(
        Record(f"{name}", tmp_path / f"{name}.mp4", (), info=info, window=window)
        for name in "ab"
        for info in [probe(tmp_path / f"{name}.mp4")]
        for window in windows(info, options.clips, hop=0.3)
    )
    alone = ClipDataset.of(records, options, object_classes=0)
    beside = ClipDataset.of(records, options, object_classes=0)
    keys = [ClipKey(index) for index in range(len(records))]
    for start in range(0, len(keys), 5):
        plan = BatchPlan(tuple(keys[start : start + 5]), together=True)
        batch = make_batch(beside, plan, faults={})
        clips = [alone.clip(key).streams["rgb"] for key in plan.keys]
        assert torch.equal(batch.streams["rgb"], torch.stack(clips))


def test_what_lies_below_a_folder_is_found_or_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("films/deep", "films/closed", "frames/one"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("films/a.mp4", "films/deep/b.mkv"):
        (tmp_path / name).write_bytes(b"")
    np.save(tmp_path / "films/c.npy", np.zeros(1))
    (tmp_path / "frames/one/1.png").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    found = videos_at(["films", "frames", "films/a.mp4"])
    names = [record.name for record in found.records]
    assert names == ["films/a.mp4", "films/deep/b.mkv", "frames/one"]
    assert [record.medium for record in found.records] == ["video", "video", "frame_folder"]
    assert [record.path for record in found.records] == list(map(Path, names))
    assert found.notes == (
        "films: 1 files of other kinds are not read (.npy 1)",
        "1 video(s) named more than once: each is read once",
    )
    assert [record.name for record in videos_at(["frames/one"]).records] == ["frames/one"]


def test_a_folder_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")

    def walk(top: Any, *, followlinks: bool, onerror: Any) -> Any:
        onerror(PermissionError(13, "Permission denied", f"{top}/closed"))
        yield str(top), [], ["a.mp4"]

    monkeypatch.setattr("os.walk", walk)
    (note,) = held(tmp_path).notes
    assert "1 folders cannot be read" in note
    assert "closed: Permission denied" in note
