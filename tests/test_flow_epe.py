"""The readers and the measure of the flow benchmark, on files made by hand."""

from __future__ import annotations

import importlib
import struct
import zlib
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def epe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("flow_epe")


def write_flo(path: Path, flow_HW2: npt.NDArray[np.float32]) -> None:
    height, width = flow_HW2.shape[:2]
    head = struct.pack("<fii", 202021.25, width, height)
    path.write_bytes(head + flow_HW2.astype("<f4").tobytes())


def write_png16(path: Path, values_HW3: npt.NDArray[np.uint16]) -> None:
    height, width = values_HW3.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values_HW3)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))]
    parts += [(b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def test_flo_files_are_read_as_x_and_y_and_others_refused(epe: ModuleType, tmp_path: Path) -> None:
    flow = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
    path = tmp_path / "a.flo"
    write_flo(path, flow)
    assert torch.equal(epe.read_flo(path), torch.from_numpy(flow).permute(2, 0, 1))
    whole = path.read_bytes()
    for wrong in (b"PIEG" + whole[4:], whole[:-4], b"PI"):
        path.write_bytes(wrong)
        with pytest.raises(SystemExit, match="flo"):
            epe.read_flo(path)


def test_kitti_flow_keeps_its_16_bits_and_what_is_valid(epe: ModuleType, tmp_path: Path) -> None:
    values = np.full((4, 6, 3), 2**15, np.uint16)
    values[..., 2] = 0
    values[1, 2] = (2**15 + 64 * 3 + 1, 2**15 - 64 * 2, 1)
    write_png16(tmp_path / "flow.png", values)
    flow, known = epe.read_kitti(tmp_path / "flow.png")
    assert known.nonzero().tolist() == [[1, 2]]
    assert flow[:, 1, 2].tolist() == [3 + 1 / 64, -2.0]
    Image.new("RGB", (6, 4)).save(tmp_path / "flow.png")
    with pytest.raises(SystemExit, match="16 bits"):
        epe.read_kitti(tmp_path / "flow.png")


def test_the_stage_beats_zero_on_a_shift_of_one_pixel(epe: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "exact-warp-pairs"
    folder.mkdir()
    y, x = np.mgrid[0:96, 0:129] / 4.0
    wide = (127 + 60 * np.sin(x) + 60 * np.cos(y + x / 3)).astype(np.uint8)
    Image.fromarray(wide[:, 1:]).save(folder / "one_1.png")
    Image.fromarray(wide[:, :-1]).save(folder / "one_2.png")  # all moves right by 1
    flow = np.zeros((96, 128, 2), np.float32)
    flow[..., 0] = 1.0
    write_flo(folder / "one.flo", flow)
    [pair] = epe.pairs(tmp_path)
    assert int(pair.known.sum()) == (96 - 48) * (128 - 48)
    assert epe.errors(torch.zeros(2, 96, 128), pair).mean() == 1.0
    assert epe.errors(torch.full((2, 96, 128), 1.0), pair).mean() == 1.0
    found = epe.found_flow(pair, 40)
    assert epe.errors(found, pair).mean() < 0.5
    assert epe.towards(found, pair) > 0.9
    small = epe.found_flow(pair, 40, 48)
    assert small.shape == found.shape
    assert 0.7 < float(small[0][pair.known].mean()) < 1.3
