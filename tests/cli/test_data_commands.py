"""``connsearch data pack`` and ``connsearch data objects``, as a person sees them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from connsearch.cli.commands.data_extract import DataExtract
from connsearch.cli.commands.data_objects import DataObjects
from connsearch.cli.commands.data_pack import DataPack
from connsearch.cli.parse import parse
from connsearch.cli.terminal import Terminal
from connsearch.data.media.decode import write_video
from connsearch.errors import DataError, Failure, SettingsError
from connsearch.view.console import Console


def terminal(*, interactive: bool = False) -> tuple[Terminal, io.StringIO]:
    written = io.StringIO()
    console = Console(written, force_terminal=interactive, force_interactive=interactive, width=100)
    return Terminal(console=console), written


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for label in ("a", "b"):
        (tmp_path / "videos" / label).mkdir(parents=True)
        for n in range(2):
            frames = np.full((4, 24, 32, 3), 50 * n, np.uint8)
            write_video(tmp_path / "videos" / label / f"{n}.mp4", frames)
    return tmp_path / "videos"


@pytest.mark.parametrize("interactive", [True, False])
def test_pack_says_what_it_made_and_what_it_left_out(
    videos: Path, tmp_path: Path, interactive: bool
) -> None:
    (videos / "a" / "broken.mp4").write_text("no video")
    line = f"{tmp_path / 'out'} --data {videos} --short-side 12 --bad-share 0.3 --workers 2"
    shown, written = terminal(interactive=interactive)
    report = parse(DataPack, line.split(), program="x").execute(shown)
    text = written.getvalue()
    assert "5/5" in text
    assert "warning: 1 videos cannot be read and were left out" in text
    assert "broken.mp4: not readable as video" in text
    assert f"--data {tmp_path / 'out'}" in text.replace("\n", "")
    assert (report["videos"], report["clips"], report["frames"], report["before"]) == (4, 4, 16, 0)
    assert list(report["unreadable"]) == ["a/broken.mp4"]
    again = parse(DataPack, line.split(), program="x").execute(terminal()[0])
    assert again["before"] == 4


def test_pack_fails_with_the_list_when_too_many_are_unreadable(
    videos: Path, tmp_path: Path
) -> None:
    (videos / "a" / "broken.mp4").write_text("no video")
    settings = parse(DataPack, [str(tmp_path / "out"), "--data", str(videos)], program="x")
    with pytest.raises(Failure, match=r"1 of 5 videos unreadable\n  .*broken.mp4: not readable"):
        settings.execute(terminal()[0])


def test_pack_refuses_settings_out_of_range() -> None:
    with pytest.raises(SettingsError, match=r"(?s)2 settings cannot be used.*--short.*--quality"):
        parse(DataPack, "out --data x --short-side 2 --quality 0".split(), program="x")


def test_extract_says_what_it_made_and_what_it_left_out(videos: Path, tmp_path: Path) -> None:
    (videos / "a" / "broken.mp4").write_text("no video")
    line = f"{videos} {tmp_path / 'out'} --height 12 --bad-share 0.3 --workers 2"
    shown, written = terminal()
    report = parse(DataExtract, line.split(), program="x").execute(shown)
    text = written.getvalue()
    assert "warning: 1 clips cannot be read and were left out" in text
    assert "quarantine.csv lists them" in text.replace("\n", " ")
    assert "broken.mp4: not readable as video" in text
    assert f"--data {tmp_path / 'out'}" in text.replace("\n", "")
    assert (report["clips"], report["frames"], report["before"]) == (4, 16, 0)
    assert report["lists"] == ["clips.csv", "classes.txt", "clips.txt"]
    assert (tmp_path / "out" / "frames" / "a" / "0" / "img_00004.jpg").is_file()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("--height 9 --short-side 9", "give --height or --short-side, not both"),
        ("--pattern frame.jpg", "its number at the end"),
        ("--pattern a/%05d.jpg", "its number at the end"),
        ("--pattern v2%05d.jpg", "its number at the end"),
        ("--pattern .%05d.jpg", "its number at the end"),
        ("--pattern img_%05d.png", "the name of a JPEG"),
    ],
)
def test_extract_refuses_names_and_sizes_that_do_not_fit(more: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse(DataExtract, ["x", "out", *more.split()], program="x")


def test_objects_writes_the_maps_and_says_their_shares(tmp_path: Path) -> None:
    np.save(tmp_path / "warm.npy", np.array([[[20.0, 40.0]], [[20.0, 20.0]]], np.float16))
    line = f"{tmp_path / 'warm.npy'} -o {tmp_path / 'a.npz'} --levels 30 --rate 2 --frames 3"
    shown, written = terminal()
    report = parse(DataObjects, line.split(), program="x").execute(shown)
    with np.load(tmp_path / "a.npz") as file:
        # frame 1 lies as near to row 0 as to row 1, and takes the later one
        assert file["classes"][:, 0].tolist() == [[0, 1], [0, 0], [0, 0]]
    assert "share of the pixels by class" in written.getvalue()
    assert report["frames"] == 3


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--map 0:0 --levels 3", "--map renumbers classes, --levels makes them"),
        ("--rate 0", "--rate: read '0'"),
    ],
)
def test_objects_refuses_what_contradicts_itself(flags: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse(DataObjects, ["rows.npy", "-o", "a.npz", *flags.split()], program="x")
    with pytest.raises(SettingsError, match=r"a.npy does not end in .npz"):
        parse(DataObjects, ["rows.npy", "-o", "a.npy"], program="x")


def test_objects_refuses_a_map_it_cannot_read(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.zeros((1, 2, 2), np.uint8))
    line = [str(tmp_path / "rows.npy"), "-o", str(tmp_path / "a.npz"), "--map", "0=1"]
    with pytest.raises(DataError, match=r"map '0=1': .*allowed: VALUE:CLASS"):
        parse(DataObjects, line, program="x").execute(terminal()[0])
