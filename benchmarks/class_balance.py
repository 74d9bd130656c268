"""Few clips of some classes: what class weights and a sampler of class turns do, on real clips.

The training list is thinned to so many clips a class, the first ones of the list; ``val`` and
``test`` stay as they are. For every seed the same structure is trained from the same first weights
in each way, in as many steps. The test split is opened once a network, at the end.

    python benchmarks/class_balance.py --data cc-motion/clips.csv --seeds 3

Every network is filed in ``--runs`` when it is done; the same line again goes on with the next.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import Ledger, interval, train_from_scratch
from page import table, write_markdown

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.options import DataOptions
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Structure
from connsearch.graph.streams import fit_objects
from connsearch.training.options import TrainOptions

WAYS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "class weights": {"class_weights": "balanced"},
    "sampler": {"sampler_weights": "balanced"},
}
"""Name -> options of the training."""


@dataclass(frozen=True)
class Study:
    """The thinned data, and what stays the same for all networks."""

    data: DataSplits
    structure: Structure
    options: argparse.Namespace

    def train(self, way: str, seed: int) -> dict[str, Any]:
        """Returns the ledger entry of one network."""
        given = self.options
        settings: dict[str, Any] = {
            "epochs": given.epochs,
            "eval_every": given.epochs,
            "lr": given.lr,
            "threads": given.threads,
            "precision": "fp32",
            "seed": seed,
        }
        options = TrainOptions.of(**{**settings, **WAYS[way]})
        place = given.runs / f"{way.replace(', ', '-').replace(' ', '-')}-{seed}"
        result = train_from_scratch(self.structure, self.data, options, place)
        found = {name: metrics.to_json() for name, metrics in result.metrics.items()}
        test = result.metrics["test"]
        return {
            "metrics": found,
            "step": None if result.report.choice is None else result.report.choice.step,
            "summary": f"test {test}, balanced {test.balanced_accuracy:.3f}",
        }


def thinned(data: DataSplits, counts: Sequence[int]) -> DataSplits:
    """Returns the data with so many training clips of each class, the first of the list."""
    seen: Counter[int] = Counter()
    records = []
    for record in data.train.records:
        if seen[record.label] < counts[record.label]:
            records.append(record)
        seen[record.label] += 1
    return replace(data, train=replace(data.train, records=tuple(records)))


def mean_of(entries: Sequence[dict[str, Any]], name: str, split: str = "test") -> list[float]:
    """Returns a number on a split, seed by seed."""
    return [entry["metrics"][split][name] for entry in entries]


def spread(values: Sequence[float]) -> str:
    """Returns a mean with its interval over seeds."""
    low, high = interval(values)
    return f"{np.mean(values):.3f} [{max(low, 0):.3f}, {min(high, 1):.3f}]"


def report(ledger: Ledger, study: Study) -> list[str]:
    """Returns the table, and the differences to doing nothing, paired by seed."""
    seeds = range(study.options.seeds)
    found = {way: [ledger.results[f"{way}/{seed}"] for seed in seeds] for way in WAYS}
    classes = study.data.classes
    counts = Counter(study.data.train.labels)
    named = [f"{name} ({counts[label]})" for label, name in enumerate(classes)]
    heads = ["", "balanced accuracy on test", "on val", *named]
    rows: list[list[str]] = []
    for way, entries in found.items():
        recalls = [np.mean([e["metrics"]["test"]["recalls"][c] for e in entries]) for c in classes]
        numbers = mean_of(entries, "balanced_accuracy")
        val = np.mean(mean_of(entries, "balanced_accuracy", "val"))
        rows.append([way, spread(numbers), f"{val:.3f}", *(f"{r:.2f}" for r in recalls)])
    lines = [*table(heads, rows), ""]
    for way in list(WAYS)[1:]:
        pairs = zip(
            *(mean_of(found[w], "balanced_accuracy") for w in (way, "nothing")), strict=True
        )
        gained = [a - b for a, b in pairs]
        low, high = interval(gained)
        verdict = "excludes 0" if low > 0 or high < 0 else "nothing is claimed"
        lines.append(
            f"* {way} against nothing: {np.mean(gained):+.3f} [{low:+.3f}, {high:+.3f}], paired by "
            f"seed; {verdict}."
        )
    sizes = {split: len(clips) for split, clips in study.data}
    return [
        *lines,
        "",
        f"Recall on test by class, with its training clips in brackets; {len(list(seeds))} seeds, "
        f"95 % t intervals. Clips: {sizes}; clip {study.data.clip}; {study.options.epochs} epochs.",
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", required=True, help="a CSV or a folder of clips")
    parser.add_argument("--counts", default="24,12,8,6,4", help="training clips of each class")
    parser.add_argument("--structure", default="starter_rgb_flow")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/class_balance"))
    parser.add_argument("--markdown", type=Path, help="write the page here")
    return parser.parse_args()


def main() -> None:
    """Trains what is missing, prints the table, and writes the page."""
    given = parse()
    counts = [int(part) for part in given.counts.split(",")]
    options = DataOptions.of(
        source=given.data, frames=given.frames, size=given.size, batch_size=given.batch_size
    )
    data = thinned(load_data(options), counts)
    structure = fit_objects(load_structure(given.structure), 0, data=data.name)
    settings = {
        name: getattr(given, name)
        for name in ("counts", "structure", "frames", "size", "batch_size", "lr", "epochs")
    } | {"data": data.fingerprint}
    study = Study(data, structure, given)
    with Ledger(given.runs / "ledger.jsonl", settings) as ledger:
        for seed in range(given.seeds):
            for way in WAYS:
                ledger.measure(f"{way}/{seed}", partial(study.train, way, seed))
        lines = report(ledger, study)
    print("\n".join(lines))
    if given.markdown:
        command = (
            f"python benchmarks/class_balance.py --data DATA --counts {given.counts} "
            f"--epochs {given.epochs} --seeds {given.seeds}"
        )
        write_markdown(given.markdown, "Classes with few clips: cc-motion, thinned", command, lines)


if __name__ == "__main__":
    main()
