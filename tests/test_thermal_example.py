"""The conversion of thermal recordings: on a made recording with one warm spot that moves."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.loading.load import load_data
from connsearch.data.media.decode import write_video
from connsearch.data.options import DataOptions

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "thermal_maps.py"


def test_the_warm_spot_lands_where_the_video_shows_it(tmp_path: Path) -> None:
    example = runpy.run_path(str(SCRIPT))
    thermal = np.full((40, 24, 32), 27.0, np.float16)
    thermal += np.random.default_rng(0).normal(0, 3, (24, 32))  # the sensor's pattern
    for row in range(40):
        thermal[row, 10:14, 4 + row % 20 : 8 + row % 20] += 1.8
    (tmp_path / "thermal").mkdir()
    np.save(tmp_path / "thermal" / "a.npy", thermal)
    lines = ["path,label,group,split,frames,source_video,source_start"]
    for name, label, video in (("x", "go", "a"), ("y", "stay", "a"), ("z", "stay", "b")):
        write_video(tmp_path / f"{name}.mp4", np.zeros((30, 60, 80, 3), np.uint8), fps=25)
        lines.append(f"{name}.mp4,{label},r-{video},train,30,{video}.mp4,31")
    (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
    places = str(tmp_path / "clips.csv"), str(tmp_path / "thermal"), str(tmp_path / "out")
    assert example["main"](*places) == 0
    options = DataOptions.of(
        source=str(tmp_path / "out" / "clips.csv"), val_share=0, test_share=0, frames=4, size=16
    )
    data = load_data(options)
    assert [r.name for r in data.train.records] == ["../x.mp4", "../y.mp4"]  # b has no array
    assert data.object_classes == 3
    maps = np.load(tmp_path / "out" / "x.npz")["classes"]
    assert maps.shape == (30, 18, 24)
    row = round((31 + 6) / 3.08) + 2
    expected = np.zeros((18, 24))
    expected[5:9, row % 20 : row % 20 + 4] = 2  # rows from 5, columns from 4 are seen
    assert (maps[6] == expected).all()


def test_where_the_data_is_absent_the_script_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = runpy.run_path(str(SCRIPT))
    assert example["main"](str(tmp_path / "no.csv"), str(tmp_path), str(tmp_path / "out")) == 0
    assert capsys.readouterr().out.startswith("skipped: there is no ")
    assert not (tmp_path / "out").exists()
