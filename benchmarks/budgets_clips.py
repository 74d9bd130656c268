"""Is what a budget leaves as good as what weakest-first pruning leaves? On real clips.

For every seed one search; its network pruned to the same budgets in two ways: the first network on
the path that takes the weakest connection away and keeps every peer (as before), and what
``--budget`` gives. Likewise the default criterion with nodes that only gate kept and reassigned.
Each inherits its weights, has its batch-norm statistics recomputed, is judged on ``test``, is
fine-tuned and judged again. Nothing is chosen by ``test``.

    python benchmarks/budgets_clips.py --data cc-motion/clips.csv

Every network is filed in ``--runs`` when it is done; the same line again goes on with the next.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import Ledger, interval, last_result
from page import table, write_markdown

import connsearch
from connsearch.analysis.searched_run import SearchedRun, budget, train_alone
from connsearch.models.exactness import exactness
from connsearch.pruning.budget import parse_budgets
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.path import pruning_path
from connsearch.pruning.pruner import Pruned, prune_by
from connsearch.pruning.solve import within_budget
from connsearch.workflows.listening import Listener
from connsearch.workflows.searched import open_searched

BUDGETS = ("macs<=60%", "macs<=40%")
DEFAULT = "default criterion"
OLD, NEW = "old", "new"


def ways(searched: SearchedRun) -> Iterator[tuple[str, str, Callable[[], Pruned]]]:
    """Yields what is asked for, old or new, and the pruning."""
    structure = searched.structure
    for text in BUDGETS:
        yield text, OLD, lambda text=text: weakest_first(searched, text)
        yield text, NEW, lambda text=text: strongest(searched, text)
    keep, reassign = PruneOptions(peer_only="keep"), PruneOptions(peer_only="reassign")
    yield DEFAULT, OLD, lambda: prune_by(structure, keep)
    yield DEFAULT, NEW, lambda: prune_by(structure, reassign)


def weakest_first(searched: SearchedRun, text: str) -> Pruned:
    """Returns the first network within the budget on the path that keeps every peer."""
    (limit,) = parse_budgets([text])
    whole = searched.cost(searched.structure).macs
    path = pruning_path(searched.structure, peer_only="keep")
    return next(p for p in path if limit.allows(searched.cost(p.structure).macs, whole))


def strongest(searched: SearchedRun, text: str) -> Pruned:
    """Returns what ``connsearch prune --budget`` leaves."""
    classes = len(searched.data.classes)
    options = PruneOptions(budget=(text,))
    clip = searched.data.clip
    return within_budget(searched.structure, options, num_classes=classes, clip=clip).pruned


def judged(searched: SearchedRun, prune: Callable[[], Pruned]) -> dict[str, Any]:
    """Returns a network's exactness and cost, and how good it is without training."""
    pruned = prune()
    child = searched.child(pruned)
    exact = exactness(searched.network, child, pruned, clip=searched.data.clip)
    searched.recalibrate(child)
    found = searched.judge(child, "test")
    share = searched.cost(pruned.structure).macs / searched.cost(searched.structure).macs
    return {
        "difference": exact.max_abs_difference,
        "share": share,
        "connections": len(pruned.edges),
        "accuracy": found.accuracy,
        "loss": found.loss,
        "clips": found.clips,
        "summary": f"{share:.1%} MACs, {len(pruned.edges)} connections, {found}",
    }


def tuned(
    searched: SearchedRun, prune: Callable[[], Pruned], place: Path, epochs: int
) -> dict[str, Any]:
    """Returns how good a network is after fine-tuning; its run is in ``place``."""
    pruned = prune()
    child = searched.child(pruned)
    searched.recalibrate(child)
    events = train_alone(
        pruned.structure,
        searched.data,
        budget(searched.options, epochs=epochs),
        place,
        weights=child,
        open_test=True,
    )
    found = last_result(events)[0].metrics["test"]
    return {"accuracy": found.accuracy, "loss": found.loss, "summary": f"{found} after tuning"}


