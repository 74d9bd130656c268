from __future__ import annotations

import multiprocessing
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.media.formats import MEDIA
from connsearch.data.media.frame_store import STORE, read_pictures, write_store
from connsearch.data.media.store_meta import read_meta
from connsearch.data.records import VideoInfo
from connsearch.errors import DataError
from tests.data.media.helpers import changed, flat, jpegs, legacy_store, numbers, store

DB = MEDIA["frames_db"]


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("count", [True, False])
def test_older_files_are_read(tmp_path: Path, columns: int, count: bool) -> None:
    path = legacy_store(tmp_path / "v_000012_000022", flat(11), columns=columns, count=count)
    info = DB.probe(path)
    assert (info.frames, info.fps, info.times) == (11, 0.0, ())
    assert numbers(DB.read(path, [5, 5, 9, 2], size=None, info=info)) == [5, 5, 9, 2]


def test_a_folder_that_was_renamed_is_read(tmp_path: Path) -> None:
    store(tmp_path / "before", flat(3))
    (tmp_path / "before").rename(tmp_path / "after")
    path = tmp_path / "after" / STORE
    assert numbers(DB.read(path, [2, 0], size=None, info=DB.probe(path))) == [2, 0]


def test_frames_beyond_99999_are_found_by_number(tmp_path: Path) -> None:
    # 100000 comes before 99999 in the order of the alphabet
    pictures = jpegs(flat(4))
    blobs = [b"" if n < 99_997 else pictures[n - 99_997] for n in range(100_001)]
    write_store(tmp_path / "long", blobs, meta={})
    changed(tmp_path / "long" / STORE, "UPDATE Images SET frames = x'' WHERE 0")
    info = VideoInfo(100_001, 24, 40, 0.0)
    wanted = [100_000, 99_998, 99_999, 99_997]
    found = DB.read(tmp_path / "long" / STORE, wanted, size=None, info=info)
    assert numbers(found) == [3, 1, 2, 0]


def test_more_frames_than_a_query_takes_are_read(tmp_path: Path) -> None:
    write_store(tmp_path / "v", [b"%d" % n for n in range(2000)], meta={})
    order = np.random.default_rng(0).permutation(2000).tolist()
    found = dict(read_pictures(tmp_path / "v" / STORE, order))
    assert found == {n: b"%d" % n for n in order}


def test_a_table_without_an_index_is_gone_through_once_a_clip(tmp_path: Path) -> None:
    frames = np.repeat(flat(1), 3000, 0)
    one, many = [1500], list(range(1000, 1016))
    path = legacy_store(tmp_path / "v", frames, columns=2, count=True)
    ratios: list[float] = []
    for _ in range(7):
        start = time.perf_counter()
        list(read_pictures(path, one))
        middle = time.perf_counter()
        list(read_pictures(path, many))
        ratios.append((time.perf_counter() - middle) / (middle - start))
    assert min(ratios) < 4  # a scan for every frame would be sixteen times as long


def test_rate_and_times_of_the_video_are_kept(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(3), fps=29.97, times=[0.0, 0.1, 0.5])
    assert DB.probe(path) == VideoInfo(3, 24, 40, 29.97, (0.0, 0.1, 0.5))
    assert read_meta(path)["width"] == 40


def test_missing_frames_are_named(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(12))
    info = DB.probe(path)
    gone = "DELETE FROM Images WHERE ObjId = 'v/frame_%05d'"
    changed(path, *[gone % n for n in (3, 7, 8, 9)])
    with pytest.raises(DataError, match=r"frames.db: frames 3, 7 to 9 missing .*cure:"):
        DB.probe(path)
    with pytest.raises(DataError, match=r"frames.db: frame 8 missing"):
        DB.read(path, [0, 7], size=None, info=info)
    assert numbers(DB.read(path, [0, 5], size=None, info=info)) == [0, 5]


