"""Frame n is the n-th that one pass shows, whatever the container, the codec and the way to it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from connsearch.cli.app import main
from connsearch.data.clips.dataset import ClipKey
from connsearch.data.loading.load import load_data
from connsearch.data.media import decode
from connsearch.data.media.decode import SEEK_AFTER, read_frames, stream_frames
from connsearch.data.media.opening import decoded, opened
from connsearch.data.media.survey import probe
from connsearch.data.sources.source import read_source
from connsearch.data.tools.pack import pack
from tests.data.helpers import options
from tests.data.media.containers import VIDEOS, make

TASKS = Path("/proc/self/task")

SHORT = {"one frame.mp4", "one frame.avi", "one frame.gif", "theora.ogv"}
"""Too short to be sought in."""

NO_KEYS = {name for name in VIDEOS if name.endswith(".gif")} | SHORT | {"vp8 alt-ref.webm"}
"""Only the first frame can be decoded by itself."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("containers")


def made(name: str, folder: Path) -> Path:
    path = folder / name
    return path if path.exists() else make(name, folder)


def check(path: Path, numbers: list[int]) -> None:
    """Compares frames that are read alone, and a clip with a stride, with one pass."""
    one_pass = list(stream_frames(path))
    info = probe(path)
    assert info.frames == len(one_pass)
    assert not info.times or len(info.times) == info.frames
    assert (info.height, info.width) == one_pass[0].shape[:2]
    last = info.frames - 1
    for number in sorted({min(n, last) for n in numbers} | {last}):
        assert np.array_equal(read_frames(path, [number], info=info)[0], one_pass[number]), number
    clip = [n for n in range(SEEK_AFTER + 2, info.frames, 3)]
    if clip:
        read = read_frames(path, clip[::-1], info=info)[::-1]
        assert all(np.array_equal(a, one_pass[n]) for a, n in zip(read, clip, strict=True))


@pytest.mark.parametrize("name", VIDEOS)
def test_a_frame_read_alone_is_that_of_one_pass(name: str, folder: Path) -> None:
    check(made(name, folder), [0, SEEK_AFTER, SEEK_AFTER + 1, 75])


@pytest.mark.skipif(not TASKS.is_dir(), reason="threads are counted as Linux lists them")
@pytest.mark.parametrize("name", ["av1.mkv", "vp9.webm", "hevc default.mp4"])
def test_a_decoder_starts_no_threads(name: str, folder: Path) -> None:
    path = made(name, folder)
    before = set(os.listdir(TASKS))
    with opened(path) as (container, stream):
        next(decoded(container, stream))
        assert set(os.listdir(TASKS)) <= before


@pytest.mark.slow
@pytest.mark.parametrize("name", VIDEOS)
def test_fifty_frames_read_alone_are_those_of_one_pass(name: str, folder: Path) -> None:
    rng = np.random.default_rng(len(name))
    check(made(name, folder), [int(n) for n in rng.integers(0, 100, 50)])


SOUGHT = sorted(set(VIDEOS) - NO_KEYS)
SOME = {*SOUGHT[::6], "mpeg4 packed.avi", "h264 with B.avi", "h264 open.ts", "h264 with B.mp4"}


