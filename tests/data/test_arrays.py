"""npy and npz files of strangers: nothing is made on a header's word, everything has a name."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.media import arrays
from connsearch.data.media.objects import check_objects, greatest_class, read_objects, stored_maps
from connsearch.errors import DataError

MAPS = np.arange(7 * 6 * 5).reshape(7, 6, 5).astype(np.uint8) % 9


def npy(shape: str, descr: str = "'|u1'", content: bytes = b"", major: int = 1) -> bytes:
    """Returns an npy file whose header says that."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode("latin1")
    return b"\x93NUMPY" + bytes([major, 0]) + struct.pack("<H", len(text)) + text + content


def zipped(content: bytes, kind: int = zipfile.ZIP_DEFLATED, name: str = "classes.npy") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["u1", ">i2", "<i8", "?", ">u4"])
def test_every_order_and_byte_order_is_read(
    tmp_path: Path, order: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "_BLOCK", 64)  # many blocks
    stored = np.asarray(MAPS % 2 if kind == "?" else MAPS, np.dtype(kind), order=order)
    np.save(tmp_path / "a.npy", stored)
    np.savez_compressed(tmp_path / "b.npz", classes=stored)
    np.savez(tmp_path / "c.npz", stored)
    wanted = [6, 0, 3, 3]
    for name in ("a.npy", "b.npz", "c.npz"):
        path = tmp_path / name
        assert np.array_equal(read_objects(path, frames=7), stored.astype(np.uint8))
        assert np.array_equal(read_objects(path, numbers=wanted), stored[wanted].astype(np.uint8))
        assert np.array_equal(stored_maps(path, wanted), stored[wanted])
        scaled = read_objects(path, numbers=[2], size=(3, 10))
        assert np.array_equal(scaled[0], stored.astype(np.uint8)[2][1::2][:, np.arange(10) // 2])
        assert greatest_class(path) == int(stored.max())


REFUSED = {
    "terabytes": (npy("(1048576, 1024, 1024)"), "claims 1099511627776 bytes.* there are 0"),
    "more than is there": (npy("(2, 3, 4)", content=bytes(23)), "claims 24 bytes.*there are 23"),
    "negative": (npy("(-2, 3, 4)", content=bytes(24)), r"the shape \(-2, 3, 4\)"),
    "nothing": (npy("(0, 3, 4)"), "expected .frames, H, W."),
    "two axes": (npy("(3, 4)", content=bytes(12)), r"object maps of shape \(3, 4\)"),
    "objects": (npy("(1,)", "'|O'", bytes(99)), "not readable .*objects"),
    "structured": (npy("(1, 1, 1)", "[('a', '<i4')]", bytes(4)), "expected whole numbers"),
    "letters": (npy("(1, 1, 1)", "'<U2'", bytes(8)), "expected whole numbers"),
    "no size": (npy("(1, 1, 1)", "'|S0'"), "an array of .S0"),
    "half a line": (b"\x93NUMPY\1\0\3\0{'\n", "not readable as npy or npz"),
    "a deep header": (npy("(" * 900), "not readable as npy or npz"),
    "a long header": (npy("(" + "1," * 9000 + ")"), "not readable as npy or npz"),
    "a later version": (npy("(1, 1, 1)", content=b"1", major=3), r"npy version \(3, 0\)"),
    "a huge header": (b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(99), "a header of 4294967295 bytes"),
    "something else": (b"hello, maps", "begins like neither"),
    "empty": (b"", "begins like neither"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_wrong_headers_are_refused_by_name(tmp_path: Path, name: str, packed: bool) -> None:
    content, words = REFUSED[name]
    path = tmp_path / "maps.npz"
    path.write_bytes(zipped(content) if packed else content)
    if packed and "neither" in words:
        words = "magic string|EOF|not readable"
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=f"maps.npz: .*({words})"):
            check_objects(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def patched(data: bytes, place: int, value: bytes) -> bytes:
    """Returns a zip with other bytes at a place of its directory's only entry."""
    at = data.index(b"PK\1\2") + place
    return data[:at] + value + data[at + len(value) :]


def test_wrong_directories_are_refused_by_name(tmp_path: Path) -> None:
    good = zipped(npy("(2, 3, 4)", content=bytes(24)))
    end = good.index(b"PK\5\6")
    cases = {
        "encrypted": (patched(good, 8, b"\1\0"), "encrypted; allowed: no password"),
        "method": (patched(good, 10, b"\x63\0"), "compression method 99; allowed: stored or def"),
        "lzma": (zipped(npy("(1, 1, 1)", content=b"1"), zipfile.ZIP_LZMA), "method 14; allowed"),
        "size": (patched(good, 24, b"\0\0\0\x70"), "its directory says 1879048192 bytes, packed"),
        "sum": (patched(good, 16, b"abcd"), "not readable as npy or npz .*CRC"),
        "names": (zipped(b"", name="a.npy").replace(b"a.npy", b"a.txt"), "not readable as npy"),
        "directory": (good[: end + 12] + b"\xff\xff\xff\x7f" + good[end + 16 :], "not readable"),
        "cut off": (good[:-30], "not readable as npy or npz"),
        "stored": (
            zipped(npy("(2, 3, 4)", content=bytes(23)), zipfile.ZIP_STORED),
            "claims 24 bytes",
        ),
    }
    for name, (content, words) in cases.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{name}.npz: .*{words}.*cure:"):
            read_objects(path)
    np.savez(tmp_path / "none.npz")
    with pytest.raises(DataError, match="arrays none; expected: classes"):
        read_objects(tmp_path / "none.npz")


def test_little_is_held_of_what_is_not_wanted(tmp_path: Path) -> None:
    path = tmp_path / "long.npz"
    np.savez_compressed(path, classes=np.zeros((400, 256, 256), np.int64))  # 200 MB as unpacked
    tracemalloc.start()
    try:
        assert read_objects(path, frames=400, numbers=[399], size=(8, 8)).shape == (1, 8, 8)
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


def test_limits_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "maps.npy", MAPS)
    with monkeypatch.context() as patch:
        patch.setattr(arrays, "MOST_ARRAY", 100)
        with pytest.raises(DataError, match=r"claims 210 bytes.*allowed are 100"):
            check_objects(tmp_path / "maps.npy")
    monkeypatch.setattr(arrays, "MOST_SLICE", 29)
    with pytest.raises(DataError, match=r"maps.npy: one of its maps has 30 bytes; allowed: 29"):
        read_objects(tmp_path / "maps.npy")


def test_pipes_and_missing_files_are_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match=r"pipe.npz: not a regular file"):
        check_objects(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match=r"gone.npz: not readable .*No such file"):
        check_objects(tmp_path / "gone.npz")
