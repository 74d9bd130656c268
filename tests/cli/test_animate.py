"""connsearch animate at the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Command, Tour


def test_a_search_becomes_a_gif_and_a_page_in_its_directory(
    run: Command, tour: Tour, tmp_path: Path
) -> None:
    shutil.copytree(tour.run, tmp_path / "run")
    done = run("animate", "run", "--json")
    assert done.code == 0, done.err
    assert done.json["files"] == ["run/animation.gif", "run/animation.html"]
    assert done.json["connections"] == 53
    pruned = tour.prune.json
    assert (done.json["kept"], done.json["dead"]) == (
        pruned["connections"]["after"],
        len(pruned["dead"]),
    )
    assert Path("run/animation.gif").read_bytes().startswith(b"GIF89a")
    assert Path("run/animation.html").read_text().startswith("<!doctype html>")


def test_an_unfinished_run_will_do(run: Command, tour: Tour, tmp_path: Path) -> None:
    for name in ("config.json", "structure.json", "connections.csv"):
        (tmp_path / "run").mkdir(exist_ok=True)
        shutil.copy(tour.run / name, tmp_path / "run" / name)
    done = run("animate", "run", "--output", "sub/film.html", "--frames", "2")
    assert done.code == 0, done.err
    assert "drawn: sub/film.html" in done.out
    assert Path("sub/film.html").exists()
    Path("run/connections.csv").unlink()
    done = run("animate", "run", "-o", "film.gif")
    assert done.code == 2
    assert "holds no connections.csv" in done.err
    assert not Path("film.gif").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no-such-run", "no such run"),
        (".", "not a run directory"),
        (". -o film.avi", "allowed is .gif, .html, .mp4"),
        (". --frames 1", "--frames"),
        (". --criterion treshold", "did you mean 'threshold'?"),
    ],
)
def test_a_mistake_ends_with_2(run: Command, tmp_path: Path, line: str, said: str) -> None:
    done = run("animate", *line.split())
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []
