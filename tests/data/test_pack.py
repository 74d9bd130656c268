from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.media.decode import write_video
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.frame_store import STORE
from connsearch.data.media.survey import probe
from connsearch.data.records import Record, Source, Span, Window
from connsearch.data.sources.source import read_source
from connsearch.data.tools.pack import PackEvent, PackResult, pack
from connsearch.errors import DataError, Failure
from tests.data.helpers import moving_square, options
from tests.data.media.helpers import MAKERS, flat, numbers

ROOT = Path(__file__).resolve().parents[2]


def packing(source: Source, target: Path, **settings: object) -> PackResult:
    events = list(pack(source, target, **{"workers": 2, **settings}))  # type: ignore[arg-type]
    assert isinstance(events[-1], PackResult)
    return events[-1]


def source_of(records: Sequence[Record], classes: Sequence[str] = ("x", "y")) -> Source:
    return Source("made", tuple(classes), tuple(records), 0)


def content(folder: Path) -> dict[str, object]:
    """Returns every row of every store, and every other file, by path."""
    found: dict[str, object] = {}
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = file.relative_to(folder).as_posix()
        if file.name == STORE:
            with closing(sqlite3.connect(file)) as db:
                for table in ("Images", "Meta"):
                    found[f"{name} {table}"] = db.execute(f"SELECT * FROM {table}").fetchall()
        else:
            found[name] = file.read_bytes()
    return found


def test_the_layout_is_the_published_one(packed: Path) -> None:
    folder = packed / "jpg" / "fall" / "person-a"
    assert (folder / "n_frames").read_text() == "12\n"
    with closing(sqlite3.connect(folder / STORE)) as db:
        rows = db.execute("SELECT ObjId, size, frames FROM Images ORDER BY ObjId").fetchall()
        kind = db.execute("SELECT sql FROM sqlite_master WHERE name = 'Images'").fetchone()[0]
    assert [row[0] for row in rows] == [f"person-a/frame_{n:05d}" for n in range(1, 13)]
    assert {row[1] for row in rows} == {32}
    assert all(row[2][:3] == b"\xff\xd8\xff" for row in rows)
    assert "ObjId TEXT PRIMARY KEY" in kind


@pytest.mark.parametrize("word", ["", "frames_db:", "csv:"])
def test_the_same_seed_draws_the_same_lists(listing: Path, packed: Path, word: str) -> None:
    place = f"{packed}/clips.csv" if word == "csv:" else packed
    for seed in range(3):
        before = load_data(options(listing, seed=seed))
        after = load_data(options(f"{word}{place}", seed=seed))
        for (_, a), (_, b) in zip(before, after, strict=True):
            assert [(r.name, r.labels, r.group) for r in a.records] == [
                (r.name, r.labels, r.group) for r in b.records
            ]


def test_packed_clips_look_like_the_videos(listing: Path, packed: Path) -> None:
    before, after = load_data(options(listing)), load_data(options(packed))
    for (_, a), (_, b) in zip(before, after, strict=True):
        for x, y in zip(Loader(a).batches(), Loader(b).batches(), strict=True):
            # a noisy picture loses colour in 4:2:0, but not light
            light = [batch.streams["rgb"].mean(1) for batch in (x, y)]
            assert (light[0] - light[1]).abs().mean() < 0.03
            assert torch.equal(x.streams["object"], y.streams["object"])


def test_the_order_of_the_classes_is_kept(tmp_path: Path) -> None:
    path = MAKERS["video"](tmp_path, flat(3))
    records = [Record(f"{n}", path, (n % 3,)) for n in range(3)]
    packing(source_of(records, ("z", "a", "unused", "m")), tmp_path / "out")
    again = read_source(options(tmp_path / "out"))
    assert again.classes == ("z", "a", "unused", "m")
    assert [r.labels for r in again.records] == [(0,), (1,), (2,)]


def test_only_given_splits_are_written(tmp_path: Path, listing: Path) -> None:
    packing(read_source(options(listing)), tmp_path / "a")
    assert {r.split for r in read_source(options(tmp_path / "a")).records} == {None}
    (tmp_path / "v").mkdir()
    path = MAKERS["video"](tmp_path / "v", flat(3))
    given = [Record("a", path, (0,), split="val"), Record("b", path, (1,), split="train")]
    packing(source_of(given), tmp_path / "b")
    assert [r.split for r in read_source(options(tmp_path / "b")).records] == ["val", "train"]


