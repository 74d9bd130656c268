"""Peak memory of a training step: one large batch against the same clips in parts.

    python benchmarks/accumulate.py

Each line is a process of its own. The memory is what a step adds to that of the process before it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from connsearch.data.loading.batches import Batch
from connsearch.graph.files import load_structure
from connsearch.models.structure import Network
from connsearch.training.curriculum import StepClips
from connsearch.training.evaluate import Compute
from connsearch.training.lesson import Lesson
from connsearch.training.losses import CrossEntropy
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions

CLIPS, CLASSES = 32, 10


def status(name: str) -> float:
    """Returns a number of this process in MiB."""
    line = next(t for t in Path("/proc/self/status").read_text().splitlines() if t.startswith(name))
    return int(line.split()[1]) / 1024


def measure(parts: int, structure: str, clip: tuple[int, int, int]) -> str:
    """Returns a row: what two steps need."""
    torch.set_num_threads(1)
    network = Network(load_structure(structure), CLASSES, seed=0).train()
    options = TrainOptions()
    optimisers = Optimisers(network, options.optimiser, options.schedule)
    lesson = Lesson(
        network,
        optimisers,
        CrossEntropy(),
        Compute(),
        seed=0,
        smoothing=0.1,
        total=2,
        classes=CLASSES,
    )
    size = CLIPS // parts

    def batches() -> Iterator[Batch]:
        for _ in range(parts):
            rgb = torch.rand(size, 3, *clip)
            yield Batch({"rgb": rgb}, torch.randint(CLASSES, (size,)), torch.arange(size))

    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    for step in range(2):
        lesson.learn(StepClips(CLIPS, parts, batches()), step)
        optimisers.step(step, total_steps=2)
    return f"| {size} | {parts} | {status('VmHWM') - before:,.0f} MiB |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--structure", default="starter_rgb_flow")
    parser.add_argument("--clip", type=int, nargs=3, default=[16, 64, 64])
    parser.add_argument("--parts", type=int, help="print one row")
    asked = parser.parse_args()
    clip = (asked.clip[0], asked.clip[1], asked.clip[2])
    if asked.parts is not None:
        print(measure(asked.parts, asked.structure, clip))
        return
    size = "x".join(map(str, clip))
    print(f"{asked.structure}, steps of {CLIPS} clips of {size}, fp32, one thread\n")
    print("| `--batch-size` | `--accumulate` | peak memory of a step |")
    print("|---|---|---|")
    for parts in (1, 2, 4, 8, 16):
        line = [sys.executable, __file__, "--structure", asked.structure, "--parts", str(parts)]
        subprocess.run([*line, "--clip", *map(str, clip)], check=True)


if __name__ == "__main__":
    main()
