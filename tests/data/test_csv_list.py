from __future__ import annotations

import math
from pathlib import Path

import pytest

from connsearch.data.records import Source, Span, Window
from connsearch.data.sources.datasets.csv_list import read_csv
from connsearch.errors import DataError
from tests.data.helpers import options


def read(folder: Path, text: str | bytes, videos: str = "abcd") -> Source:
    for name in videos:
        (folder / f"{name}.mp4").touch()
    path = folder / "mine.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(str(path), options(path))


def test_all_columns_are_read(tmp_path: Path) -> None:
    text = (
        "\ufeffgroup,split,path,label,height\n"
        "ann,train,a.mp4,2,1\nbob,val,b.mp4,10,1\r\nbob,select,c.mp4,2,1\n\n,test,d.mp4,10,1\n"
    )
    source = read(tmp_path, text)
    assert source.classes == ("2", "10")
    assert source.object_classes == 0
    assert [(r.name, r.label, r.group, r.split) for r in source.records] == [
        ("a.mp4", 0, "ann", "train"),
        ("b.mp4", 1, "bob", "val"),
        ("c.mp4", 0, "bob", "val"),
        ("d.mp4", 1, "", "test"),
    ]


@pytest.mark.parametrize("word", ["all", "cv", ""])
def test_some_words_leave_the_split_to_us(tmp_path: Path, word: str) -> None:
    source = read(tmp_path, f"path,label,split\na.mp4,x,{word}\nb.mp4,y,{word}\n")
    assert {r.split for r in source.records} == {None}


def test_excluded_rows_are_left_out_and_said(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        "path,label,split\na.mp4,x,train\nb.mp4,x,extra-dark\nc.mp4,z,extra-dark\nd.mp4,x,exclude\n",
    )
    assert [r.name for r in source.records] == ["a.mp4"]
    assert source.classes == ("x",)
    assert source.notes == (
        "mine.csv: 2 clips left out (split extra-dark)",
        "mine.csv: 1 clips left out (split exclude)",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty; expected a header"),
        ("path,label\n", "a header but no rows"),
        ("path;label\na.mp4;x\n", r"separated by ';'; allowed: ','\n  read: path;label"),
        ("path\tlabel\na.mp4\tx\n", r"separated by '\\t'"),
        ("path,class\na.mp4,x\n", r"no column named 'label'.*\n  expected: path, label"),
        ("paths,label\na.mp4,x\n", "did you mean 'paths'"),
        ("path,label,path\na.mp4,x,b\n", "the column path appears more than once"),
        ("path,label\na.mp4,x,y\n", r"line 2: 3 values, the header has 2 columns\n  read: a.mp4"),
        ("path,label\na.mp4,\n", "line 2: no label"),
        ("path,label\n,x\n", "line 2: no path"),
        (
            "path,label,split\na.mp4,x,devel\n",
            r"line 2: unknown split 'devel'\n  allowed splits: tr",
        ),
        ("path,label\na.mp4,x\na.mp4,y\n", "line 3: a.mp4 is already on line 2"),
        ("path,label\na.mp4,x\ne.mp4,x\nf.mp4,x\n", r"2 listed files do not exist\n  e.mp4\n  f"),
        ("path,label,object\na.mp4,x,o.npz\n", r"1 listed file does not exist\n  .*o.npz"),
        ("path,label,object\na.mp4,x,d.mp4\nb.mp4,x,\n", r"for some clips only; without:\n  b.mp4"),
        ("path,label,split\na.mp4,x,exclude\n", "every row is excluded"),
        ("path,label,labels\na.mp4,x,x\n", "the columns labels and label; allowed: one of them"),
        ("path,label,group,subject\na.mp4,x,1,1\n", "the columns subject and group; allowed"),
        ("path,labels\na.mp4,x||y\n", r"line 2: an empty label in 'x\|\|y'"),
        ("path,labels\na.mp4,\n", "no row has a label"),
        ("path;labels\na.mp4;x\n", r"separated by ';'; allowed: ','"),
        (
            "path,label,clip_name\na.mp4,x,n\nb.mp4,x,n\n",
            "line 3: the name n is already on line 2",
        ),
        ("path,label,clip_name\na.mp4,x,\n", "line 2: no clip_name"),
        ("path,label,medium\na.mp4,x,frame_db\n", "line 2: no medium .* did you mean 'frames_db'"),
        ("path,label,unit\na.mp4,x,ms\n", "line 2: unknown unit 'ms'; allowed: seconds, frames"),
        ("path,label,start,end\na.mp4,x,3,2\n", "line 2: a part from '3' to '2'; allowed: num"),
        ("path,label,start,end\na.mp4,x,-1,\n", "line 2: a part from '-1' to ''"),
        ("path,label,start,end\na.mp4,x,,inf\n", "line 2: a part from '' to 'inf'"),
        ("path,label,start,end,unit\na.mp4,x,1.5,,frames\n", "line 2: a part from '1.5' to ''"),
        (
            "path,label,start,end\na.mp4,x,1,\na.mp4,y,1,\n",
            "line 3: a.mp4 is already on line 2",
        ),
        (f"path,label,start,end,unit\na.mp4,x,{'9' * 400},,frames\n", "line 2: a part from '999"),
        (f"path,label,start,end,unit\na.mp4,x,0,{'9' * 400},frames\n", "line 2: a part from '0' t"),
        ("path,label,start,end\na.mp4,x,1e999,\n", "line 2: a part from '1e999'"),
        ("path,label,start,end\na.mp4,x,nan,2\n", "line 2: a part from 'nan'"),
        ("path,label\na\0.mp4,x\n", "line 2: a NUL in path"),
        ("path,label\n" + "a" * 300 + ".mp4,x\n", "1 listed file does not exist"),
        ("path,labels,spans\na.mp4,x,y 0 1\n", "line 2: spans 'y 0 1'; allowed: LABEL START END"),
        ("path,labels,spans\na.mp4,x,x 2 1\n", "line 2: spans 'x 2 1'"),
        ("path,labels,spans\na.mp4,x,x 2\n", "line 2: spans 'x 2'"),
        (b"path,label\n\xff.mp4,x\n", "not a CSV file in UTF-8"),
        ('path,label\n"a.mp4,x\n', "not a CSV file in UTF-8"),
    ],
)
def test_an_unusable_file_is_refused_with_place_and_cure(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    with pytest.raises(DataError, match=rf"(?s)mine.csv.*{words}"):
        read(tmp_path, text)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.csv: cannot be read"):
        read_csv(str(tmp_path / "gone.csv"), options("x"))


def test_several_labels_and_their_spans_are_read(tmp_path: Path) -> None:
    text = "path,labels,subject,spans\na.mp4,sit|get up,ann,get up 1 2.5|sit 0 9\nb.mp4,,bob,\n"
    source = read(tmp_path, text)
    assert source.multi_label
    assert source.classes == ("get up", "sit")
    first, second = source.records
    assert (first.labels, first.group, second.labels) == ((1, 0), "ann", ())
    assert first.spans == (Span(0, 1.0, 2.5), Span(1, 0.0, 9.0))


def test_parts_of_one_video_are_clips_of_their_own(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        "path,label,start,end,unit\na.mp4,x,,,\na.mp4,x,0.5,2,\na.mp4,y,2,,seconds\n"
        "a.mp4,y,3,8,frames\n",
    )
    assert [(r.name, r.window) for r in source.records] == [
        ("a.mp4", None),
        ("a.mp4@0.5-2", Window(0.5, 2.0)),
        ("a.mp4@2-", Window(2.0, math.inf)),
        ("a.mp4#3-8", Window(3, 8, "frames")),
    ]


def test_names_and_media_are_taken_from_the_list_or_the_path(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "frames.db").touch()
    source = read(
        tmp_path,
        "path,label,clip_name,medium\nv/frames.db,x,one,\nframes,x,two,\na.mp4,y,three,\n"
        "b.mp4,y,four,frames_db\n",
    )
    assert [(r.name, r.medium) for r in source.records] == [
        ("one", "frames_db"),
        ("two", "frame_folder"),
        ("three", "video"),
        ("four", "frames_db"),
    ]


def test_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match=r"1 listed file does not exist\n  a\n"):
        read(tmp_path, "path,label,medium\na,x,frames_db\n")


