"""Which search options help? Planted tasks whose true wiring is known, and real clips.

One search for every task, variant and seed; a variant is the published search and one option, or
several. Of each search: how well the connections that a criterion keeps recover the true wiring
(``planted_wiring.json``; precision, recall, F1 of the connections that leave a stem), the accuracy
of the whole network and of the hard-masked one on the validation split, both recalibrated, and what
the search cost.

    python benchmarks/search_options.py --seeds 5 [--tasks object] [--data cc-motion/clips.csv]

Every search is filed in ``--runs`` when it is done; the same line again goes on with the next, and
more seeds, tasks or variants add to what is there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import Ledger, auroc, interval, last_result
from page import table, write_markdown

from connsearch.analysis.importance import ablate
from connsearch.analysis.searched_run import SearchedRun, masked
from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.loading.loader import Loader, SplitLoaders
from connsearch.data.options import DataOptions
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure, read_structure
from connsearch.graph.spec import Edge, Structure
from connsearch.graph.streams import fit_objects
from connsearch.models.structure import Network
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import search
from connsearch.pruning.options import PruneOptions, build_criterion
from connsearch.pruning.pruner import prune_by
from connsearch.pruning.scores import learned_weights
from connsearch.runs.files import load_weights
from connsearch.runs.ledger import Ledger as Units
from connsearch.runs.names import WEIGHTS
from connsearch.runs.run import Run
from connsearch.training.evaluate import Compute, evaluate, recalibrate_on

VARIANTS: dict[str, dict[str, Any]] = {
    "published": {},
    "temperature .1 (default)": {"temperature": 0.1},
    "zero-one": {"discreteness_penalty": "zero_one"},
    "entropy": {"discreteness_penalty": "entropy"},
    "MACs penalty .1": {"macs_penalty": 0.1},
    "path dropout .3": {"path_dropout": 0.3},
    "hard forward .5": {"hard_share": 0.5},
    "normalised inputs": {"normalise_inputs": True},
    "bilevel": {"level": "bilevel"},
    "early end": {"patience": 2},
}
"""Name -> what differs from the published search."""

TASKS = ("appearance", "motion", "object")
RULES = ("relative:0.7", "relative:0.5", "threshold:0.5", "rank:0.5")
"""The default criterion first; after it other ways to read the same weights."""

WIRING = json.loads((Path(__file__).parent / "planted_wiring.json").read_text())


def search_once(task: str, variant: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Returns what one search found, how good that is, and what it cost."""
    data, structure = opened(task, seed, options)
    settings = SearchOptions.of(
        method="assemblenet",
        epochs=options.epochs,
        seed=seed,
        threads=options.threads,
        **VARIANTS[variant],
    )
    directory = options.runs / f"{task}-{variant.replace(' ', '-')}-{seed}"
    config = {"command": "search", "settings": {"task": task, **settings.model_dump()}}
    begin, wall = time.process_time(), time.perf_counter()
    with Run.open(directory, config) as run:
        result, _ = last_result(search(structure, data, settings, run=run))
    spent = time.process_time() - begin
    wall = time.perf_counter() - wall
    weights = learned_weights(result.structure)
    entry: dict[str, Any] = {
        "weights": [[*edge, weight] for edge, weight in weights.items()],
        "val": result.metrics["val"].accuracy,
        "cpu": spent,
        "seconds": wall,
        "steps": result.report.steps,
        **judged(directory, result.structure, data, settings),
    }
    if task in WIRING:
        found = {r: recovery(task, result.structure, weights, r) for r in RULES}
        kept = found[RULES[0]]["kept"]
        found["uniform random"] = {"f1": chance(task, round(kept), seed)}
        if variant in list(VARIANTS)[:2]:
            scores = ablation(directory, result.structure, data, settings)
            found["ablation"] = recovery(task, result.structure, scores, RULES[0])
        entry |= {"recovery": found}
        entry["auroc"] = auroc(*(of(task, kind, weights) for kind in ("true", "false")))
    f1 = entry.get("recovery", {}).get(RULES[0], {}).get("f1", float("nan"))
    entry["summary"] = (
        f"val {entry['val']:.3f}, masked {entry['masked']:.3f}, F1 {f1:.2f}, {spent:.0f} s"
    )
    return entry


def ablation(
    directory: Path, found: Structure, data: DataSplits, settings: SearchOptions
) -> dict[Edge, float]:
    """Returns the ablation scores of a searched network's connections."""
    compute = Compute(precision="fp32" if settings.compute.precision == "fp32" else "bf16")
    network = searched(directory, len(data.classes))
    loaders = SplitLoaders(data.parts())  # without workers: nothing to close
    run = SearchedRun(directory, network, found, data, settings, compute, loaders)
    with Units(directory / "importance", {}) as ledger:
        work = ablate(run, ledger)
        while True:
            try:
                next(work)
            except StopIteration as end:
                return end.value.scores(found)


def searched(directory: Path, num_classes: int) -> Network:
    """Returns the searched network of a run."""
    structure = read_structure(directory / "structure.json")
    network = Network(structure, num_classes, learn_connections=True)
    network.load_state_dict(load_weights(directory / WEIGHTS))
    return network


def chance(task: str, kept: int, seed: int) -> float:
    """Returns the mean F1 of so many stem connections kept by lot."""
    true, false = len(WIRING[task]["true"]), len(WIRING[task]["false"])
    draws = np.random.default_rng(seed).hypergeometric(true, false, kept, size=10_000)
    return float((2 * draws / (true + kept)).mean())


