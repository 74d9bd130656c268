"""Each published list of video files: what it reads, and what it refuses."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from connsearch.data.records import Span, Window
from connsearch.data.sources.datasets.smarthome import CLASSES, VIEW_CLASSES
from tests.data.datasets.formats import edit, make, read, refused, write


def test_ucf101_reads_the_split_the_groups_and_numbers_from_1(tmp_path: Path) -> None:
    source = make("ucf101", tmp_path)
    first, last = source.records[0], source.records[-1]
    assert (first.name, first.label) == ("Class000/v_Class000_g02_c01.avi", 0)
    assert (first.group, first.split) == ("Class000/g02", "train")
    assert (last.name, last.label, last.split) == ("Class001/v_Class001_g01_c01.avi", 1, "test")
    assert "trainlist03.txt" in refused("ucf101", tmp_path, protocol="3")


def test_ucf101_names_every_fault_of_a_list_at_once(tmp_path: Path) -> None:
    make("ucf101", tmp_path)
    edit(tmp_path / "trainlist01.txt", "Class000/v_Class000_g02_c01.avi 1", "Clas000/v_a.avi 1")
    edit(tmp_path / "trainlist01.txt", "g03_c01.avi 1", "g03_c01.avi 2")
    edit(tmp_path / "trainlist01.txt", "g04_c01.avi 1", "g04_c01.avi")
    said = refused("ucf101", tmp_path)
    assert "trainlist01.txt: 3 lines that cannot be used" in said
    assert "line 1: no class named 'Clas000'" in said
    assert "line 2: number 2, but Class000 is 1" in said
    assert "line 3: read 'Class000/v_Class000_g04_c01.avi'" in said
    edit(tmp_path / "classInd.txt", "7 Class006", "8 Class006")
    assert "line 7: read '8 Class006', expected number 7" in refused("ucf101", tmp_path)


def test_hmdb51_reads_marks_and_source_movies_and_keeps_torn_groups_with_a_note(
    tmp_path: Path,
) -> None:
    source = make("hmdb51", tmp_path)
    assert source.classes[:3] == ("do_01", "do_01_st", "do_03")
    name = source.classes[0]
    lists = tmp_path / "testTrainMulti_7030_splits"
    for n, mark in ((0, 2), (1, 1), (2, 1)):
        (tmp_path / "videos" / name).mkdir(exist_ok=True)
        (tmp_path / "videos" / name / f"Film_{name}_f_cm_np2_le_med_{n}.avi").touch()
        line = f"Film_{name}_f_cm_np2_le_med_{n}.avi {mark}\n"
        with (lists / f"{name}_test_split2.txt").open("a") as file:
            file.write(line)
    source = read("hmdb51", tmp_path, protocol="2")
    films = [r for r in source.records if "/Film" in r.name]
    assert [(r.split, r.group) for r in films] == [
        ("test", "Film (test)"),
        ("train", "Film"),
        ("train", "Film"),
    ]
    assert any(
        "several official lists, which are kept as published: Film" in n for n in source.notes
    )
    assert any("leaves 51 videos unused" in note for note in source.notes)
    edit(lists / f"{name}_test_split2.txt", "Film", "Film_x.avi 3\nFilm")
    assert "line 7: read 'Film_x.avi 3'" in refused("hmdb51", tmp_path, protocol="2")


def test_a_name_without_the_official_form_has_no_group(tmp_path: Path) -> None:
    make("hmdb51", tmp_path)
    lists = tmp_path / "testTrainMulti_7030_splits"
    (tmp_path / "videos" / "un_do_00" / "free (1).avi").touch()
    edit(lists / "un_do_00_test_split2.txt", "Movie_1", "free (1).avi 1\nMovie_1")
    source = read("hmdb51", tmp_path, protocol="2")
    groups = {r.name: r.group for r in source.records}
    assert groups["un_do_00/free (1).avi"] == ""
    assert groups["un_do_00/Movie_3_un_do_00_u_nm_np1_ba_goo_0.avi"] == "Movie_3"


@pytest.mark.parametrize("place", ["", "train/", "riding a Class000/", "riding_a_Class000/"])
def test_kinetics_finds_clips_in_class_folders_and_all_in_one(place: str, tmp_path: Path) -> None:
    make("kinetics", tmp_path)
    old = tmp_path / "train" / "riding_a_Class000" / "train-0_2_000002_000012.mp4"
    new = tmp_path / "clips" / place / "train-0_2_000002_000012.webm"
    new.parent.mkdir(parents=True)
    old.rename(new)
    source = read("kinetics", tmp_path, videos=tmp_path / "clips")
    assert [r.path for r in source.records] == [new]
    assert source.records[0].name == "riding a Class000/train-0_2_000002_000012"


def test_kinetics_ignores_an_unlabelled_test_list_and_selects_on_val_beside_a_labelled_one(
    tmp_path: Path,
) -> None:
    source = make("kinetics", tmp_path)
    assert Counter(r.split for r in source.records) == {"train": 8, "test": 2}
    assert any("test.csv has no labels and is not used" in note for note in source.notes)
    lines = ["label,youtube_id,time_start,time_end,split", "riding a Class001,te,7.0,9,test"]
    write(tmp_path / "test.csv", lines)
    (tmp_path / "te_000007_000009.mp4").touch()
    splits = Counter(r.split for r in read("kinetics", tmp_path).records)
    assert splits == {"train": 8, "val": 2, "test": 1}


def test_kinetics_refuses_labels_and_times_by_line(tmp_path: Path) -> None:
    make("kinetics", tmp_path)
    edit(tmp_path / "val.csv", "riding a Class000,val-0_0,0,10", "riding Class000,val-0_0,0,10")
    edit(tmp_path / "val.csv", "val-1_0,0,10", "val-1_0,0,nan")
    edit(tmp_path / "val.csv", "val-2_0,0,10,val,0", "val-2_0,0")
    edit(tmp_path / "val.csv", "val-3_0,0,10", "val-3_0,10,10")
    said = refused("kinetics", tmp_path)
    assert "val.csv: 4 lines" in said
    assert "line 2: no class named 'riding Class000' in the training list" in said
    assert "line 3: times '0' to 'nan'" in said
    assert "line 4: 3 values, 6 columns" in said
    assert "line 5: times '10' to '10'" in said
    (tmp_path / "val.csv").write_text("label;youtube_id\na;b\n")
    assert "columns are separated by ';'" in refused("kinetics", tmp_path)
    (tmp_path / "val.csv").write_text("label,clip\na,b\n")
    assert "no column youtube_id" in refused("kinetics", tmp_path)
    (tmp_path / "val.csv").unlink()
    assert "kinetics-400_val.csv" in refused("kinetics", tmp_path, protocol="400")


def test_moments_reads_indices_and_refuses_gaps_and_labels_by_line(tmp_path: Path) -> None:
    make("moments", tmp_path)
    edit(tmp_path / "validationSet.csv", ",Class001+ing,0,0", ",Class1+ing,0,0")
    edit(tmp_path / "validationSet.csv", ",Class000+ing,0,0", ",Class000+ing,0,-")
    said = refused("moments", tmp_path)
    assert "line 1: read 'Class000+ing/yt-validation.0_1.mp4,Class000+ing,0,-'" in said
    assert "line 2: no class named 'Class1+ing'" in said
    edit(tmp_path / "moments_categories.txt", "Class005+ing,5\n", "Class005+ing,4\n")
    said = refused("moments", tmp_path)
    assert "line 6: index 4 is already that of Class004+ing" in said
    edit(tmp_path / "moments_categories.txt", "Class005+ing,4\n", "Class005+ing,5000\n")
    assert "no class has the index 5" in refused("moments", tmp_path)


def test_hacs_uses_positive_clips_only_and_cuts_them_out_of_whole_videos(tmp_path: Path) -> None:
    source = make("hacs", tmp_path)
    assert {r.window for r in source.records} == {Window(0.0, 0.5)}
    assert "train0_0_20.5_22.5" not in " ".join(r.name for r in source.records)
    assert any("200 negative clips are not used" in note for note in source.notes)
    assert any("1 clips without a label are not used" in note for note in source.notes)
    record = source.records[0]
    assert (record.name, record.group) == ("Do Class000/train0_0_0_0.5", "train0_0")
    cut = record.path.with_name("train0_0_000000_000000.mp4")
    record.path.rename(cut)
    found = read("hacs", tmp_path).records[0]
    assert (found.path, found.window) == (cut, None)


def test_hacs_does_not_take_one_file_for_two_clips(tmp_path: Path) -> None:
    make("hacs", tmp_path)
    listing = tmp_path / "HACS_v1.1.1" / "HACS_clips_v1.1.1.csv"
    listing.write_text(listing.read_text() + "Do Class000,train0_0,training,0.2,0.9,1\n")
    (tmp_path / "videos" / "Do Class000" / "train0_0_000000_000000.mp4").touch()
    both = [r for r in read("hacs", tmp_path).records if r.group == "train0_0"]
    assert [r.window for r in both] == [Window(0.0, 0.5), Window(0.2, 0.9)]
    assert {r.path.name for r in both} == {"v_train0_0.mp4"}


def test_hacs_refuses_subsets_labels_and_times_by_line(tmp_path: Path) -> None:
    make("hacs", tmp_path)
    listing = tmp_path / "HACS_v1.1.1" / "HACS_clips_v1.1.1.csv"
    edit(listing, "train0_0,training,20.5,22.5,-1", "train0_0,training,20.5,22.5,0")
    edit(listing, "train0_0,training,0.0,0.5,1", "train0_0,train,0.0,0.5,1")
    edit(listing, "train0_1,training,0.0,0.5,1", "train0_1,training,0.5,0.5,1")
    edit(listing, "Do Class000,val0_0", "Do Clas000,val0_0")
    said = refused("hacs", tmp_path)
    assert "line 2: label '0'; allowed: 1, -1" in said
    assert "line 3: subset 'train'; allowed: training" in said
    assert "line 4: video 'train0_1', '0.5' to '0.5' seconds" in said
    assert "line 7: no class named 'Do Clas000'" in said


def test_diving48_joins_the_phases_of_a_dive_and_refuses_entries_by_number(tmp_path: Path) -> None:
    source = make("diving48", tmp_path)
    assert source.classes[3] == "Back 15som 3Twis FREE"
    assert (source.records[0].name, source.records[0].group) == ("-train_0_00000", "-train_0")
    assert source.records[0].window is None
    entries = json.loads((tmp_path / "Diving48_V2_test.json").read_text())
    entries[0]["label"], entries[1]["vid_name"] = 48, None
    (tmp_path / "Diving48_V2_test.json").write_text(json.dumps(entries))
    said = refused("diving48", tmp_path)
    assert "line 1: read {'vid_name': '-test_0_00000', 'label': 48" in said
    assert "line 2: read {'vid_name': None" in said
    (tmp_path / "Diving48_V2_test.json").write_text("[")
    assert "Diving48_V2_test.json: not JSON" in refused("diving48", tmp_path)
    (tmp_path / "Diving48_V2_test.json").write_text("{}")
    assert "not a list; expected entries" in refused("diving48", tmp_path)


def test_diving48_groups_that_the_official_lists_tear_apart_are_named(tmp_path: Path) -> None:
    make("diving48", tmp_path)
    edit(tmp_path / "Diving48_V2_test.json", "-test_0_00000", "-train_0_00009")
    (tmp_path / "rgb" / "-train_0_00009.mp4").touch()
    source = read("diving48", tmp_path)
    assert any("1 groups are on several official lists" in note for note in source.notes)
    assert [r.group for r in source.records if r.split == "test"] == ["-train_0 (test)", "-test_0"]


def test_charades_reads_labels_spans_and_persons(tmp_path: Path) -> None:
    source = make("charades", tmp_path)
    assert source.multi_label
    assert source.classes[156] == "Holding 156 clothes"
    first, without = source.records[0], source.records[3]
    assert (first.name, first.labels, first.group) == ("TR000", (0, 1), "t0")
    assert first.spans == (Span(0, 0.0, 0.4), Span(1, 0.2, 1.0))
    assert (without.name, without.labels, without.spans) == ("TR003", (), ())


def test_charades_refuses_actions_by_line_and_counts_those_that_run_backward(
    tmp_path: Path,
) -> None:
    make("charades", tmp_path)
    csv = tmp_path / "Charades_v1_train.csv"
    edit(csv, "c000 0.00 0.40", "c002 5.00 0.40")
    source = read("charades", tmp_path)
    assert any("1 actions end before they begin" in note for note in source.notes)
    assert source.records[0].labels == (2, 1)
    assert source.records[0].spans == (Span(1, 0.2, 1.0),)
    edit(csv, "c002 5.00 0.40", "c157 0.00 0.40")
    edit(csv, "c000 0.00 0.40", "c000 0.00")
    said = refused("charades", tmp_path)
    assert "line 2: action 'c157 0.00 0.40'" in said
    assert "line 3: action 'c000 0.00'" in said


def test_smarthome_splits_by_person_or_by_camera(tmp_path: Path) -> None:
    source = make("smarthome", tmp_path)
    assert len(CLASSES) == 31
    assert len(VIEW_CLASSES) == 19
    assert {(r.group, r.split) for r in source.records} == {
        *((f"p{n:02d}", "train") for n in (3, 4, 6, 7)),
        ("p02", "test"),
    }
    for name in ("Walk_p02_r01_v01_c05", "Walk_p03_r01_v01_c02", "Walk_p03_r01_v01_c03"):
        (tmp_path / "mp4" / f"{name}.mp4").touch()
    (tmp_path / "mp4" / "Cook.Cut_p03_r01_v01_c01.mp4").touch()
    one = read("smarthome", tmp_path, protocol="cv1")
    assert len(one.classes) == 19
    assert Counter(r.split for r in one.records) == {"train": 10, "val": 1, "test": 1}
    assert {r.group for r in one.records} == {""}
    assert "smarthome: 1 videos left out (cameras that cv1 does not use)" in one.notes
    assert "smarthome: 1 videos left out (classes that cv1 does not have)" in one.notes
    two = read("smarthome", tmp_path, protocol="cv2")
    assert Counter(r.split for r in two.records) == {"train": 11, "val": 1, "test": 1}


def test_smarthome_trains_on_eleven_persons_and_tests_on_seven(tmp_path: Path) -> None:
    train = {3, 4, 6, 7, 9, 12, 13, 15, 17, 19, 25}
    test = {2, 10, 11, 14, 16, 18, 20}
    for person in train | test:
        (tmp_path / f"WatchTV_p{person:02d}_r00_v01_c01.mp4").touch()
    source = read("smarthome", tmp_path)
    assert {r.group for r in source.records if r.split == "train"} == {f"p{n:02d}" for n in train}
    assert {r.group for r in source.records if r.split == "test"} == {f"p{n:02d}" for n in test}


def test_smarthome_names_all_videos_that_are_not_its_own(tmp_path: Path) -> None:
    make("smarthome", tmp_path)
    for name in ("Wlk_p02_r01_v01_c05", "Walk_p01_r01_v01_c02", "holiday"):
        (tmp_path / "mp4" / f"{name}.mp4").touch()
    said = refused("smarthome", tmp_path)
    assert "Wlk_p02_r01_v01_c05.mp4: no activity named 'Wlk', did you mean 'Walk'?" in said
    assert "Walk_p01_r01_v01_c02.mp4: no person p01; known: p02, p03" in said
    assert "holiday.mp4: expected ACTIVITY_pNN_rNN_vNN_cNN" in said
    (tmp_path / "empty").mkdir()
    assert "no videos; expected names like" in refused("smarthome", tmp_path / "empty")
