"""Damaged object maps: the clip is quarantined by name, like one whose video cannot be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.media.objects import read_objects
from connsearch.data.sources.source import read_source
from connsearch.data.tools.check import check_clips
from connsearch.data.tools.pack_store import PackJob, pack_store
from connsearch.data.tools.summary import describe
from connsearch.errors import DataError
from tests.data.helpers import CLASSES, GROUPS, options
from tests.data.test_arrays import npy

ALL = {"val_share": 0.0, "test_share": 0.0, "bad_share": 0.3}
BAD = ("fall/person-b", "sit/person-c", "walk/person-a", "walk/person-f")


@pytest.fixture
def damaged(videos: Path, tmp_path: Path) -> Path:
    """A list of eighteen clips; the maps of four are damaged."""
    shutil.copytree(videos, tmp_path / "clips")
    rows = ["path,label,object"]
    rows += [f"{c}/{g}.mp4,{c},{c}/{g}.npz" for c in CLASSES for g in GROUPS]
    (tmp_path / "clips" / "clips.csv").write_text("\n".join(rows))
    files = [tmp_path / "clips" / f"{name}.npz" for name in BAD]
    for number, file in enumerate(files[:3]):
        content = bytearray(file.read_bytes())
        middle = len(content) // 2 + number
        content[middle : middle + 40] = bytes(40)
        file.write_bytes(content)
    files[3].write_bytes(npy("(12, 99999999, 99999999)"))
    return tmp_path / "clips" / "clips.csv"


@pytest.mark.parametrize("classes", [None, 3])
@pytest.mark.parametrize("check_files", [True, False])
def test_clips_with_damaged_maps_are_quarantined_by_name(
    damaged: Path, classes: int | None, check_files: bool
) -> None:
    asked = options(damaged, object_classes=classes, check_files=check_files, **ALL)
    data = load_data(asked)
    assert data.object_classes == 3  # by the maps that can be read, if nobody says it
    made = list(Loader(data.train).batches(batch_size=6, shuffle=True, augment=True))
    assert sum(len(batch.labels) for batch in made) == 18
    said = {data.train.records[f.index].name: f.reason for b in made for f in b.faults}
    assert sorted(said) == [f"{name}.mp4" for name in BAD]
    assert all(f"{name}.npz: " in said[f"{name}.mp4"] for name in BAD)
    records = [record for _, split in data for record in split.records]
    found = [c for c in check_clips(records, asked) if c.reason is not None]
    assert [c.record.name for c in found] == [f"{name}.mp4" for name in BAD]
    summary = describe(load_data(asked.with_values(bad_share=1.0, check_files=True)))
    assert {fault.name for fault in summary.faults} <= {f"{name}.mp4" for name in BAD}
    assert any("claims" in fault.reason for fault in summary.faults)


def test_more_than_the_share_of_them_are_refused_together(damaged: Path) -> None:
    with pytest.raises(DataError, match="4 of 18 videos unusable") as found:
        load_data(options(damaged, **{**ALL, "bad_share": 0.2}))
    assert all(f"{name}.npz: not readable" in str(found.value) for name in BAD[:3])
    for file in damaged.parent.rglob("*.npz"):
        file.write_bytes(b"no maps")
    with pytest.raises(
        DataError, match=r"(?s)no object map can be read.*begins like neither.*cure:"
    ):
        load_data(options(damaged, check_files=False, **{**ALL, "bad_share": 1.0}))


def test_what_packs_a_damaged_map_refuses_it_by_name(damaged: Path, tmp_path: Path) -> None:
    for record in read_source(options(damaged)).records:
        job = PackJob(
            record.name, record.path, record.medium, record.objects, tmp_path / "out", 16, 90
        )
        if record.name.removesuffix(".mp4") in BAD:
            with pytest.raises(DataError, match=r"person-.\.npz: "):
                pack_store(job)
    assert not (tmp_path / "out").exists()


def test_maps_of_one_clip_are_read_as_they_would_be_alone(videos: Path) -> None:
    path = videos / "walk" / "person-a.npz"
    whole = read_objects(path, frames=12, classes=3)
    assert np.array_equal(read_objects(path, numbers=[3, 3, 0]), whole[[3, 3, 0]])
