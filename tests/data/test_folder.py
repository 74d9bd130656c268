from __future__ import annotations

from pathlib import Path

import pytest

from connsearch.data.datasets.folder import read_folder
from connsearch.data.records import Source
from connsearch.errors import DataError
from tests.data.helpers import options


def read(folder: Path, *files: str) -> Source:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return read_folder(str(folder), options(folder))


def test_class_folders_are_classes(tmp_path: Path) -> None:
    source = read(tmp_path, "walk/b.mp4", "walk/deep/a.AVI", "fall/c.mkv", "walk/notes.txt", ".x/d")
    assert source.classes == ("fall", "walk")
    assert [(r.name, r.label) for r in source.records] == [
        ("fall/c.mkv", 0),
        ("walk/b.mp4", 1),
        ("walk/deep/a.AVI", 1),
    ]
    assert {r.split for r in source.records} == {None}
    assert source.object_classes == 0


def test_split_folders_are_splits(tmp_path: Path) -> None:
    source = read(tmp_path, "train/x/a.mp4", "val/x/b.mp4", "test/x/c.mp4")
    assert source.classes == ("x",)
    assert {r.name: r.split for r in source.records} == {
        "train/x/a.mp4": "train",
        "val/x/b.mp4": "select",
        "test/x/c.mp4": "test",
    }


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    assert read(tmp_path, "train/a.mp4", "bus/b.mp4").classes == ("bus", "train")


def test_a_list_in_the_folder_is_read_instead(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("path,label\nwalk/b.mp4,strolling\n")
    assert read(tmp_path, "walk/b.mp4").classes == ("strolling",)


def test_object_maps_stand_beside_their_video(tmp_path: Path) -> None:
    source = read(tmp_path, "x/a.mp4", "x/a.npz")
    assert source.records[0].objects == tmp_path / "x" / "a.npz"
    assert source.object_classes is None
    with pytest.raises(DataError, match=r"for some clips only; without:\n  x/b.mp4"):
        read(tmp_path, "x/b.mp4")


def test_unusable_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read(tmp_path / "gone")
    with pytest.raises(DataError, match=r"no class folders; expected .*CLASS/video.mp4"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"class folders without a video\n  y\n  allowed: .3gp"):
        read(tmp_path, "x/a.mp4", "y/notes.txt")


def test_stores_and_folders_of_frames_are_clips(tmp_path: Path) -> None:
    source = read(tmp_path / "a", "x/v.1/frames.db", "x/b.mp4", "y/deep/w/frames.db")
    assert [(r.name, r.medium) for r in source.records] == [
        ("x/b.mp4", "video"),
        ("x/v.1", "frames_db"),
        ("y/deep/w", "frames_db"),
    ]
    source = read(tmp_path / "b", "x/v.1/1.jpg", "x/v.1/2.jpg", "y/w/1.PNG", "y/w.npz", "x/v.1.npz")
    assert [(r.name, r.medium, r.path) for r in source.records] == [
        ("x/v.1", "frame_folder", tmp_path / "b" / "x" / "v.1"),
        ("y/w", "frame_folder", tmp_path / "b" / "y" / "w"),
    ]
    assert [r.objects for r in source.records] == [tmp_path / "b/x/v.1.npz", tmp_path / "b/y/w.npz"]


def test_maps_of_a_store_stand_in_its_folder(tmp_path: Path) -> None:
    source = read(tmp_path, "x/v/frames.db", "x/v/objects.npz")
    assert source.records[0].objects == tmp_path / "x/v/objects.npz"


def test_pictures_beside_videos_are_no_clips(tmp_path: Path) -> None:
    source = read(tmp_path, "x/a.mp4", "x/a/00001.png", "x/cover.jpg")
    assert [r.name for r in source.records] == ["x/a.mp4"]
