from __future__ import annotations

import os
from pathlib import Path

import pytest

from connsearch.data.records import Source
from connsearch.data.sources.datasets.folder import read_folder
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
        "val/x/b.mp4": "val",
        "test/x/c.mp4": "test",
    }


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


LISTS = {
    "train": ("train", "Train", "training", "TRAINING"),
    "val": ("val", "valid", "validation", "Valid", "dev", "val"),
    "test": ("test", "TEST", "testing"),
}


@pytest.mark.parametrize("train", LISTS["train"])
@pytest.mark.parametrize("val", LISTS["val"])
def test_lists_are_known_by_their_usual_names(tmp_path: Path, train: str, val: str) -> None:
    for test in LISTS["test"]:
        files = [f"{word}/{label}/a.mp4" for word in (train, val, test) for label in "xy"]
        source = read(tmp_path / test, *files)
        assert source.classes == ("x", "y")
        splits = {r.name.split("/")[0]: r.split for r in source.records}
        assert splits == {train: "train", val: "val", test: "test"}
        assert source.notes == ()


def notes(source: Source) -> list[str]:
    return [note.partition(": ")[2] for note in source.notes]


def test_a_class_may_be_called_train_and_that_is_said(tmp_path: Path) -> None:
    source = read(tmp_path, "train/a.mp4", "bus/b.mp4")
    assert source.classes == ("bus", "train")
    (note,) = notes(source)
    assert note.startswith("train: ")
    assert "read as a class" in note


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            ["train/x/a.mp4", "val/x/b.mp4", "valid/x/c.mp4"],
            "val and valid both mean the split val",
        ),
        (["train/x/a.mp4", "Train/x/b.mp4"], "Train and train both mean the split train"),
        (["train/x/a.mp4", "test/x/b.mp4", "walking/c.mp4"], "test, train are named and built"),
        (["train/x/a.mp4", "test/b.mp4"], "train are named and built .* test like classes"),
        (["test/deep/a.mp4", "walking/b.mp4"], "test are named .*, walking like classes"),
        (["val/x/a.mp4", "test/x/b.mp4"], r"\(test, val\), but none of them is a training split"),
        (["train/a.mp4", "test/b.mp4"], "no class folders in test, train; expected"),
        (
            ["train_256/x/a.mp4", "val_256/x/b.mp4"],
            "train_256, val_256 contain folders of the same",
        ),
        (["Trainset/x/a.mp4", "Testset/x/b.mp4", "Testset/y/c.mp4"], "Testset, Trainset contain"),
        (
            ["train2017/x/a.mp4", "validate2017/x/b.mp4", "no/c.mp4"],
            "train2017, validate2017 contain",
        ),
    ],
)
def test_what_may_be_a_list_or_a_class_is_refused(
    tmp_path: Path, files: list[str], words: str
) -> None:
    with pytest.raises(DataError, match=rf"(?s){words}.*cure: "):
        read(tmp_path, *files)


def test_words_of_lists_in_names_of_classes_mean_nothing(tmp_path: Path) -> None:
    source = read(tmp_path, "train ride/a.mp4", "test drive/b.mp4", "test drive/in/c.mp4")
    assert source.classes == ("test drive", "train ride")
    deep = read(tmp_path / "deep", "train ride/day 1/a.mp4", "test drive/day 2/b.mp4")
    assert deep.classes == ("test drive", "train ride")


def test_whatever_is_no_clip_is_counted(tmp_path: Path) -> None:
    files = ["walk/a.mp4", "walk/b.mpv", "walk/in/c.divx", "walk/.d.mp4", "walk/.e/f.mp4"]
    files += ["fall/a.mp4", "fall/a.txt", "fall/a/1.png", "fall/raw", "fall/lost.npz"]
    files += ["loose.mp4", "README.md", ".git/config"]
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "gone.mp4").symlink_to(tmp_path / "no-such-file")
    os.mkfifo(tmp_path / "walk" / "pipe.mp4")
    source = read(tmp_path, *files)
    assert [r.name for r in source.records] == ["fall/a.mp4", "walk/a.mp4"]
    assert notes(source) == [
        "8 files are not clips and are not read: .divx 1, .md 1, .mp4 1, .mpv 1, "
        ".npz without a clip 1, .txt 1, no suffix 1, pictures 1",
        "ignored: hidden files and folders 3, broken links 1, special files 1",
    ]


def test_folders_beside_lists_are_counted(tmp_path: Path) -> None:
    source = read(tmp_path, "train/x/a.mp4", "train/y/b.mp4", "train/c.mp4.part", "notes/n.json")
    assert source.classes == ("x", "y")
    assert notes(source) == [
        "the folder notes contains no clip and is not read",
        "2 files are not clips and are not read: .json 1, .part 1",
    ]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    (tmp_path / "away" / "deep").mkdir(parents=True)
    (tmp_path / "away" / "deep" / "a.mp4").touch()
    (tmp_path / "data" / "walk").mkdir(parents=True)
    (tmp_path / "data" / "walk" / "linked").symlink_to(tmp_path / "away")
    (tmp_path / "data" / "fall").symlink_to(tmp_path / "away")
    (tmp_path / "away" / "deep" / "back").symlink_to(tmp_path / "away")
    source = read(tmp_path / "data")
    assert [r.name for r in source.records] == ["fall/deep/a.mp4", "walk/linked/deep/a.mp4"]
    assert notes(source) == ["ignored: circular links 2"]


def test_a_link_out_of_a_class_brings_no_clips_of_others_into_it(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "up").symlink_to(tmp_path, target_is_directory=True)
    source = read(tmp_path, "walk/a.mp4", "fall/b.mp4")
    assert [r.name for r in source.records] == ["fall/b.mp4", "walk/a.mp4"]
    assert notes(source) == ["ignored: circular links 1"]


def test_pictures_that_are_in_no_folder_of_frames_are_counted(tmp_path: Path) -> None:
    source = read(tmp_path, "x/v/1.jpg", "x/v/list.txt", "x/cover.jpg", "y/w/1.jpg")
    assert [r.name for r in source.records] == ["x/v", "y/w"]
    assert notes(source) == ["2 files are not clips and are not read: .txt 1, pictures 1"]


def test_an_empty_class_folder_says_what_lies_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)without a video\n  x\n.*other kinds \(.y4m 2\)"):
        read(tmp_path, "x/a.y4m", "x/b.y4m")
