from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.clips.timeline import timeline
from connsearch.data.media.decode import read_frames
from connsearch.data.media.survey import probe
from connsearch.data.records import Record, VideoInfo, Window
from connsearch.errors import DataError
from tests.data.helpers import options

STAMPS = (0, 1, 2, 3, 4, 14, 15, 16, 26, 27)
"""Tenths of a second at which the frames of the uneven video begin."""


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of ten frames, each of its own brightness, shown for 0.1 to 1.4 seconds."""
    path = tmp_path_factory.mktemp("uneven") / "uneven.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"qp": "5", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv444p"
        stream.time_base = Fraction(1, 10)
        for number, stamp in enumerate(STAMPS):
            picture = np.full((24, 32, 3), 20 + 20 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def seen(path: Path, numbers: list[int]) -> list[int]:
    """Reads the frame numbers back from the brightness."""
    return [round((float(f.mean()) - 20) / 20) for f in read_frames(path, numbers)]


def test_timestamps_of_an_uneven_video_are_kept(uneven: Path) -> None:
    info = probe(uneven)
    assert info.frames == len(STAMPS)
    assert info.times == pytest.approx([s / 10 for s in STAMPS])
    assert info.fps == pytest.approx(9 / 2.7)
    assert info.note == ""


def test_a_second_of_an_uneven_video_is_a_second(uneven: Path) -> None:
    clock = timeline(probe(uneven), fps=10.0)
    frames = clock.frames(range(clock.ticks))
    assert seen(uneven, frames) == frames
    shown = [max(n for n, stamp in enumerate(STAMPS) if stamp <= tick) for tick in range(28)]
    assert frames[:28] == shown


def test_without_a_rate_an_uneven_video_has_its_average_one(uneven: Path) -> None:
    info = probe(uneven)
    clock = timeline(info)
    assert clock.ticks == pytest.approx(len(STAMPS), abs=1)
    times = np.array([info.times[n] for n in clock.frames(range(clock.ticks))])
    wanted = np.arange(clock.ticks) / info.fps
    assert np.all(times <= wanted + 1e-6)  # what is on screen began before
    assert clock.frames([0, clock.ticks - 1])[1] == len(STAMPS) - 1


def test_an_even_video_needs_no_clock(long_video: Path) -> None:
    info = probe(long_video)
    assert info.times == ()
    assert [number for _, number in info.keys] == [16, 32, 48, 64, 80, 96]
    assert timeline(info).frames(range(100)) == list(range(100))


@given(
    frames=st.integers(1, 60),
    rate=st.floats(1, 60),
    fps=st.floats(0.5, 120) | st.none(),
    gaps=st.lists(st.floats(0.001, 2), min_size=60, max_size=60),
    uneven=st.booleans(),
)
def test_ticks_are_frames_in_the_order_of_time(
    frames: int, rate: float, fps: float | None, gaps: list[float], uneven: bool
) -> None:
    times = tuple(np.cumsum([0.0, *gaps[: frames - 1]]).tolist()) if uneven and frames > 1 else ()
    if times:
        rate = (frames - 1) / times[-1]
    clock = timeline(VideoInfo(frames, 8, 8, rate, times), fps=fps)
    numbers = clock.frames(range(clock.ticks))
    assert numbers == sorted(numbers)
    assert numbers[0] == 0
    assert numbers[-1] <= frames - 1
    if not times and fps is None:
        assert numbers == list(range(frames))


@given(
    frames=st.integers(2, 200),
    rate=st.sampled_from([12.0, 24.0, 25.0, 29.97, 30.0]),
    start=st.floats(0, 4),
    length=st.floats(0.3, 5),
)
def test_a_window_in_seconds_holds_the_frames_that_begin_in_it(
    frames: int, rate: float, start: float, length: float
) -> None:
    info = VideoInfo(frames, 8, 8, rate)
    if start >= frames / rate - 0.1:
        return
    clock = timeline(info, window=Window(start, start + length))
    numbers = clock.frames(range(clock.ticks))
    assert abs(numbers[0] - start * rate) <= 1
    assert numbers[-1] < (start + length) * rate + 1e-3
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_window_in_frames_is_taken_as_it_is() -> None:
    clock = timeline(VideoInfo(20, 8, 8, 0.0), window=Window(5, 9, "frames"))
    assert clock.frames(range(clock.ticks)) == [5, 6, 7, 8]
    whole = timeline(VideoInfo(20, 8, 8, 0.0), window=Window(5, math.inf, "frames"))
    assert whole.ticks == 15


@pytest.mark.parametrize(
    "window",
    [Window(2.0, 3.0), Window(0.5, 0.5), Window(20, 30, "frames"), Window(5, 5, "frames")],
)
def test_a_window_beside_the_video_is_refused_by_name(window: Window) -> None:
    with pytest.raises(DataError, match=r"v.mp4: no frame between .* the video has 20 frames, 2"):
        timeline(VideoInfo(20, 8, 8, 10.0), window=window, name="v.mp4")


@pytest.mark.parametrize("asked", [{"fps": 5.0}, {"window": Window(0, 1)}])
def test_seconds_of_a_video_without_a_rate_are_refused(asked: dict[str, object]) -> None:
    with pytest.raises(DataError, match=r"frames: has no frame rate.*cure"):
        timeline(VideoInfo(20, 8, 8, 0.0), name="frames", **asked)  # type: ignore[arg-type]


def test_a_clip_shows_only_its_window(long_video: Path) -> None:
    record = Record("v", long_video, (0,), window=Window(2.0, 3.0))
    asked = options("x", frames=6, size=8, short_side=8, brightness=0.0, contrast=0.0)
    clips = ClipDataset.of((record,), asked, object_classes=0)
    for epoch in range(10):
        rgb = clips.clip(ClipKey(0, 0, epoch, augment=True)).streams["rgb"]
        numbers = ((rgb.mean((0, 2, 3)) + 1) * 127.5 - 30) / 2
        assert numbers.min() > 23.5
        assert numbers.max() < 35.9
