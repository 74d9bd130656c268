"""Every example runs, and every recipe is one the search takes."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from connsearch.data.decode import write_video

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
RECIPES = sorted(p.stem for p in EXAMPLES.glob("*.json"))


def test_the_tour_ends_with_a_pruned_and_trained_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tour = runpy.run_path(str(EXAMPLES / "tour.py"))
    result = tour["main"](tmp_path / "runs", epochs=1, clips=4)
    assert result.metrics["test"].clips > 0
    assert "max |difference| = 0.0 " in capsys.readouterr().out
    assert (tmp_path / "runs" / "pruned.svg").stat().st_size > 0


@pytest.fixture
def tiny_csv(tmp_path: Path) -> Path:
    """Two clips a class and split, in the format of the recipes' data."""
    import numpy as np

    rng = np.random.default_rng(0)
    rows = ["path,label,group,split"]
    for split in ("train", "val", "test"):
        for label in ("left", "right"):
            name = f"{split}-{label}.mp4"
            frames = rng.integers(0, 255, (8, 48, 64, 3), dtype=np.uint8)
            write_video(tmp_path / name, frames, fps=12)
            rows.append(f"{name},{label},{split},{split}")
    path = tmp_path / "clips.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_runs_on_tiny_clips_in_its_format(recipe: str, tiny_csv: Path) -> None:
    small = ["--steps", "1", "--batch-size", "2", "--size", "32", "--json"]
    place = ["--data", str(tiny_csv), "--run", str(tiny_csv.parent / "run")]
    line = ["search", "--config", str(EXAMPLES / f"{recipe}.json"), *place, *small]
    done = subprocess.run(
        [sys.executable, "-m", "connsearch", *line], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["finished"]


def test_a_recipe_without_its_data_is_skipped(tmp_path: Path) -> None:
    line = [sys.executable, str(EXAMPLES / "real_clips.py"), RECIPES[0], str(tmp_path / "none.csv")]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("skipped: ")


def test_an_unknown_recipe_names_the_known(tmp_path: Path) -> None:
    line = [sys.executable, str(EXAMPLES / "real_clips.py"), "cc_moton", str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert all(recipe in done.stderr for recipe in RECIPES)
