"""The best structure of an evolution on real clips, whole and pruned, against the hand-made start.

All are trained from scratch alike: their connection weights learn from the start, so that the best
one brings its blocks and its wiring along and nothing else. The test split is opened for all.

First: connsearch prune RUN/children/NNNN-0 --budget "connections<=60%"

    python benchmarks/evolution_clips.py RUN --ledger DIR [--seeds 4] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from common import Ledger, interval
from page import table, write_markdown

from connsearch.analysis.searched_run import free_weights, train_alone
from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.options import DataOptions
from connsearch.evolution.review.children import best_children
from connsearch.evolution.study.study_directory import Opened, reopen
from connsearch.graph.cost import cost
from connsearch.graph.files import read_structure
from connsearch.graph.spec import Structure
from connsearch.runs.events import ResultEvent
from connsearch.settings.earlier import migrated_settings
from connsearch.training.options import TrainOptions

SPLITS = ("val", "test")


def trained(
    structure: Structure, data: DataSplits, options: TrainOptions, directory: Path
) -> dict[str, Any]:
    """Returns the accuracy on val and test of a structure trained from scratch."""
    result: ResultEvent | None = None
    for event in train_alone(structure, data, options, directory, open_test=True):
        result = event if isinstance(event, ResultEvent) else result
    assert result is not None
    return {split: result.metrics[split].score for split in SPLITS}


def arms_of(opened: Opened, best: int, searched: Path) -> dict[str, Structure]:
    """Returns the structures to compare: the start, the best child, and what pruning left of it."""
    child = opened.history().child(best).structure
    pruned = read_structure(next(searched.glob("pruned*")) / "structure.json")
    return {
        "start": free_weights(opened.space.start),
        f"best (child {best})": free_weights(child),
        f"pruned (child {best})": free_weights(pruned),
    }


def rows_of(
    arms: Mapping[str, Structure],
    found: Mapping[str, Sequence[Mapping[str, float]]],
    data: DataSplits,
) -> list[list[str]]:
    """Returns a row a structure, and one for each but the start: what it has more."""
    rows: list[list[str]] = []
    for name, structure in arms.items():
        price = cost(structure, num_classes=len(data.classes), clip=data.clip)
        rows.append(
            [
                name,
                str(sum(1 for _ in structure.blocks())),
                str(len(structure.edges())),
                f"{price.macs / 1e6:.1f} M",
                f"{price.parameters / 1e3:.1f} k",
                *(cell([r[split] for r in found[name]]) for split in SPLITS),
            ]
        )
    for name in list(arms)[1:]:
        row = [f"{name.split()[0]} less start", "", "", "", ""]
        for split in SPLITS:
            pairs = zip(found[name], found["start"], strict=True)
            row.append(cell([a[split] - b[split] for a, b in pairs], "+"))
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    opened = reopen(arguments.run)
    best = best_children(opened.history())[0]
    searched = arguments.run / "children" / f"{best:04d}-0"
    settings = migrated_settings(json.loads((searched / "config.json").read_text())["settings"])
    data = load_data(DataOptions.model_validate(settings["data"]))
    usual = TrainOptions.of(
        epochs=arguments.epochs,
        lr=settings["training"]["optimiser"]["lr"],
        threads=arguments.threads,
    ).with_values(eval_every=arguments.epochs)
    arms = arms_of(opened, best, searched)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in arms}
    with Ledger(arguments.ledger / "ledger.jsonl", {"epochs": arguments.epochs}) as ledger:
        for seed, (name, structure) in product(range(arguments.seeds), arms.items()):
            options = usual.with_values(seed=seed)
            place = arguments.ledger / f"{name.split()[0]}-{seed}"
            work = partial(trained, structure, data, options, place)
            found[name].append(ledger.measure(f"{name}, seed {seed}", work))
    heads = ["structure", "blocks", "connections", "MACs", "parameters", *SPLITS]
    lines = table(heads, rows_of(arms, found, data))
    print("\n".join(lines))
    if arguments.markdown:
        command = f"python benchmarks/evolution_clips.py RUN --ledger DIR --seeds {arguments.seeds}"
        note = (
            f"{arguments.seeds} seeds, {arguments.epochs} epochs, 95 % t intervals over seeds "
            f"({len(data.val)} and {len(data.test)} clips: the clips' own chance comes on top)"
        )
        title = "An evolved structure against the hand-made start"
        write_markdown(arguments.markdown, title, command, lines, note=note)


def cell(values: list[float], sign: str = "") -> str:
    """Returns a mean with its interval."""
    low, high = interval(values)
    return f"{np.mean(values):{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


if __name__ == "__main__":
    main()
