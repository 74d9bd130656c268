"""Does a recurrent temporal gate open where order decides, and stay shut where nothing recurs?

Three planted tasks: ``order`` (the order of the hues in a clip is the class; no frame, and not all
frames together, show it), ``unrelated`` (every frame is a scene of its own, any of them shows the
class) and ``still`` (one frame, repeated). A narrow r2plus1d_18 is trained on each: plain, with
squeeze and recursion (SR), and with gates that decide after 40 % of the training (SRTG), with the
test as it is defined and with one that normalises over time. All have the same clips, batches and
steps, and are judged on the test split.

    python benchmarks/srtg_order.py --seeds 3

Every network is filed in ``--runs`` when it is done; the same line again goes on, also within a
training that was killed. ``--table`` prints what is there.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from common import Ledger
from page import write_markdown
from srtg_arms import ARMS, arms_table, differences, results, train_arm

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.options import DataOptions

TASKS: dict[str, tuple[str, ...]] = {
    "order": tuple(ARMS),
    "unrelated": tuple(ARMS),
    "still": ("SRTG", "SRTG, z-scores"),
}
"""Planted task -> the arms that are trained on it."""


def load(task: str, given: argparse.Namespace) -> DataSplits:
    """Returns the data of a task."""
    return load_data(
        DataOptions.of(
            source=f"synthetic:{task}",
            frames=given.frames,
            size=given.size,
            batch_size=given.batch_size,
            train_clips=given.train_clips,
            val_clips=8,
            test_clips=given.test_clips,
        )
    )


def train(task: str, arm: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Returns the ledger entry of one network."""
    width = given.width
    place = given.runs / task / f"{arm.replace(', ', '-').replace(' ', '-')}-{seed}"
    return train_arm(
        arm,
        seed,
        load(task, given),
        place,
        {"widths": (width, 2 * width, 4 * width, 8 * width)},
        epochs=given.epochs,
        eval_every=given.epochs,
        lr=given.lr,
        threads=given.threads,
        precision="fp32",
        log_every=given.train_clips * 4 // given.batch_size,
    )


def report(ledger: Ledger, given: argparse.Namespace) -> list[str]:
    """Returns the tables of what is filed, task by task."""
    lines: list[str] = []
    for task in TASKS:
        found = results(ledger, f"{task}/", given.seeds)
        if found:
            lines += [f"## {task}", "", *arms_table(found), "", *differences(found), ""]
    return [
        *lines,
        "Accuracy: mean over seeds with the 95 % t interval; chance is 0.250. Open rates: share of "
        "test clips, mean over the gates of a stage and over seeds, in brackets the lowest and the "
        "highest of them; of SR, which always fuses, for how many they would be open. A gate sees "
        f"8, 4, 2 and 1 frames in stages 1 to 4 of clips of 16; with 1 it is always open. Clips: "
        f"{given.frames}x{given.size}x{given.size}, {4 * given.train_clips} to learn from and "
        f"{4 * given.test_clips} to judge by in each task; {given.epochs} epochs.",
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", type=int, default=24)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--train-clips", type=int, default=96, help="of each class")
    parser.add_argument("--test-clips", type=int, default=48, help="of each class")
    parser.add_argument("--width", type=int, default=8, help="channels of the first stage")
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/srtg_order"))
    parser.add_argument("--table", action="store_true", help="train nothing, print what is there")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    return parser.parse_args()


def main() -> None:
    """Trains what is missing, prints the tables, and writes the page."""
    given = parse()
    names = "frames size batch_size train_clips test_clips width lr epochs".split()
    with Ledger(
        given.runs / "ledger.jsonl", {name: getattr(given, name) for name in names}
    ) as ledger:
        for seed in () if given.table else range(given.seeds):
            for task, arms in TASKS.items():
                for arm in arms:
                    ledger.measure(f"{task}/{arm}/{seed}", partial(train, task, arm, seed, given))
        lines = report(ledger, given)
    print("\n".join(lines))
    if given.markdown:
        command = (
            f"python benchmarks/srtg_order.py --train-clips {given.train_clips} "
            f"--epochs {given.epochs} --seeds {given.seeds}"
        )
        write_markdown(given.markdown, "Temporal gates on planted tasks", command, lines)


if __name__ == "__main__":
    main()
