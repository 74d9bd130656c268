"""Files whose place nobody said lie with what they are about, and every command says where."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from connsearch.graph.files import load_structure, write_structure
from connsearch.workflows.beside import beside_data, home_of
from tests.cli.commands import Command, Tour


def test_a_picture_lies_with_what_is_drawn(run: Command, tour: Tour, tmp_path: Path) -> None:
    shutil.copytree(tour.pruned, tmp_path / "runs" / "mine")
    (tmp_path / "files").mkdir()
    write_structure(load_structure("starter"), tmp_path / "files" / "mine.json")
    for target, place in (
        ("runs/mine", "runs/mine/starter-searched-pruned.svg"),
        ("files/mine.json", "files/starter.svg"),
        ("starter", "starter.svg"),
    ):
        done = run("draw", target)
        assert f"drawn: {place}\n" in done.out
        assert (tmp_path / place).exists()


def test_home_is_the_run_of_a_checkpoint_too(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint" / "step-7.safetensors"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    assert home_of(str(checkpoint)) == tmp_path
    assert home_of(str(tmp_path)) == tmp_path
    assert home_of("starter") == home_of("no such thing") == Path()


@pytest.mark.usefixtures("run")
def test_a_file_about_data_lies_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "videos"
    folder.mkdir(parents=True)
    (folder.parent / "clips.csv").touch()
    assert beside_data(str(folder), "check.csv") == folder.parent / "videos.check.csv"
    assert beside_data(f"{folder}/", "check.csv") == folder.parent / "videos.check.csv"
    clips = folder.parent / "clips.csv"
    assert beside_data(str(clips), "sheet.png") == folder.parent / "clips.sheet.png"
    assert beside_data(f"ucf101:{folder}", "check.csv") == folder.parent / "videos.check.csv"
    assert beside_data("synthetic:mix", "check.csv") == Path("check.csv")
    os.chdir(folder)
    assert beside_data(".", "check.csv") == folder.parent / "videos.check.csv"
    long = tmp_path / ("n" * 250)
    long.mkdir()
    assert beside_data(str(long), "check.csv") == Path("check.csv")


def test_beside_what_cannot_be_written_to_it_lies_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    (tmp_path / "videos").mkdir()
    assert beside_data(str(tmp_path / "videos"), "check.csv") == Path("videos.check.csv")


def test_a_contact_sheet_says_where_it_is(run: Command, tmp_path: Path) -> None:
    line = "data show --data synthetic:mix --train-clips 2 --clips 1 --columns 1 --size 16"
    done = run(*line.split())
    assert "drawn: contact-sheet.png (1 clips)" in done.out, done.err
    assert (tmp_path / "contact-sheet.png").exists()
