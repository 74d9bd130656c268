"""Randomly damaged frame stores: refused by name or read, nothing else, in time and in memory."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading.first_look import checked_record
from connsearch.data.media.store_meta import read_meta
from connsearch.data.records import Record, Span, Window
from tests.data.fuzz import Reader, damaged
from tests.data.helpers import options
from tests.data.media.helpers import flat, jpegs, legacy_store, store

FRAMES = 12
SPANS = (Span(0, 0.0, 1.0),)

SCHEMA = (
    "ALTER TABLE Images RENAME TO Others",
    "DROP TABLE Meta",
    "ALTER TABLE Images RENAME TO Others; CREATE VIEW Images AS SELECT * FROM Others",
    "ALTER TABLE Meta RENAME TO Others; CREATE VIEW Meta AS SELECT 'fps' AS key, '25' AS value",
    "ALTER TABLE Images RENAME COLUMN frames TO pictures",
    "ALTER TABLE Images RENAME COLUMN ObjId TO name",
    "ALTER TABLE Images ADD COLUMN more TEXT",
    "CREATE TABLE Meta2 AS SELECT * FROM Meta; DROP TABLE Meta; "
    "CREATE TABLE Meta (key INT, value BLOB, other); "
    "INSERT INTO Meta SELECT key, value, 1 FROM Meta2",
    "CREATE TABLE I2 AS SELECT * FROM Images; DROP TABLE Images; "
    "CREATE TABLE Images (ObjId TEXT PRIMARY KEY, frames BLOB) WITHOUT ROWID; "
    "INSERT INTO Images SELECT ObjId, frames FROM I2",
    "CREATE TABLE I2 AS SELECT * FROM Images; DROP TABLE Images; "
    "CREATE TABLE Images (ObjId TEXT, raw BLOB, frames BLOB AS (raw)); "
    "INSERT INTO Images SELECT ObjId, frames FROM I2",
    "CREATE TRIGGER t AFTER INSERT ON Images BEGIN DELETE FROM Images; END",
    "CREATE TABLE I2 (ObjId, frames); INSERT INTO I2 SELECT ObjId, frames FROM Images; "
    "DROP TABLE Images; ALTER TABLE I2 RENAME TO Images; "
    "INSERT INTO Images SELECT * FROM Images LIMIT 3",
    "DELETE FROM Images",
    "PRAGMA journal_mode = WAL",
)
KEYS = (
    "v/frame_99999999999999999999",
    "v/frame_999999999",
    "v/frame_00000",
    "v/frame_00001 ",
    "w/frame_00002",
    "frame_00002",
    "v/frame_\u0661\u0661\u0661\u0661\u0661",
    "",
    "x" * 5000,
)
VALUES = (
    "nan", "NaN", "Infinity", "-Infinity", "-5", "0", "1e400", "1e-300", "1e300", "true", "null",
    '"24"', "[24]", "{}", "", "[", "[" * 5000, '{"a":' * 5000, "9" * 5000, "24", "1e9", "0.001",
    json.dumps([n / 10 for n in range(FRAMES)]),
    json.dumps([n / 10 for n in range(FRAMES)][::-1]),
    json.dumps([0] * FRAMES),
    json.dumps([10.0**n for n in range(FRAMES)]),
    json.dumps([0.0, *[1e300] * (FRAMES - 1)]),
    json.dumps([0, "a", None]),
    "[0, NaN]",
    json.dumps(list(range(FRAMES + 3))),
)  # fmt: skip
COUNTS = ("", "-1", "0", "11", "13", "1e3", "999999999999", "9" * 5000, "twelve", "\u0662", "\xff")


def jpeg_of_size(data: bytes, height: int, width: int) -> bytes:
    """Returns a JPEG whose header says another size."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 4 :]


def execute(path: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as db, suppress(sqlite3.Error, UnicodeError):
        if values:
            db.execute(statement, values)
        else:
            db.executescript(statement)
        db.commit()


def damage(path: Path, rng: np.random.Generator) -> None:
    """Damages a store in one way."""
    picked = int(rng.integers(FRAMES)) + 1
    match int(rng.integers(8)):
        case 0 | 1:
            path.write_bytes(damaged(path.read_bytes(), rng))
        case 2:
            execute(path, SCHEMA[int(rng.integers(len(SCHEMA)))])
        case 3 | 4:
            key = str(rng.choice(["fps", "times", "width", "other"]))
            value: object = VALUES[int(rng.integers(len(VALUES)))]
            value = (value, str(value).encode(), 7, None)[int(rng.choice([0, 0, 0, 1, 2, 3]))]
            execute(path, "INSERT OR REPLACE INTO Meta VALUES (?, ?)", (key, value))
        case 5:
            key = KEYS[int(rng.integers(len(KEYS)))]
            execute(path, f"UPDATE Images SET ObjId = ? WHERE rowid = {picked}", (key,))
        case 6:
            (picture,) = jpegs(flat(1))
            sizes = [0, 1, 23, 24, 40, 4000, 65535]
            blobs: list[object] = [
                None,
                7,
                "text",
                b"",
                b"\xff\xd8\xff",
                picture[:200],
                b"x" * 10**6,
            ]
            blobs += [damaged(picture, rng) for _ in range(4)]
            blobs += [jpeg_of_size(picture, *rng.choice(sizes, 2).tolist()) for _ in range(4)]
            blob = blobs[int(rng.integers(len(blobs)))]
            picked = int(rng.choice([1, picked]))
            execute(path, f"UPDATE Images SET frames = ? WHERE rowid = {picked}", (blob,))
        case _:
            count = COUNTS[int(rng.integers(len(COUNTS)))]
            path.with_name("n_frames").write_text(count, encoding="latin-1", errors="replace")


def made(folder: Path, frames: np.ndarray, rng: np.random.Generator) -> Path:
    """Returns a whole store, of ours or of an older writer."""
    match int(rng.integers(4)):
        case 0:
            return legacy_store(folder, frames, columns=2, count=True)
        case 1:
            return store(folder, frames, times=[n / 25 for n in range(FRAMES)], fps=25.0)
        case _:
            return store(folder, frames, fps=25.0)


@pytest.mark.parametrize(
    "count", [80, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])]
)
def test_damaged_stores_are_refused_by_name_or_read(tmp_path: Path, count: int) -> None:
    reader = Reader()
    frames = flat(FRAMES)
    for number in range(count):
        rng = np.random.default_rng([8, number])
        path = made(tmp_path / str(number) / "v", frames, rng)
        for _ in range(int(rng.integers(1, 3))):
            damage(path, rng)
        window = Window(0.1, 0.3) if rng.integers(3) == 0 else None
        record = Record("a clip", path, (0,), medium="frames_db", window=window, spans=SPANS)
        asked = options("x", clip_labels="clip", fps=[None, 7.0][int(rng.integers(2))])
        clips = ClipDataset.of((record,), asked, object_classes=0, num_classes=2)
        works = (
            lambda r=record, o=asked: checked_record(r, o.clips, o.source.clip_labels),
            lambda c=clips: c.clip(ClipKey(0)),
            lambda c=clips: c.clip(ClipKey(0, augment=True)),
            lambda p=path: read_meta(p),
        )
        for work in works:
            reader(path, work, record.name, str(path.with_name("n_frames")))
    print(reader.told())
    assert reader.refused > count / 2
    assert reader.read > count / 5
