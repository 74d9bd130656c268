"""Lists of folders of frames: ActivityNet, FCVID, Mini-Kinetics, Something-Something, Jester."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from connsearch.data.records import Window
from tests.data.datasets.formats import FRAMES, edit, make, read, refused

LISTS = ["activitynet", "fcvid", "mini_kinetics", "something", "jester"]
TRAIN = {
    "activitynet": "actnet_train_split.txt",
    "fcvid": "fcvid_train_split.txt",
    "mini_kinetics": "mini_train_videofolder.txt",
    "something": "v2/train_videofolder.txt",
    "jester": "train_videofolder.txt",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_record_is_a_folder_of_the_stated_frames(name: str, tmp_path: Path) -> None:
    source = make(name, tmp_path)
    record = source.records[0]
    assert record.path.name == "a video 00"
    assert record.path.is_dir()
    assert record.medium == "frame_folder"
    assert record.window == Window(0, FRAMES, "frames")
    assert source.multi_label == (name in ("activitynet", "fcvid"))


@pytest.mark.parametrize("name", LISTS)
def test_videos_of_fewer_than_three_frames_are_dropped_and_counted(
    name: str, tmp_path: Path
) -> None:
    source = make(name, tmp_path)
    assert not any("too short" in r.name for r in source.records)
    assert any("2 videos of fewer than 3 frames are not used" in note for note in source.notes)


def test_up_to_three_labels_are_read_and_four_refused_with_file_and_line(tmp_path: Path) -> None:
    make("activitynet", tmp_path)
    train = tmp_path / "actnet_train_split.txt"
    edit(train, f"a video 00,{FRAMES},0", f"a video 00,{FRAMES},0,7,199")
    edit(train, f"a video 01,{FRAMES},0", f"a video 01,{FRAMES},3,-1,-1")
    edit(train, f"a video 02,{FRAMES},0", f"a video 02,{FRAMES},3,3")
    source = read("activitynet", tmp_path)
    assert [r.labels for r in source.records[:3]] == [(0, 7, 199), (3,), (3,)]
    edit(train, ",0,7,199", ",0,7,8,199")
    said = refused("activitynet", tmp_path)
    assert "actnet_train_split.txt: 1 lines that cannot be used" in said
    assert "line 2: 4 labels, at most 3 are allowed; read 'actnet_t/a video 00" in said


@pytest.mark.parametrize("name", LISTS)
def test_labels_counts_and_forms_are_refused_by_line_all_at_once(name: str, tmp_path: Path) -> None:
    source = make(name, tmp_path)
    train = tmp_path / TRAIN[name]
    mark = "," if source.multi_label else " "
    lines = train.read_text().splitlines()
    lines[1] = lines[1].rpartition(mark)[0] + f"{mark}{len(source.classes)}"
    lines[2] = lines[2].replace(f"{mark}{FRAMES}{mark}", f"{mark}1.5{mark}")
    lines[3] = "alone"
    lines[4] = lines[4].rpartition(mark)[0] + f"{mark}-1"
    train.write_text("\n".join(lines) + "\n")
    said = refused(name, tmp_path)
    assert "4 lines that cannot be used" in said
    assert f"line 2: no class has the label '{len(source.classes)}'" in said
    assert "line 3: '1.5' is not a number of frames" in said
    assert "line 4: read 'alone'" in said
    assert "line 5: no class has the label '-1'" in said


@pytest.mark.parametrize("name", LISTS)
def test_another_number_of_classes_is_refused(name: str, tmp_path: Path) -> None:
    source = make(name, tmp_path)
    names = next(p for p in tmp_path.rglob("*") if p.name.lower().endswith(("ind.txt", "gory.txt")))
    edit(names, "0 Doing something\n", "")
    assert f"{len(source.classes) - 1} classes, {source.name.split(':')[0]} has" in refused(
        name, tmp_path
    )


def test_a_folder_with_fewer_frames_than_stated_is_named_and_left_out(tmp_path: Path) -> None:
    whole = make("jester", tmp_path)
    (whole.records[0].path / f"{FRAMES:05d}.jpg").unlink()
    said = refused("jester", tmp_path)
    assert "1 of 10 folders have fewer frames" in said
    assert f"a video 00: {FRAMES - 1} frames, the list gives {FRAMES}" in said
    assert "raise --bad-share" in said
    source = read("jester", tmp_path, bad_share=0.1)
    assert source.records == whole.records[1:]
    assert any(f"a video 00: {FRAMES - 1} frames" in note for note in source.notes)
    assert read("jester", tmp_path, check_files=False).records == whole.records


def test_frames_of_another_name_are_counted(tmp_path: Path) -> None:
    whole = make("jester", tmp_path)
    for image in sorted(whole.records[0].path.iterdir()):
        image.rename(image.with_name(f"img_{int(image.stem) - 1:03d}.PNG"))
    assert read("jester", tmp_path) == whole


def test_something_reads_the_version_that_is_asked_for(tmp_path: Path) -> None:
    whole = make("something", tmp_path)
    (tmp_path / "v2").rename(tmp_path / "v1")
    assert "category.txt" in refused("something", tmp_path)
    frames = tmp_path / "v1" / "20bn-something-something-v2-frames"
    frames.rename(tmp_path / "v1" / "20bn-something-something-v1")
    one = read("something", tmp_path, protocol="v1")
    assert [r.name for r in one.records] == [r.name for r in whole.records]
    assert "20bn-something-something-v1" in str(one.records[0].path)
    alone = read("something", tmp_path / "v1", protocol="v1")
    assert alone.records == one.records


def test_a_class_name_that_stands_twice_carries_its_number(tmp_path: Path) -> None:
    make("jester", tmp_path)
    edit(tmp_path / "category.txt", "3 Doing something", "2 Doing something")
    assert read("jester", tmp_path).classes[1:5] == (
        "1 Doing something",
        "2 Doing something (2)",
        "2 Doing something (3)",
        "4 Doing something",
    )


def test_annotations_cut_clips_by_the_numbers_of_their_images(tmp_path: Path) -> None:
    make("frames", tmp_path)
    folder = tmp_path / "clips" / "0-0"
    (folder / "img_00001.jpg").unlink()
    edit(
        tmp_path / "annotations.txt", f"clips/0-0 1 {FRAMES} 0", "clips/0-0 2 5 0\nclips/0-0 7 9 1"
    )
    source = read("frames", tmp_path)
    first, second = source.records[:2]
    assert (first.name, first.window) == ("clips/0-0/2-5", Window(0, 4, "frames"))
    assert (second.name, second.window) == ("clips/0-0/7-9", Window(5, 8, "frames"))
    assert first.group == second.group == "clips/0-0"
    assert (source.records[2].group, source.records[2].split) == ("", None)
    assert source.classes == ("0", "1")


def test_annotations_take_class_names_from_a_file_and_refuse_labels_beyond(tmp_path: Path) -> None:
    make("frames", tmp_path)
    (tmp_path / "classes.txt").write_text("jump high\nrun\n")
    assert read("frames", tmp_path).classes == ("jump high", "run")
    edit(tmp_path / "annotations.txt", f"clips/1-0 1 {FRAMES} 1", f"clips/1-0 1 {FRAMES} 2")
    said = refused("frames", tmp_path)
    assert "line 9: label '2'; classes.txt has 0 to 1" in said


def test_annotations_refuse_forms_repetitions_and_missing_frames(tmp_path: Path) -> None:
    make("frames", tmp_path)
    listing = tmp_path / "annotations.txt"
    whole = listing.read_text()
    edit(listing, f"clips/0-0 1 {FRAMES} 0", "clips/0-0 5 1 0")
    edit(listing, f"clips/0-1 1 {FRAMES} 0", f"clips/0-2 1 {FRAMES} 0")
    said = refused("frames", tmp_path)
    assert "line 1: read 'clips/0-0 5 1 0'" in said
    assert f"line 3: clips/0-2 1 {FRAMES} is already on line 2" in said
    listing.write_text(whole)
    (tmp_path / "clips" / "0-1" / "img_00003.jpg").unlink()
    edit(listing, f"clips/0-0 1 {FRAMES}", f"clips/0-0 1 {FRAMES + 1}")
    said = refused("frames", tmp_path)
    assert "2 clips with missing frames" in said
    assert f"clips/0-0 has {FRAMES} of the {FRAMES + 1} frames 1 to {FRAMES + 1}" in said
    assert f"clips/0-1 has {FRAMES - 1} of the {FRAMES} frames" in said
    listing.write_text("clips/0-0 1 2 0\n")
    assert "no clip of at least 3 frames" in refused("frames", tmp_path)
    listing.write_text(f"clips/0-0 1 2 0\nclips/0-0 1 {FRAMES} 0\n")
    assert "1 clips of fewer than 3 frames are not used" in read("frames", tmp_path).notes[0]


def as_videos(path: Path, *, keep: int = 0) -> None:
    """Puts a video in the place of every folder of frames but the first few."""
    folders = sorted({image.parent for image in path.rglob("*.jpg")})
    for folder in folders[keep:]:
        shutil.rmtree(folder)
        folder.with_name(f"{folder.name}.webm").touch()


@pytest.mark.parametrize("name", LISTS)
def test_the_lists_read_videos_where_there_are_no_frames(name: str, tmp_path: Path) -> None:
    frames = make(name, tmp_path)
    as_videos(tmp_path)
    videos = read(name, tmp_path)
    assert videos.classes == frames.classes
    assert [(r.name, r.labels, r.split) for r in videos.records] == [
        (r.name, r.labels, r.split) for r in frames.records
    ]
    for record in videos.records:
        assert (record.medium, record.path.suffix, record.window) == ("video", ".webm", None)
        assert record.media_fps is None
    assert not any("folders of frames" in note for note in videos.notes)


def test_videos_lie_in_a_folder_of_their_own_and_may_be_listed_with_their_suffix(
    tmp_path: Path,
) -> None:
    make("jester", tmp_path)
    as_videos(tmp_path)
    (tmp_path / "20bn-jester-v1").rename(tmp_path / "elsewhere")
    train = tmp_path / TRAIN["jester"]
    edit(train, f"a video 00 {FRAMES}", f"a video 00.mp4 {FRAMES}")
    said = refused("jester", tmp_path)
    assert "videos exists; neither folders of frames nor videos; searched in" in said
    assert "--videos" in said
    source = read("jester", tmp_path, videos=tmp_path / "elsewhere")
    assert source.records[0].path.name == "a video 00.webm"
    (tmp_path / "elsewhere").rename(tmp_path / "videos")
    assert len(read("jester", tmp_path).records) == len(source.records)


def test_frames_come_before_videos_and_a_mixture_is_said(tmp_path: Path) -> None:
    make("jester", tmp_path)
    as_videos(tmp_path, keep=3)
    source = read("jester", tmp_path)
    media = [r.medium for r in source.records]
    assert (media.count("frame_folder"), media.count("video")) == (3, 7)
    assert any("3 are read as folders of frames, 7 as video" in note for note in source.notes)
    folder = next(r.path for r in source.records if r.medium == "frame_folder")
    folder.with_name(f"{folder.name}.webm").touch()
    assert read("jester", tmp_path).records == source.records


def kinetics_lists(path: Path) -> list[str]:
    """Makes official lists of Kinetics-400 with videos, and returns its classes."""
    (path / "k").mkdir()
    source = make("kinetics", path / "k")
    for file in ("train.csv", "val.csv"):
        (path / "k" / file).rename(path / file)
    (path / "k").rename(path / "videos")
    return list(source.classes)


def test_mini_kinetics_is_taken_out_of_the_lists_of_kinetics_400(tmp_path: Path) -> None:
    known = kinetics_lists(tmp_path)
    chosen = [*known[300:], *known[1:101]]
    names = tmp_path / "minik_classInd.txt"
    names.write_text("".join(f"{n} {name.replace(' ', '_')}\n" for n, name in enumerate(chosen)))
    source = read("mini_kinetics", tmp_path)
    assert list(source.classes) == [name.replace(" ", "_") for name in chosen]
    assert {r.labels for r in source.records} == {(100,)}  # videos exist of classes 0 and 1
    assert [r.split for r in source.records] == ["train"] * 4 + ["test"]
    assert source.records[0].name == f"{known[1]}/train-1_0_000000_000010"
    assert any("1000 clips of 200 classes of train.csv" in note for note in source.notes)
    names.write_text("".join(f"{name}\n" for name in [*chosen[:-1], "riding a Clas099"]))
    said = refused("mini_kinetics", tmp_path)
    assert "minik_classInd.txt: 1 lines that cannot be used" in said
    assert "line 200: train.csv has no such class" in said
    assert "riding a Class099" in said
    names.write_text("".join(f"{name}\n" for name in chosen[:-1]))
    assert "199 classes, mini_kinetics has 200" in refused("mini_kinetics", tmp_path)
    (tmp_path / "val.csv").unlink()
    assert "val.csv" in refused("mini_kinetics", tmp_path)
