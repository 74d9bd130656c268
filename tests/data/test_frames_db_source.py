from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from connsearch.data.loading.load import load_data
from connsearch.data.records import Source
from connsearch.data.sources.datasets.frames_db import read_frames_db
from connsearch.errors import DataError
from tests.data.helpers import options
from tests.data.media.helpers import flat, legacy_store

TRAIN = "label,youtube_id,time_start,time_end,split\nwalk,v1,1,11,train\nrun,v2,0.0,10.0,train\n"
VAL = "label,youtube_id,time_start,time_end,split\nrun,v3,5,15,val\nwalk,gone,1,2,val\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small data set in the published layout."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "kinetics-400_train.csv").write_text(TRAIN)
    (tmp_path / "labels" / "kinetics-400_val.csv").write_text(VAL)
    stores = tmp_path / "data" / "kinetics_videos" / "jpg"
    for place in ("walk/v1_000001_000011", "run/v2_000000_000010", "run/v3_000005_000015"):
        legacy_store(stores / place, flat(8), columns=3, count=True)
    return tmp_path


def read(root: Path, **changes: object) -> Source:
    place = root / "data" / "kinetics_videos"
    return read_frames_db(str(place), options(f"frames_db:{place}", **changes))


def test_the_published_layout_is_read(root: Path) -> None:
    source = read(root)
    assert source.classes == ("run", "walk")
    assert [(r.name, r.label, r.group, r.split, r.medium) for r in source.records] == [
        ("walk/v1_000001_000011", 1, "v1", "train", "frames_db"),
        ("run/v2_000000_000010", 0, "v2", "train", "frames_db"),
        ("run/v3_000005_000015", 0, "v3", "test", "frames_db"),
    ]
    assert source.notes == ("kinetics-400_val.csv: 1 of 2 clips do not exist",)
    assert source.published


def test_its_clips_load(root: Path) -> None:
    place = root / "data" / "kinetics_videos"
    data = load_data(options(f"frames_db:{place}", val_share=0.0))
    assert (len(data.train), len(data.test)) == (2, 1)


def test_a_test_list_leaves_val_to_select_by(root: Path) -> None:
    labels = root / "labels"
    (labels / "kinetics-400_test.csv").write_text((labels / "kinetics-400_val.csv").read_text())
    (labels / "kinetics-400_val.csv").write_text(TRAIN)
    splits = sorted(str(r.split) for r in read(root).records)
    assert splits == ["test", "train", "train", "val", "val"]


def test_lists_without_times_name_the_folder_by_id(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "diving48_train.csv").write_text("label,id,split\n3, a-b ,train\n")
    place = tmp_path / "data" / "Diving48_videos"
    legacy_store(place / "jpg" / "3" / "a-b", flat(3), columns=2, count=False)
    source = read_frames_db(str(place), options(place))
    assert [r.name for r in source.records] == ["3/a-b"]


def test_an_unknown_class_in_val_is_refused(root: Path) -> None:
    path = root / "labels" / "kinetics-400_val.csv"
    path.write_text(VAL.replace("run", "rum"))
    with pytest.raises(
        DataError, match=r"400_val.csv: classes that kinetics-400_train.csv does.*\n"
    ):
        read(root)


def test_one_of_several_lists_is_named_by_the_protocol(root: Path) -> None:
    shutil.copy(
        root / "labels" / "kinetics-400_train.csv", root / "labels" / "kinetics-200_train.csv"
    )
    with pytest.raises(
        DataError, match=r"several lists of kinetics; read: .*-200_train.csv, .*-400"
    ):
        read(root)
    assert len(read(root, protocol="kinetics-400").records) == 3
    with pytest.raises(
        DataError, match=r"(?s)no lists of kinetics-300; .*cure: name one with --protocol"
    ):
        read(root, protocol="kinetics-300")


def test_lists_of_exactly_the_name_of_the_folder_come_first(root: Path) -> None:
    labels = root / "labels"
    shutil.copy(labels / "kinetics-400_train.csv", labels / "Kinetics_train.csv")
    source = read(root)
    assert [r.split for r in source.records] == ["train", "train"]
    assert source.notes == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label,name\nwalk,v1\n", r"columns label, name; expected: label, youtube_id or id"),
        ("label,id\nwalk,../v1\n", r"rows that cannot be used\n  line 2: walk,../v1"),
        ("label,id\n,v1\n", r"line 2: ,v1"),
        ("label,id,time_start,time_end\nwalk,v1,a,3\n", r"line 2: walk,v1,a,3\n  expected"),
        ("label,id,time_start,time_end\nwalk,v1,inf,3\n", r"line 2"),
        ("label,id\nwalk,v8\n", r"none of the listed clips exists"),
    ],
)
def test_lists_that_cannot_be_used_are_refused(root: Path, text: str, words: str) -> None:
    (root / "labels" / "kinetics-400_val.csv").unlink()
    (root / "labels" / "kinetics-400_train.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        read(root)


def test_folders_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: no such folder; cure: give a packed folder, or"):
        read_frames_db(str(tmp_path / "gone"), options("x"))
    with pytest.raises(DataError, match=r"neither packed.json nor clips.csv is in it"):
        read_frames_db(str(tmp_path), options("x"))
    (tmp_path / "data" / "a_videos").mkdir(parents=True)
    with pytest.raises(DataError, match=r"labels: no lists of a; read: no NAME_train.csv"):
        read_frames_db(str(tmp_path / "data" / "a_videos"), options("x"))


@pytest.mark.parametrize("text", ["", "{}", '{"classes": []}', "[1]"])
def test_damaged_facts_of_a_packed_folder_are_refused(
    packed: Path, tmp_path: Path, text: str
) -> None:
    shutil.copytree(packed, tmp_path / "p")
    (tmp_path / "p" / "packed.json").write_text(text)
    with pytest.raises(DataError, match=r"packed.json: damaged; cure: pack again"):
        read_frames_db(str(tmp_path / "p"), options("x"))
    facts = (packed / "packed.json").read_text().replace('"fall"', '"fell"')
    (tmp_path / "p" / "packed.json").write_text(facts)
    with pytest.raises(DataError, match=r"classes that packed.json does not name\n  fall"):
        read_frames_db(str(tmp_path / "p"), options("x"))