def test_a_start_without_an_end_says_something_else(tmp_path: Path) -> None:
    source = read(tmp_path, "path,label,start,name\na.mp4,x,40,n\nb.mp4,y,0,n\n")
    assert [(r.name, r.window) for r in source.records] == [("a.mp4", None), ("b.mp4", None)]


WORDS = "Train TRAINING val VALID validation dev Select test TESTING".split()


def test_splits_are_words_in_any_case(tmp_path: Path) -> None:
    rows = "".join(f"{n}.mp4,x,{word}\n" for n, word in enumerate(WORDS))
    source = read(tmp_path, "path,label,split\n" + rows, videos="012345678")
    assert [r.split for r in source.records] == ["train"] * 2 + ["val"] * 5 + ["test"] * 2
    assert source.notes == (
        "mine.csv: the splits train and training are all read as train",
        "mine.csv: the splits dev and select and val and valid and validation are all read as val",
        "mine.csv: the splits test and testing are all read as test",
    )


def test_paths_may_be_relative_to_another_folder(tmp_path: Path) -> None:
    videos, lists = tmp_path / "videos", tmp_path / "lists"
    for folder in (videos / "in", lists):
        folder.mkdir(parents=True)
    for name in ("in/a.mp4", "b c.mp4", "in/a.npz"):
        (videos / name).touch()
    (lists / "b.npz").touch()
    path = lists / "mine.csv"
    path.write_text("path,label,object\nin/a.mp4,x,in/a.npz\nb c.mp4,y,b.npz\n")
    source = read_csv(str(path), options(path, videos=videos))
    assert [r.name for r in source.records] == ["in/a.mp4", "b c.mp4"]
    assert [r.path for r in source.records] == [videos / "in/a.mp4", videos / "b c.mp4"]
    assert [r.objects for r in source.records] == [videos / "in/a.npz", lists / "b.npz"]
    with pytest.raises(DataError, match=r"no such folder; name the folder of .* --videos"):
        read_csv(str(path), options(path, videos=tmp_path / "gone"))


