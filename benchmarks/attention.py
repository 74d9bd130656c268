"""What attention on the connections is worth: none, static, self and peer, all else equal.

For every seed the same structure is trained on the same clips for the same epochs with each mode;
its connection weights learn in all four. A row says the test accuracy (the test split is opened
once a network, at the end), the parameters, and the time of one forward and backward pass on a
training batch in float32, the shortest of some. The differences are paired by seed.

    python benchmarks/attention.py [--data synthetic:mix] [--seeds 5] [--epochs 16]
        [--structure starter] [--over-connect] [--markdown FILE]

Every network is filed in ``--runs`` when it is done, and one that was interrupted goes on where it
was: the same line again does the rest, the same line with more seeds adds to what is there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import Ledger, interval, train_from_scratch
from page import table, write_markdown
from torch.nn import functional as F

from connsearch.analysis.searched_run import free_weights
from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Structure
from connsearch.graph.streams import fit_objects
from connsearch.models.structure import Network
from connsearch.runs.metrics import wilson_interval
from connsearch.training.options import TrainOptions

MODES = (Attention.NONE, Attention.STATIC, Attention.SELF, Attention.PEER)

PUBLISHED = {
    "without objects": (47.18, 48.82, 51.91, 52.39),
    "with objects": (50.43, 51.15, 55.40, 56.38),
}
"""AssembleNet++ (Ryoo et al., ECCV 2020): mAP on Charades, from scratch, in MODES' order."""

SETTINGS = (
    "data", "structure", "over_connect", "frames", "stride", "size", "train_clips", "epochs", "lr",
    "batch_size", "threads",
)  # fmt: skip
"""What results of one ledger have in common; the number of seeds is not among it."""


def clips_of(options: argparse.Namespace, seed: int) -> DataSplits:
    """Returns the clips of one seed; planted scenes are drawn anew, given splits stay."""
    return load_data(
        DataOptions.of(
            source=options.data,
            seed=seed,
            frames=options.frames,
            stride=options.stride,
            size=options.size,
            train_clips=options.train_clips,
            batch_size=options.batch_size,
        )
    )


def structure_of(mode: Attention, data: DataSplits, options: argparse.Namespace) -> Structure:
    """Returns the structure with that attention; every connection weight learns."""
    structure = fit_objects(load_structure(options.structure), data.object_classes, data=data.name)
    structure = over_connect(structure) if options.over_connect else free_weights(structure)
    return structure.with_settings(attention=mode)