def test_windows_spans_and_several_labels_are_kept_and_share_a_store(tmp_path: Path) -> None:
    path = MAKERS["video"](tmp_path, flat(12))
    records = (
        Record("a", path, (0, 1), "g", window=Window(0.1, 0.7), spans=(Span(1, 0.25, 0.5),)),
        Record("b", path, (), "g", window=Window(3, float("inf"), "frames")),
        Record("c", path, (1,), "h"),
    )
    source = replace(source_of(records, ("in a b", "y")), multi_label=True)
    assert packing(source, tmp_path / "out").videos == 1
    again = read_source(options(tmp_path / "out"))
    assert again.multi_label
    for old, new in zip(records, again.records, strict=True):
        assert new == replace(old, path=new.path, medium="frames_db")


def test_the_rate_is_kept_and_nothing_is_enlarged(tmp_path: Path) -> None:
    path = MAKERS["video"](tmp_path, flat(5))
    source = source_of([Record("a", path, (0,))])
    for side, size in ((360, (24, 40)), (12, (12, 20))):
        packing(source, tmp_path / f"{side}", short_side=side)
        info = MEDIA["frames_db"].probe(next((tmp_path / f"{side}").rglob(STORE)))
        assert (info.frames, info.height, info.width, info.fps) == (5, *size, 12.0)


def uneven_and_turned(path: Path) -> None:
    """Writes a video whose frames come at uneven times, its upper left corner bright."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=100, options={"qp": "0", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv444p"
        picture = np.full((32, 48, 3), 40, np.uint8)
        picture[:16, :24] = 220
        for pts in (0, 10, 20, 120):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = pts
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_times_of_an_uneven_video_are_kept(tmp_path: Path) -> None:
    uneven_and_turned(tmp_path / "v.mp4")
    packing(source_of([Record("a", tmp_path / "v.mp4", (0,))]), tmp_path / "out")
    info = MEDIA["frames_db"].probe(next((tmp_path / "out").rglob(STORE)))
    assert info.times == pytest.approx((0.0, 0.1, 0.2, 1.2))
    assert (info.times, info.fps) == (
        probe(tmp_path / "v.mp4").times,
        probe(tmp_path / "v.mp4").fps,
    )


@pytest.mark.parametrize("medium", list(MEDIA))
def test_every_medium_is_packed(tmp_path: Path, medium: str) -> None:
    path = MAKERS[medium](tmp_path, flat(40))
    packing(source_of([Record("a", path, (0,), medium=medium)]), tmp_path / "out")
    found = next((tmp_path / "out").rglob(STORE))
    assert found.parent.name == "clip"
    info = MEDIA["frames_db"].probe(found)
    assert numbers(MEDIA["frames_db"].read(found, range(40), size=None, info=info)) == list(
        range(40)
    )


def test_names_that_no_folder_can_have_and_equal_ones_are_told_apart(tmp_path: Path) -> None:
    records: list[Record] = []
    for place in ("a/clip", "b/clip", "a/CLIP", "c/..."):
        path = tmp_path / "in" / f"{place}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, flat(2))
        records.append(Record(f"{place}.mp4", path, (0,)))
    records.append(replace(records[0], name="other", labels=(1,), path=records[3].path))
    packing(source_of(records, ("../up", "y")), tmp_path / "out")
    stores = sorted(p.parent for p in (tmp_path / "out").rglob(STORE))
    assert len({str(s).lower() for s in stores}) == 4
    assert all(s.parents[1] == tmp_path / "out" / "jpg" for s in stores)
    assert [r.name for r in read_source(options(tmp_path / "out")).records][-1] == "other"


def test_unreadable_videos_are_left_out_and_named(tmp_path: Path) -> None:
    good = MAKERS["video"](tmp_path, flat(12))
    (tmp_path / "text.mp4").write_text("no video")
    data = good.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    records = [Record(n, tmp_path / n, (0,)) for n in ("text.mp4", "clip.mp4", "cut.mp4")]
    result = packing(source_of(records), tmp_path / "out", bad_share=0.7)
    assert sorted(result.unreadable) == ["cut.mp4", "text.mp4"]
    assert "not readable as video" in result.unreadable["text.mp4"]
    assert [r.name for r in read_source(options(tmp_path / "out")).records] == ["clip.mp4"]
    assert sorted(p.name for p in (tmp_path / "out" / "jpg" / "x").iterdir()) == ["clip"]
    with pytest.raises(Failure, match=r"(?s)2 of 3 videos unreadable\n.*text.*cut.*cure"):
        packing(source_of(records), tmp_path / "other", bad_share=0.5)
    assert not (tmp_path / "other" / "clips.csv").exists()


def test_what_is_finished_is_kept_and_what_changed_is_packed_again(tmp_path: Path) -> None:
    path = MAKERS["video"](tmp_path, flat(3))
    source = source_of([Record("a", path, (0,))])
    assert packing(source, tmp_path / "out").before == 0
    stamp = next((tmp_path / "out").rglob(STORE)).stat().st_mtime_ns
    assert packing(source, tmp_path / "out").before == 1
    assert next((tmp_path / "out").rglob(STORE)).stat().st_mtime_ns == stamp
    assert packing(source, tmp_path / "out", quality=50).before == 0
    write_video(path, flat(7))
    again = packing(source, tmp_path / "out", quality=50)
    assert (again.before, again.frames) == (0, 7)
    path.write_text("gone bad")
    with pytest.raises(Failure, match="1 of 1 videos unreadable"):
        packing(source, tmp_path / "out", quality=50)
    info = MEDIA["frames_db"].probe(next((tmp_path / "out").rglob(STORE)))
    assert info.frames == 7, "a good store is not lost when its video is"


def test_labels_no_list_can_hold_are_refused(tmp_path: Path) -> None:
    source = replace(source_of([Record("a", tmp_path, (0,))], ("a|b", "c")), multi_label=True)
    with pytest.raises(DataError, match=r"classes that a list cannot hold\n  a\|b\n  cure"):
        packing(source, tmp_path / "out")


def test_packing_into_the_clips_themselves_is_refused(tmp_path: Path) -> None:
    path = MAKERS["video"](tmp_path, flat(3))
    with pytest.raises(DataError, match="clips of the data set itself"):
        packing(source_of([Record("a", path, (0,))]), tmp_path)


SCRIPT = """
import sys
from pathlib import Path
from connsearch.data.sources.source import read_source
from connsearch.data.options import DataOptions
from connsearch.data.tools.pack import pack
if __name__ == "__main__":
    source = read_source(DataOptions.of(source=sys.argv[1]))
    for event in pack(source, Path(sys.argv[2]), workers=2):
        print("event", flush=True)
