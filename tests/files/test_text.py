"""Text that others chose: shown and never obeyed, and read back from CSV files as it was."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connsearch.files.text import as_utf8, cell, csv_text, from_cell, named, visible, visible_lines

_AWKWARD = list("\\x5cu202e19b'=+-@\t\r\n,\";ab0 \x1b\x7f\x9b\udce9\ud800\x85\u2028\u202e\uff1d")
anything = st.text(st.one_of(st.sampled_from(_AWKWARD), st.characters(codec=None)), max_size=12)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@given(st.lists(anything, min_size=1, max_size=3))
def test_what_a_csv_holds_is_read_back_as_it_was(values: list[str]) -> None:
    columns = [str(number) for number in range(len(values))]
    text = csv_text(columns, [dict(zip(columns, values, strict=True))])
    header, row = read(text.encode().decode())
    assert header == columns
    assert [from_cell(value) for value in row] == values
    for value in row:
        assert value[:1] not in ("=", "@", "\t", "\r", "\n")
        assert value[:1] not in ("+", "-") or float(value) is not None
        assert not set(value) & set("\x1b\x07\x08\r\x9b\x85\u202e")


@given(anything)
def test_nothing_that_is_shown_is_obeyed(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert not any(c in shown for c in "\n\r\t\x1b\x07\x08\x85\x9b\u2028\u202e")
    as_lines = visible_lines(text).split("\n")
    assert all(line.startswith(" ") or not line for line in as_lines[1:])
    assert as_utf8(shown).decode() == shown


@settings(max_examples=30)
@given(st.integers(), st.floats(), st.booleans())
def test_numbers_stay_numbers(whole: int, number: float, said: bool) -> None:
    text = csv_text(["a", "b", "c", "d"], [{"a": whole, "b": number, "c": said, "d": None}])
    assert read(text)[1] == [str(whole), str(number), str(said), ""]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("-x.mp4", "'-x.mp4"),
        ("@a", "'@a"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        ("-1", "-1"),
        ("+2.5e3", "+2.5e3"),
        ("-1+1", "'-1+1"),
        ("a=b", "a=b"),
        ("'tis", "'tis"),
        ("caf\udce9", r"caf\xe9"),
        (r"caf\xe9", r"caf\x5cxe9"),
        (r"clips\x41.mp4", r"clips\x41.mp4"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\x9bb", r"a\u009bb"),
    ],
)
def test_how_a_cell_looks(text: str, written: str) -> None:
    assert cell(text) == written
    assert from_cell(written) == text


def test_a_name_is_made_visible_inside_a_message() -> None:
    name = "a\n  cure: none"
    assert named(f"{name}: damaged\n  cure: mend", name) == (
        "a\\x0a  cure: none: damaged\n  cure: mend"
    )


def test_one_file_writes_csv_and_one_makes_consoles() -> None:
    package = Path(__file__).resolve().parents[2] / "connsearch"
    ours = "data/sources/datasets/synthetic.py"  # writes nothing that anybody else named
    for name in package.rglob("*.py"):
        path, text = name.relative_to(package).as_posix(), name.read_text(encoding="utf-8")
        if re.search(r"csv\.(writer|DictWriter)|\.to_csv", text):
            assert path in ("files/text.py", ours), (
                "use files.text.csv_text: cells are not run, names fit"
            )
        if re.search(r"rich\.console\.Console|get_console|from rich import", text):
            assert path == "view/console.py", "use view.console: names are not obeyed"
