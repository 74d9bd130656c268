"""Every example runs, and every recipe is one the search takes."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from connsearch.cli import app
from connsearch.data.media.decode import write_video
from connsearch.data.sources.datasets import DATASETS
from connsearch.models.catalogue import create_model
from connsearch.models.model import as_predictions
from connsearch.models.zoo import MODELS
from tests.data.datasets.formats import FORMATS, Maker, srtg_data
from tests.data.helpers import options
from tests.unpictured import no_pictures

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SCRIPT = runpy.run_path(str(EXAMPLES / "real_clips.py"))
RECIPES: list[str] = SCRIPT["recipes"]()

TWINS = [f"srtg/kinetics_{classes}" for classes in (200, 600, 700)]
TWINS += ["srtg/hmdb51", "srtg/diving48"]
TWINS += [f"adafocus/{name}" for name in ("fcvid", "mini_kinetics", "something_v1", "jester")]
"""Recipes that differ in few words from ``srtg/kinetics_400``, ``srtg/ucf101``,
``adafocus/activitynet`` and ``adafocus/something_v2``."""

TINY = {"depths": [1, 1, 1, 1], "widths": [8, 8, 8, 8]}
"""What makes a 3D residual network small."""

TINY_FOCUS = "--patch 16 --policy-hidden 4 --val-share 0.25".split()
"""What makes a focus model small, besides its networks, and its data."""


@pytest.fixture
def bare() -> Iterator[None]:
    with no_pictures():
        yield


def test_the_tour_ends_with_a_pruned_and_trained_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tour = runpy.run_path(str(EXAMPLES / "tour.py"))
    few = {"train_clips": 4, "val_clips": 2, "test_clips": 2}
    trained = tour["main"](tmp_path / "runs", epochs=1, **few)
    assert trained.metrics["test"].clips > 0
    assert "largest difference of a logit: 0.0\n" in capsys.readouterr().out
    assert (tmp_path / "runs" / "pruned.svg").stat().st_size > 0


def test_the_tour_is_short() -> None:
    text = (EXAMPLES / "tour.py").read_text()
    lines = [line for line in text.splitlines() if line.strip()]
    assert [line for line in lines if line.startswith(("import ", "from "))] == [
        "import connsearch"
    ]
    assert len(lines) < 40


@pytest.mark.usefixtures("bare")
def test_a_network_of_ones_own_trains_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    own = runpy.run_path(str(EXAMPLES / "own_network.py"))["main"]
    result = own(tmp_path / "own", epochs=2, clips=4)
    assert result.model.kind == "module"
    assert result.metrics["test"].clips > 0
    again = own(tmp_path / "own", epochs=2, clips=4)
    assert again.digest == result.digest


def _video(path: Path) -> None:
    """Writes a second of noise, in step with the tiny sets' spans and windows."""
    frames = np.random.default_rng(0).integers(0, 255, (12, 48, 64, 3), dtype=np.uint8)
    write_video(path, frames, fps=12)


def _frames(folder: Path, pattern: str, count: int) -> None:
    """Writes noise as JPEG files."""
    frames = np.random.default_rng(0).integers(0, 255, (count, 48, 64, 3), dtype=np.uint8)
    for number, frame in enumerate(frames, start=1):
        Image.fromarray(frame).save(folder / (pattern % number))