def test_a_count_that_is_wrong_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(4))
    path.with_name("n_frames").write_text("6")
    with pytest.raises(DataError, match=r"frames.db: frames 5 to 6 missing"):
        DB.probe(path)
    path.with_name("n_frames").write_text("3")
    with pytest.raises(DataError, match=r"4 frames, n_frames next to it gives 3; cure:"):
        DB.probe(path)
    path.with_name("n_frames").write_text("three")
    with pytest.raises(DataError, match=r"n_frames: read 'three'; expected a number"):
        DB.probe(path)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM Images", r"frames? .*missing|no frame is stored"),
        ("UPDATE Images SET ObjId = 'odd' WHERE rowid = 2", r"a frame is called 'odd'; allowed:"),
        ("UPDATE Images SET ObjId = 'w/frame_00002' WHERE rowid = 2", r"several videos, 'v' and"),
        ("UPDATE Images SET frames = NULL WHERE rowid = 1", r"frame 1: no picture is stored"),
        ("UPDATE Images SET frames = x'ffd8ff00' WHERE rowid = 1", r"frame 1: not readable as a p"),
        ("DROP TABLE Images", r"not readable as a frame store \(no such table"),
        ("UPDATE Meta SET value = '[' WHERE key = 'width'", r"the table Meta is not JSON"),
        ("INSERT INTO Meta VALUES ('times', '[0, 1]')", r"4 frames, 2 times in Meta"),
    ],
)
def test_a_damaged_store_is_refused_by_name(tmp_path: Path, statement: str, words: str) -> None:
    path = store(tmp_path / "v", flat(4))
    changed(path, statement)
    with pytest.raises(DataError, match=rf"frames.db.*({words}).*cure:"):
        DB.probe(path)


def test_a_file_that_is_cut_off_is_refused_by_name(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(40))
    info = DB.probe(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"frames.db: not readable as a frame store .*read: \d+ b"):
        DB.read(path, range(40), size=None, info=info)


def test_a_store_whose_writing_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(2))
    path.with_name("frames.db-journal").write_bytes(b"half")
    with pytest.raises(DataError, match=r"interrupted, frames.db-journal is left"):
        DB.probe(path)


def test_a_frame_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    pictures = [*jpegs(flat(2)), *jpegs(flat(1, height=30))]
    write_store(tmp_path / "v", pictures, meta={})
    path = tmp_path / "v" / STORE
    with pytest.raises(DataError, match=r"frames.db, frame 3: 30x40 pixels .* first .* 24x40"):
        DB.read(path, [0, 2], size=None, info=DB.probe(path))


def test_a_folder_that_cannot_be_written_is_read_and_left_alone(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(3))
    before = sorted(p.name for p in path.parent.iterdir())
    for file in path.parent.iterdir():
        file.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        assert numbers(DB.read(path, [1], size=None, info=DB.probe(path))) == [1]
        assert sorted(p.name for p in path.parent.iterdir()) == before
    finally:
        path.parent.chmod(0o755)


def test_a_store_that_is_locked_by_someone_is_read(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(3))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        path.with_name("frames.db-journal").unlink(missing_ok=True)
        assert numbers(DB.read(path, [1], size=None, info=DB.probe(path))) == [1]
        other.execute("ROLLBACK")


def test_asking_for_a_store_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"frames.db: not readable .*read: no such file"):
        DB.probe(tmp_path / STORE)
    assert list(tmp_path.iterdir()) == []


def test_the_count_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("connsearch.data.media.frame_store.atomic_write_text", stop)
        with pytest.raises(KeyboardInterrupt):
            store(tmp_path / "v", flat(3))
    assert [p.name for p in (tmp_path / "v").iterdir()] == [STORE]

    def moved(*_: object) -> None:
        assert not (tmp_path / "v" / "n_frames").exists()
        raise KeyboardInterrupt

    (tmp_path / "v" / "n_frames").write_text("3")
    monkeypatch.setattr("connsearch.files.drafts.os.replace", moved)
    with pytest.raises(KeyboardInterrupt):
        store(tmp_path / "v", flat(2))


def test_what_fails_on_the_way_leaves_the_store_before_it(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(3))

    def cut_off() -> Iterator[bytes]:
        yield jpegs(flat(1))[0]
        raise DataError("cut off")

    with pytest.raises(DataError, match="cut off"):
        write_store(path.parent, cut_off(), meta={})
    assert sorted(p.name for p in path.parent.iterdir()) == [STORE, "n_frames"]
    assert DB.probe(path).frames == 3


def _read_in_another_process(path: str) -> list[int]:
    medium = MEDIA["frames_db"]
    info = medium.probe(Path(path))
    return [*numbers(medium.read(Path(path), [5, 5, 1], size=None, info=info)), os.getpid()]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_four_processes_read_at_once(tmp_path: Path, method: str) -> None:
    path = store(tmp_path / "v", flat(7))
    assert numbers(DB.read(path, [0], size=None, info=DB.probe(path))) == [0]
    if method == "fork" and not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    with multiprocessing.get_context(method).Pool(4) as pool:
        found = pool.map(_read_in_another_process, [str(path)] * 8, chunksize=1)
    assert {tuple(row[:3]) for row in found} == {(5, 5, 1)}
    assert os.getpid() not in {row[3] for row in found}
