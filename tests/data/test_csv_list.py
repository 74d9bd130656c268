from __future__ import annotations

from pathlib import Path

import pytest

from connsearch.data.datasets.csv_list import read_csv
from connsearch.data.records import Source
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
        ("path,label,split\na.mp4,x,dev\n", r"line 2: unknown split 'dev'\n  allowed splits: tr"),
        ("path,label\na.mp4,x\na.mp4,y\n", "line 3: a.mp4 stands on line 2 already"),
        ("path,label\na.mp4,x\ne.mp4,x\nf.mp4,x\n", r"2 listed files are not there\n  e.mp4\n  f"),
        ("path,label,object\na.mp4,x,o.npz\n", r"1 listed files are not there\n  .*o.npz"),
        ("path,label,object\na.mp4,x,d.mp4\nb.mp4,x,\n", r"for some clips only; without:\n  b.mp4"),
        ("path,label,split\na.mp4,x,exclude\n", "every row is excluded"),
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
