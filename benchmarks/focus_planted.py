"""Does the policy of a focus model find what a coarse frame only hints at, and is it worth it?

The class of a clip is the texture of a small mark (``--data synthetic:mark``). The glance network,
a small structure, sees frames at a sixth of their side, which show the halo of the mark but not its
texture; the local network, a small ResNet, sees windows. The same model is trained with windows
that the policy chooses, with windows in the centre and with random ones; they cost the same but
for the policy itself, a tenth. The test split is opened once a network; where it looks there is
compared with where the marks are.

    python benchmarks/focus_planted.py --seeds 5 --threads 1

Every network is filed in ``--runs`` when it is done; the same line again goes on, also within a
training that was killed. ``--table`` prints what is there.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import Ledger, interval
from page import table, write_markdown
from torch import Tensor

import connsearch
from connsearch.analysis.statistics import paired
from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading.load import DataSplits
from connsearch.data.sources.planted_mark import read_boxes
from connsearch.graph.parse import parse_structure
from connsearch.graph.spec import NetworkSettings
from connsearch.models.document import ModelDocument
from connsearch.models.focus.focus import FocusModel
from connsearch.seeds import derive

ARMS: dict[str, dict[str, Any]] = {
    "policy": {"places": "policy"},
    "centre": {"places": "centre"},
    "random": {"places": "random"},
    "guided": {"guidance": True},
    "deformable": {"deformable": True, "patch_min": 24},
    "guided deformable": {"guidance": True, "deformable": True, "patch_min": 24},
}
"""Settings of the model by the name of the arm; the first is compared with the others."""
USUAL = ("policy", "centre", "random")
"""Arms that are trained unless others are named."""

SIDE, COARSE, PATCH, FRAMES = 96, 16, 40, 2
DATA: dict[str, Any] = {
    "frames": FRAMES,
    "size": SIDE,
    "short_side": SIDE,
    "val_clips": 24,
    "test_clips": 100,
    "batch_size": 32,
}
TRAINING: dict[str, Any] = {
    "optimiser": "sgd",
    "lr": 0.05,
    "label_smoothing": 0.0,
    "rate": ("running_max=1",),
}
GLANCE = parse_structure(
    [[-1, 1], [0, [0], 16, 1, 1], [1, [1], 32, 1, 1]],
    name="coarse",
    network=NetworkSettings(blocks=(1, 1), inner_widths=(8, 16), stem_width=16),
)
LOCAL: dict[str, Any] = {"depths": (1, 1, 1, 1), "widths": (16, 16, 32, 32)}


def model(arm: str, classes: int, seed: int, coarse: int = COARSE) -> FocusModel:
    """Returns the model of an arm, with first values, whose glance sees frames of that side."""
    local = connsearch.create_model("resnet18", classes, **LOCAL).describe()
    made = connsearch.create_model(
        "adafocus",
        classes,
        seed=derive(seed, "first weights"),
        glance=ModelDocument.of(GLANCE).to_json(),
        local=local.to_json(),
        frames=FRAMES,
        size=SIDE,
        glance_size=coarse,
        patch=PATCH,
        policy_hidden=64,
        neurons=128,
        **ARMS[arm],
    )
    assert isinstance(made, FocusModel)
    return made


def trained(arm: str, seed: int, data: DataSplits, given: argparse.Namespace) -> dict[str, Any]:
    """Returns the ledger entry of one network."""
    run = connsearch.train(
        model(arm, len(data.classes), seed, given.coarse),
        data,
        **TRAINING,
        epochs=given.epochs,
        eval_every=given.epochs,
        threads=given.threads,
        seed=seed,
        run=str(given.runs / f"{arm}-{seed}"),
        progress=False,
    )
    test = connsearch.evaluate(run, "test", progress=False).metrics
    found = run.load_model().eval()
    assert isinstance(found, FocusModel)
    places = where(found, data.test)
    cost = found.exit_costs({"rgb": (3, FRAMES, SIDE, SIDE)})[-1]
    return {
        "test": test.accuracy,
        "macs": cost,
        **places,
        "summary": f"test {test}, mark in the window {places['inside']:.2f}",
    }


@torch.no_grad()
def where(found: FocusModel, clips: ClipDataset) -> dict[str, float]:
    """Returns how well the windows of a model lie on the marks, mean over all of its windows.

    ``inside``: share of the mark in the window. ``hit``: share of windows with 9 tenths of the mark
    or more. ``iou``: of the window and that window which lies best, around the mark as far as the
    frame lets it. ``pixels``: between the centres of these two.
    """
    sums: dict[str, list[float]] = {"inside": [], "hit": [], "iou": [], "pixels": []}
    for index, record in enumerate(clips.records):
        key = ClipKey(index)
        seen = found.look({"rgb": clips.clip(key).streams["rgb"][None]})
        boxes = read_boxes(record.path)
        numbers = [number for number, _ in clips.moments(key)]
        marks = torch.tensor([boxes[numbers[frame]] for frame in seen.frames], dtype=torch.float)
        windows = seen.windows[0].float()
        side = windows[:, 2:]
        best = (marks[:, :2] + marks[:, 2:] / 2 - side / 2).clamp(min=0).minimum(SIDE - side)
        inside = common_area(windows, marks) / marks[:, 2:].prod(1)
        shared = common_area(windows, torch.cat([best, side], 1))
        sums["inside"] += inside.tolist()
        sums["hit"] += (inside >= 0.9).float().tolist()
        sums["iou"] += (shared / (2 * side.prod(1) - shared)).tolist()
        sums["pixels"] += (windows[:, :2] - best).norm(dim=1).tolist()
    return {name: float(np.mean(values)) for name, values in sums.items()}


def common_area(first: Tensor, second: Tensor) -> Tensor:
    """Returns how many pixels boxes (N, 4) of top, left, height, width have in common, (N,)."""
    ends = torch.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    return (ends - torch.maximum(first[:, :2], second[:, :2])).clamp(min=0).prod(1)


def report(filed: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the tables of what is filed."""
    by_arm = {arm: entries(filed, arm) for arm in ARMS}
    rows = [
        [arm, str(len(found)), *(told([e[name] for e in found.values()]) for name in SHOWN)]
        for arm, found in by_arm.items()
        if found
    ]
    lines = table(["windows", "seeds", *SHOWN.values()], rows) if rows else []
    first, *others = ARMS
    for other in others:
        both = sorted(by_arm[first].keys() & by_arm[other].keys())
        gained = [by_arm[first][s]["test"] - by_arm[other][s]["test"] for s in both]
        if len(gained) > 1:
            result = paired(gained)
            lines += [
                "",
                f"* {first} - {other}: {result.mean:+.3f} [{result.low:+.3f}, {result.high:+.3f}],"
                f" p {result.p:.2g}, {result.n} pairs",
            ]
    costs = {e["macs"] for found in by_arm.values() for e in found.values()}
    if costs:
        told_costs = ", ".join(f"{cost / 1e6:.2f} M" for cost in sorted(costs))
        lines += [
            "",
            f"Multiply-accumulates of a clip (a policy has its own): {told_costs}. {NOTE}",
        ]
    return lines


