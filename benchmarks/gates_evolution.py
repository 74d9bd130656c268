"""An evolution with the mutations post and kind: which of both survive, and what is it worth?

The shares of posts and kinds among the blocks of founders, of later children, of the population at
the end and of the best child, and what every change of one has brought, are read from the study.
Then the start, the best child, its founder, and the best child without what follows its blocks are
trained from scratch alike, on clips that the evolution has not seen (planted with other seeds), and
judged on their test split.

The evolution that was measured is made by ``EVOLVE``.

    python benchmarks/gates_evolution.py RUN --ledger DIR [--seeds 5] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import Ledger, interval, last_result
from page import table, write_markdown

from connsearch.analysis.searched_run import free_weights, train_alone
from connsearch.data.loading.load import load_data
from connsearch.data.options import DataOptions
from connsearch.evolution.study.study_directory import reopen
from connsearch.graph.cost import cost
from connsearch.graph.gating import with_post
from connsearch.graph.spec import Post, Structure
from connsearch.settings.earlier import migrated_settings
from connsearch.training.options import TrainOptions
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.survival_tables import survival_columns
from connsearch.view.evolution.yields import change_text

EVOLVE = (
    "connsearch evolve mixed_starter --rounds 40 --population 10 --elites 4 --evaluations 3",
    "--operators post kind split merge dilation filters --data synthetic:order --frames 16",
    "--size 24 --train-clips 12 --val-clips 24 --epochs 7 --batch-size 8 --lr 0.005 --threads 1",
    "--seed 1 --run RUN",
)
"""One worker needs 8 minutes of a processor."""

UNSEEN = 1000
"""What is added to a seed for clips that no child has seen."""

SHOWN = 8
"""Rows of the table of changes."""


def survival(story: Story) -> list[str]:
    """Returns the shares of posts and kinds among blocks, generation by generation."""
    columns = survival_columns(story)
    rows = [
        [found.who, str(found.children), str(found.blocks)]
        + [f"{found.share(name):.0%}" for name in columns]
        for found in story.mixes
    ]
    return table(["blocks of", "children", "blocks", *columns.values()], rows)


def switches(story: Story) -> list[str]:
    """Returns what the most frequent changes of a post or a kind have brought."""
    rows: list[list[str]] = []
    for found in story.switches[:SHOWN]:
        better = f"{found.better} of {found.judged}"
        counts = (str(found.entered), str(found.best))
        rows.append([found.operator, str(found.used), better, *counts, change_text(found)])
    heads = ["change", "children", "better than the parent", "entered", "best", "mean change"]
    return table(heads, rows)


def training(run: Path, best: int) -> tuple[dict[str, Any], TrainOptions]:
    """Returns the settings of the data of a study, and how its children were trained."""
    child = run / "children" / f"{best:04d}-0"
    settings = migrated_settings(json.loads((child / "config.json").read_text())["settings"])
    given, schedule = settings["training"], settings["training"]["schedule"]
    options = TrainOptions.of(
        epochs=schedule["epochs"], lr=given["optimiser"]["lr"], eval_every=schedule["epochs"]
    )
    return settings["data"], options


def trained(
    structure: Structure, data: Mapping[str, Any], options: TrainOptions, place: Path
) -> dict[str, Any]:
    """Returns the accuracy on test of a structure trained from scratch, on clips of its seed."""
    unseen = {**data, "split": {**data["split"], "seed": UNSEEN + options.seed}}
    splits = load_data(DataOptions.model_validate(unseen))
    events = train_alone(free_weights(structure), splits, options, place, open_test=True)
    metrics = last_result(events)[0].metrics["test"]
    return {"test": metrics.accuracy, "summary": f"test {metrics}"}


def arms_of(story: Story) -> dict[str, Structure]:
    """Returns what is trained again: the start, the best child, its founder, it without posts."""
    best = story.best[0]
    founder = story.entries[best].founder
    structure = story.history.child(best).structure
    return {
        "start": story.history.start,
        f"founder (child {founder})": story.history.child(founder).structure,
        f"best (child {best})": structure,
        "best without posts": with_post(structure, Post.NONE),
    }


def again(story: Story, given: argparse.Namespace) -> list[str]:
    """Returns the rows of what is trained again alike, and of how much better the best one is."""
    data, options = training(given.run, story.best[0])
    splits = load_data(DataOptions.model_validate(data))
    arms = arms_of(story)
    found: dict[str, list[float]] = {name: [] for name in arms}
    with Ledger(given.ledger / "ledger.jsonl", {"best": story.best[0]}) as ledger:
        for seed in range(given.seeds):
            for name, structure in arms.items():
                place = given.ledger / f"{name.replace(' ', '-')}-{seed}"
                seeded = options.with_values(seed=seed, threads=given.threads)
                work = partial(trained, structure, data, seeded, place)
                found[name].append(ledger.measure(f"{name}, seed {seed}", work)["test"])
    rows: list[list[str]] = []
    for name, structure in arms.items():
        price = cost(structure, num_classes=len(splits.classes), clip=splits.clip)
        counts = (sum(1 for _ in structure.blocks()), len(structure.edges()))
        sizes = (f"{price.macs / 1e6:.1f} M", f"{price.parameters / 1e3:.0f} k")
        rows.append([name, *map(str, counts), *sizes, cell(found[name])])
    best = next(name for name in arms if name.startswith("best ("))
    for name in arms:
        if name != best:
            gained = np.subtract(found[best], found[name]).tolist()
            rows.append([f"best less {name}", "", "", "", "", cell(gained, "+")])
    return table(["structure", "blocks", "connections", "MACs", "parameters", "test"], rows)


def families(story: Story) -> str:
    """Returns a sentence on whom the later children descend from: their blocks are its blocks."""
    later = Counter(entry.founder for entry in story.entries.values() if entry.parents)
    told = ", ".join(f"child {founder}: {count}" for founder, count in later.most_common())
    return f"Founders of the {later.total()} later children, over first parents: {told or 'none'}."


def cell(values: Sequence[float], sign: str = "") -> str:
    """Returns a mean with its 95 % interval."""
    low, high = interval(values)
    low, high = (low, high) if sign else (max(low, 0), min(high, 1))
    return f"{np.mean(values):{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def changes(story: Story) -> list[str]:
    """Returns what changed in the posts and kinds of the best child's ancestors, in words."""
    lines: list[str] = []
    number: int | None = story.best[0]
    while number is not None:
        entry = story.entries[number]
        said = "; ".join(str(change) for change in story.changes.get(number, ())) or "none"
        worth = "" if entry.values is None else f" ({entry.values[0]:.3f})"
        made = " ".join(entry.operators)
        lines.append(f"* child {number}{worth}, by {made}: {said}")
        number = entry.parents[0] if entry.parents else None
    return lines


def main(words: Sequence[str] | None = None) -> None:
    """Reads the study, trains what is missing, prints the tables, and writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="the directory of an evolution")
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--markdown", type=Path, help="also write the page here")
    given = parser.parse_args(words)
    opened = reopen(given.run)
    story = Story.of(opened.history(), opened.options, title=given.run.name)
    lines = [f"{len(story.entries)} children. Shares of blocks:", "", *survival(story), ""]
    lines += [families(story), ""]
    lines += ["What changes of a post or kind have brought (with what else changed):", ""]
    lines += [*switches(story), "", "Changes of the best child and its ancestors:", ""]
    lines += [*changes(story), "", "Trained again, on clips no child has seen:", ""]
    lines += [*again(story, given), ""]
    lines += [
        f"Means and 95 % t intervals over {given.seeds} seeds, paired; all from scratch alike."
    ]
    print("\n".join(lines))
    if given.markdown:
        line = f"python benchmarks/gates_evolution.py RUN --ledger DIR --seeds {given.seeds}"
        command = "\n    ".join([" \\\n      ".join(EVOLVE), line])
        write_markdown(given.markdown, "An evolution of posts and kinds", command, lines)


if __name__ == "__main__":
    main()
