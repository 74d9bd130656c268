"""Recipes for real clips: search, prune about half, train on, evaluate, from the command line.

    python examples/real_clips.py cc_motion PATH/clips.csv
    python examples/real_clips.py fir_rgb PATH/clips.csv
    python examples/real_clips.py ucf101 PATH
    python examples/real_clips.py charades PATH --batch-size 16 --accumulate 8
    python examples/real_clips.py ucf101_model_garden PATH --batch-size 8 --accumulate 4

A recipe is a settings file beside this script; ``connsearch search --config FILE --data PATH``
takes the same one (``connsearch train TARGET``, where it says "command": "train"). One that is
called like a published list, or begins so (see docs/datasets.md), is given the folder of its
official files. Where the data is absent the recipe says so and is skipped.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from connsearch.data.sources.datasets import DATASETS

HERE = Path(__file__).parent


def main(recipe: str, data: str, *more: str) -> int:
    settings = HERE / f"{recipe}.json"
    if not settings.is_file():
        known = ", ".join(sorted(p.stem for p in HERE.glob("*.json")))
        print(f"no recipe named {recipe!r}. Known: {known}", file=sys.stderr)
        return 2
    if not Path(data).exists():
        print(f"skipped: there is no {data}; give the path of its clips.csv, or of its lists")
        return 0
    listed = published(recipe)
    source = f"{listed}:{data}" if listed else data
    run = f"runs/{recipe}"
    told = json.loads(settings.read_text(encoding="utf-8"))
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


def published(recipe: str) -> str | None:
    """Returns the published list that a recipe is for, the longest whose name it begins with."""
    names = [n for n in DATASETS if recipe == n or recipe.startswith(f"{n}_")]
    return max(names, key=len, default=None)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print(__doc__)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
