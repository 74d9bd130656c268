"""The lists of the field: ``path label`` with blanks between, and ``folder frames label``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connsearch.data.loading.load import load_data
from connsearch.data.records import Source, Window
from connsearch.data.sources.source import read_source
from connsearch.errors import DataError
from tests.data.helpers import options


def put(folder: Path, *files: str) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def read(folder: Path, text: str, name: str = "mine.txt", **changes: Any) -> Source:
    (folder / name).write_bytes(text.encode())
    return read_source(options(folder / name, **changes))


def rows(source: Source) -> list[tuple[str, str]]:
    return [(r.name, source.classes[r.label]) for r in source.records]


@pytest.mark.parametrize("name", ["mine.txt", "mine.csv", "mine.lst", "mine.list"])
def test_paths_may_hold_blanks_and_labels_are_numbers_or_words(tmp_path: Path, name: str) -> None:
    put(tmp_path, "a.mp4", "my clips/b c.mp4", "d 7.avi", "e")
    text = "\ufeffa.mp4 3\r\n\nmy clips/b c.mp4   10\n./d 7.avi\t3\ne 3\n"
    source = read(tmp_path, text, name)
    assert source.classes == ("3", "10")
    assert rows(source) == [
        ("a.mp4", "3"),
        ("my clips/b c.mp4", "10"),
        ("d 7.avi", "3"),
        ("e", "3"),
    ]
    words = read(tmp_path, "path label\na.mp4 walk\nd 7.avi fall\n", name.replace("csv", "txt"))
    assert rows(words) == [("a.mp4", "walk"), ("d 7.avi", "fall")]


@pytest.mark.parametrize("names", ["classes.txt", "labels.txt"])
def test_names_of_numbers_stand_in_a_file_beside_the_list(tmp_path: Path, names: str) -> None:
    put(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / names).write_text("brush hair\nwalk\nzip\n")
    source = read(tmp_path, "a.mp4 1\nb.mp4 0\n")
    assert source.classes == ("brush hair", "walk", "zip")
    assert rows(source) == [("a.mp4", "walk"), ("b.mp4", "brush hair")]
    assert rows(read(tmp_path, "a.mp4 zip\nb.mp4 walk\n")) == [("a.mp4", "zip"), ("b.mp4", "walk")]
    with pytest.raises(DataError, match=rf"line 2: {names} has no label '3'"):
        read(tmp_path, "a.mp4 1\nb.mp4 3\n")


def test_the_option_videos_says_where_they_lie(tmp_path: Path) -> None:
    put(tmp_path, "videos/a.mp4", "videos/b.mp4", "lists/x")
    text = "a.mp4 0\nb.mp4 1\n"
    source = read(tmp_path / "lists", text, videos=tmp_path / "videos")
    assert [r.path for r in source.records] == [tmp_path / f"videos/{n}.mp4" for n in "ab"]
    with pytest.raises(DataError, match=r"(?s)none of the 2.*found with --videos .*/videos"):
        read(tmp_path / "lists", text)
    with pytest.raises(DataError, match=r"no such folder; name the folder of .* --videos"):
        read(tmp_path / "lists", text, videos=tmp_path / "gone")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.mp4 0\nb.mp4\n", "line 2: one word, 'b.mp4'; no label"),
        ("a.mp4 0\nb.mp4 1 2\n", "line 2: 2 words after the path: '1 2'; expected one label"),
        ("a.mp4 0\nb.mp4 brush hair\n", "line 2: 2 words after the path: 'brush hair'"),
        ("a.mp4 0\na.mp4 1\n", "line 2: a.mp4 is already on line 1"),
        ("a.mp4 0\nb\0.mp4 1\n", "line 2: contains a NUL"),
        ("path label\n", "only a header; expected PATH LABEL"),
        ("\n", "empty"),
        ("b.mp4 0\nc.mp4 0\n", "1 listed file does not exist\n  c.mp4"),
    ],
)
def test_lines_that_cannot_be_read_are_refused_by_number(
    tmp_path: Path, text: str, words: str
) -> None:
    put(tmp_path, "a.mp4", "b.mp4")
    with pytest.raises(DataError, match=f"(?s)mine.txt.*{words}"):
        read(tmp_path, text)


def test_a_tab_says_where_the_path_ends(tmp_path: Path) -> None:
    put(tmp_path, "a.mp4", "b c 1")
    source = read(tmp_path, "a.mp4\tbrush hair\nb c 1\twalk\n")
    assert source.classes == ("brush hair", "walk")
    assert [(r.name, r.labels) for r in source.records] == [("a.mp4", (0,)), ("b c 1", (1,))]


def test_numbers_are_labels_however_they_are_written(tmp_path: Path) -> None:
    put(tmp_path, *(f"{n}.mp4" for n in range(4)))
    source = read(tmp_path, "0.mp4 10\n1.mp4 02\n2.mp4 2\n3.mp4 010\n")
    assert source.classes == ("2", "10")
    assert [r.labels for r in source.records] == [(1,), (0,), (0,), (1,)]


def test_numbers_of_any_length_are_words(tmp_path: Path) -> None:
    put(tmp_path, "a")
    long = "9" * 5000
    assert read(tmp_path, f"a {long}\n").classes == (long,)
    with pytest.raises(DataError, match="1 listed file does not exist"):
        read(tmp_path, f"a {long} 0\n")


def test_folders_with_a_number_of_frames_are_told_by_the_disk(tmp_path: Path) -> None:
    put(tmp_path, *(f"v 1/img_{n:05d}.jpg" for n in range(1, 6)), *(f"w/{n}.png" for n in range(4)))
    source = read(tmp_path, "v 1 5 0\nw 3 1\n")
    assert [(r.name, r.medium, r.window) for r in source.records] == [
        ("v 1", "frame_folder", Window(0, 5, "frames")),
        ("w", "frame_folder", Window(0, 3, "frames")),
    ]
    with pytest.raises(DataError, match="line 2: w has 4 frames of 9"):
        read(tmp_path, "v 1 5 0\nw 9 1\n")
    put(tmp_path, "x 12/1.jpg", "x 13/1.jpg")
    plain = read(tmp_path, "x 12 0\nx 13 1\n")
    assert [(r.name, r.window) for r in plain.records] == [("x 12", None), ("x 13", None)]
    put(tmp_path, "x/1.jpg")
    with pytest.raises(DataError, match="line 1 can be read in two ways"):
        read(tmp_path, "x 12 0\nx 13 1\n")


def test_a_folder_of_lists_gives_the_splits(tmp_path: Path) -> None:
    put(tmp_path, *(f"{n}.mp4" for n in range(6)))
    (tmp_path / "mine_train.txt").write_text("0.mp4 0\n1.mp4 1\n2.mp4 0\n")
    (tmp_path / "mine_val.csv").write_text("3.mp4 1\n")
    (tmp_path / "mine_test_videos.lst").write_text("4.mp4 0\n5.mp4 1\n")
    (tmp_path / "notes.txt").write_text("train val test\n")
    source = read_source(options(f"list:{tmp_path}"))
    assert [r.split for r in source.records] == ["test"] * 2 + ["train"] * 3 + ["val"]
    alone = read_source(options(tmp_path / "mine_train.txt"))
    assert "mine_test_videos.lst, mine_val.csv next to it is not read" in alone.notes[0]
    (tmp_path / "mine_test_videos.lst").write_text("0.mp4 0\n")
    with pytest.raises(DataError, match=r"clips in two of the lists\n  0.mp4"):
        read_source(options(f"list:{tmp_path}"))
    (tmp_path / "train_split2.txt").touch()
    with pytest.raises(
        DataError, match=r"mine_train.txt and train_split2.txt both mean the split tr"
    ):
        read_source(options(f"list:{tmp_path}"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no training list in it"):
        read_source(options(f"list:{tmp_path / 'empty'}"))


def test_a_list_of_real_videos_is_loaded(videos: Path, tmp_path: Path) -> None:
    names = sorted(path.relative_to(videos).as_posix() for path in videos.rglob("*.mp4"))
    lines = [f"{name} {'fall sit walk'.split().index(name.split('/')[0])}" for name in names]
    (tmp_path / "all.txt").write_text("\n".join(lines))
    data = load_data(options(tmp_path / "all.txt", videos=videos))
    assert sum(len(clips) for _, clips in data) == len(names)
    assert data.classes == ("0", "1", "2")