"""


def wait_for_a_draft(process: subprocess.Popen[str], target: Path) -> None:
    while process.poll() is None and not list(target.rglob(".frames.db.*.tmp")):
        time.sleep(0.002)


def wait_for_a_store(process: subprocess.Popen[str], target: Path) -> None:
    assert process.stdout is not None
    process.stdout.readline()


@pytest.mark.parametrize("moment", [wait_for_a_draft, wait_for_a_store])
def test_killed_at_any_moment_the_same_call_completes(tmp_path: Path, moment: object) -> None:
    rng = np.random.default_rng(0)
    for n in range(5):
        (tmp_path / "in" / f"class{n % 2}").mkdir(parents=True, exist_ok=True)
        frames = np.concatenate([moving_square(rng)[0]] * 20)
        write_video(tmp_path / "in" / f"class{n % 2}" / f"{n}.mp4", frames)
    script = tmp_path / "work.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "in"), str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    moment(process, tmp_path / "out")  # type: ignore[operator]
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()
    assert not (tmp_path / "out" / "clips.csv").exists()
    source = read_source(options(tmp_path / "in"))
    packing(source, tmp_path / "out")
    packing(source, tmp_path / "straight")
    assert content(tmp_path / "out") == content(tmp_path / "straight")


def test_an_event_comes_for_every_video(listing: Path, tmp_path: Path) -> None:
    *events, _ = list(pack(read_source(options(listing)), tmp_path / "out", workers=2))
    assert all(isinstance(e, PackEvent) for e in events)
    assert [e.done for e in events if isinstance(e, PackEvent)] == list(range(1, 19))
    assert {e.total for e in events if isinstance(e, PackEvent)} == {18}
