"""Clips that stop early: planned against realised cost, and what calibration clips are worth.

A small focus model is trained on planted marks (``--data synthetic:mark``): the glance network
sees frames at a sixth of their side, where the class does not show, and windows at random places
meet the mark in some frames, so that more steps know more. Thresholds for five budgets are solved
on ``val`` (as ``connsearch early-exit`` does), and, to show why not, on the training clips as they
are and as training augments them; all are applied to the same test clips.

    python benchmarks/early_exit.py --seeds 5
    python benchmarks/early_exit.py --seeds 5 --train-clips 60 --epochs 80
    python benchmarks/early_exit.py --speed

The second line learns as many steps from a tenth of the clips, until it knows them by heart.

Every seed is filed in ``--runs`` when it is done; the same line again goes on. ``--speed`` times
early against all steps on clips of another model, with new weights: a few minutes.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from common import Ledger, interval
from focus_planted import COARSE, GLANCE, LOCAL, PATCH, SIDE, TRAINING
from page import table, write_markdown

import connsearch
from connsearch.analysis.early_exit import Floats, exits_of, mean_cost, solve_budget
from connsearch.analysis.stopping import StoppingClips
from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import Loader
from connsearch.models.document import ModelDocument
from connsearch.models.early_exit import EarlyExitModel, confidence, leave_early
from connsearch.runs.metrics import wilson_interval
from connsearch.training.evaluate import Compute, evaluating
from connsearch.training.losses import choose_loss
from connsearch.training.step_answers import per_step

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Budgets, of what all steps cost; with all frames glanced at, the first step costs 43 %."""
TIMED_SHARES = (0.3, 0.4, 0.5, 0.65, 0.8)
"""Budgets whose time is measured, where a step is a glance and a look."""
CALIBRATIONS = ("val", "train", "augmented train")
FRAMES = 4
CLIP: Mapping[str, Any] = {
    "frames": FRAMES,
    "size": SIDE,
    "short_side": SIDE,
    "batch_size": 32,
}
MODEL: Mapping[str, Any] = {
    "frames": FRAMES,
    "size": SIDE,
    "glance_size": COARSE,
    "patch": PATCH,
    "policy_hidden": 64,
    "neurons": 128,
}
"""Data, model and training are those of ``focus_planted.py``, but for the number of frames."""


def model_of(seed: int, classes: int, places: str) -> Any:
    """Returns a small focus model with new weights."""
    local = connsearch.create_model("resnet18", classes, **LOCAL).describe().to_json()
    glance = ModelDocument.of(GLANCE).to_json()
    return connsearch.create_model(
        "adafocus", classes, seed=seed, glance=glance, local=local, places=places, **MODEL
    )


def answers(network: Any, data: DataSplits, name: str) -> tuple[Floats, StoppingClips | None]:
    """Returns confidences of clips at all steps, and of test clips what they are worth."""
    split, augment = name.split()[-1], name.startswith("augmented")
    clips = {"train": data.train, "val": data.val, "test": data.test}[split]
    rows, labels = list[torch.Tensor](), list[torch.Tensor]()
    with Loader(clips, workers=0) as loader, evaluating(network), torch.inference_mode():
        for batch in loader.batches(augment=augment, seed=1):
            rows.append(per_step(network, batch, Compute()))
            labels.append(batch.labels)
    answered = torch.cat(rows)
    return confidence(answered, "probability").numpy(), _judged(answered, torch.cat(labels), data)


def _judged(found: torch.Tensor, labels: torch.Tensor, data: DataSplits) -> StoppingClips:
    from connsearch.runs.step_answers import StepAnswers

    whole = StepAnswers(found, labels, torch.arange(len(labels)))
    loss = choose_loss("auto", multi_label=False)
    return StoppingClips(whole, data.classes, loss, (), "probability")


