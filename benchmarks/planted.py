"""Does the search find the streams that matter? Planted tasks whose right streams are known.

For every task and seed, one search on the starter structure. Among connections that leave a stem,
those from planted stems are positive and those from distractor stems negative; the AUROC of their
learned weights says how well the search tells them apart. In ``motion`` RGB stems count as neither:
they have temporal convolutions and may see motion themselves.

The control trains the same structure with the stems of one stream only: well above chance on the
planted stream and at chance on the others, or the task is not what it says.

    python benchmarks/planted.py [--seeds 5] [--epochs 8] [--markdown benchmarks/planted.md]

Every search is filed in ``--runs`` when it is done; the same line again goes on with the next.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from common import (
    Ledger,
    auroc,
    interval,
    last_result,
    resampled,
    train_from_scratch,
)
from page import table, write_markdown

from connsearch.data.loading.load import load_data
from connsearch.data.options import DataOptions
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Modality, Stem, Structure
from connsearch.graph.streams import fit_objects, keep_streams
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import search
from connsearch.runs.metrics import wilson_interval
from connsearch.runs.run import Run

PLANTED = {
    "appearance": (Modality.RGB, (Modality.FLOW, Modality.OBJECT)),
    "motion": (Modality.FLOW, (Modality.OBJECT,)),
    "object": (Modality.OBJECT, (Modality.RGB, Modality.FLOW)),
}
"""Task -> planted stream, distractor streams."""

CONNECTION_LR = 0.03
"""What these tables were made with: the published search; ``search_options.py`` has the others."""


def search_once(task: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Returns the learned weights of all connections that leave a stem, by stream."""
    data = load_data(DataOptions.of(source=f"synthetic:{task}", seed=seed))
    settings = SearchOptions.of(
        method="assemblenet",
        connection_lr=CONNECTION_LR,
        epochs=options.epochs,
        seed=seed,
        threads=options.threads,
    )
    begin = time.process_time()
    config = {"command": "search", "settings": {"task": task, **settings.model_dump()}}
    with Run.open(options.runs / f"{task}-{seed}", config) as run:
        result, _ = last_result(search(starter(options), data, settings, run=run))
    weights: dict[str, list[float]] = {m: [] for m in Modality}
    for edge, weight in result.structure.weights().items():
        stem = result.structure.nodes[edge.source]
        if isinstance(stem, Stem) and isinstance(weight, float):
            weights[stem.modality].append(weight)
    planted, distractors = PLANTED[task]
    area = auroc(weights[planted], [w for m in distractors for w in weights[m]])
    return {
        "weights": weights,
        "val": result.metrics["val"].accuracy,
        "seconds": time.process_time() - begin,
        "auroc": area,
        "summary": f"AUROC {area:.3f}, val accuracy {result.metrics['val'].accuracy:.3f}",
    }


