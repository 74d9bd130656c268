"""A relative path of data, recorded by a run, is found from any folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connsearch.runs.data_places import from_here


def settings(source: str, videos: str | None = None) -> dict[str, Any]:
    return {"data": {"source": {"source": source, "videos": videos}, "clips": {"frames": 8}}}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run in ``work/runs/mine``, looked at from elsewhere; its list and videos lie beside."""
    directory = tmp_path / "work" / "runs" / "mine"
    elsewhere = tmp_path / "elsewhere"
    for folder in (directory, elsewhere, tmp_path / "lists", tmp_path / "work" / "videos"):
        folder.mkdir(parents=True)
    (tmp_path / "lists" / "a.csv").touch()
    monkeypatch.chdir(elsewhere)
    return directory


def test_relative_paths_are_tried_from_the_folders_of_the_run(run: Path) -> None:
    work = run.parent.parent
    found = from_here(settings("../lists/a.csv", "videos"), run)
    assert Path(found["data"]["source"]["source"]).samefile(work.parent / "lists" / "a.csv")
    assert found["data"]["source"]["videos"] == str(work / "videos")
    assert found["data"]["clips"] == {"frames": 8}
    named = from_here(settings("ucf101:videos"), run)["data"]["source"]["source"]
    assert named == f"ucf101:{work / 'videos'}"


@pytest.mark.parametrize(
    "source", ["nowhere/a.csv", "/nowhere/a.csv", "synthetic:mix", "~/a.csv", ""]
)
def test_what_is_found_nowhere_or_needs_no_search_stays(run: Path, source: str) -> None:
    (run.parent / "mix").mkdir()
    assert from_here(settings(source), run) == settings(source)


def test_what_is_there_comes_first(run: Path) -> None:
    Path("videos").mkdir()
    assert from_here(settings("videos"), run) == settings("videos")


def test_settings_of_another_form_stay(run: Path) -> None:
    for odd in ({}, {"data": None}, {"data": {"source": "a.csv"}}, {"data": {"source": {}}}):
        assert from_here(odd, run) == odd
