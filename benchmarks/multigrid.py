"""Multigrid against the plain schedule on real clips: time and accuracy at equal epochs.

For every seed the same structure is trained from the same first weights with each schedule, one
after the other, so that a busy machine is shared by all. Time is that of the training steps alone;
clips are decoded once before, and stay in memory. The test split is opened once a network, at the
end; the split is the one the data set gives.

    python benchmarks/multigrid.py --data cc-motion/clips.csv --markdown benchmarks/multigrid.md
    python benchmarks/multigrid.py --data fir-rgb-scene01/clips.csv --stride 2 --whole --runs RUNS

Every network is filed in ``--runs`` when it is done; the same line again goes on with the next.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import Ledger, interval
from page import table, write_markdown

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Structure
from connsearch.graph.streams import fit_objects
from connsearch.models.structure import Network
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import NoteEvent, ResultEvent, StepEvent
from connsearch.runs.metrics import wilson_interval
from connsearch.runs.run import Run
from connsearch.seeds import derive
from connsearch.training.options import TrainOptions

SETTINGS = (
    "structure", "frames", "stride", "size", "whole", "batch_size", "lr", "optimiser", "epochs",
    "cycles", "scaling", "fine_tune", "precision", "threads",
)  # fmt: skip
"""What results of one ledger have in common."""


@dataclass(frozen=True)
class Study:
    """One data set and everything that stays the same for all its networks."""

    data: DataSplits
    structure: Structure
    options: argparse.Namespace

    def training(self, schedule: str, seed: int) -> TrainOptions:
        """Returns the training settings of one network."""
        given = self.options
        settings: dict[str, Any] = {
            "multigrid": "off" if schedule == "plain" else schedule,
            "epochs": given.epochs,
            "eval_every": given.epochs,
            "optimiser": given.optimiser,
            "lr": given.lr,
            "precision": given.precision,
            "threads": given.threads,
            "seed": seed,
            "checkpoint_seconds": 1e9,
        }
        if schedule != "plain":
            settings |= {"multigrid_cycles": given.cycles, "multigrid_scaling": given.scaling}
        if schedule == "reference":
            settings["multigrid_fine_tune"] = given.fine_tune
        return TrainOptions.of(**settings)

    def train(self, schedule: str, seed: int) -> dict[str, Any]:
        """Returns the ledger entry of one network: steps, seconds, and how good it became."""
        options = self.training(schedule, seed)
        network = Network(
            self.structure, len(self.data.classes), seed=derive(seed, "first weights")
        )
        directory = self.options.runs / f"{schedule}-{seed}"
        shutil.rmtree(directory, ignore_errors=True)  # half a training has no time of its own
        config = {"command": "multigrid", "settings": options.model_dump()}
        steps, note, result = 0, "", None
        begin, work = time.perf_counter(), time.process_time()
        seconds = busy = 0.0
        with Run.open(directory, config) as run:
            for event in fit_model(network, self.data, options, run=run):
                if isinstance(event, StepEvent):
                    steps = event.step
                    seconds, busy = time.perf_counter() - begin, time.process_time() - work
                elif isinstance(event, NoteEvent):
                    note = event.message
                elif isinstance(event, ResultEvent):
                    result = event
        assert result is not None
        metrics = {name: found.to_json() for name, found in result.metrics.items()}
        return {
            "metrics": metrics,
            "steps": steps,
            "seconds": seconds,
            "busy": busy,
            "note": note,
            "summary": f"test {result.metrics['test']}, {steps} steps in {seconds:.1f} s",
        }


def warm(data: DataSplits) -> None:
    """Decodes every clip once, so that no training pays for it."""
    for _, clips in data:
        for _ in Loader(clips).batches(batch_size=8):
            pass


def accuracies(entries: Sequence[dict[str, Any]], split: str) -> list[float]:
    """Returns the accuracy on a split, seed by seed."""
    return [entry["metrics"][split]["accuracy"] for entry in entries]


def row(name: str, entries: Sequence[dict[str, Any]]) -> Sequence[str]:
    """Returns the table row of one schedule."""
    test, val = accuracies(entries, "test"), accuracies(entries, "val")
    low, high = interval(test)
    clips = entries[0]["metrics"]["test"]["clips"]
    one = wilson_interval(round(float(np.mean(test)) * clips), clips)
    seconds = [entry["seconds"] for entry in entries]
    return (
        name,
        str(len(entries)),
        f"{np.mean(test):.3f}",
        f"[{max(low, 0):.3f}, {min(high, 1):.3f}]",
        f"[{one[0]:.3f}, {one[1]:.3f}]",
        f"{np.mean(val):.3f}",
        f"{np.mean([entry['steps'] for entry in entries]):.0f}",
        f"{np.mean(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})",
        f"{np.mean([entry['busy'] for entry in entries]):.1f} s",
    )


def paired(name: str, mine: Sequence[dict[str, Any]], plain: Sequence[dict[str, Any]]) -> list[str]:
    """Returns sentences: a schedule against the plain one, seed by seed."""
    lines: list[str] = []
    for split in ("test", "val"):
        pairs = zip(accuracies(mine, split), accuracies(plain, split), strict=True)
        differences = [a - b for a, b in pairs]
        low, high = interval(differences)
        verdict = "it excludes 0" if low > 0 or high < 0 else "nothing is claimed"
        lines += [
            "",
            f"{name} minus plain, {split} accuracy, paired by seed: {np.mean(differences):+.3f} "
            f"[{low:+.3f}, {high:+.3f}] over {len(differences)} seeds; {verdict}.",
        ]
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(mine, plain, strict=True)]
    busy = [a["busy"] / b["busy"] for a, b in zip(mine, plain, strict=True)]
    low, high = interval(ratios)
    return [
        *lines,
        "",
        f"{name} over plain, seconds of training, paired by seed: {np.mean(ratios):.2f} "
        f"[{low:.2f}, {high:.2f}]; processor seconds: {np.mean(busy):.2f}.",
    ]


def report(ledger: Ledger, study: Study, schedules: Sequence[str]) -> list[str]:
    """Returns the table, the paired differences and the schedules as they were announced."""
    seeds = range(study.options.seeds)
    found = {name: [ledger.results[f"{name}/{seed}"] for seed in seeds] for name in schedules}
    heads = (
        "schedule", "n", "test accuracy", "95 % over seeds", "95 % of one test",
        "val accuracy", "steps", "training", "processor time",
    )  # fmt: skip
    lines = table(heads, [row(name, entries) for name, entries in found.items()])
    for name in schedules[1:]:
        lines += paired(name, found[name], found["plain"])
    sizes = {split: len(clips) for split, clips in study.data}
    lines += ["", f"Clips: {sizes}; {len(study.data.classes)} classes; clip {study.data.clip}."]
    for name in schedules[1:]:
        lines += ["", *(f"    {line}" for line in found[name][0]["note"].splitlines())]
    return [*lines, ""]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", required=True, help="a CSV or a folder of clips")
    parser.add_argument("--structure", default="starter_rgb_flow")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--whole", action="store_true", help="squeeze the whole picture, no crop")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--optimiser", default="adamw")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--cycles", default="both", help="of multigrid: both, long or short")
    parser.add_argument("--scaling", default="auto", help="of the rate: auto, linear or sqrt")
    parser.add_argument("--fine-tune", type=float, default=0.25, help="share of full clips alone")
    parser.add_argument("--srtg", action="store_true", help="also the schedule within epochs")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/multigrid"))
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    return parser.parse_args()


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    data = load_data(
        DataOptions.of(
            source=options.data,
            frames=options.frames,
            stride=options.stride,
            size=options.size,
            keep_aspect=not options.whole,
            batch_size=options.batch_size,
            flip=True,
            workers=0,
        )
    )
    structure = load_structure(options.structure)
    structure = fit_objects(structure, data.object_classes, data=data.name)
    study = Study(data, structure, options)
    settings = {"data": data.fingerprint, **{name: getattr(options, name) for name in SETTINGS}}
    ledger = Ledger(options.runs / "ledger.jsonl", settings)
    schedules = ["plain", "reference", *(["srtg"] if options.srtg else [])]
    units = [(name, seed) for seed in range(options.seeds) for name in schedules]
    if any(f"{name}/{seed}" not in ledger.results for name, seed in units):
        warm(data)
    for name, seed in units:
        ledger.measure(f"{name}/{seed}", partial(study.train, name, seed))
    lines = report(ledger, study, schedules)
    print("\n".join(lines))
    if options.markdown is not None:
        flags = " ".join(
            f"--{name.replace('_', '-')} {getattr(options, name)}"
            for name in (*SETTINGS, "seeds")
            if name != "whole"
        )
        command = f"python benchmarks/multigrid.py --data DATA {flags}"
        command += " --whole" if options.whole else ""
        command += " --srtg" if options.srtg else ""
        name = Path(data.name).parent.name
        write_markdown(options.markdown, f"Multigrid on real clips: {name}", command, lines)


if __name__ == "__main__":
    main()
