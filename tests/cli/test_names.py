"""Names that others gave: not UTF-8, too long, full of control characters, formulas."""

from __future__ import annotations

import csv
import io
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.media.decode import write_video
from connsearch.data.options import DataOptions
from connsearch.data.sources.source import read_source
from connsearch.files.text import from_cell
from connsearch.view.console import Console, visible_output
from tests.cli.commands import TINY, Command, Done

pytestmark = pytest.mark.usefixtures("unpictured")

OLD = os.fsdecode(b"caf\xe9"), os.fsdecode(b"na\xefve")
"""Names of Latin-1, as disks from before UTF-8 hold them."""

SHORT = "--frames 4 --size 16 --batch-size 6 --precision fp32 --threads 1".split()
"""For data that is not planted, of which nobody can say how many clips there are."""

LOUD = "\x1b[31mred\x1b[0m", "[red]b[link=x]\x07"
"""Colour codes, a bell, and what rich would read as markup."""


def clip(path: Path, seed: int = 0, frames: int = 6) -> Path:
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, rng.integers(0, 255, (frames, 20, 24, 3), dtype=np.uint8), key_every=3)
    return path


def clips(folder: Path, classes: tuple[str, str], each: int = 5) -> Path:
    """Two classes of clips, in folders and files of those names; the last one is damaged."""
    for number in range(2 * each):
        label = classes[number % 2]
        path = clip(folder / label / f"{label[:6]}{number}.mp4", number)
    path.write_bytes(path.read_bytes()[:900])
    return folder


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {k: from_cell(v) for k, v in row.items()} for row in csv.DictReader(file, strict=True)
        ]


def said(done: Done, code: int = 0) -> str:
    text = done.out + done.err
    assert done.code == code, text
    assert "Traceback" not in text
    text.encode()
    assert not set(text) & set("\x07\x1b\r\x9b\u202e")
    return text


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return clips(tmp_path / OLD[0], OLD)


def test_data_whose_names_are_not_utf8(run: Command, old: Path) -> None:
    done = run("data", "check", "--data", old, "--readers", "0", "--json")
    assert r"caf\xe9/na\xefve/na\xefve9.mp4: not readable as video" in said(done, 1)
    assert done.json["faults"][0]["name"] == f"{OLD[1]}/{OLD[1]}9.mp4"
    rows = cells(Path(f"{OLD[0]}.check.csv"))
    assert {row["class"] for row in rows} == set(OLD)
    assert all((old / row["name"]).is_file() for row in rows)
    assert r"caf\xe9" in said(run("data", "stats", "--data", old))
    said(run("data", "show", "--data", old, "--size", "16", "-o", f"{OLD[0]}.png"))
    said(run("data", "pack", "packed", "--data", old, "--bad-share", "1", "--workers", "1"))
    source = read_source(DataOptions.of(source="packed"))
    assert source.classes == OLD
    assert {record.name for record in source.records} == {row["name"] for row in rows[:-1]}
    assert all(record.path.is_file() for record in source.records)


def test_a_list_names_files_that_are_not_utf8(old: Path) -> None:
    name = rf"{OLD[0]}/{OLD[0]}0.mp4".encode("ascii", "backslashreplace").decode()
    written = name.replace(r"\udc", r"\x")
    (old / "clips.csv").write_text(f"path,label\n{written},a\n")
    (record,) = read_source(DataOptions.of(source=str(old))).records
    assert record.path == old / OLD[0] / f"{OLD[0]}0.mp4"
    clip(old / "a\\xe9.mp4")  # a file that is called so stays that file
    (old / "clips.csv").write_text("path,label\na\\xe9.mp4,a\n")
    assert read_source(DataOptions.of(source=str(old))).records[0].path == old / "a\\xe9.mp4"


def test_a_run_on_data_whose_names_are_not_utf8(run: Command, old: Path) -> None:
    data = [*("--data", old, "--bad-share", "0.5", "--steps", "1"), *SHORT]
    said(run("search", "starter_rgb_flow", "--run", "run", *data))
    assert cells(Path("run/quarantine.csv"))[0]["name"] == f"{OLD[1]}/{OLD[1]}9.mp4"
    said(run("prune", "run"))
    said(run("evaluate", "run/pruned"))
    said(run("report", "run"))
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert r"caf\xe9" in page
    assert "caf\\x5cxe9" not in page


def test_weights_are_not_written_where_they_could_not_be_read(run: Command, old: Path) -> None:
    done = run("search", "starter_rgb_flow", "--run", OLD[1], "--data", old, *TINY)
    assert "this path is not UTF-8" in said(run("search", "--run", OLD[1], *TINY), 2)
    assert done.code == 2
    assert not Path(OLD[1]).exists()


def test_what_is_loud_is_shown_and_not_obeyed(run: Command, tmp_path: Path) -> None:
    folder = clips(tmp_path / LOUD[0], LOUD)
    for line in ("check --readers 0 --seeks 2", "stats", "show --size 16"):
        name, *more = line.split()
        done = run("data", name, "--data", folder, *more)
        text = said(done, 1 if name == "check" else 0)
        assert r"\x1b[31mred" in text or name == "show"
        assert "[red]b[link=x]\\x07" in text or name == "show"
    checked = Path(f"{LOUD[0]}.check.csv")
    assert {row["class"] for row in cells(checked)} == set(LOUD)
    assert "\x1b" not in checked.read_text(encoding="utf-8")


