"""Randomly damaged object maps: refused by name or read, nothing else, in time and in memory."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connsearch.data.media.objects import check_objects, greatest_class, read_objects
from connsearch.data.tools.convert_objects import convert_objects
from tests.data.fuzz import Reader, damaged

FRAMES = 5
MAPS = np.arange(FRAMES * 12 * 16).reshape(FRAMES, 12, 16).astype(np.uint8) % 4

HEADERS = (
    "{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }",
    "{'descr': '<i8', 'fortran_order': True, 'shape': (5, %s), }",
    "{'descr': %s, 'fortran_order': False, 'shape': (5, 12, 16), }",
    "{'descr': '|u1', 'fortran_order': %s, 'shape': (5, 12, 16), }",
    "{'descr': '|u1', 'shape': (5, 12, 16), %s}",
    "%s",
)
WORDS = (
    "5, 12, 16",
    "9999999999, 99999, 99999",
    "-5, 12, 16",
    "0, 0, 0",
    "5, 12, 16, 1",
    "True, True, True",
    "1e9",
    "'|O'",
    "'<U9'",
    "'|V0'",
    "'|S0'",
    "'>u2'",
    "[('a', '<i4'), ('b', '|O')]",
    "('<i4', (99999, 99999))",
    "{" * 60,
    "(" * 300,
    "-" * 3000 + "1",
    "[" * 90 + "]" * 90,
    "'",
    "'''",
    "\x00",
    "1" * 5000,
    "None",
    "lambda: 1",
    "\\",
)


def npy(rng: np.random.Generator) -> bytes:
    """Returns an npy file of a kind that people write."""
    kinds = ("u1", "i8", ">i4", "<u2", "?", "f4", "i1")
    array = MAPS.astype(kinds[int(rng.integers(len(kinds)))])
    buffer = io.BytesIO()
    np.save(buffer, np.asfortranarray(array) if rng.integers(2) else array)
    return buffer.getvalue()


def with_header(rng: np.random.Generator) -> bytes:
    """Returns an npy file whose header says something else than is there."""
    word = WORDS[int(rng.integers(len(WORDS)))]
    text = (HEADERS[int(rng.integers(len(HEADERS)))] % word).encode("latin1") + b"\n"
    major = int(rng.choice([1, 1, 1, 2, 3, 9]))
    length = len(text) if rng.integers(4) else int(rng.integers(2**16))
    size = struct.pack("<H" if major == 1 else "<I", length)
    return b"\x93NUMPY" + bytes([major, 0]) + size + text + MAPS.tobytes()


def npz(rng: np.random.Generator) -> bytes:
    """Returns an npz file, whose array may be damaged before it is packed."""
    content = (npy, with_header)[int(rng.integers(2))](rng)
    if rng.integers(3) == 0:
        content = damaged(content, rng)
    kind = int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, 12]))
    name = str(rng.choice(["classes.npy", "other.npy", "classes", "a/b.npy", ".npy"]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr(name, content)
        if rng.integers(4) == 0:
            archive.writestr("classes.npy" if rng.integers(2) else "more.npy", b"more")
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """Returns one chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(rng: np.random.Generator) -> bytes:
    """Returns a PNG label map; what its header says may be wrong, with a right check sum."""
    bits, colour = ((1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (4, 3), (8, 3))[int(rng.integers(7))]
    width, height = 16, 12
    rows = b"".join(b"\0" + rng.bytes(width * bits // 8) for _ in range(height))
    if rng.integers(3) == 0:
        width, height, bits, colour = (
            int(rng.choice([0, 1, 16, 17, 8000, 2**16, 2**31 - 1, 2**32 - 1])),
            int(rng.choice([0, 1, 12, 13, 8000, 2**16, 2**31 - 1, 2**32 - 1])),
            int(rng.choice([0, 1, 2, 3, 4, 8, 16, 32, 255])),
            int(rng.choice([0, 1, 2, 3, 4, 6, 7])),
        )
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(rng.integers(3)) // 2)
    parts = [chunk(b"IHDR", header)]
    if colour == 3:
        parts.append(chunk(b"PLTE", rng.bytes(int(rng.integers(0, 300)))))
    if rng.integers(3) == 0:
        kind = bytes(rng.choice(list(b"abtTXiIRNSs"), 4).tolist())
        known = (b"tRNS", b"iCCP", b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"acTL", b"IHDR", kind)
        parts.append(chunk(known[int(rng.integers(len(known)))], rng.bytes(int(rng.integers(40)))))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [*parts, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    )


def file_of(make: Callable[[np.random.Generator], bytes], suffix: str):
    """Returns what writes one damaged file, and says where."""

    def write(folder: Path, rng: np.random.Generator) -> Path:
        content = make(rng)
        path = folder / f"maps{suffix}"
        path.write_bytes(content if rng.integers(4) == 0 else damaged(content, rng))
        return path

    return write


def folder_of_pngs(folder: Path, rng: np.random.Generator) -> Path:
    """Writes a folder of maps: one of them damaged, missing, double or something else."""
    path = folder / "maps"
    path.mkdir()
    for number in range(FRAMES):
        Image.fromarray(MAPS[number]).save(path / f"{number}.png")
    victim = path / f"{int(rng.integers(FRAMES))}.png"
    content = png(rng) if rng.integers(2) else victim.read_bytes()
    victim.write_bytes(content if rng.integers(3) == 0 else damaged(content, rng))
    match int(rng.integers(8)):
        case 0:
            victim.rename(victim.with_name(str(rng.choice(["09.PNG", ".x.png", "2.jpg", "x.png"]))))
        case 1:
            victim.unlink()
            victim.mkdir()
        case _:
            pass
    return path


WRITERS = (
    file_of(npy, ".npy"),
    file_of(with_header, ".npy"),
    file_of(npz, ".npz"),
    file_of(npz, ".npz"),
    folder_of_pngs,
    folder_of_pngs,
)


@pytest.mark.filterwarnings("ignore::UserWarning")  # zipfile, of names that stand twice
@pytest.mark.parametrize(
    "count", [150, pytest.param(3000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])]
)
def test_damaged_object_maps_are_refused_by_name_or_read(tmp_path: Path, count: int) -> None:
    reader = Reader()
    for number in range(count):
        rng = np.random.default_rng([7, number])
        folder = tmp_path / str(number)
        folder.mkdir()
        path = WRITERS[number % len(WRITERS)](folder, rng)
        reader(path, lambda p=path: check_objects(p, frames=FRAMES))
        reader(path, lambda p=path: read_objects(p, frames=FRAMES, numbers=[0, 3], size=(9, 9)))
        reader(path, lambda p=path: greatest_class(p))
        reader(path, lambda p=path: convert_objects(p, levels=(1.0, 2.0)))
    print(reader.told())
    assert reader.refused > count
    assert reader.read > count / 5
