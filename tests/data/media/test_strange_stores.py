"""Stores of strangers: what their Meta, keys, counts and tables may say, and what is refused."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.clips.usable import decoded_size
from connsearch.data.media import frame_store, jpeg, store_file, store_meta
from connsearch.data.media.formats import MEDIA
from connsearch.data.media.jpeg import picture_size
from connsearch.data.media.store_file import opened
from connsearch.data.records import VideoInfo
from connsearch.errors import DataError
from tests.data.helpers import options
from tests.data.media.helpers import changed, flat, jpegs, numbers, png_folder, store

DB = MEDIA["frames_db"]


@pytest.mark.parametrize("value", ['"abc"', "-3", "[1]", "true", "null", "1e300", "1e-9", "{}"])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    path = store(tmp_path / "v", flat(3))
    changed(path, f"INSERT INTO Meta VALUES ('fps', '{value}')")
    with pytest.raises(
        DataError, match=r"frames.db: fps .* in Meta; allowed: frames per sec.*cure:"
    ):
        DB.probe(path)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (["a"] * 4, "times .* in Meta; allowed: seconds, one per frame"),
        (7, "times 7 in Meta; allowed"),
        ([0, 1, 2, True], "times .* in Meta; allowed"),
        ([0, 1, 2, 1e300], "times .* in Meta; allowed"),
        ([0, 1, 2, -1], "times .* in Meta; allowed"),
        ([3, 2, 1, 0], r"do not rise from 0: \[3, 2, 1, 0\]"),
        ([0, 1, 1, 2], "do not rise from 0"),
        ([1, 2, 3, 4], "do not rise from 0"),
        ([0, 1, 2], "4 frames, 3 times in Meta"),
        ([0, 100, 200, 300], "fps 25 in Meta; allowed: frames per second, 1e-05 to 10"),
    ],
)
def test_times_that_are_no_clock_are_refused(tmp_path: Path, times: object, words: str) -> None:
    path = store(tmp_path / "v", flat(4), times=times, fps=25)
    with pytest.raises(DataError, match=rf"frames.db: .*{words}.*cure:"):
        DB.probe(path)


def test_times_alone_say_the_rate(tmp_path: Path) -> None:
    for fps in ({}, {"fps": 0}):
        path = store(tmp_path / f"v{len(fps)}", flat(4), times=[0, 0.5, 1, 2], **fps)
        assert DB.probe(path).fps == 1.5
    assert DB.probe(store(tmp_path / "one", flat(1), times=[0])) == VideoInfo(1, 24, 40, 0.0)


@pytest.mark.parametrize("text", ["NaN", "[0, Infinity]", "[" * 20_000, "9" * 5000, "'"])
def test_meta_that_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    path = store(tmp_path / "v", flat(2))
    changed(path, f"INSERT INTO Meta VALUES ('x', '{text.replace(chr(39), chr(39) * 2)}')")
    with pytest.raises(DataError, match=r"frames.db: the table Meta is not JSON .*cure:"):
        DB.probe(path)


def test_meta_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store(tmp_path / "v", flat(2), note="x" * 300)
    monkeypatch.setattr(store_meta, "_META", 100)
    with pytest.raises(DataError, match=r"Meta has 2 rows of 304 characters; allowed: 1000 rows"):
        DB.probe(path)
    monkeypatch.setattr(store_meta, "_META_ROWS", 1)
    with pytest.raises(DataError, match=r"Meta has 2 rows .*; allowed: 1 rows"):
        store_meta.read_meta(path)


@pytest.mark.parametrize("count", ["30000000000", "9" * 80])
def test_a_huge_count_is_said_at_once(tmp_path: Path, count: str) -> None:
    path = store(tmp_path / "v", flat(2))
    path.with_name("n_frames").write_text(count)
    with pytest.raises(DataError, match=rf"frames.db: frames 3 to {count} missing"):
        DB.probe(path)
    path.with_name("n_frames").write_text("9" * 5000)
    with pytest.raises(DataError, match="n_frames: 5000 bytes; allowed: up to 100"):
        DB.probe(path)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("v/frame_" + "9" * 5000, "a frame is called 'v/frame_999.*; allowed: FOLDER/frame_00001"),
        ("v/frame_999999999", r"frame 2 missing|frames 2, "),
        ("v/frame_\u0661\u0661\u0661\u0661\u0661", "a frame is called"),
        ("v/frame_00000", "frame 3 missing|frame 2 missing"),
    ],
)
def test_strange_keys_are_refused(tmp_path: Path, key: str, words: str) -> None:
    path = store(tmp_path / "v", flat(3))
    changed(path, f"UPDATE Images SET ObjId = '{key}' WHERE rowid = 2")
    with pytest.raises(DataError, match=rf"frames.db: ({words})") as found:
        DB.probe(path)
    assert len(str(found.value)) < 500


def test_a_frame_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(3))
    changed(
        path,
        "CREATE TABLE Others (ObjId, frames)",
        "INSERT INTO Others SELECT ObjId, frames FROM Images",
        "UPDATE Others SET ObjId = 'v/frame_00002' WHERE rowid = 3",
        "DROP TABLE Images",
        "ALTER TABLE Others RENAME TO Images",
    )
    with pytest.raises(DataError, match=r"frames.db: frame 2 is there twice; cure:"):
        DB.probe(path)


@pytest.mark.parametrize("table", ["Images", "Meta"])
def test_a_view_in_place_of_a_table_is_refused(tmp_path: Path, table: str) -> None:
    path = store(tmp_path / "v", flat(2))
    changed(
        path,
        f"ALTER TABLE {table} RENAME TO Others",
        f"CREATE VIEW {table.lower()} AS SELECT * FROM Others",
    )
    for read in (DB.probe, store_meta.read_meta):
        with pytest.raises(DataError, match=rf"(?i)frames.db: {table} is a view; allowed: a plain"):
            read(path)


def test_tables_that_compute_are_refused(tmp_path: Path) -> None:
    path = store(tmp_path / "a", flat(2))
    changed(path, "DROP TABLE Images", "CREATE VIRTUAL TABLE Images USING fts4(ObjId, frames)")
    with pytest.raises(DataError, match="Images is a virtual table; allowed: a plain table"):
        DB.probe(path)
    path = store(tmp_path / "b", flat(2))
    generated = "CREATE TABLE Images (ObjId TEXT, raw BLOB, frames BLOB AS (raw))"
    changed(path, "DROP TABLE Images", generated)
    with pytest.raises(DataError, match="Images has generated columns; allowed: plain ones"):
        DB.probe(path)


def test_a_table_without_row_numbers_is_read(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(3))
    changed(
        path,
        "ALTER TABLE Images RENAME TO Others",
        "CREATE TABLE Images (ObjId TEXT PRIMARY KEY, frames BLOB) WITHOUT ROWID",
        "INSERT INTO Images SELECT ObjId, frames FROM Others",
    )
    assert numbers(DB.read(path, [2, 0], size=None, info=DB.probe(path))) == [2, 0]


def test_values_and_steps_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store(tmp_path / "v", flat(50))
    info = DB.probe(path)
    with monkeypatch.context() as patch:
        patch.setattr(store_file, "MOST_BYTES", 200)
        with pytest.raises(DataError, match=r"not readable as a frame store \(string or blob too"):
            DB.read(path, [0], size=None, info=info)
    with monkeypatch.context() as patch:
        patch.setattr(frame_store, "MOST_FRAMES", 49)
        with pytest.raises(DataError, match="more than 49 frames"):
            DB.probe(path)
    monkeypatch.setattr(store_file, "_STEPS", 10)
    monkeypatch.setattr(store_file, "_STEPS_ANYWAY", 50)
    monkeypatch.setattr(store_file, "_STEPS_A_BYTE", 0)
    with pytest.raises(DataError, match=r"not readable as a frame store \(it takes too many steps"):
        DB.probe(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "frames.db")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "frames.db", tmp_path / "folder"):
        with pytest.raises(
            DataError, match=r"not readable as a frame store \(not a regular file\)"
        ):
            DB.probe(path)


def test_messages_of_sqlite_that_are_no_text_are_refused_by_name(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(2))
    with pytest.raises(DataError, match=r"frames.db: not readable as a frame store"), opened(path):
        raise UnicodeDecodeError("utf-8", b"\xb6", 0, 1, "invalid start byte")


def of_size(data: bytes, height: int, width: int) -> bytes:
    """Returns a JPEG or PNG whose header says another size."""
    if data.startswith(b"\x89PNG"):
        return data[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + data[24:]
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 4 :]


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_pictures_are_bounded_by_their_headers(tmp_path: Path, suffix: str) -> None:
    folder = png_folder(tmp_path / "v", flat(3))
    first = jpegs(flat(1))[0] if suffix == "jpg" else (folder / "0.png").read_bytes()
    (folder / "0.png").unlink()
    (folder / f"0.{suffix}").write_bytes(of_size(first, 60000, 60000))
    with pytest.raises(DataError, match=rf"0.{suffix}: its header says 60000x60000 pixels .*cure:"):
        MEDIA["frame_folder"].probe(folder)
    if suffix == "jpg":
        path = store(tmp_path / "s", flat(2))
        with closing(sqlite3.connect(path)) as db:
            blob = of_size(first, 60000, 60000)
            db.execute("UPDATE Images SET frames = ? WHERE rowid = 1", (blob,))
            db.commit()
        with pytest.raises(DataError, match="frame 1: its header says 60000x60000 pixels"):
            DB.probe(path)
    with pytest.raises(DataError, match=r"x: its header says 0x40 pixels|x: not readable"):
        picture_size(of_size(first, 0, 40), "x")


def test_a_picture_that_is_a_line_is_not_made_huge(tmp_path: Path) -> None:
    info = VideoInfo(3, 1, 65_000, 0.0)
    with pytest.raises(DataError, match=r"v: 1x65000 pixels .*more than 100 times .*no-keep-a"):
        decoded_size(info, options("x").clips, name="v")
    assert decoded_size(info, options("x", keep_aspect=False).clips) == (20, 20)


def test_many_pictures_are_decoded_some_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store(tmp_path / "v", flat(30))
    folder = png_folder(tmp_path / "f", flat(30))
    order = np.random.default_rng(0).permutation(30).tolist()
    for medium, place in ((DB, path), (MEDIA["frame_folder"], folder)):
        info = medium.probe(place)
        with monkeypatch.context() as patch:
            whole = medium.read(place, order, size=(12, 20), info=info)
            patch.setattr(jpeg, "AT_ONCE", 2000)
            assert np.array_equal(medium.read(place, order, size=(12, 20), info=info), whole)


def test_a_store_with_a_rate_and_times_is_read_as_before(tmp_path: Path) -> None:
    path = store(tmp_path / "v", flat(3), fps=29.97, times=[0.0, 0.1, 0.5], other={"a": [1, None]})
    assert DB.probe(path) == VideoInfo(3, 24, 40, 29.97, (0.0, 0.1, 0.5))
    assert json.dumps(store_meta.read_meta(path)["other"]) == '{"a": [1, null]}'
