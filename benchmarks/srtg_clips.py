"""Squeeze and recursion with temporal gates on real clips: r2plus1d_18 plain, SR and SRTG.

All are trained from scratch on the same clips in the same steps; SRTG decides after 40 % of them.
The test split is opened once a network, at the end.

    python benchmarks/srtg_clips.py --data cc-motion/clips.csv --seeds 3
    python benchmarks/srtg_clips.py --data cc-motion/clips.csv --time 40

Every network is filed in ``--runs`` when it is done; the same line again goes on, also within a
training that was killed; ``--table`` prints what is there. ``--time N`` trains nothing: it takes N
steps of every arm in turn and files seconds a step (give it a machine of its own).
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import Ledger
from page import table, write_markdown
from srtg_arms import ARMS, arms_table, differences, results, train_arm
from torch import nn

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.options import DataOptions
from connsearch.models.catalogue import create_model
from connsearch.models.gates import temporal_gates
from connsearch.training.environment import describe_environment, processor_threads
from connsearch.training.evaluate import Compute
from connsearch.training.options import ComputeOptions

TIMED = {"plain": False, "SR": False, "SRTG": True}
"""Arms whose steps are timed, and whether their gates decide; in training all gates count."""


def train(arm: str, seed: int, data: DataSplits, given: argparse.Namespace) -> dict[str, Any]:
    """Returns the ledger entry of one network."""
    place = given.runs / f"{arm.replace(', ', '-').replace(' ', '-')}-{seed}"
    return train_arm(
        arm,
        seed,
        data,
        place,
        {},
        epochs=given.epochs,
        eval_every=given.epochs,
        lr=given.lr,
        threads=given.threads,
    )


def seconds_a_step(data: DataSplits, given: argparse.Namespace) -> dict[str, Any]:
    """Returns median seconds of a training step of every arm, taken in turn, on random clips."""
    found = describe_environment(ComputeOptions(threads=given.threads))
    compute = Compute(found["device"], found["precision"])
    clips = torch.rand(given.batch_size, 3, *data.clip) * 2 - 1
    labels = torch.arange(given.batch_size) % len(data.classes)
    steps = {arm: _stepper(arm, len(data.classes), clips, labels, compute) for arm in TIMED}
    spent: dict[str, list[float]] = {arm: [] for arm in TIMED}
    with processor_threads(found["threads"]):
        for turn in range(given.time + 2):  # the first two warm up
            for arm, step in steps.items():
                begin = time.perf_counter()
                step()
                if turn > 1:
                    spent[arm].append(time.perf_counter() - begin)
    seconds = {arm: float(np.median(times)) for arm, times in spent.items()}
    told = ", ".join(f"{arm} {value:.3f} s" for arm, value in seconds.items())
    return {"seconds": seconds, "precision": found["precision"], "summary": told}


def _stepper(
    arm: str, classes: int, clips: torch.Tensor, labels: torch.Tensor, compute: Compute
) -> Any:
    """What takes a training step of an arm."""
    network = create_model(ARMS[arm].network, classes, seed=0, **ARMS[arm].build)
    network.to(compute.device, memory_format=torch.channels_last_3d).train()  # pyright: ignore
    network.memory_format = torch.channels_last_3d
    for gate in temporal_gates(network).values():
        gate.gated, gate.watched = TIMED[arm], True
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    streams, wanted = {"rgb": clips.to(compute.device)}, labels.to(compute.device)

    def step() -> None:
        with torch.autocast(compute.device, torch.bfloat16, enabled=compute.precision == "bf16"):
            logits = network(streams)
        optimiser.zero_grad()
        nn.functional.cross_entropy(logits.float(), wanted).backward()
        optimiser.step()
        if compute.device == "cuda":
            torch.cuda.synchronize()

    return step


def report(ledger: Ledger, data: DataSplits, given: argparse.Namespace) -> list[str]:
    """Returns the tables of what is filed."""
    found = results(ledger, "", given.seeds)
    sizes = {split: len(clips) for split, clips in data}
    lines = [*arms_table(found), "", *differences(found), ""] if found else []
    lines += [
        "Accuracy: mean over seeds with the 95 % t interval. Open rates: share of test clips, mean "
        "over the gates of a stage and over seeds, in brackets the lowest and the highest of them; "
        "of SR, which always fuses, for how many they would be open. In stage 4 a gate sees one "
        f"frame of 16 and is always open. Clips: {sizes}; clip {data.clip}; {given.epochs} epochs, "
        f"batch {given.batch_size}.",
    ]
    if "time" in ledger:
        filed = ledger["time"]
        rows = [
            [arm, f"{spent:.3f}", f"{spent / filed['seconds']['plain']:.2f}"]
            for arm, spent in filed["seconds"].items()
        ]
        lines += ["", *table(["", "seconds a step", "of plain"], rows), ""]
        lines += [f"Median; forward, backward and update in {filed['precision']}, random clips."]
    return lines


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", required=True, help="a CSV or a folder of clips")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--runs", type=Path, default=Path("runs/srtg_clips"))
    parser.add_argument("--table", action="store_true", help="train nothing, print what is there")
    parser.add_argument("--time", type=int, default=0, metavar="N", help="time N steps instead")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    return parser.parse_args()


def main() -> None:
    """Trains what is missing, prints the tables, and writes the page."""
    given = parse()
    data = load_data(
        DataOptions.of(
            source=given.data, frames=given.frames, size=given.size, batch_size=given.batch_size
        )
    )
    names = "frames size batch_size lr epochs".split()
    settings = {name: getattr(given, name) for name in names} | {"data": data.fingerprint}
    with Ledger(given.runs / "ledger.jsonl", settings) as ledger:
        if given.time:
            ledger.measure("time", partial(seconds_a_step, data, given))
        elif not given.table:
            for seed in range(given.seeds):
                for arm in given.arms:
                    ledger.measure(f"{arm}/{seed}", partial(train, arm, seed, data, given))
        lines = report(ledger, data, given)
    print("\n".join(lines))
    if given.markdown:
        command = (
            f"python benchmarks/srtg_clips.py --data DATA --epochs {given.epochs} "
            f"--batch-size {given.batch_size} --lr {given.lr} --seeds {given.seeds}"
        )
        write_markdown(given.markdown, "Temporal gates on real clips: cc-motion", command, lines)


if __name__ == "__main__":
    main()
