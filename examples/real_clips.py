"""Recipes for real clips: search, prune about half, train on, evaluate, from the command line.

    python examples/real_clips.py cc_motion PATH/clips.csv
    python examples/real_clips.py fir_rgb PATH/clips.csv
    python examples/real_clips.py ucf101 PATH
    python examples/real_clips.py charades PATH --batch-size 16 --accumulate 8
    python examples/real_clips.py ucf101_model_garden PATH --batch-size 8 --accumulate 4
    python examples/real_clips.py srtg/hacs ROOT/data/HACS_videos --batch-size 8 --accumulate 6

A recipe is a settings file beside this script, or in a folder there; ``connsearch search --config
FILE --data PATH`` takes the same one (``connsearch train TARGET``, where it says "command":
"train"). One that is called like a published list, or begins so (see docs/datasets.md), is given
the folder of its official files; one that says "reads" is given what that data set reads. Where the
data is absent the recipe says so and is skipped.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from connsearch.data.sources.datasets import DATASETS

HERE = Path(__file__).parent


def main(recipe: str, data: str, *more: str) -> int:
    settings = HERE / f"{recipe}.json"
    if recipe not in recipes():
        print(f"no recipe named {recipe!r}. Known: {', '.join(recipes())}", file=sys.stderr)
        return 2
    if not Path(data).exists():
        print(f"skipped: there is no {data}; give the path of its clips.csv, or of its lists")
        return 0
    listed = published(recipe)
    source = f"{listed}:{data}" if listed else data
    run = f"runs/{recipe}"
    told = read(recipe)
    where = ("--config", str(settings), "--data", source, "--run", run, *more)
    lines = [
        ("search", *where),
        ("prune", run, "--criterion", "relative:0.7"),
        ("train", f"{run}/pruned", "--epochs", "10", *more, "--evaluate", "test"),
    ]
    if told.get("command") == "train":
        lines = [("train", told["settings"]["target"], *where, "--evaluate", "test")]
    for line in lines:
        print("connsearch", *line, flush=True)
        done = subprocess.run([sys.executable, "-m", "connsearch", *line], check=False)
        if done.returncode:
            return done.returncode
    return 0


def recipes() -> list[str]:
    """Returns the names of all recipes: those of a folder begin with it, as in ``srtg/hacs``."""
    return sorted(p.relative_to(HERE).with_suffix("").as_posix() for p in HERE.rglob("*.json"))


def read(recipe: str) -> dict[str, Any]:
    """Returns what the file of a recipe says."""
    return json.loads((HERE / f"{recipe}.json").read_text(encoding="utf-8"))


def published(recipe: str) -> str | None:
    """Returns the data set that a recipe is for: what it says, or the longest it begins with."""
    if "reads" in read(recipe):
        return read(recipe)["reads"]
    names = [n for n in DATASETS if recipe == n or recipe.startswith(f"{n}_")]
    return max(names, key=len, default=None)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print(__doc__)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