SHOWN = {
    "test": "test accuracy",
    "hit": "mark in the window",
    "inside": "share of the mark in it",
    "iou": "IoU with the best window",
    "pixels": "pixels off it",
}
"""What is filed, and how the page calls it."""

NOTE = (
    "Mean over seeds with the 95 % t interval; differences are paired by seed. A mark is in the "
    "window if 9 tenths of it are; the best window is that around the mark. A guess is right in a "
    "quarter of the clips; all arms have the same clips. The task was made easier until a policy "
    "that learns by pixels alone could solve it: five harder ones (smaller marks of finer texture, "
    "more other discs) were tried before, and it did not. So this shows that the policy can find "
    "what pays, and not that it does so in every task. The loss was still falling at the end of "
    "all trainings."
)


def entries(filed: Mapping[str, Mapping[str, Any]], arm: str) -> dict[int, Mapping[str, Any]]:
    """Returns what is filed of an arm, by seed."""
    parts = {unit: unit.split("/") for unit in filed}
    return {int(part[1]): filed[unit] for unit, part in parts.items() if part[0] == arm}


def told(values: Sequence[float]) -> str:
    """Returns a mean and its interval."""
    low, high = interval(values)
    return f"{np.mean(values):.3f}" + (f" [{low:.3f}, {high:.3f}]" if len(values) > 1 else "")


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--arms", nargs="*", default=list(USUAL), choices=list(ARMS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--train-clips", type=int, default=600, help="of each class")
    parser.add_argument("--coarse", type=int, default=COARSE, help="pixels of a glanced frame")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/focus_planted"))
    parser.add_argument("--table", action="store_true", help="train nothing, print what is there")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Trains what is missing, prints the tables, and writes the page."""
    given = parse(words)
    settings = {"epochs": given.epochs, "train_clips": given.train_clips}
    if given.coarse != COARSE:
        settings["coarse"] = given.coarse
    with Ledger(given.runs / "ledger.jsonl", settings) as ledger:
        if not given.table:
            data = connsearch.load_data("synthetic:mark", **DATA, train_clips=given.train_clips)
            for seed in range(given.seeds):
                for arm in given.arms:
                    ledger.measure(f"{arm}/{seed}", partial(trained, arm, seed, data, given))
        lines = report(ledger.results)
    print("\n".join(lines))
    if given.markdown:
        command = f"python benchmarks/focus_planted.py --seeds {given.seeds}"
        if given.arms != list(USUAL):
            command += f" --arms {' '.join(given.arms)}"
        if given.coarse != COARSE:
            command += f" --coarse {given.coarse}"
        write_markdown(given.markdown, "A mark that a coarse frame hints at", command, lines)


if __name__ == "__main__":
    main()
