"""Does ``compare`` stay silent where there is nothing? The null, simulated and on real clips.

Simulated: the found wiring is one more draw of the random ones. Scores are the sum of a wiring's
own worth, a seed's, and noise; all normal. A test at level 0.05 must reject in 5 % of the draws,
with and without differences between wirings. Beside it the tempting test, a paired t-test over
seeds against the mean of the same random wirings.

With ``--data`` a list of real clips: its labels are shuffled within each split, groups as
they are, so that nothing can be learned; search, then compare, which must find nothing.

    python benchmarks/null.py [--draws 10000] [--markdown benchmarks/null.md] [--data clips.csv]
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from page import table, write_markdown
from scipy import stats

from connsearch.analysis.statistics import crossed

LEVELS = (0.01, 0.05, 0.10)
COUNTS = (3, 5, 10)
SEARCH = "--streams rgb flow --size 32 --frames 8 --threads 1 --batch-size 12".split()


def p_values(
    seeds: int, wirings: int, between: float, draws: int
) -> tuple[list[float], list[float]]:
    """Returns the p-values of compare, and of the paired t-test over seeds, under the null.

    Args:
        seeds: S.
        wirings: K.
        between: standard deviation between wirings; that of the noise is 1, of seeds 2.
        draws: how many times.
    """
    rng = np.random.default_rng([seeds, wirings, int(10 * between)])
    ours, naive = [], []
    for _ in range(draws):
        worth = between * rng.normal(size=(wirings + 1, 1))
        y = worth + 2 * rng.normal(size=seeds) + rng.normal(size=(wirings + 1, seeds))
        ours.append(crossed(y[0].tolist(), y[1:].tolist()).p)
        naive.append(y[0] - y[1:].mean(0))
    return ours, stats.ttest_1samp(np.asarray(naive), 0, axis=1).pvalue.tolist()


def rates(p: Sequence[float]) -> list[str]:
    """Returns how often each level is reached, as table cells."""
    return [f"{np.mean(np.asarray(p) <= level):.3f}" for level in LEVELS]


def simulated(draws: int) -> list[str]:
    """Returns the table of rejection rates."""
    heads = ["between wirings", "S", "K", *(f"{level:g}" for level in LEVELS), "uniform, p"]
    heads += [f"over seeds, {level:g}" for level in LEVELS]
    rows = []
    for between in (0.0, 1.0):
        for seeds in COUNTS:
            for wirings in COUNTS:
                ours, naive = p_values(seeds, wirings, between, draws)
                uniform = stats.kstest(ours, "uniform").pvalue
                name = f"{between:g} of the noise"
                cells = [name, str(seeds), str(wirings), *rates(ours), f"{uniform:.2f}"]
                rows.append([*cells, *rates(naive)])
                print(" ".join(rows[-1]), flush=True)
    margins = ", ".join(f"{1.96 * (a * (1 - a) / draws) ** 0.5:.3f}" for a in LEVELS)
    return [
        f"Share of {draws:,} draws under the null in which p is at most 0.01, 0.05, 0.10 (95 % of "
        f"such shares lie within {margins} of the level); `uniform` is the p-value of a "
        "Kolmogorov-Smirnov test. Columns `over seeds` are of a paired t-test over seeds, which "
        "takes the K wirings for all there are: `compare` does not use it for its verdict.",
        "",
        *table(heads, rows),
    ]


def shuffled(source: Path, target: Path, seed: int) -> None:
    """Writes a list whose labels are permuted within each split, between clips of any group."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rng = random.Random(seed)
    for split in sorted({row["split"] for row in rows}):
        here = [row for row in rows if row["split"] == split]
        labels = [row["label"] for row in here]
        rng.shuffle(labels)
        for row, label in zip(here, labels, strict=True):
            row["label"] = label
            row["path"] = str((source.parent / row["path"]).resolve())
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def connsearch(*words: str) -> dict[str, Any]:
    """Returns the JSON object of a command."""
    line = [sys.executable, "-m", "connsearch", *words, "--json"]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def real(options: argparse.Namespace) -> list[str]:
    """Returns what compare says of a search on shuffled labels."""
    options.runs.mkdir(parents=True, exist_ok=True)
    clips, run = options.runs / "shuffled.csv", str(options.runs / "search")
    shuffled(options.data, clips, options.seed)
    epochs = ("--epochs", str(options.epochs))
    connsearch("search", "--data", f"csv:{clips}", "--run", run, *SEARCH, *epochs)
    counts = ("--random", str(options.random), "--seeds", str(options.seeds))
    found = connsearch("compare", run, "--criterion", "top_k:2", *counts)
    difference = found["difference"]
    return [
        "",
        f"Real clips ({options.data.parent.name}, labels shuffled within each split, "
        f"epochs: {options.epochs}): p = {difference['p']:.3f}, difference "
        f"{difference['mean']:+.3f} [{difference['low']:+.3f}, {difference['high']:+.3f}]; "
        f"by rank p = {difference['p_rank']:.3f}.",
        "",
        f"> {found['verdict']}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--data", type=Path, help="a list of real clips (CSV)")
    parser.add_argument("--runs", type=Path, default=Path("runs/null"))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--random", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    lines = simulated(options.draws) + (real(options) if options.data else [])
    print("\n".join(lines))
    if options.markdown:
        command = "python benchmarks/null.py" + (" --data clips.csv" if options.data else "")
        write_markdown(options.markdown, "Nothing is found where there is nothing", command, lines)


if __name__ == "__main__":
    main()