def one_seed(seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Returns cost and right answers for every budget and way to calibrate."""
    data = connsearch.load_data(
        given.data,
        seed=seed,
        train_clips=given.train_clips,
        val_clips=given.test_clips,
        test_clips=given.test_clips,
        cache=given.runs / "data",
        progress=False,
        **CLIP,
    )
    run = connsearch.train(
        model_of(seed, len(data.classes), given.places),
        data,
        run=given.runs / f"seed-{seed}",
        epochs=given.epochs,
        eval_every=given.epochs,
        seed=seed,
        threads=given.threads,
        precision="fp32",
        progress=False,
        **TRAINING,
    )
    network = run.load_model().eval()
    assert isinstance(network, EarlyExitModel)
    costs = network.exit_costs({"rgb": (3, *data.clip)})
    sure = {name: answers(network, data, name) for name in (*CALIBRATIONS, "test")}
    test_N, judged = sure["test"]
    assert judged is not None
    rows: dict[str, Any] = {}
    for name in CALIBRATIONS:
        for share in SHARES:
            solved = solve_budget(share * costs[-1], costs, sure[name][0])
            exits = exits_of(test_N, solved.thresholds)
            found = judged.judged(exits)
            rows[f"{name} {share}"] = {
                "realised": mean_cost(exits, costs) / costs[-1],
                "right": round(found.accuracy * found.clips),
                "clips": found.clips,
            }
    ends = {
        str(number): judged.judged(np.full(len(test_N), number)).accuracy
        for number in range(len(costs))
    }
    train = answers(network, data, "train")[1]
    assert train is not None
    known = train.judged(np.full(len(train.found.labels), len(costs) - 1)).accuracy
    summary = f"all steps: test {ends[str(len(costs) - 1)]:.3f}, train {known:.3f}"
    return {"summary": summary, "rows": rows, "steps": ends, "train": known}


def lines_of(ledger: Ledger, seeds: Sequence[int]) -> Iterator[str]:
    """Yields the tables of all seeds together."""
    found = [ledger[f"seed {seed}"] for seed in seeds]
    rows = list[list[str]]()
    for share in SHARES:
        for name in CALIBRATIONS:
            each = [one["rows"][f"{name} {share}"] for one in found]
            right, clips = (sum(int(one[key]) for one in each) for key in ("right", "clips"))
            low, high = wilson_interval(right, clips)
            costs = [one["realised"] for one in each]
            few, many = interval(costs)
            mean = float(np.mean(costs))
            rows.append(
                [
                    f"{share:.0%}",
                    name,
                    f"{mean:.1%} [{few:.1%}, {many:.1%}]",
                    f"{mean - share:+.1%}",
                    f"{right / clips:.3f} [{low:.3f}, {high:.3f}]",
                ]
            )
    heads = ["planned cost", "thresholds from", "realised cost on test", "off", "accuracy"]
    yield from table(heads, rows)
    steps = list(found[0]["steps"])
    means = [float(np.mean([one["steps"][step] for one in found])) for step in steps]
    yield ""
    yield "Accuracy if all clips stop after a step:"
    yield ""
    yield from table(
        ["step", *(str(int(step) + 1) for step in steps)],
        [["test accuracy", *(f"{mean:.3f}" for mean in means)]],
    )
    known = float(np.mean([one["train"] for one in found]))
    yield ""
    yield (
        f"{len(seeds)} seeds, {found[0]['rows'][f'val {SHARES[0]}']['clips']} test clips each; "
        f"costs are shares of what all steps cost, with the t interval over seeds; accuracy with "
        f"Wilson's interval over all clips. All steps answer {known:.3f} of the training clips "
        "rightly."
    )


def seconds(
    network: torch.nn.Module,
    streams: Mapping[str, torch.Tensor],
    thresholds: Sequence[float],
    rounds: int,
) -> dict[str, list[float]]:
    """Returns what clips take, in turn: all at once, all in steps, and those that are needed."""
    early = cast(EarlyExitModel, network)
    times: dict[str, list[float]] = {"at once": [], "in steps": [], "early": []}
    for _ in range(rounds):
        for name, spent in times.items():
            begin = time.perf_counter()
            if name == "at once":
                with torch.inference_mode():
                    network(streams)
            else:
                never = [float("inf")] * len(thresholds)
                leave_early(early, streams, thresholds if name == "early" else never)
            spent.append(time.perf_counter() - begin)
    return times


def speed(given: argparse.Namespace) -> Iterator[str]:
    """Yields a table: all steps against those that are needed, alternated, by budget."""
    frames, size, clips = 8, given.size, given.clips
    torch.manual_seed(0)
    network = connsearch.create_model(
        "adafocus",
        10,
        seed=0,
        glance="mobilenet_v2",
        local="resnet18",
        frames=frames,
        size=size,
        patch=size * 4 // 7,
        policy_hidden=64,
        neurons=256,
    ).eval()
    early = cast(EarlyExitModel, network)
    streams = {"rgb": torch.randn(clips, 3, frames, size, size)}
    costs = early.exit_costs({"rgb": (3, frames, size, size)})
    with torch.inference_mode():
        sure = confidence(network(streams).per_step, "probability").numpy()
    rows = list[list[str]]()
    for share in TIMED_SHARES:
        thresholds = solve_budget(share * costs[-1], costs, sure).thresholds.tolist()
        exits = leave_early(early, streams, thresholds).exits.numpy()
        times = seconds(network, streams, thresholds, given.rounds)
        fewer = costs[-1] / mean_cost(exits, costs)
        cells = [f"{share:.0%}", f"{1 / fewer:.1%}"]
        cells += [f"{statistics.median(spent):.3f} s" for spent in times.values()]
        cells.append(f"{fewer:.2f}")
        for name in ("at once", "in steps"):
            faster = [a / b for a, b in zip(times[name], times["early"], strict=True)]
            low, high = min(faster) / fewer, max(faster) / fewer
            cells.append(f"{statistics.median(faster) / fewer:.2f} [{low:.2f}, {high:.2f}]")
        rows.append(cells)
        print(" | ".join(cells), flush=True)
    heads = "planned,realised,all at once,all in steps,early,times fewer MACs".split(",")
    heads += ["kept, to all at once", "kept, to all in steps"]
    yield from table(heads, rows)
    yield ""
    yield (
        f"{clips} clips of {frames}x{size}x{size} at once, MobileNetV2 and ResNet-18 on windows of "
        f"{size * 4 // 7}, new weights, {torch.get_num_threads()} threads; medians of "
        f"{given.rounds} alternated runs. Kept: times faster over times fewer MACs [least, "
        "most]. All clips take all steps either at once, frames of all clips as one batch, or step "
        "by step, as clips do that may stop."
    )


def main() -> None:
    """Runs what was asked for, and writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/early-exit"))
    parser.add_argument("--data", default="synthetic:mark")
    parser.add_argument("--places", default="random", choices=["policy", "random", "centre"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--train-clips", type=int, default=600, help="of a class")
    parser.add_argument("--test-clips", type=int, default=100, help="of a class, val too")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.speed:
        lines = list(speed(given))
        command = (
            f"python benchmarks/early_exit.py --speed --threads {given.threads} "
            f"--rounds {given.rounds}"
        )
        title = "How much faster clips are that stop early"
    else:
        names = "data places train_clips test_clips epochs".split()
        settings = {name: getattr(given, name) for name in names}
        settings |= {"clip": dict(CLIP), "model": dict(MODEL), "training": dict(TRAINING)}
        ledger = Ledger(given.runs / "ledger.jsonl", settings)
        for seed in range(given.seeds):
            ledger.measure(f"seed {seed}", partial(one_seed, seed, given))
        lines = list(lines_of(ledger, range(given.seeds)))
        command = f"python benchmarks/early_exit.py --seeds {given.seeds}"
        for name in ("train_clips", "epochs"):
            if getattr(given, name) != parser.get_default(name):
                command += f" --{name.replace('_', '-')} {getattr(given, name)}"
        title = "Early exits: planned against realised cost, by calibration clips"
    print("\n".join(lines))
    if given.page is not None:
        write_markdown(given.page, title, command, lines)


if __name__ == "__main__":
    main()
