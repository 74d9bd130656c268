"""Clips of one video file are never on two lists, whatever their paths are called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.records import Record, Source, Split, Window
from connsearch.data.sources.source import read_source
from connsearch.data.sources.splits import halve, rules_differ, split_records, torn_videos
from connsearch.data.sources.units import units_of
from connsearch.data.tools.pack import pack
from connsearch.errors import DataError
from tests.data.helpers import CLASSES, options
from tests.data.media.helpers import MAKERS, flat

VIDEOS, PARTS = 12, 3


def windows(folder: Path, *, group: str = "", split: Sequence[Split | None] = (None,)) -> Source:
    """Returns three clips of each of twelve files, of two classes."""
    records: list[Record] = []
    for v in range(VIDEOS):
        path = folder / f"v{v:02d}.mp4"
        path.touch()
        for p in range(PARTS):
            window = Window(4 * p, 4 * p + 4, "frames")
            given = split[len(records) % len(split)]
            name = f"{path.name}#{4 * p}-{4 * p + 4}"
            records.append(Record(name, path, (v % 2,), group, given, window=window))
    return Source("mine.csv", ("a", "b"), tuple(records), 0)


def files(records: Sequence[Record]) -> set[Path]:
    return {record.path.resolve() for record in records}


def apart(lists: Sequence[Sequence[Record]]) -> bool:
    """Returns whether no file is on two of the lists."""
    held = [files(records) for records in lists]
    return sum(map(len, held)) == len(set[Path]().union(*held))


@pytest.mark.parametrize("split_by", ["group", "clip"])
@pytest.mark.parametrize("seed", range(3))
def test_windows_of_one_video_stay_together(tmp_path: Path, split_by: str, seed: int) -> None:
    source = windows(tmp_path)
    lists = split_records(source, options("x", seed=seed, split_by=split_by).split)
    assert all(lists.values())
    assert apart(list(lists.values()))
    assert not torn_videos(lists)
    before = split_records(source, options("x", seed=seed, split_by=split_by).split, reading=1)
    assert not apart(list(before.values()))
    assert rules_differ(source.records, options("x", split_by=split_by).split.split_by)


@pytest.mark.parametrize("split_by", ["group", "clip"])
def test_halves_of_a_bilevel_search_keep_them_together(tmp_path: Path, split_by: str) -> None:
    records = windows(tmp_path).records
    for seed in range(3):
        first, second = halve(
            "mine", records, options("x", split_by=split_by).split.split_by, seed=seed
        )
        assert apart([[records[i] for i in first], [records[i] for i in second]])
        assert len(first) + len(second) == len(records)


def test_a_file_is_known_by_every_name_it_has(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    real = tmp_path / "a.mp4"
    real.write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to(real)
    (tmp_path / "linked").symlink_to(tmp_path, target_is_directory=True)
    os.link(real, tmp_path / "hard.mp4")
    (tmp_path / "copy.mp4").write_bytes(b"x")
    names = ["a.mp4", "inner/../a.mp4", "link.mp4", "linked/a.mp4", "hard.mp4", "copy.mp4"]
    units = units_of([Record(name, tmp_path / name, (0,)) for name in names])
    assert units == ["group a.mp4"] * 5 + ["clip copy.mp4"]


def test_groups_and_files_that_hang_together_are_one_unit() -> None:
    rows = [
        ("1", "u", "ann"),
        ("2", "v", "ann"),
        ("3", "v", "bob"),
        ("4", "w", "bob"),
        ("5", "x", ""),
    ]
    records = [Record(name, Path(path), (0,), group) for name, path, group in rows]
    assert units_of(records) == ["group ann"] * 4 + ["clip 5"]
    by_file = ["clip 1", "group 2", "group 2", "clip 4", "clip 5"]
    assert units_of(records, split_by="clip") == by_file


def test_without_shared_files_the_units_are_those_of_before() -> None:
    rows = [("1", "ann"), ("2", ""), ("3", "bob"), ("4", "ann")]
    records = [Record(name, Path(f"{name}.mp4"), (0,), group) for name, group in rows]
    assert units_of(records) == [record.unit for record in records]
    assert not rules_differ(records, options("x").split.split_by)


def test_given_lists_that_tear_a_video_are_refused_or_told(tmp_path: Path) -> None:
    source = windows(tmp_path, split=("train", "train", "test"))
    with pytest.raises(
        DataError, match=r"(?s)groups or videos in two splits.*v00.mp4#0-4: train and"
    ):
        split_records(source, options("x", val_share=0).split)
    lists = split_records(source, options("x", val_share=0, split_by="clip").split)
    assert len(torn_videos(lists)) == VIDEOS
    published = split_records(replace(source, published=True), options("x", val_share=0).split)
    assert [len(records) for records in published.values()] == [24, 0, 12]


def test_one_video_cannot_be_divided(tmp_path: Path) -> None:
    source = windows(tmp_path)
    one = replace(source, records=source.records[:PARTS])
    with pytest.raises(DataError, match=r"1 video\(s\) cannot be divided into 3 splits"):
        split_records(one, options("x", split_by="clip").split)
    with pytest.raises(DataError, match=r"1 video\(s\) cannot be divided") as refused:
        split_records(one, options("x").split)
    assert "--split-by clip" not in str(refused.value)  # that would change nothing


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of windows of nine videos; one is listed under two paths, one has a group."""
    folder = tmp_path_factory.mktemp("windows")
    rows = ["path,label,start,end,unit,group"]
    for v in range(9):
        (folder / f"{v}").mkdir()
        path = MAKERS["video"](folder / f"{v}", flat(12))
        name = path.relative_to(folder).as_posix()
        for p, start in enumerate((0, 4, 8)):
            called = f"{v}/../{name}" if (v, p) == (0, 2) else name
            group = "ann" if (v, p) in ((1, 0), (2, 0)) else ""
            rows.append(f"{called},{CLASSES[v % 3]},{start},{start + 4},frames,{group}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder / "clips.csv"


def names(data: DataSplits) -> list[list[str]]:
    return [[record.name for record in clips.records] for _, clips in data]


def test_a_packed_list_is_split_as_the_videos_are(listing: Path, tmp_path: Path) -> None:
    list(pack(read_source(options(listing)), tmp_path, workers=1))
    assert len(list(tmp_path.rglob("frames.db"))) == 9
    packed = read_source(options(tmp_path))
    assert all(record.group for record in packed.records)
    for seed in range(3):
        before = load_data(options(listing, seed=seed))
        after = load_data(options(tmp_path, seed=seed))
        assert names(before) == names(after)
        assert apart([clips.records for _, clips in before])
        halves = [
            halve("x", d.train.records, options("x").split.split_by, seed=seed)
            for d in (before, after)
        ]
        assert halves[0] == halves[1]


def test_stores_of_one_video_with_other_maps_stay_together(tmp_path: Path) -> None:
    for name in "vw":
        (tmp_path / name).mkdir()
    video = MAKERS["video"](tmp_path / "v", flat(6))
    other = MAKERS["video"](tmp_path / "w", flat(6))
    for n in range(2):
        np.savez_compressed(tmp_path / f"{n}.npz", classes=np.full((6, 24, 40), n, np.uint8))
    records = [
        Record("a", video, (0,), "ann", objects=tmp_path / "0.npz"),
        Record("b", video, (1,), "bob", objects=tmp_path / "1.npz"),
        Record("c", other, (1,), "bob", objects=tmp_path / "1.npz"),
        Record("d", other, (0,), "", objects=tmp_path / "0.npz"),
    ]
    list(pack(Source("made", ("x", "y"), tuple(records), 2), tmp_path / "out", workers=1))
    again = read_source(options(tmp_path / "out"))
    assert len({record.path for record in again.records}) == 4
    assert units_of(again.records) == units_of(records) == ["group ann"] * 4