def train_once(mode: Attention, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Returns the ledger entry of one network."""
    data = clips_of(options, seed)
    training = TrainOptions.of(
        epochs=options.epochs, lr=options.lr, seed=seed, threads=options.threads
    )
    directory = options.runs / f"{mode.value}-{seed}"
    result = train_from_scratch(structure_of(mode, data, options), data, training, directory)
    metrics = {name: found.to_json() for name, found in result.metrics.items()}
    return {"metrics": metrics, "summary": f"test {result.metrics['test']}"}


def size_once(mode: Attention, options: argparse.Namespace) -> dict[str, Any]:
    """Returns parameters of a mode's network, and its shortest forward and backward pass."""
    data = clips_of(options, 0)
    structure = structure_of(mode, data, options)
    network = Network(structure, len(data.classes), seed=0).train()
    batch = next(Loader(data.train).batches(batch_size=options.batch_size))
    times: list[float] = []
    for _ in range(options.repeats):
        begin = time.perf_counter()
        F.cross_entropy(network(batch.streams), batch.labels).backward()
        times.append(time.perf_counter() - begin)
    parameters = sum(p.numel() for p in network.parameters())
    seconds = min(times)
    return {
        "parameters": parameters,
        "step": seconds,
        "connections": len(structure.edges()),
        "summary": f"{parameters} parameters, {seconds * 1e3:.0f} ms forward and backward",
    }


def accuracies(ledger: Ledger, mode: Attention, seeds: int) -> list[float]:
    """Returns the test accuracy of a mode, seed by seed."""
    found = [ledger.results[f"{mode.value}/{seed}"] for seed in range(seeds)]
    return [f["metrics"]["test"]["accuracy"] for f in found]


def row(mode: Attention, ledger: Ledger, seeds: int) -> Sequence[str]:
    """Returns the table row of one mode."""
    test, size = accuracies(ledger, mode, seeds), ledger.results[f"{mode.value}/size"]
    low, high = interval(test)
    clips = ledger.results[f"{mode.value}/0"]["metrics"]["test"]["clips"]
    one = wilson_interval(round(float(np.mean(test)) * clips), clips)
    return (
        mode.value,
        str(seeds),
        f"{np.mean(test):.3f}",
        f"[{max(low, 0):.3f}, {min(high, 1):.3f}]" if seeds > 1 else "-",
        f"[{one[0]:.3f}, {one[1]:.3f}]",
        str(size["connections"]),
        f"{size['parameters'] / 1e3:.0f} k",
        f"{size['step'] * 1e3:.0f} ms",
    )


def paired(more: Attention, less: Attention, ledger: Ledger, seeds: int) -> str:
    """Returns a sentence: one mode minus another, seed by seed."""
    pairs = zip(accuracies(ledger, more, seeds), accuracies(ledger, less, seeds), strict=True)
    differences = [a - b for a, b in pairs]
    if seeds < 2:
        return f"* {more.value} minus {less.value}: {differences[0]:+.3f}; one seed, no interval"
    low, high = interval(differences)
    claim = "nothing is claimed" if not (low > 0 or high < 0) else "beyond what seeds differ by"
    mean = np.mean(differences)
    return f"* {more.value} minus {less.value}: {mean:+.3f} [{low:+.3f}, {high:+.3f}]; {claim}"


def report(ledger: Ledger, seeds: int) -> list[str]:
    """Returns our table, the paired differences, and the published table beside them."""
    heads = (
        "attention", "seeds", "test accuracy", "95 % over seeds", "95 % of one test",
        "connections", "parameters", "forward + backward",
    )  # fmt: skip
    lines = table(heads, [row(mode, ledger, seeds) for mode in MODES])
    lines += ["", f"Paired over {seeds} seeds, mean [95 %]:", ""]
    none, static, own, peer = MODES
    for more, less in ((static, none), (own, none), (peer, none), (peer, own)):
        lines.append(paired(more, less, ledger, seeds))
    lines += [
        "",
        "Published, not ours: AssembleNet++ on Charades from scratch, mAP in %:",
        "",
    ]
    rows = [(what, *(f"{value:.2f}" for value in row)) for what, row in PUBLISHED.items()]
    return lines + table(("", *(mode.value for mode in MODES)), rows)


def command(options: argparse.Namespace) -> str:
    """Returns the line that repeats the page."""
    given = {n: getattr(options, n) for n in SETTINGS if n != "over_connect"}
    flags = [f"--{n.replace('_', '-')} {v}" for n, v in given.items() if v is not None]
    flags += ["--over-connect"] if options.over_connect else []
    return f"python benchmarks/attention.py --seeds {options.seeds} {' '.join(flags)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="synthetic:mix", help="as for connsearch search --data")
    parser.add_argument("--structure", default="starter")
    parser.add_argument("--over-connect", action="store_true", help="every allowed connection")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--lr", type=float, default=None, help="by default that of the optimiser")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--train-clips", type=int, default=96, help="planted: clips of a class")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9, help="passes whose shortest is told")
    parser.add_argument("--runs", type=Path, default=Path("runs/attention"))
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings = {name: getattr(options, name) for name in SETTINGS}
    ledger = Ledger(options.runs / "ledger.jsonl", settings)
    for mode in MODES:
        ledger.measure(f"{mode.value}/size", partial(size_once, mode, options))
    for seed in range(options.seeds):
        for mode in MODES:
            ledger.measure(f"{mode.value}/{seed}", partial(train_once, mode, seed, options))
    lines = report(ledger, options.seeds)
    print("\n".join(lines))
    if options.markdown is not None:
        title = f"Attention on the connections: {options.structure} on {options.data}"
        write_markdown(options.markdown, title, command(options), lines)


if __name__ == "__main__":
    main()