def control_once(
    task: str, modality: Modality, seed: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Returns how the structure with the stems of one stream alone does on the test split."""
    data = load_data(DataOptions.of(source=f"synthetic:{task}", seed=seed))
    settings = SearchOptions.of(epochs=options.epochs, seed=seed, threads=options.threads)
    alone = one_stream(starter(options), modality)
    structure = fit_objects(alone, data.object_classes, data=data.name)
    directory = options.runs / f"{task}-{seed}-only-{modality}"
    metrics = train_from_scratch(structure, data, settings, directory).metrics["test"]
    return {
        "hits": round(metrics.accuracy * metrics.clips),
        "clips": metrics.clips,
        "summary": f"test accuracy {metrics}",
    }


def starter(options: argparse.Namespace) -> Structure:
    """Returns the starter structure, with the attention mode asked for."""
    structure = load_structure("starter")
    if options.attention is None:
        return structure
    return structure.with_settings(attention=Attention(options.attention))


def one_stream(structure: Structure, modality: Modality) -> Structure:
    """Returns the structure with the stems of one stream only, fully connected."""
    # As wide as in the full structure: fewer stems would each get a larger share of the total.
    width = structure.network.stem_total // sum(1 for _ in structure.stems())
    return over_connect(keep_streams(structure, [modality])).with_settings(stem_width=width)


def pooled(found: Sequence[dict[str, Any]], task: str) -> float:
    """Returns the AUROC over the connections of several searches together."""
    planted, distractors = PLANTED[task]
    positive = [w for f in found for w in f["weights"][planted]]
    return auroc(positive, [w for f in found for m in distractors for w in f["weights"][m]])


def mean_weight(found: Sequence[dict[str, Any]], modality: str) -> float:
    """Returns the mean weight of the connections that leave the stems of one stream."""
    weights = [w for f in found for w in f["weights"][modality]]
    return sum(weights) / len(weights)


def recovery_row(task: str, found: Sequence[dict[str, Any]]) -> Sequence[str]:
    """Returns the table row of one task."""
    planted, distractors = PLANTED[task]
    low, high = resampled(len(found), lambda drawn: pooled([found[i] for i in drawn], task))
    each = [f["auroc"] for f in found]
    inside = interval(each)
    weights = found[0]["weights"]
    negatives = sum(len(weights[m]) for m in distractors)
    return (
        task,
        f"{planted} / {', '.join(distractors)}",
        f"{len(found)} x ({len(weights[planted])} / {negatives})",
        f"{pooled(found, task):.3f} [{low:.3f}, {high:.3f}]",
        f"{sum(each) / len(each):.3f} [{inside[0]:.3f}, {min(inside[1], 1):.3f}], "
        f"lowest {min(each):.3f}",
        ", ".join(f"{m} {mean_weight(found, m):.2f}" for m in Modality),
        f"{sum(f['val'] for f in found) / len(found):.3f}",
        f"{sum(f['seconds'] for f in found) / len(found):.0f} s",
    )


def report(ledger: Ledger, options: argparse.Namespace) -> list[str]:
    """Returns the tables of everything in the ledger."""
    heads = (
        "task",
        "planted / distractor",
        "searches x connections",
        "AUROC, pooled [95 % over searches]",
        "AUROC within a search, mean [95 %]",
        "mean weight by stream",
        "val accuracy",
        "CPU time of a search",
    )
    rows = [
        recovery_row(task, [ledger.results[f"{task}/{s}"] for s in range(options.seeds)])
        for task in PLANTED
    ]
    title = "Control, the stems of one stream alone (test accuracy; chance is .250):"
    return [*table(heads, rows), "", title, "", *control_table(ledger, options)]


def control_table(ledger: Ledger, options: argparse.Namespace) -> list[str]:
    """Returns accuracy by task and stream, all seeds together."""
    rows: list[Sequence[str]] = []
    for task in PLANTED:
        cells = [task]
        for modality in Modality:
            found = [
                ledger.results[f"{task}/{s}/only-{modality}"] for s in range(options.control_seeds)
            ]
            hits, clips = (sum(f[key] for f in found) for key in ("hits", "clips"))
            low, high = wilson_interval(hits, clips)
            mark = " (planted)" if modality == PLANTED[task][0] else ""
            cells.append(f"{hits / clips:.3f} [{low:.3f}, {high:.3f}] of {clips}{mark}")
        rows.append(cells)
    return table(("task", *(f"{m} alone" for m in Modality)), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--control-seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--attention", choices=["none", "static", "self", "peer"])
    parser.add_argument("--runs", type=Path, default=Path("runs/planted"))
    parser.add_argument("--tasks", nargs="+", choices=list(PLANTED), default=list(PLANTED))
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    settings = {"epochs": options.epochs, "attention": options.attention}
    ledger = Ledger(options.runs / "ledger.jsonl", settings)
    for seed in range(options.seeds):
        for task in options.tasks:
            ledger.measure(f"{task}/{seed}", partial(search_once, task, seed, options))
    for seed in range(options.control_seeds):
        for task in options.tasks:
            for modality in Modality:
                ledger.measure(
                    f"{task}/{seed}/only-{modality}",
                    partial(control_once, task, modality, seed, options),
                )
    if set(options.tasks) != set(PLANTED):
        return
    lines = report(ledger, options)
    print("\n".join(lines))
    if options.markdown is not None:
        command = f"python benchmarks/planted.py --seeds {options.seeds} --epochs {options.epochs}"
        command += f" --attention {options.attention}" if options.attention else ""
        write_markdown(options.markdown, "Planted recovery", command, lines)


if __name__ == "__main__":
    main()