@pytest.mark.parametrize(
    ("files", "listed", "words"),
    [
        (
            "videos/a.mp4 videos/b.mp4",
            "a.mp4 b.mp4",
            "they would be found with --videos .*/videos$",
        ),
        ("a.avi b.avi", "a.mp4 b.mp4", "they would be found with the suffix .avi in the list$"),
        ("a.MP4 b.MP4", "a.mp4 b.mp4", "with the suffix .MP4 in the list$"),
        ("a.mp4 b.mp4", "old/a.mp4 old/b.mp4", "with old removed from the paths in the list$"),
        ("a.mp4 b.mp4", "/no/such/a.mp4 /no/such/b.mp4", "with /no/such removed from the paths"),
        (
            "clips/a.mp4 clips/b.mp4",
            "old/a.mp4 old/b.mp4",
            "--videos .*/clips and old removed from",
        ),
        ("clips/a.avi clips/b.avi", "a b", "--videos .*/clips and the suffix .avi in the list$"),
        ("a.avi c.mp4", "a.mp4 b.mp4 c.mp4", "1 of 2 tried would be found with the suffix .avi"),
        (
            "in/a.mp4 in/b.mp4",
            r"in\a.mp4 in\b.mp4",
            r"they would be found with / instead of \\ in",
        ),
        (
            "a.mp4 b.mp4",
            r"C:\old\a.mp4 C:\old\b.mp4",
            r"C:/old removed from .* and / instead of \\",
        ),
        ("", "a.mp4 b.mp4", "none of the 2 listed files exists.*; --videos DIR makes"),
    ],
)
def test_one_change_that_finds_the_files_is_named(
    tmp_path: Path, files: str, listed: str, words: str
) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    for name in files.split():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    text = "path,label\n" + "".join(f"{name},x\n" for name in listed.split())
    with pytest.raises(DataError, match=rf"(?s){words}"):
        read(folder, text, videos="")


@pytest.mark.parametrize("column", ["id", "video_id", "youtube_id", "video"])
def test_an_id_is_a_video_of_that_name(tmp_path: Path, column: str) -> None:
    files = ["7.webm", "videos/8.mp4", "brush_hair/9.avi", "10_000012_000022.mp4", "11/1.jpg"]
    for name in [*files, "12/frames.db", "13.mp4", "13.avi"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    rows = ["7,x,,", "8,x,,", "9,brush hair,,", "10,x,12,22.0", "11,x,,", "12,x,,", "13.mp4,x,,"]
    text = f"{column},label,time_start,time_end\n" + "\n".join(rows) + "\n"
    source = read(tmp_path, text, videos="")
    assert [r.name for r in source.records] == [*files[:4], "11", "12/frames.db", "13.avi"]
    media = ["video"] * 4 + ["frame_folder", "frames_db", "video"]
    assert [r.medium for r in source.records] == media
    assert "1 videos have the same name as another one" in source.notes[-1]


def test_ids_that_are_not_there_or_not_clear_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"(?s)none of the 2 listed files exists\n  8\n  9.*--videos DIR"
    ):
        read(tmp_path, "id,label\n8,x\n9,x\n")
    with pytest.raises(DataError, match="the columns id and video_id may both name the videos"):
        read(tmp_path, "id,video_id,label\n1,a,x\n")
    assert read(tmp_path, "id,path,label\n1,a.mp4,x\n").records[0].name == "a.mp4"


def test_a_list_without_a_header_is_read_as_one(tmp_path: Path) -> None:
    source = read(tmp_path, "a.mp4 3\nb.mp4 10\n")
    assert [(r.name, source.classes[r.label]) for r in source.records] == [
        ("a.mp4", "3"),
        ("b.mp4", "10"),
    ]
    with pytest.raises(DataError, match="cure: a first line with the names of the columns"):
        read(tmp_path, "a.mp4,3\nb.mp4,10\n")


def test_a_label_may_be_a_number_of_any_length(tmp_path: Path) -> None:
    long = "9" * 5000
    source = read(tmp_path, f"path,label\na.mp4,{long}\nb.mp4,7\n", videos="a.mp4 b.mp4")
    assert source.classes == ("7", long)


def test_parts_whose_names_would_be_the_same_are_told_apart(tmp_path: Path) -> None:
    source = read(tmp_path, "path,label,start,end\na.mp4,x,1.00000001,2\na.mp4,x,1.00000002,2\n")
    assert [r.name for r in source.records] == ["a.mp4@1-2", "a.mp4@1-2 (2)"]


def test_all_missing_columns_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("Group,Label,Path\nr1,walk,a.mp4\n")
    with pytest.raises(DataError, match=r"did you mean 'Path'.*\n  missing too: label\n"):
        read_csv(str(tmp_path / "mine.csv"), options(str(tmp_path / "mine.csv")))
