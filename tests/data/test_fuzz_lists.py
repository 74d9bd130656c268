"""Damaged and strange lists: a data set that holds together, or a DataError. Nothing else."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connsearch.data.records import SPLITS, Source
from connsearch.data.sources.source import read_source
from connsearch.data.sources.splits import split_records
from connsearch.errors import DataError
from tests.data.helpers import options

FEW, FULL = 120, 1000
SECONDS, BYTES = 5.0, 10**9

# fmt: off
CELLS = [
    "", " ", "a.mp4", "b.mp4", "in/c.mp4", "./a.mp4", "in/../a.mp4", "v", "gone.mp4", "s/frames.db",
    "/", "/dev/zero", "/dev/stdin", ".", "..", "~", "a.mp4/", "a\\b.mp4", "A.MP4", "c.npz", "|",
    "p" * 300, "q" * 5000, "in/" * 2000, "a" * 140_000, "x", "y", "x|y", "x||y", "train", "VAL",
    "test", "dev", "exclude", "extra-1", "all", "0", "-0", "1", "2.5", "1e3", "1e999", "-1", "nan",
    "inf", "-inf", "1_0", "٣", "9" * 400, "9" * 5000, "0x1", "x 0 1", "x 0 1|y 1 2", "x 1e999 1",
    "x 0 nan", "x 0", "frames", "seconds", "video", "frames_db", "frame_folder", "=1+1", "\u202e",
    "\x1b[31m", "\0", "a\0.mp4", '"', '""', "'", "a,b", "a\nb", "\ufeff", "\u2028", "\U0001f600",
    "25", "30000/1001",
]
# fmt: on
USUAL = {
    "path": ["a.mp4", "in/c.mp4", "v", "s/frames.db", *(f"{n}.mp4" for n in range(296))],
    **{name: [str(n) for n in range(300)] for name in ("id", "video_id", "youtube_id", "video")},
    **{name: ["x", "y", "brush hair"] for name in ("label", "labels")},
    "split": ["train", "val", "test", ""],
    "start": ["", "0", "0"],
    "end": ["", "2", "3"],
    "unit": ["seconds", "seconds", "frames"],
    "clip_name": [f"clip {n}" for n in range(300)],
    "fps": ["", "25"],
}
"""What such a column holds where nothing is wrong with it; others hold nothing."""
HEADERS = (
    "path label labels group subject split object clip_name medium start end unit spans fps id "
    "video_id youtube_id video time_start time_end remark"
).split()
CODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1", "cp037")


def table(rng: random.Random) -> str:
    """Returns a CSV of strange cells under known and unknown headers."""
    header = rng.sample(HEADERS, rng.choice([1, 1, 2, 8]))
    if rng.random() < 0.9:
        header = list(
            dict.fromkeys(
                [
                    rng.choice(["path", "path", "id"]),
                    rng.choice(["label", "label", "labels"]),
                    *header,
                ]
            )
        )
    if rng.random() < 0.05:
        header.append(rng.choice(HEADERS))
    if rng.random() < 0.03:
        header += [f"c{n}" for n in range(20_000)]
    mark = rng.choice("," * 40 + ";\t| ")
    quote = rng.random() < 0.7
    count, strange = rng.choice([0, 1, 2, 5, 30]), rng.choice([0.0, 0.0, 0.0, 0.0, 0.03, 0.3])
    places = rng.sample(range(300), count)
    one = rng.randrange(max(1, count)), rng.choice(header[:40])
    lines = [mark.join(header)]
    for row, place in enumerate(places):
        cells: list[str] = []
        for name in header[:40]:
            usual = USUAL.get(name, [""])
            odd = rng.random() < strange or (row, name) == one
            cell = rng.choice(CELLS) if odd else usual[place % len(usual)]
            plain = cell.replace('"', '""')
            cells.append(f'"{plain}"' if quote and set(cell) & set(',"\n') else cell)
        cells += [""] * (len(header) - len(cells))
        lines.append(mark.join(cells[: len(cells) - (rng.random() < strange / 10)]))
    return rng.choice(["\n", "\n", "\r\n", "\r"]).join(lines)


def path_list(rng: random.Random) -> str:
    """Returns lines of paths, numbers and labels with blanks between."""
    words = [*USUAL["path"], "gone.mp4", "0", "1", "12", "x", "7 7", " " * 200, "\t", "v 2"]
    rows = (
        " ".join(rng.choice(words) for _ in range(rng.randint(1, 4)))
        for _ in range(rng.choice([1, 3, 20]))
    )
    return "\n".join(rows)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Returns the bytes with some of them changed, lost, repeated or put in."""
    out = bytearray(content)
    for _ in range(rng.choice([0, 0, 1, 3, 20])):
        place = rng.randrange(len(out) + 1)
        match rng.randrange(5):
            case 0 if out:
                out[place % len(out)] = rng.randrange(256)
            case 1:
                out[place:place] = rng.randbytes(rng.choice([1, 4, 50]))
            case 2:
                del out[place : place + rng.choice([1, 10, 1000])]
            case 3:
                out[place:place] = rng.choice(
                    [b'"', b",", b"\0", b"\n", b"\r", b" ", b"\xef\xbb\xbf"]
                )
            case _:
                out += out[: rng.choice([5, 500])]
    return bytes(out)


