from __future__ import annotations

import math
from pathlib import Path

import pytest

from connsearch.data.datasets.csv_list import read_csv
from connsearch.data.records import Source, Span, Window
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
        ("b.mp4", 1, "bob", "select"),
        ("c.mp4", 0, "bob", "select"),
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
        ("path,label\na.mp4,x\na.mp4,y\n", "line 3: a.mp4 stands on line 2 already"),
        ("path,label\na.mp4,x\ne.mp4,x\nf.mp4,x\n", r"2 listed files are not there\n  e.mp4\n  f"),
        ("path,label,object\na.mp4,x,o.npz\n", r"1 listed files are not there\n  .*o.npz"),
        ("path,label,object\na.mp4,x,d.mp4\nb.mp4,x,\n", r"for some clips only; without:\n  b.mp4"),
        ("path,label,split\na.mp4,x,exclude\n", "every row is excluded"),
        ("path,label,labels\na.mp4,x,x\n", "the columns labels and label; allowed: one of them"),
        ("path,label,group,subject\na.mp4,x,1,1\n", "the columns subject and group; allowed"),
        ("path,labels\na.mp4,x||y\n", r"line 2: an empty label in 'x\|\|y'"),
        ("path,labels\na.mp4,\n", "no row has a label"),
        ("path;labels\na.mp4;x\n", r"separated by ';'; allowed: ','"),
        (
            "path,label,clip_name\na.mp4,x,n\nb.mp4,x,n\n",
            "line 3: the name n stands on line 2 already",
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
            "line 3: a.mp4 stands on line 2 already",
        ),
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
    with pytest.raises(DataError, match=r"1 listed files are not there\n  a\n"):
        read(tmp_path, "path,label,medium\na,x,frames_db\n")


def test_a_start_without_an_end_says_something_else(tmp_path: Path) -> None:
    source = read(tmp_path, "path,label,start,name\na.mp4,x,40,n\nb.mp4,y,0,n\n")
    assert [(r.name, r.window) for r in source.records] == [("a.mp4", None), ("b.mp4", None)]
