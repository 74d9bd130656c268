"""What all published lists of video files have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from connsearch.data.sources.splits import split_records
from tests.data.datasets.formats import edit, make, read, refused
from tests.data.helpers import options

COUNTS = {
    "ucf101": ("classInd.txt", "101 Class100\r\n", "", "100 classes, ucf101 has 101"),
    "moments": ("moments_categories.txt", "Class338+ing,338\n", "", "338 classes, moments v1 has"),
    "charades": ("Charades_v1_classes.txt", "c156 Holding 156 clothes\n", "", "156 classes"),
    "diving48": ("Diving48_vocab.json", ', ["Back", "15som", "47Twis", "FREE"]', "", "47 classes"),
}


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_another_number_of_classes_is_refused_with_what_was_read(name: str, tmp_path: Path) -> None:
    make(name, tmp_path)
    file, old, new, message = COUNTS[name]
    edit(tmp_path / file, old, new)
    said = refused(name, tmp_path)
    assert message in said
    assert "\n  read: " in said
    assert file in said


def test_classes_of_lists_without_a_class_file_are_counted_as_well(tmp_path: Path) -> None:
    make("kinetics", tmp_path)
    text = (tmp_path / "train.csv").read_text().replace("riding a Class399,", "riding a Class000,")
    (tmp_path / "train.csv").write_text(text)
    assert "399 classes, kinetics 400 has 400" in refused("kinetics", tmp_path)
    make("hacs", tmp_path / "hacs")
    file = tmp_path / "hacs" / "HACS_v1.1.1" / "HACS_clips_v1.1.1.csv"
    file.write_text(file.read_text().replace("Do Class199,", "Do Class000,"))
    assert "199 classes, hacs has 200" in refused("hacs", tmp_path / "hacs")
    make("hmdb51", tmp_path / "hmdb")
    next((tmp_path / "hmdb").rglob("do_49_test_split2.txt")).unlink()
    said = refused("hmdb51", tmp_path / "hmdb", protocol="2")
    assert "50 classes, hmdb51 (files NAME_test_split2.txt) has 51" in said


PROTOCOLS = {
    "ucf101": "1, 2, 3",
    "hmdb51": "1, 2, 3",
    "kinetics": "400, 600, 700, 200",
    "moments": "v1, mini",
    "diving48": "v2, v1",
    "smarthome": "cs, cv1, cv2",
    "something": "v2, v1",
}


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_a_protocol_that_a_list_does_not_have_names_the_known(name: str, tmp_path: Path) -> None:
    make(name, tmp_path)
    said = refused(name, tmp_path, protocol="9")
    assert "no protocol named '9'" in said
    assert f"Known: {PROTOCOLS[name]}" in said


@pytest.mark.parametrize("name", ["ucf101", "kinetics", "charades", "jester"])
def test_videos_that_are_not_on_disk_are_left_out_and_counted(name: str, tmp_path: Path) -> None:
    whole = make(name, tmp_path)
    for record in [r for r in whole.records if r.split == "train"][:3]:
        record.path.rename(tmp_path / f"gone-{record.path.name}")
    source = read(name, tmp_path)
    assert len(source.records) == len(whole.records) - 3
    missing = [note for note in source.notes if "do not exist" in note]
    assert len(missing) == 1
    before = 0 if name != "kinetics" else int(whole.notes[-1].split("(train ")[1].split(",")[0])
    assert f"(train {before + 3}" in missing[0]


def test_where_no_video_is_on_disk_the_places_are_named(tmp_path: Path) -> None:
    source = make("ucf101", tmp_path)
    videos = tmp_path / "elsewhere"
    (tmp_path / "UCF-101").rename(videos)
    said = refused("ucf101", tmp_path)
    assert f"none of the 8 listed training videos exists; searched in\n  {tmp_path}\n" in said
    assert "Class000/v_Class000_g02_c01" in said
    assert "--videos" in said
    moved = read("ucf101", tmp_path, videos=videos)
    assert [r.name for r in moved.records] == [r.name for r in source.records]
    assert "no such folder; name the folder of the videos with --videos" in refused(
        "ucf101", tmp_path, videos=tmp_path / "x"
    )


def test_a_clip_on_both_lists_is_refused(tmp_path: Path) -> None:
    make("ucf101", tmp_path)
    edit(tmp_path / "testlist01.txt", "Class000_g01_c01", "Class000_g02_c01")
    said = refused("ucf101", tmp_path)
    assert "clips in two of the lists\n  Class000/v_Class000_g02_c01.avi" in said


def test_a_row_that_stands_twice_counts_once_and_two_that_differ_are_refused(
    tmp_path: Path,
) -> None:
    whole = make("ucf101", tmp_path)
    train = tmp_path / "trainlist01.txt"
    train.write_text(train.read_text() + "Class000/v_Class000_g02_c01.avi 1\n")
    assert read("ucf101", tmp_path) == whole
    make("moments", tmp_path / "m")
    listing = tmp_path / "m" / "trainingSet.csv"
    name = "Class000+ing/yt-training.0_1.mp4"
    listing.write_text(listing.read_text() + f"{name},Class001+ing,3,0\n")
    said = refused("moments", tmp_path / "m")
    assert f"line 9: {name} is different on line 1" in said


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ucf101", "trainlist01.txt"),
        ("moments", "trainingSet.csv"),
        ("charades", "Charades_v1_test.csv"),
        ("diving48", "Diving48_vocab.json"),
        ("activitynet", "actnet_val_split.txt"),
        ("frames", "annotations.txt"),
    ],
)
def test_files_that_are_missing_empty_or_not_utf8_are_refused_by_name(
    name: str, file: str, tmp_path: Path
) -> None:
    make(name, tmp_path)
    (tmp_path / file).write_bytes(b"\xff\xfe\x00")
    said = refused(name, tmp_path)
    assert f"{file}: not in UTF-8" in said
    (tmp_path / file).write_bytes(b"")
    assert file in refused(name, tmp_path)
    (tmp_path / file).unlink()
    said = refused(name, tmp_path)
    assert "none of these annotation files exists" in said
    assert file in said


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    for name in (
        "ucf101", "charades", "activitynet", "fcvid", "mini_kinetics", "something", "jester"
    ):  # fmt: skip
        whole = make(name, tmp_path / name)
        for file in (tmp_path / name).glob("*.*"):
            if file.suffix in (".txt", ".csv"):
                text = file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                file.write_bytes(b"\xef\xbb\xbf" + text)
        assert read(name, tmp_path / name) == whole


def test_what_is_drawn_for_selection_is_drawn_from_train_in_whole_groups(tmp_path: Path) -> None:
    source = make("ucf101", tmp_path)
    lists = split_records(source, options("ucf101", val_share=0.25).split)
    official = {r.name for r in source.records if r.split == "test"}
    assert {r.name for r in lists["test"]} == official
    assert lists["val"]
    groups = {split: {r.group for r in records} for split, records in lists.items()}
    assert not groups["train"] & groups["val"]