def one(rng: random.Random) -> bytes:
    """Returns one file."""
    make: Callable[[random.Random], str] = rng.choice([table, table, table, path_list])
    coding = rng.choice(CODINGS) if rng.random() < 0.2 else "utf-8"
    content = make(rng).encode(coding, "replace")
    kind = rng.random()
    if kind < 0.01:
        content = rng.randbytes(100_000)
    elif kind < 0.02:
        content += b"a.mp4," + b" " * 3_000_000 + b"\n"
    elif kind < 0.03:
        content += b"a.mp4,x\n" * 200_000
    elif kind < 0.04:
        content += (b"w" + b" " * 60_000 + b"7 ") * 20
    return damaged(content, rng) if len(content) < 10**6 and rng.random() < 0.3 else content


def holds_together(source: Source) -> None:
    """Refuses a data set of which a part says something impossible."""
    names = [record.name for record in source.records]
    assert len(set(names)) == len(names)
    assert len(set(source.classes)) == len(source.classes)
    for record in source.records:
        assert record.path.exists()
        assert record.split in (None, *SPLITS)
        assert all(0 <= label < len(source.classes) for label in record.labels)
        assert all(span.label in record.labels for span in record.spans)
        if record.window is not None:
            assert 0 <= record.window.start < record.window.end


def fuzz(folder: Path, count: int, *, seed: int) -> dict[str, int]:
    """Reads that many lists; returns how many were read, and how many refused (then or split)."""
    for name in ("a.mp4", "b.mp4", "in/c.mp4", "in/c.npz", "v/1.jpg", "s/frames.db", "7 7.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    for number in range(300):
        (folder / f"{number}.mp4").touch()
    found, said = {"read": 0, "refused": 0}, 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        path = folder / rng.choice(["list.csv", "list.csv", "list.csv", "list.txt"])
        path.write_bytes(one(rng))
        chosen = options(path, videos=folder if rng.random() < 0.1 else None)
        start = time.process_time()
        try:
            source = read_source(chosen)
            holds_together(source)
            found["read"] += 1
            split_records(source, chosen.split)
        except DataError as error:
            found["refused"] += 1
            said = max(said, len(str(error)))
        except Exception as error:
            raise AssertionError(f"file {number} of seed {seed}: {error!r}") from error
        assert time.process_time() - start < SECONDS, f"file {number} of seed {seed}"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < BYTES
    assert said < 20_000, f"a message of {said} letters"
    return found


def test_strange_lists_are_read_or_refused(tmp_path: Path) -> None:
    found = fuzz(tmp_path, FEW, seed=0)
    assert sum(found.values()) >= FEW
    assert min(found.values()) > FEW // 20


@pytest.mark.slow
def test_a_thousand_strange_lists_are_read_or_refused(tmp_path: Path) -> None:
    found = fuzz(tmp_path, FULL, seed=1)
    assert sum(found.values()) >= FULL
    assert min(found.values()) > FULL // 20
