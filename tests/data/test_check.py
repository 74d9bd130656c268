"""What a check looks at: every file that a source names or holds, without labels or splits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connsearch.data.media.decode import write_video
from connsearch.data.options import DataOptions
from connsearch.data.tools.check import Checked, check_clips, seek_numbers
from connsearch.data.tools.check_source import clips_to_check
from connsearch.errors import DataError

FRAMES = 80


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 80 frames, each of its own brightness."""
    path = tmp_path_factory.mktemp("video") / "long.mp4"
    frames = np.empty((FRAMES, 16, 24, 3), np.uint8)
    frames[:] = (10 + 3 * np.arange(FRAMES, dtype=np.uint8))[:, None, None, None]
    write_video(path, frames, key_every=20)
    return path


def copied(video: Path, *places: Path) -> None:
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(video, place)


def checked(source: Path, *, seeks: int = 0, **asked: Any) -> list[Checked]:
    options = DataOptions.of(source=str(source), **asked)
    there = clips_to_check(options)
    found = check_clips(there.source.records, options, seeks=seeks)
    return sorted(found, key=lambda one: one.place)


def names(source: Path, **asked: Any) -> list[str]:
    there = clips_to_check(DataOptions.of(source=str(source), **asked))
    return sorted(record.name for record in there.source.records)


def test_a_flat_folder_has_no_classes_and_is_checked(video: Path, tmp_path: Path) -> None:
    copied(video, tmp_path / "a.mp4", tmp_path / "b.MP4")
    found = checked(tmp_path, seeks=4)
    assert [one.record.name for one in found] == ["a.mp4", "b.MP4"]
    assert [(one.reason, one.seeks, one.differences) for one in found] == [(None, 4, ())] * 2


def test_folders_in_folders_are_checked(video: Path, tmp_path: Path) -> None:
    copied(video, tmp_path / "a.mp4", tmp_path / "x/y/z/b.mp4", tmp_path / ".hidden/c.mp4")
    (tmp_path / "x" / "notes.txt").write_text("no video")
    (tmp_path / "x" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert names(tmp_path) == ["a.mp4", "x/y/z/b.mp4"]
    notes = clips_to_check(DataOptions.of(source=str(tmp_path))).source.notes
    assert any("1 files belong to no class" in note for note in notes)


def test_a_single_file_is_checked(video: Path) -> None:
    (found,) = checked(video, seeks=10)
    assert (found.record.name, found.seeks, found.reason) == ("long.mp4", 10, None)


def test_a_csv_without_labels_is_checked(video: Path, tmp_path: Path) -> None:
    copied(video, tmp_path / "v" / "a.mp4")
    (tmp_path / "list.csv").write_text("path,who\nv/a.mp4,x\nv/gone.mp4,y\nv/a.mp4,z\n,w\n")
    there = clips_to_check(DataOptions.of(source=str(tmp_path / "list.csv")))
    assert [record.name for record in there.source.records] == ["v/a.mp4"]
    assert [name for name, _ in there.lost] == ["v/gone.mp4", "row 4"]
    assert "no such file" in there.lost[0][1]
    assert any("no column named 'label'" in note for note in there.source.notes)


def test_a_class_too_small_to_split_is_checked(video: Path, tmp_path: Path) -> None:
    copied(video, tmp_path / "a" / "1.mp4")  # one class, one clip
    assert names(tmp_path) == ["a/1.mp4"]


def test_a_list_of_paths_and_labels_is_checked(video: Path, tmp_path: Path) -> None:
    copied(video, tmp_path / "my clip.mp4", tmp_path / "b.mp4")
    (tmp_path / "list.txt").write_text("my clip.mp4 3\nb.mp4 1\ngone.mp4 1\n")
    found = names(tmp_path / "list.txt")
    assert found == ["b.mp4", "my clip.mp4"]


@pytest.mark.parametrize(
    "text",
    [
        "my clip.mp4 brush hair\nb.mp4 walk\n",
        "my clip.mp4\tbrush hair\nb.mp4\t\n",
        "my clip.mp4\nb.mp4\n",
        "path;label\nmy clip.mp4;x\nb.mp4;y\n",
        "path\tlabel\nmy clip.mp4\tx\nb.mp4\ty\n",
        "id\nmy clip\nb\n",
        "who,video_id\nann,my clip\nben,b.avi\n",
    ],
)
def test_every_file_of_a_list_is_found(video: Path, tmp_path: Path, text: str) -> None:
    copied(video, tmp_path / "v" / "my clip.mp4", tmp_path / "v" / "b.mp4")
    (tmp_path / "list.csv").write_text(text)
    chosen = DataOptions.of(source=str(tmp_path / "list.csv"), videos=tmp_path / "v")
    there = clips_to_check(chosen)
    assert sorted(record.name for record in there.source.records) == ["b.mp4", "my clip.mp4"]
    assert there.lost == ()


def test_options_that_change_nothing_are_refused(video: Path, tmp_path: Path) -> None:
    copied(video, tmp_path / "a.mp4", tmp_path / "two" / "x" / "b.mp4")
    for source in (tmp_path, tmp_path / "a.mp4", tmp_path / "two"):
        for option in ({"protocol": "2"}, {"videos": tmp_path}):
            with pytest.raises(DataError, match="options without effect"):
                clips_to_check(DataOptions.of(source=str(source), **option))


def test_frame_folders_and_stores_are_checked(packed: Path, tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(1, 8):
        picture = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8))
        (tmp_path / "one").mkdir(exist_ok=True)
        picture.save(tmp_path / "one" / f"{number:05}.jpg")
    for source in (tmp_path, tmp_path / "one"):
        (found,) = checked(source, seeks=9)
        assert (found.record.medium, found.seeks, found.differences) == ("frame_folder", 9, ())
    store = next(packed.rglob("frames.db"))
    for source in (store, store.parent):
        (found,) = checked(source, seeks=3)
        assert (found.record.medium, found.reason, found.differences) == ("frames_db", None, ())


