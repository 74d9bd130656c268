"""Small clips in every medium: frame n is a flat picture of its own brightness."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from connsearch.data.media.decode import write_video
from connsearch.data.media.frame_store import STORE, write_store
from connsearch.data.media.jpeg import encode_jpeg

HEIGHT, WIDTH = 24, 40

Bytes = npt.NDArray[np.uint8]


def flat(count: int, *, height: int = HEIGHT, width: int = WIDTH) -> Bytes:
    """Returns frames whose brightness says their number."""
    frames = np.empty((count, height, width, 3), np.uint8)
    frames[:] = (20 + 4 * np.arange(count, dtype=np.uint8))[:, None, None, None]
    return frames


def numbers(frames: Bytes) -> list[int]:
    """Reads the numbers back."""
    return [round((float(frame.mean()) - 20) / 4) for frame in frames]


def jpegs(frames: Bytes) -> list[bytes]:
    return [encode_jpeg(frame, quality=95) for frame in frames]


def store(folder: Path, frames: Bytes, **meta: object) -> Path:
    write_store(folder, jpegs(frames), meta={"width": frames.shape[2], **meta})
    return folder / STORE


def legacy_store(folder: Path, frames: Bytes, *, columns: int, count: bool) -> Path:
    """Writes what older converters wrote: a key without an index, two or three columns."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / STORE)) as db:
        size = ", size INT" if columns == 3 else ""
        db.execute(f"CREATE TABLE Images (ObjId STRING, frames BLOB{size})")
        for n, data in enumerate(jpegs(frames), start=1):
            row = (f"{folder.name}/frame_{n:05d}", data, frames.shape[2])[:columns]
            db.execute(f"INSERT INTO Images VALUES ({','.join('?' * columns)})", row)
        db.commit()
    if count:
        (folder / "n_frames").write_text(str(len(frames)))
    return folder / STORE


def _video(folder: Path, frames: Bytes) -> Path:
    write_video(folder / "clip.mp4", frames, quality=0)
    return folder / "clip.mp4"


def _store(folder: Path, frames: Bytes) -> Path:
    return store(folder / "clip", frames, fps=12.0)


def _folder(folder: Path, frames: Bytes) -> Path:
    (folder / "clip").mkdir()
    for n, frame in enumerate(frames, start=1):
        (folder / "clip" / f"img_{n:05d}.jpg").write_bytes(encode_jpeg(frame, quality=95))
    return folder / "clip"


def png_folder(folder: Path, frames: Bytes) -> Path:
    folder.mkdir()
    for n, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{n}.png")
    return folder


def changed(path: Path, *statements: str) -> None:
    """Executes statements of SQL in a store that is there."""
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


MAKERS: dict[str, Callable[[Path, Bytes], Path]] = {
    "video": _video,
    "frames_db": _store,
    "frame_folder": _folder,
}
"""How a small clip comes to be in each medium."""
