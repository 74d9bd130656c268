"""PNG pictures of class numbers: read as stored, and refused before they cost anything."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connsearch.data import bounds
from connsearch.data.media.label_maps import read_labels
from connsearch.data.media.objects import read_objects
from connsearch.data.tools.convert_objects import convert_objects
from connsearch.errors import DataError
from tests.data.test_fuzz_objects import chunk, zlib

_GREY, _PALETTE = 0, 3


def label_png(
    values: np.ndarray, bits: int, colour: int = _GREY, *, interlaced: bool = False
) -> bytes:
    """Returns a PNG that stores those numbers (H, W) in so many bits."""

    def rows(part: np.ndarray) -> bytes:
        out = b""
        for row in part:
            if bits == 16:
                out += b"\0" + row.astype(">u2").tobytes()
                continue
            text = "".join(f"{int(value):0{bits}b}" for value in row)
            text += "0" * (-len(text) % 8)
            out += b"\0" + int(text, 2).to_bytes(len(text) // 8, "big")
        return out

    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2))
    passes = (*passes, (0, 1, 2, 2), (1, 0, 2, 1)) if interlaced else ((0, 0, 1, 1),)
    parts = [values[y::dy, x::dx] for y, x, dy, dx in passes]
    body = b"".join(rows(part) for part in parts if part.size)
    height, width = values.shape
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    palette = chunk(b"PLTE", bytes(range(200, 200 + 3 * 2 ** min(bits, 4))))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", header),
            palette if colour == _PALETTE else b"",
            chunk(b"tRNS", b"\0\1" if colour == _GREY else b"\0"),
            chunk(b"IDAT", zlib.compress(body)),
            chunk(b"IEND", b""),
        ]
    )


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("bits", "colour"),
    [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (1, 3), (2, 3), (4, 3), (8, 3)],
)
def test_numbers_come_out_as_they_are_stored(bits: int, colour: int, interlaced: bool) -> None:
    most = min(2**bits, 16 if colour == _PALETTE else 2**bits, 1000)
    values = (np.arange(11 * 13).reshape(11, 13) * 7) % most
    data = label_png(values, bits, colour, interlaced=interlaced)
    assert read_labels(data, "x.png").tolist() == values.tolist()


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_maps_of_few_bits_are_classes_everywhere(tmp_path: Path, bits: int) -> None:
    values = np.arange(12).reshape(3, 4) % 2**bits
    (tmp_path / "maps").mkdir()
    for number in (1, 2):
        (tmp_path / "maps" / f"{number}.png").write_bytes(label_png(values, bits))
    for maps in (
        read_objects(tmp_path / "maps", frames=2, classes=2**bits),
        convert_objects(tmp_path / "maps"),
        convert_objects(tmp_path / "maps", numbers={n: n for n in range(2**bits)}),
    ):
        assert maps.tolist() == [values.tolist()] * 2


def test_sixteen_bits_hold_large_numbers_that_are_no_classes(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    path = tmp_path / "maps" / "1.png"
    path.write_bytes(label_png(np.array([[0, 300], [2, 1]]), 16))
    with pytest.raises(DataError, match="object classes 0 to 300; allowed: 0 to 255"):
        read_objects(tmp_path / "maps")
    assert convert_objects(tmp_path / "maps", numbers={0: 0, 300: 3, 2: 2, 1: 1}).max() == 3


def test_what_is_no_label_map_is_refused_by_name(tmp_path: Path) -> None:
    values = np.zeros((3, 4), np.uint8)
    good = label_png(values, 8)
    colours, grey_alpha, jpeg = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.new("RGB", (4, 3)).save(colours, "png")
    Image.new("LA", (4, 3)).save(grey_alpha, "png")
    Image.new("L", (4, 3)).save(jpeg, "jpeg")
    large = good[:16] + struct.pack(">II", 60_000, 60_000) + good[24:]
    cases = {
        "colours": (colours.getvalue(), "colour type 2 with 8 bits; expected one channel"),
        "alpha": (grey_alpha.getvalue(), "colour type 4 with 8 bits; expected one channel"),
        "jpeg": (jpeg.getvalue(), "not readable as PNG; read: .* bytes, begins"),
        "torn": (good[:-30], "not readable as PNG"),
        "large": (large, "its header says 60000x60000 pixels .*; allowed: 1 to 67108864 pixels"),
        "none": (good[:16] + bytes(8) + good[24:], "its header says 0x0 pixels"),
        "other": (label_png(np.zeros((3, 5)), 8), "3x5 pixels .*; expected 3x4 like the first"),
    }
    for name, (content, words) in cases.items():
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{number}.png").write_bytes(content if number == 2 else good)
        with pytest.raises(DataError, match=f"{name}/2.png: .*{words}.*cure:"):
            read_objects(tmp_path / name)


def test_files_are_bounded_and_pipes_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "maps").mkdir()
    path = tmp_path / "maps" / "0.png"
    os.mkfifo(path)
    with pytest.raises(DataError, match=r"0.png: not a regular file; cure:"):
        read_objects(tmp_path / "maps")
    with pytest.raises(
        DataError, match=r"0.png: not readable as npy or npz|0.png: not a regular fil"
    ):
        read_objects(path)
    path.unlink()
    path.write_bytes(b"x" * 100)
    with pytest.raises(DataError, match=r"0.png: 100 bytes; allowed: up to 99; cure:"):
        bounds.file_bytes(path, most=99)