def searched_at(seed: int, given: argparse.Namespace) -> Path:
    """Returns the directory of the search of a seed; the search is made once."""
    place = given.runs / f"search-{seed}"
    connsearch.search(
        "starter_rgb_flow",
        str(given.data),
        frames=16,
        size=48,
        lr=0.003,
        epochs=16,
        threads=1,
        seed=seed,
        run=str(place),
        progress=False,
    )
    return place


def after(epochs: int) -> str:
    """Returns what the name of a unit ends with: how long it was fine-tuned."""
    return f" tuned {epochs}" if epochs else ""


def rows(ledger: Ledger, seeds: int, epochs: int) -> Iterator[list[str]]:
    """Yields a row for every budget and way, and one of their differences."""
    for what in (*BUDGETS, DEFAULT):
        for way in (OLD, NEW):
            units = [ledger[f"{what}/{way}/{seed}"] for seed in range(seeds)]
            share = np.mean([unit["share"] for unit in units])
            edges = np.mean([unit["connections"] for unit in units])
            numbers = [f"{np.mean(v):.3f}" for v in measured(ledger, what, way, seeds, epochs)]
            yield [what, way, f"{share:.1%}", f"{edges:.1f}", *numbers]
        pairs = zip(
            *(measured(ledger, what, way, seeds, epochs) for way in (NEW, OLD)), strict=True
        )
        gains = [np.subtract(new, old).tolist() for new, old in pairs]
        shown = (
            f"{np.mean(gain):+.3f} [{low:+.3f}, {high:+.3f}]"
            for gain in gains
            for low, high in [interval(gain)]
        )
        yield [what, "new - old", "", "", *shown]


def measured(ledger: Ledger, what: str, way: str, seeds: int, epochs: int) -> Iterator[list[float]]:
    """Yields accuracy and loss of every search, without training and fine-tuned."""
    for state in dict.fromkeys(("", after(epochs))):
        for key in ("accuracy", "loss"):
            yield [ledger[f"{what}/{way}/{seed}{state}"][key] for seed in range(seeds)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="cc-motion's clips.csv")
    parser.add_argument("--runs", type=Path, default=Path("runs/budgets-clips"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tune-epochs", type=int, default=4, help="0 leaves fine-tuning out")
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    ledger = Ledger(given.runs / "results" / "x", {"structure": "starter_rgb_flow"})
    for tune in (False, True)[: 1 + bool(given.tune_epochs)]:
        for seed in range(given.seeds):
            with open_searched(str(searched_at(seed, given)), Listener.of(False)) as searched:
                for number, (what, way, work) in enumerate(ways(searched)):
                    name, epochs = f"{what}/{way}/{seed}", given.tune_epochs
                    place = searched.directory / f"tuned-{number}"
                    if tune:
                        again = partial(tuned, searched, work, place, epochs)
                        ledger.measure(name + after(epochs), again)
                    else:
                        ledger.measure(name, partial(judged, searched, work))
    worst = max(
        ledger[f"{what}/{way}/{seed}"]["difference"]
        for what in (*BUDGETS, DEFAULT)
        for way in (OLD, NEW)
        for seed in range(given.seeds)
    )
    heads = "asked for,pruning,MACs,connections,accuracy,loss".split(",")
    heads += ["tuned accuracy", "tuned loss"] if given.tune_epochs else []
    tuned_for = f" Fine-tuned for {given.tune_epochs} epochs." if given.tune_epochs else ""
    lines = [
        *table(heads, list(rows(ledger, given.seeds, given.tune_epochs))),
        "",
        f"{given.seeds} searches; means over them, differences paired by search with their 95 % t "
        f"interval; test split, {ledger[f'{DEFAULT}/{NEW}/0']['clips']} clips."
        f"{tuned_for} Largest difference from the masked original over all "
        f"prunings: {worst}.",
    ]
    print("\n".join(lines))
    if given.markdown:
        line = f"python benchmarks/budgets_clips.py --data DATA --tune-epochs {given.tune_epochs}"
        write_markdown(given.markdown, "Budgets on real clips: cc-motion", line, lines)


if __name__ == "__main__":
    main()