@pytest.mark.parametrize(
    "name", [n if n in SOME else pytest.param(n, marks=pytest.mark.slow) for n in SOUGHT]
)
def test_late_frames_are_reached_without_decoding_all_before_them(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(name, folder)
    info = probe(path)
    assert info.keys
    last = info.keys[-1][1] + 1
    monkeypatch.setattr(decode, "_from_start", None)  # nobody reads from the start
    monkeypatch.setattr(decode, "SEEK_AFTER", 16)
    read_frames(path, [min(last, info.frames - 1)], info=info)


RATES = {
    "h264 every other tick.avi": 25.0,
    "h264 every other tick, as stored.mkv": 25.0,
    "theora.ogv": 13.393,
    "10 a second.gif": 10.0,
    "15 a second.gif": 15.0,
    "30 a second.gif": 30.0,
    "60 a second.gif": 60.0,
    "mpeg4 without B.ts": 25.0,
    "h264 uneven.mp4": 25.0,
    "vp8 alt-ref.webm": 25.0,
    "mpeg4 packed.avi": 25.0,
    "mpeg2 with B.mpg": 25.0,
}
"""What their headers say is 50, nothing, 10, 16.67, 33.33, 100, 0, ..."""


@pytest.mark.parametrize("name", RATES)
def test_the_rate_is_measured_where_the_header_is_wrong(name: str, folder: Path) -> None:
    info = probe(made(name, folder))
    assert info.fps == pytest.approx(RATES[name], rel=0.01)
    assert info.note == ""


JUMPS = {
    "h264 jump of 3600 s.ts": (3600, 64),
    "h264 jump of 5 s.mp4": (5, 64),
    "h264 jump of 3600 s.mkv": (3600, 64),
    "h264 with B twice.ts": (-2, 50),
    "mpeg2 with B twice.mpg": (-2, 50),
    "mpeg4 twice.m4v": (-2, 50),
}
"""Name -> seconds that its clock jumps by, and the first frame after that."""


@pytest.mark.parametrize("name", JUMPS)
def test_a_clock_that_jumps_is_named_and_goes_on(name: str, folder: Path) -> None:
    info = probe(made(name, folder))
    seconds, frame = JUMPS[name]
    assert f"the clock jumps by {seconds:+g} s before frame {frame + 1};" in info.note
    assert info.fps == pytest.approx(25, rel=0.001)
    assert info.times == ()


CLIPS = [
    "mpeg4 packed.avi",
    "h264 with B.avi",
    "mpeg4 with B.m4v",
    "hevc cut at a key.mkv",
    "h264 open.ts",
    "vp8 hidden at its own time.webm",
    "h264 jump of 3600 s.ts",
    "30 a second.gif",
    "h264 uneven.mkv",
    "h264 edit list, with B.mp4",
    "mpeg2 fields.vob",
    "av1.mp4",
]


@pytest.fixture(scope="module")
def lists(folder: Path) -> Path:
    rows = ["path,label,split"]
    rows += [f'"{made(name, folder).name}",{"ab"[n % 2]},train' for n, name in enumerate(CLIPS)]
    (folder / "clips.csv").write_text("\n".join(rows))
    list(pack(read_source(options(folder / "clips.csv")), folder / "packed", quality=95))
    return folder


def test_memory_disk_and_store_give_the_same_clips(lists: Path) -> None:
    asked = {"val_share": 0, "test_share": 0, "frames": 8, "stride": 2, "size": 40}
    asked |= {"short_side": 48, "keep_aspect": True}
    disk = load_data(options(lists / "clips.csv", memory_mb=0, **asked)).train
    memory = load_data(options(lists / "clips.csv", memory_mb=500, **asked)).train
    store = load_data(options(lists / "packed", memory_mb=0, **asked)).train
    assert memory.remember
    assert not disk.remember
    for index in range(len(disk)):
        for epoch in range(3):
            key = ClipKey(index, seed=3, epoch=epoch, augment=True)
            assert disk.moments(key) == memory.moments(key) == store.moments(key)
            first, again, stored = (data.clip(key).streams["rgb"] for data in (disk, memory, store))
            assert first.equal(again)
            name = disk.records[index].name
            off = (first - stored).abs().mean() / first.std()
            step = (first[:, 1:] - first[:, :-1]).abs().mean() / first.std()
            assert off < 0.4 * step, (name, off, step)


def test_a_file_that_is_damaged_on_the_way_can_be_used_up_to_there(folder: Path) -> None:
    data = bytearray(made("ffv1 groups.avi", folder).read_bytes())
    one_pass = list(stream_frames(folder / "ffv1 groups.avi"))
    place = data.index(b"00dc", len(data) * 3 // 4)
    data[place + 8 : place + 60] = b"\xff" * 52
    path = folder / "damaged.avi"
    path.write_bytes(data)
    info = probe(path)
    assert info.frames == len(one_pass)
    assert np.array_equal(read_frames(path, [40], info=info)[0], one_pass[40])


def test_an_odd_clock_is_named_before_anything_is_done(
    lists: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "h264 jump of 3600 s.ts"
    notes = load_data(options(lists / "clips.csv", val_share=0, test_share=0)).notes
    wanted = f"1 video(s) with an odd clock: {name}: the clock jumps by +3600 s before frame 65;"
    assert [note for note in notes if note.startswith(wanted)]
    said = ["--data", str(lists / "clips.csv"), "--val-share", "0", "--test-share", "0"]
    assert main(["data", "stats", *said]) == 0
    assert f"odd clock: {name}" in " ".join(capsys.readouterr().out.split())
    report = str(lists / "check.csv")
    assert main(["data", "check", *said, "--output", report, "--readers", "0"]) == 0
    assert f"{name}: the clock jumps by +3600 s" in " ".join(capsys.readouterr().out.split())
