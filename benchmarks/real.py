"""Search, prune and fine-tune on real clips, beside what the found wiring must be compared with.

For every seed: one search on the over-connected starter; the searched network pruned to about half
of its connections and fine-tuned; the same budget spent on the over-connected network itself, on
random wirings with the same number of connections taken from the same searched network, and, from
scratch, on the found wiring and on the random ones. The test split is opened once a network, at the
end; the split is the one the data set gives, disjoint by group.

    python benchmarks/real.py --data cc-motion/clips.csv --markdown benchmarks/cc_motion.md

Every network is filed in ``--runs`` when it is done; the same line again goes on with the next.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import (
    Ledger,
    interval,
    last_result,
    train_from_scratch,
)
from floors import floors
from page import table, write_markdown

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.spec import FREE, Edge, Structure
from connsearch.graph.streams import fit_objects
from connsearch.models.exactness import exactness
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import build, fit_model, search, search_space
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.pruner import Pruned, prune
from connsearch.pruning.scores import learned_weights
from connsearch.runs.events import ResultEvent
from connsearch.runs.files import load_weights
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.metrics import wilson_interval
from connsearch.runs.names import WEIGHTS
from connsearch.runs.run import Run
from connsearch.training.evaluate import Compute
from connsearch.training.options import TrainOptions

ROWS = {
    "over-connected, searched and trained on": "over",
    "found, pruned and fine-tuned": "found",
    "random from the same search, fine-tuned": "random",
    "found, from scratch": "found-scratch",
    "random, from scratch": "random-scratch",
}
"""What stands in the table -> the name of its units in the ledger."""

ROUNDS = 11
"""Timed passes of each network."""


@dataclass(frozen=True)
class Study:
    """One data set and everything that stays the same for all its networks."""

    data: DataSplits
    structure: Structure
    options: argparse.Namespace

    def settings(self, seed: int, epochs: int) -> dict[str, Any]:
        """Returns the training settings of one network."""
        given = self.options
        return {
            "epochs": epochs,
            "seed": seed,
            "threads": given.threads,
            "lr": given.lr,
            "connection_lr": 0.03,
        }

    def searched(self, seed: int) -> tuple[Network, ResultEvent]:
        """Returns the searched network of one seed; the search is done once."""
        settings = self.settings(seed, self.options.search_epochs)
        options = SearchOptions.of(method="assemblenet", **settings)
        directory = self.options.runs / f"search-{seed}"
        settings = {"of": self.data.name, **options.model_dump()}
        config = {"command": "train", "settings": settings}
        with Run.open(directory, config) as run:
            result, _ = last_result(search(self.structure, self.data, options, run=run))
        space = search_space(self.structure, options)
        network = build(space, len(self.data.classes), options)
        network.load_state_dict(load_weights(directory / WEIGHTS))
        return network, result

    def prune(self, result: ResultEvent) -> Pruned:
        """Returns the searched structure cut to about half of its connections."""
        structure = result.structure
        weights = learned_weights(structure)
        half = len(structure.edges()) / 2
        shares = np.arange(0.05, 1.0, 0.01)
        candidates = (
            prune(structure, CRITERIA["relative"](share=float(s))(structure, weights))
            for s in shares
        )
        return min(candidates, key=lambda p: abs(len(p.edges) - half))

    def random_wiring(self, structure: Structure, number: int, seed: int) -> Pruned:
        """Returns the structure cut to so many connections by lot."""
        keep: frozenset[Edge] = CRITERIA["random"](number=number, seed=seed)(structure, {})
        return prune(structure, keep)

    def fine_tune(self, network: Network, seed: int, name: str) -> Metrics:
        """Returns the test metrics of a network after the rest of the budget."""
        options = TrainOptions.of(**self.settings(seed, self.options.tune_epochs))
        config = {"command": "train", "settings": {"name": name, **options.model_dump()}}
        with Run.open(self.options.runs / name, config) as run:
            events = fit_model(network, self.data, options, run=run)
            return last_result(events)[0].metrics["test"]

    def from_scratch(self, structure: Structure, seed: int, name: str) -> Metrics:
        """Returns the test metrics of a structure trained with the whole budget."""
        epochs = self.options.search_epochs + self.options.tune_epochs
        options = TrainOptions.of(**self.settings(seed, epochs))
        directory = self.options.runs / name
        return train_from_scratch(structure, self.data, options, directory).metrics["test"]


def filed(study: Study, structure: Structure, metrics: Metrics, begin: float) -> dict[str, Any]:
    """Returns a ledger entry: test metrics and what the network costs."""
    clip = study.data.clip
    spent = cost(structure, num_classes=len(study.data.classes), clip=clip)
    return {
        "metrics": metrics.to_json(),
        "connections": len(structure.edges()),
        "parameters": spent.parameters,
        "macs": spent.macs,
        "seconds": time.perf_counter() - begin,
        "summary": f"test {metrics}, {len(structure.edges())} connections",
    }


def over(study: Study, seed: int) -> dict[str, Any]:
    """The over-connected network, trained on for as long as the others are fine-tuned."""
    begin = time.perf_counter()
    network, _ = study.searched(seed)
    metrics = study.fine_tune(network, seed, f"over-{seed}")
    return filed(study, network.learned_structure(), metrics, begin)


def found(study: Study, seed: int) -> dict[str, Any]:
    """The found wiring with inherited weights; notes how exact the pruning was."""
    begin = time.perf_counter()
    network, result = study.searched(seed)
    pruned = study.prune(result)
    child = Network(pruned.structure, len(study.data.classes))
    inherit(child, network, pruned)
    exact = exactness(network, child, pruned, clip=study.data.clip)
    metrics = study.fine_tune(child, seed, f"found-{seed}")
    entry = filed(study, pruned.structure, metrics, begin)
    return {**entry, "max_abs_difference": exact.max_abs_difference, "equal": exact.equal}


def random(study: Study, seed: int, draw: int) -> dict[str, Any]:
    """A random wiring with inherited weights and as many connections as the found one."""
    begin = time.perf_counter()
    network, result = study.searched(seed)
    number = len(study.prune(result).edges)
    pruned = study.random_wiring(result.structure, number, 1000 * seed + draw)
    child = Network(pruned.structure, len(study.data.classes))
    inherit(child, network, pruned)
    metrics = study.fine_tune(child, seed, f"random-{seed}-{draw}")
    return filed(study, pruned.structure, metrics, begin)


def found_scratch(study: Study, seed: int) -> dict[str, Any]:
    """The found wiring, its connection weights fixed, all filters from new first values."""
    begin = time.perf_counter()
    structure = study.prune(study.searched(seed)[1]).structure
    metrics = study.from_scratch(structure, seed, f"found-scratch-{seed}")
    return filed(study, structure, metrics, begin)


def random_scratch(study: Study, seed: int, draw: int) -> dict[str, Any]:
    """A random wiring from new first values; its connection weights learn along."""
    begin = time.perf_counter()
    result = study.searched(seed)[1]
    number = len(study.prune(result).edges)
    structure = study.random_wiring(result.structure, number, 1000 * seed + draw).structure
    free = {edge: FREE for edge, weight in structure.weights().items() if weight is not None}
    structure = structure.with_weights(free)
    metrics = study.from_scratch(structure, seed, f"random-scratch-{seed}-{draw}")
    return filed(study, structure, metrics, begin)


def units(study: Study) -> Iterable[tuple[str, Callable[[], dict[str, Any]]]]:
    """Yields the name and the work of every network, seed by seed."""
    for seed in range(study.options.seeds):
        yield f"over/{seed}", partial(over, study, seed)
        yield f"found/{seed}", partial(found, study, seed)
        for draw in range(study.options.random):
            yield f"random/{seed}/{draw}", partial(random, study, seed, draw)
        yield f"found-scratch/{seed}", partial(found_scratch, study, seed)
        for draw in range(study.options.random_scratch):
            yield f"random-scratch/{seed}/{draw}", partial(random_scratch, study, seed, draw)


def forward_times(study: Study) -> dict[str, float]:
    """Returns seconds a clip of the three kinds of wiring, timed in turn so that load is shared."""
    sides: dict[str, list[Network]] = {"over": [], "found": [], "random": []}
    for seed in range(study.options.seeds):
        result = study.searched(seed)[1]
        pruned = study.prune(result)
        other = study.random_wiring(result.structure, len(pruned.edges), 1000 * seed)
        for kind, structure in zip(
            sides, (result.structure, pruned.structure, other.structure), strict=True
        ):
            sides[kind].append(Network(structure, len(study.data.classes)).eval())
    clips = next(Loader(study.data.test).batches(batch_size=8))
    compute = Compute(precision="bf16")
    spent: dict[str, list[float]] = {kind: [] for kind in sides}
    with torch.inference_mode():
        for _ in range(ROUNDS):
            for kind, networks in sides.items():
                for network in networks:
                    begin = time.perf_counter()
                    compute.logits(network, clips)
                    spent[kind].append((time.perf_counter() - begin) / len(clips.labels))
    return {kind: float(np.median(seconds)) for kind, seconds in spent.items()}


def row(name: str, entries: Sequence[Sequence[dict[str, Any]]], seconds: float) -> Sequence[str]:
    """Returns one table row; ``entries`` holds, per seed, the networks of this kind."""
    flat = [entry for seed in entries for entry in seed]
    by_seed = [float(np.mean([e["metrics"]["accuracy"] for e in seed])) for seed in entries]
    low, high = interval(by_seed)
    clips = sum(e["metrics"]["clips"] for e in flat)
    hits = sum(round(e["metrics"]["accuracy"] * e["metrics"]["clips"]) for e in flat)
    each = wilson_interval(round(hits / len(flat)), clips // len(flat))

    def mean(key: Callable[[dict[str, Any]], float]) -> float:
        return float(np.mean([key(entry) for entry in flat]))

    return (
        name,
        str(len(flat)),
        f"{hits / clips:.3f}",
        f"[{max(low, 0):.3f}, {min(high, 1):.3f}]",
        f"[{each[0]:.3f}, {each[1]:.3f}]",
        f"{mean(lambda e: e['metrics']['balanced_accuracy']):.3f}",
        f"{mean(lambda e: e['connections']):.1f}",
        f"{mean(lambda e: e['parameters']) / 1e3:.0f} k",
        f"{mean(lambda e: e['macs']) / 1e6:.0f} M",
        f"{seconds * 1e3:.1f} ms",
    )


def report(ledger: Ledger, study: Study) -> list[str]:
    """Returns the tables and the paired difference between found and random wirings."""
    options = study.options
    seeds = range(options.seeds)

    def entries(kind: str) -> list[list[dict[str, Any]]]:
        return [
            [
                r
                for u, r in ledger.results.items()
                if u == f"{kind}/{s}" or u.startswith(f"{kind}/{s}/")
            ]
            for s in seeds
        ]

    heads = (
        "network", "n", "test accuracy", "95 % over seeds", "95 % of one test", "balanced",
        "connections", "parameters", "MACs a clip", "forward a clip",
    )  # fmt: skip
    times = forward_times(study)
    rows = [
        row(name, entries(kind), times[kind.removesuffix("-scratch")])
        for name, kind in ROWS.items()
    ]
    lines = table(heads, rows)
    lines += ["", *(paired(ledger, study, kind) for kind in ("", "-scratch"))]
    worst = max(ledger.results[f"found/{s}"]["max_abs_difference"] for s in seeds)
    lines += ["", f"Prune exactness over {options.seeds} prunes: max |difference| = {worst}.", ""]
    sizes = {split: len(clips) for split, clips in study.data}
    lines += [f"Clips: {sizes}; {len(study.data.classes)} classes; clip {study.data.clip}.", ""]
    found = ledger.results["floors"]["floors"]
    lines += ["Logistic regression on hand features, same split:", ""]
    return lines + table(
        ("features", "test accuracy", "balanced"),
        [(k, f"{v['accuracy']:.3f}", f"{v['balanced']:.3f}") for k, v in found.items()],
    )


def paired(ledger: Ledger, study: Study, kind: str) -> str:
    """Returns one sentence: found minus the mean of the random wirings, seed by seed."""
    draws = study.options.random_scratch if kind else study.options.random
    differences = []
    for seed in range(study.options.seeds):
        mine = ledger.results[f"found{kind}/{seed}"]["metrics"]["accuracy"]
        others = [
            ledger.results[f"random{kind}/{seed}/{d}"]["metrics"]["accuracy"] for d in range(draws)
        ]
        differences.append(mine - float(np.mean(others)))
    low, high = interval(differences)
    verdict = "it excludes 0" if low > 0 or high < 0 else "nothing is claimed"
    title = "from scratch" if kind else "fine-tuned"
    return (
        f"Found minus random, {title}, paired by seed: {np.mean(differences):+.3f} "
        f"[{low:+.3f}, {high:+.3f}] over {len(differences)} seeds; {verdict}.\n"
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", required=True, help="a CSV or a folder of clips")
    parser.add_argument("--structure", default="starter_rgb_flow")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--whole", action="store_true", help="squeeze the whole picture, no crop")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--search-epochs", type=int, default=20)
    parser.add_argument("--tune-epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--random", type=int, default=3, help="random wirings a seed")
    parser.add_argument("--random-scratch", type=int, default=1, help="the same, from scratch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/real"))
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    return parser.parse_args()


def main() -> None:
    options = parse()
    data = load_data(
        DataOptions.of(
            source=options.data,
            frames=options.frames,
            stride=options.stride,
            size=options.size,
            keep_aspect=not options.whole,
            flip=True,
        )
    )
    structure = load_structure(options.structure)
    structure = fit_objects(structure, data.object_classes, data=data.name)
    study = Study(data, structure, options)
    names = ("structure", "frames", "stride", "size", "whole", "lr", "search_epochs", "tune_epochs")
    settings = {"data": data.fingerprint, **{name: getattr(options, name) for name in names}}
    ledger = Ledger(options.runs / "ledger.jsonl", settings)
    ledger.measure("floors", lambda: {"floors": floors(data)})
    for name, work in units(study):
        ledger.measure(name, work)
    lines = report(ledger, study)
    print("\n".join(lines))
    if options.markdown is not None:
        command = (
            f"python benchmarks/real.py --data DATA --frames {options.frames} "
            f"--stride {options.stride} --size {options.size} --lr {options.lr} "
            f"--structure {options.structure} --seeds {options.seeds} --random {options.random} "
            f"--random-scratch {options.random_scratch} "
            f"--search-epochs {options.search_epochs} --tune-epochs {options.tune_epochs}"
            + (" --whole" if options.whole else "")
        )
        write_markdown(
            options.markdown, f"Real clips: {Path(data.name).parent.name}", command, lines
        )


if __name__ == "__main__":
    main()