def opened(task: str, seed: int, options: argparse.Namespace) -> tuple[DataSplits, Structure]:
    """Returns data and structure of a task: planted, or real clips by their file."""
    if task in TASKS:
        data = load_data(DataOptions.of(source=f"synthetic:{task}", seed=seed))
        return data, load_structure("starter")
    asked = DataOptions.of(
        source=options.data,
        frames=16,
        size=48,
        stride=options.stride,
        keep_aspect=not options.whole,
    )
    data = load_data(asked)
    structure = load_structure("starter_rgb_flow")
    return data, fit_objects(structure, data.object_classes, data=data.name)


def judged(
    directory: Path, found: Structure, data: DataSplits, settings: SearchOptions
) -> dict[str, Any]:
    """Returns the accuracy of the hard-masked network, recalibrated, and what stays of it."""
    network = searched(directory, len(data.classes))
    pruned = prune_by(found, PruneOptions(criterion=RULES[0]))
    compute = Compute(precision="fp32" if settings.compute.precision == "fp32" else "bf16")
    with masked(network, pruned):
        recalibrate_on(network, Loader(data.train), clips=128, seed=settings.seed, compute=compute)
        metrics = evaluate(network, Loader(data.val), classes=data.classes, compute=compute)
    macs = [
        cost(s, num_classes=len(data.classes), clip=data.clip).macs
        for s in (pruned.structure, found)
    ]
    decided = [abs(w - 0.5) > 0.1 for w in learned_weights(found).values()]
    return {
        "masked": metrics.accuracy,
        "kept": len(pruned.edges) / len(found.edges()),
        "macs": macs[0] / macs[1],
        "decided": sum(decided) / len(decided),
    }


def of(task: str, kind: str, weights: dict[Edge, float]) -> list[float]:
    """Returns the weights of the true, or the false, connections of a task."""
    return [weights[Edge(*edge)] for edge in WIRING[task][kind]]


def recovery(
    task: str, structure: Structure, weights: dict[Edge, float], rule: str
) -> dict[str, float]:
    """Returns precision, recall and F1 of the connections that a criterion keeps."""
    keep = build_criterion(rule)(structure, weights)
    true, false = (
        sum(Edge(*edge) in keep for edge in WIRING[task][kind]) for kind in ("true", "false")
    )
    missed = len(WIRING[task]["true"]) - true
    return {
        "kept": true + false,
        "precision": true / max(true + false, 1),
        "recall": true / max(true + missed, 1),
        "f1": 2 * true / max(2 * true + false + missed, 1),
    }


def mean(values: Iterable[float], digits: int = 2) -> str:
    """Returns a mean with its 95 % interval over searches."""
    found = list(values)
    low, high = interval(found)
    return f"{np.mean(found):.{digits}f} [{max(low, 0):.{digits}f}, {min(high, 1):.{digits}f}]"


def row(variant: str, entries: Sequence[dict[str, Any]]) -> Sequence[str]:
    """Returns one table row of one variant on one task."""
    cells = [variant, str(len(entries))]
    if "recovery" in entries[0]:
        for rule in (*RULES, "ablation", "uniform random"):
            found = [e["recovery"][rule]["f1"] for e in entries if rule in e["recovery"]]
            cells.append(mean(found) if found else "")
        cells += [f"{np.mean([e['auroc'] for e in entries]):.3f}"]
    cells += [mean(e["val"] for e in entries), mean(e["masked"] for e in entries)]
    cells += [f"{np.mean([e[key] for e in entries]):.2f}" for key in ("kept", "decided")]
    return [*cells, f"{np.mean([e['cpu'] for e in entries]):.0f} s"]


def report(ledger: Ledger, tasks: Sequence[str]) -> list[str]:
    """Returns one table a task over everything in the ledger."""
    lines: list[str] = []
    for task in tasks:
        rows = []
        for variant in VARIANTS:
            prefix = f"{task}/{variant}/"
            entries = [e for name, e in ledger.results.items() if name.startswith(prefix)]
            rows += [row(variant, entries)] if entries else []
        heads = ["search", "n"]
        if task in WIRING:
            heads += [f"F1, {rule}" for rule in (*RULES, "ablation", "uniform random")]
            heads += ["AUROC"]
        heads += ["val, whole", "val, masked", "kept", "decided", "CPU"]
        if rows:
            lines += [f"**{task}**", "", *table(heads, rows), ""]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--variants", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--data", help="real clips, a CSV or a folder, in place of planted tasks")
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="squeeze the whole picture, no crop")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/search_options"))
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    tasks = [Path(options.data).parent.name] if options.data else options.tasks
    ledger = Ledger(options.runs / "ledger.jsonl", {"epochs": options.epochs})
    for seed in range(options.seeds):
        for task in tasks:
            for variant in options.variants:
                unit = f"{task}/{variant}/{seed}"
                ledger.measure(unit, partial(search_once, task, variant, seed, options))
    every = list(dict.fromkeys(unit.split("/")[0] for unit in ledger.results))
    lines = report(ledger, every)
    print("\n".join(lines))
    if options.markdown is not None:
        command = f"python benchmarks/search_options.py --seeds {options.seeds}"
        command += f" --data {tasks[0]}/clips.csv" if options.data else ""
        write_markdown(options.markdown, "Search options", command, lines)


if __name__ == "__main__":
    main()