def _csv(path: Path) -> str:
    """Returns a CSV of two clips a class and split, in the format of the recipes' data."""
    rows = ["path,label,group,split"]
    for split in ("train", "val", "test"):
        for label in ("left", "right"):
            _video(path / f"{split}-{label}.mp4")
            rows.append(f"{split}-{label}.mp4,{label},{split},{split}")
    (path / "clips.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path / "clips.csv")


def _source(recipe: str, path: Path) -> list[str]:
    """Returns the flags that name a tiny data set in the format of a recipe."""
    listed = SCRIPT["published"](recipe)
    if listed is None:
        return ["--data", _csv(path)]
    if recipe.startswith("srtg/"):
        return ["--data", f"{listed}:{srtg_data(path)}"]
    tiny = FORMATS[listed](path, Maker(_video, _frames))
    if recipe.endswith("something_v1"):
        frames = "20bn-something-something-v{}"
        (path / "v2" / f"{frames.format(2)}-frames").rename(path / "v2" / frames.format(1))
        (path / "v2").rename(path / "v1")
    flags = [part for name in tiny.options for part in (f"--{name}", str(tiny.options[name]))]
    return ["--data", f"{listed}:{tiny.rest}", *flags]


@cache
def _logits(network: str, frames: int, height: int, width: int) -> tuple[int, ...]:
    """Returns the shape of what a network by name makes of two such clips, without numbers."""
    with torch.device("meta"):
        clips = torch.empty(2, 3, frames, height, width)
        answers = as_predictions(create_model(network, 5).eval()({"rgb": clips}))
        return tuple(answers.logits.shape)


SMALLER = {
    "short-side": "36",
    "eval-size": "28",
    "focus-frames": "6",
    "eval-short-side": "34",
    "eval-crop": "34",
    "accumulate": "2",
}
"""What a recipe gives is smaller for tiny clips."""


def _run(capsys: pytest.CaptureFixture[str], *line: str) -> dict[str, Any]:
    """Returns the report of a command run in this process."""
    code = app.main([*line, "--json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err + printed.out
    return json.loads(printed.out.splitlines()[-1])


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    "recipe", [pytest.param(r, marks=[pytest.mark.slow] if r in TWINS else []) for r in RECIPES]
)
def test_a_recipe_runs_on_tiny_clips_in_its_format(
    recipe: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = ["--steps", "1", "--batch-size", "2", "--size", "32", "--frames", "4"]
    small += ["--recalibrate-clips", "0", "--threads", "1", "--precision", "fp32"]
    text = (EXAMPLES / f"{recipe}.json").read_text(encoding="utf-8")
    for option, value in SMALLER.items():
        small += [f"--{option}", value] if f'"{option.replace("-", "_")}"' in text else []
    told = json.loads(text)
    target = "starter_rgb_flow"
    if recipe.startswith("adafocus/"):
        target = told["settings"]["target"]
        part = "tsm_mobilenet_v2" if target == "adafocus-tsm" else "mobilenet_v2"
        small += ["--glance", part, "--local", part, *TINY_FOCUS]
    elif told["settings"].get("target") in MODELS:
        target, settings = told["settings"]["target"], told["settings"]["model_options"] | TINY
        small += ["--model-options", *(f"{k}={json.dumps(v)}" for k, v in settings.items())]
    line = (
        told.get("command", "search"),
        target,
        "--config",
        str(EXAMPLES / f"{recipe}.json"),
        *_source(recipe, tmp_path),
    )
    assert _run(capsys, *line, "--run", str(tmp_path / "run"), *small)["finished"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_fits_its_network(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = json.loads((EXAMPLES / f"{recipe}.json").read_text(encoding="utf-8"))["settings"]
    clip = [str(settings["data"]["clips"][key]) for key in ("frames", "size", "size")]
    structure = settings.get("target") or settings["structure"]
    if structure in MODELS:
        assert _logits(structure, *map(int, clip)) == (2, 5)
        return
    assert _run(capsys, "inspect", structure, "--clip", *clip)["macs"] > 0


def test_every_published_list_has_a_recipe(tmp_path: Path) -> None:
    published: set[str] = set()
    for name in DATASETS:
        (tmp_path / name).mkdir()
        tiny = FORMATS[name](tmp_path / name, Maker())
        source = DATASETS[name](tiny.rest, options(f"{name}:{tiny.rest}", **tiny.options))
        published |= {name} if source.published else set()
    assert published - {"frames_db"} <= set(RECIPES), "frames_db is a layout of many lists"


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


@pytest.mark.usefixtures("bare")
def test_the_page_on_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    page = EXAMPLES.parent / "docs" / "python.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)
    assert "\n0.0\n" in "\n" + capsys.readouterr().out
    assert (tmp_path / "pruned.svg").exists()


@pytest.mark.usefixtures("bare")
def test_the_page_on_models_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    page = EXAMPLES.parent / "docs" / "models.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, str(page), "exec"), {})
    assert "of 16 clips" in capsys.readouterr().out
