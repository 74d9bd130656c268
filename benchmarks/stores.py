"""The same clips as video files and packed into frames.db: same split, same labels, same accuracy.

For every seed a search and a training from scratch are done on the videos and on the store that
``connsearch data pack`` made from them. The test split is opened once a network, at the end.

    connsearch data pack --data cc-motion/clips.csv --output PACKED
    python benchmarks/stores.py --data cc-motion/clips.csv --packed PACKED

Every network is filed in ``--runs`` when it is done; the same line again goes on with the next.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import Ledger, interval, last_result, train_from_scratch
from page import table, write_markdown

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.options import DataOptions
from connsearch.graph.files import load_structure
from connsearch.graph.streams import fit_objects
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import search
from connsearch.runs.run import Run
from connsearch.training.options import TrainOptions


def same_lists(first: DataSplits, second: DataSplits) -> list[str]:
    """Returns one sentence a split, after checking that both hold the same clips and labels.

    Raises:
        SystemExit: they do not.
    """
    lines: list[str] = []
    for (split, ours), (_, packed) in zip(first, second, strict=True):
        names = [record.name for record in ours.records]
        if names != [record.name for record in packed.records]:
            raise SystemExit(f"{split}: not the same clips in the same order")
        if ours.labels != packed.labels or first.classes != second.classes:
            raise SystemExit(f"{split}: not the same labels")
        frames = [ours.info(i).frames - packed.info(i).frames for i in range(len(ours))]
        if any(frames):
            raise SystemExit(f"{split}: not the same numbers of frames")
        lines.append(f"{split}: {len(names)} clips, same names, order, labels and frames.")
    return lines


def measured(data: DataSplits, given: argparse.Namespace, seed: int, kind: str) -> dict[str, Any]:
    """Returns what a search and a training of one seed reach."""
    structure = fit_objects(load_structure("starter_rgb_flow"), 0, data=data.name)
    chosen = {"epochs": given.epochs, "seed": seed, "lr": 0.003, "threads": given.threads}
    begin = time.perf_counter()
    options = SearchOptions.of(**chosen)
    place = given.runs / f"{kind}-{seed}"
    with Run.open(place / "search", {"command": "stores", "settings": chosen}) as run:
        found, _ = last_result(search(structure, data, options, run=run))
    trained = train_from_scratch(structure, data, TrainOptions.of(**chosen), place / "train")
    searched, test = found.metrics["val"].accuracy, trained.metrics["test"].accuracy
    return {
        "searched": searched,
        "test": test,
        "seconds": time.perf_counter() - begin,
        "summary": f"val after the search {searched:.3f}, test after training {test:.3f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--packed", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/stores"))
    given = parser.parse_args()
    chosen: dict[str, Any] = {"frames": 16, "size": 48, "flip": True}
    sources = {
        kind: load_data(DataOptions.of(source=place, **chosen))
        for kind, place in (("videos", given.data), ("frames.db", given.packed))
    }
    lines = same_lists(sources["videos"], sources["frames.db"])
    settings = {"epochs": given.epochs, "threads": given.threads, "data": Path(given.data).name}
    ledger = Ledger(given.runs / "ledger.jsonl", settings)
    values: dict[tuple[str, str], list[float]] = {}
    for seed in range(given.seeds):
        for kind, data in sources.items():
            entry = ledger.measure(
                f"{kind}/{seed}", lambda d=data, s=seed, k=kind: measured(d, given, s, k)
            )
            for what in ("searched", "test"):
                values.setdefault((kind, what), []).append(entry[what])
    rows: list[list[str]] = []
    for what, name in (("searched", "val, after the search"), ("test", "test, trained")):
        ours, packed = values["videos", what], values["frames.db", what]
        differences = [b - a for a, b in zip(ours, packed, strict=True)]
        low, high = interval(differences)
        each = [", ".join(f"{v:.3f}" for v in part) for part in (ours, packed)]
        spread = f"{np.std(ours, ddof=1):.3f}" if len(ours) > 1 else ""
        paired = f"{np.mean(differences):+.3f} [{low:+.3f}, {high:+.3f}]"
        rows.append([name, *each, spread, paired])
    heads = ["accuracy", "videos, by seed", "frames.db, by seed", "deviation over seeds"]
    lines += ["", *table([*heads, "frames.db minus videos, paired [95 %]"], rows)]
    print("\n".join(lines))
    command = "python benchmarks/stores.py --data cc-motion/clips.csv --packed PACKED"
    write_markdown(Path(__file__).with_name("stores.md"), "Videos and frame stores", command, lines)


if __name__ == "__main__":
    main()