def test_nothing_to_check_is_a_mistake(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "none", tmp_path / "none.csv"):
        with pytest.raises(DataError):
            clips_to_check(DataOptions.of(source=str(source)))
    with pytest.raises(DataError, match="no such folder"):
        clips_to_check(DataOptions.of(source=f"ucf101:{tmp_path}/none"))


def test_a_published_list_that_is_not_whole_is_checked(video: Path, tmp_path: Path) -> None:
    copied(video, tmp_path / "videos" / "v_Archery_g01_c01.mp4")
    there = clips_to_check(DataOptions.of(source=f"ucf101:{tmp_path}"))
    assert [r.name for r in there.source.records] == ["videos/v_Archery_g01_c01.mp4"]
    assert "cannot be trained on" in there.source.notes[-1]


def test_object_maps_are_read_whatever_their_classes(video: Path, tmp_path: Path) -> None:
    copied(video, tmp_path / "a.mp4", tmp_path / "b.mp4")
    np.savez(tmp_path / "a.npz", classes=np.zeros((FRAMES, 4, 6), np.uint8))
    np.savez(tmp_path / "b.npz", classes=np.zeros((FRAMES - 1, 4, 6), np.uint8))
    good, bad = checked(tmp_path)
    assert good.reason is None
    assert "79 object maps, the video has 80 frames" in (bad.reason or "")


def test_parts_of_one_file_are_checked_each(video: Path, tmp_path: Path) -> None:
    damaged = bytearray(video.read_bytes())
    copied(video, tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(damaged[: len(damaged) // 3])
    rows = ["path,label,start,end,unit"]
    rows += [f"a.mp4,x,{n},{n + 20},frames" for n in (0, 20, 40, 100)]
    (tmp_path / "list.csv").write_text("\n".join([*rows, "b.mp4,y,0,5,frames"]))
    found = checked(tmp_path / "list.csv", seeks=7)
    assert [one.reason is None for one in found] == [True, True, True, False, False]
    assert "no frame between 100 and 120" in (found[3].reason or "")
    assert [one.seeks for one in found] == [7, 0, 0, 0, 0], "once a file"


@pytest.mark.parametrize(
    ("frames", "count"), [(1, 1), (1, 5), (66, 4), (80, 50), (80, 80), (9, 50)]
)
def test_the_frames_that_are_read_alone(frames: int, count: int) -> None:
    found = seek_numbers(frames, count, seed=3)
    assert len(found) == count
    assert found == sorted(found) == seek_numbers(frames, count, seed=3)
    assert set(found) <= set(range(frames))
    assert len(set(found)) == min(frames, count)
    if count >= 4 and frames > 65:
        assert {0, 64, 65, frames - 1} <= set(found)


def test_a_check_needs_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, connsearch.data.tools.check; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