def test_a_name_cannot_begin_a_line_of_ours(run: Command, tmp_path: Path) -> None:
    name = "a.mp4\nall 1 clips can be used\n  cure: none"
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / f"{name}.mp4").write_bytes(b"nothing")
    lines = said(run("data", "check", "--data", tmp_path / "clips"), 1).splitlines()
    assert "all 1 clips can be used" not in lines
    assert not any(line.strip().startswith("cure: none") for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        ["se\x1b[31march"],
        ["inspect", "\x1b[31m.json"],
        ["inspect", "no\x1b[31msuch"],
        ["inspect", "starter", "--fl\x1b[31mow"],
        ["inspect", "starter", "--attention", "\x1b[31m"],
        ["data", "check", "--data", "\x1b[31m/no\nerror: x"],
        ["search", "--run", OLD[0], "--data", "\x07"],
    ],
)
def test_words_of_the_line_are_repeated_visibly(run: Command, words: list[str]) -> None:
    done = run(*words, "--json")
    said(done, 2)
    assert done.json["exit"] == 2
    assert "error: x" not in done.err.splitlines()


def test_the_console_shows_and_does_not_obey() -> None:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    written = io.StringIO()
    console = Console(written, force_terminal=True, width=60, color_system="truecolor")
    table = Table("[bold]head", title="\x1b[32mtitle")
    table.add_row("\x1b]0;x\x07[red]cell")
    table.add_row(Text("\x9b31mtext", style="red"))
    console.print(table, Panel("\x08panel :smile:"), "line\nerror: forged\n  cure: ours")
    text = written.getvalue()
    assert "\x1b[1m" in text, "styles of our own go through"
    for shown in ("[bold]head", r"\x1b[32mtitle", r"\x1b]0;x\x07[red]cell", r"\u009b31m"):
        assert shown in text
    assert r"\x08panel :smile:" in text
    assert "line\\x0aerror: forged\n  cure: ours" in text
    for sign in ("\x1b]", "\x07", "\x08", "\x9b", "\x1b[32m"):
        assert sign not in text


def test_warnings_of_libraries_are_shown_visibly() -> None:
    with visible_output():
        text = warnings.formatwarning("a\x1b[31m\nerror: x", UserWarning, "a.py", 1, "code")
    assert r"a\x1b[31m\x0aerror: x" in text
    assert "\x1b" in warnings.formatwarning("\x1b", UserWarning, "a.py", 1, "code")


def test_no_cell_is_run_by_a_spreadsheet(run: Command, tmp_path: Path) -> None:
    labels = "=1+1", "-2+3"
    folder = clips(tmp_path / "data", labels)
    clip(folder / labels[0] / "@sum.mp4")
    said(run("data", "check", "--data", folder, "--readers", "0"), 1)
    said(run("data", "pack", "packed", "--data", folder, "--bad-share", "1", "--workers", "1"))
    checked = Path("data.check.csv")
    for path in (checked, Path("packed/clips.csv")):
        with path.open(newline="") as file:
            found = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in found if cell[:1] in tuple("=+-@")]
        assert "'=1+1" in found
    assert {row["class"] for row in cells(checked)} == set(labels)
    assert read_source(DataOptions.of(source="packed")).classes == ("-2+3", "=1+1")
    (folder / "-3.mp4").write_bytes((folder / labels[0] / "@sum.mp4").read_bytes())
    (folder / "clips.csv").write_text("path,label\n-3.mp4,a\n")  # as people write lists
    assert read_source(DataOptions.of(source=str(folder))).records[0].path.is_file()


@pytest.mark.parametrize(
    "line",
    [
        "data check --data DATA -o LONG.csv",
        "data check --data LONG",
        "data show --data DATA -o LONG.png",
        "data pack LONG --data DATA",
        "search --run LONG --data DATA",
        "search --run DEEP --bad-share 1 --data DATA",
        "animate starter -o LONG.gif",
        "export starter -o LONG",
        "prune assemblenet-50 -o LONG",
        "prune assemblenet-50 -o DEEP",
    ],
)
def test_a_path_that_is_too_long_is_refused_before_the_work(
    run: Command, tmp_path: Path, line: str
) -> None:
    clips(tmp_path / "data", ("a", "b"))
    deep = "/".join(["d" * 200] * 20)
    long = line.replace("LONG", "x" * 260).replace("DATA", "data").replace("DEEP", deep)
    text = said(run(*long.split(), *(SHORT if line.startswith("search") else ())), 2)
    assert "too long" in text or "allowed: names of 255" in text or "animate" in line
    assert "cure: " in text
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_name_that_just_fits_is_written(run: Command, tmp_path: Path) -> None:
    clip(tmp_path / "data" / "a.mp4")
    name = "é" * 125 + ".csv"
    assert "all 1 clips" in said(run("data", "check", "--data", "data", "-o", name))
    assert Path(name).is_file()


@pytest.mark.parametrize(
    "line",
    [
        "data stats --data {}",
        "search --data {} --run r",
        "inspect {}",
        "data check --data {}",
        "data check --data a --no {}",
    ],
)
def test_what_a_url_holds_for_few_is_never_shown(run: Command, line: str) -> None:
    url = "https://bob:s3cret@host/list.csv?token=t0ken"
    done = run(*line.format(url).split(), "--json")
    assert done.code == 2
    assert "https://***@host/list.csv?token=***" in done.err
    for secret in ("s3cret", "t0ken", "bob"):
        assert secret not in done.out + done.err


def test_an_error_is_one_json_line_whatever_it_says(run: Command) -> None:
    done = run("inspect", f"{OLD[0]}\x1b.json", "--json")
    assert done.code == 2
    assert json.loads(done.out)["exit"] == 2
