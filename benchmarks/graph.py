"""How long the graph room takes on structures far larger than any published one.

Builds structures of up to 10,000 nodes and 100,000 connections, and times parsing, validating,
writing and reading them, and deriving shapes, cost and hash. Times are CPU seconds of one thread,
the shortest of a few, so that a busy machine does not lengthen them; growth is the time on the
largest over the time on the smallest, beside the growth in size.

    python -m benchmarks.graph [--nodes 1000 10000] [--markdown benchmarks/graph.md]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from page import write_markdown

from connsearch.graph.cost import cost
from connsearch.graph.dag import as_networkx, dangling_nodes, from_networkx, live_nodes
from connsearch.graph.files import read_structure, write_structure
from connsearch.graph.hashing import structure_hash
from connsearch.graph.parse import parse_structure
from connsearch.graph.plan import pin, plan
from connsearch.graph.rules import validate
from connsearch.graph.spec import Attention, NetworkSettings

LEVELS = 20
STEMS = 20
INPUTS = 10


def big_rows(nodes: int, rng: Random) -> list[list[Any]]:
    """Returns rows of so many nodes, ten connections a node, spread over twenty levels."""
    rows: list[list[Any]] = [[-1 - n % 2, 1 + n % 4] for n in range(STEMS)]
    blocks = nodes - STEMS
    first = {level: STEMS + -(-blocks * level // LEVELS) for level in range(LEVELS + 1)}
    for level in range(LEVELS):
        for index in range(first[level], first[level + 1]):
            count = INPUTS + (index < STEMS * (INPUTS + 1))  # so that 10 n connections come out
            inputs = sorted(rng.sample(range(first[level]), count))
            rows.append([level, inputs, 8, rng.choice([1, 2, 4]), 2 if level % 5 == 1 else 1])
    return rows


def big_settings() -> NetworkSettings:
    """Returns settings for the twenty levels."""
    return NetworkSettings(blocks=(2,) * LEVELS, inner_widths=(16,) * LEVELS, stem_width=8)


def tasks(nodes: int, folder: Path) -> dict[str, Callable[[], object]]:
    """Returns what is timed, by name, on a structure of so many nodes."""
    rng = Random(0)
    rows, settings = big_rows(nodes, rng), big_settings()
    weights = {str(i): [rng.random() for _ in r[1]] for i, r in enumerate(rows) if len(r) > 2}
    structure = parse_structure(rows, network=settings, connection_weights=weights)
    peers = structure.with_settings(attention=Attention.PEER)
    path = folder / f"{nodes}.json"
    write_structure(pin(structure), path)
    return {
        "parse": lambda: parse_structure(rows, network=settings, connection_weights=weights),
        "validate": lambda: validate(structure),
        "write": lambda: write_structure(pin(structure), path),
        "read": lambda: read_structure(path),
        "plan": lambda: plan(structure),
        "plan with peers": lambda: plan(peers),
        "cost": lambda: cost(structure, num_classes=10),
        "cost with peers": lambda: cost(peers, num_classes=10),
        "live and dangling": lambda: (live_nodes(structure), dangling_nodes(structure)),
        "hash": lambda: structure_hash(structure),
        "networkx both ways": lambda: from_networkx(as_networkx(structure)),
    }


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Returns the shortest of a few timings, in CPU seconds."""
    times: list[float] = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def table(sizes: list[int], repeats: int) -> list[str]:
    """Returns the lines of a markdown table of every task on every size."""
    timings: dict[str, list[float]] = {}
    connections: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        for nodes in sizes:
            work = tasks(nodes, Path(folder))
            connections.append(len(read_structure(Path(folder) / f"{nodes}.json").edges()))
            for name, task in work.items():
                timings.setdefault(name, []).append(seconds(task, repeats))
    growth = connections[-1] / connections[0]
    heads = [f"{n:,} nodes, {c:,} connections" for n, c in zip(sizes, connections, strict=True)]
    lines = [
        f"| task | {' | '.join(heads)} | per connection | growth (size: {growth:.1f}x) |",
        "|---" * (len(sizes) + 3) + "|",
    ]
    for name, found in timings.items():
        each = f"{found[-1] / connections[-1] * 1e6:.2f} us"
        cells = [f"{s:.3f} s" for s in found]
        lines.append(f"| {name} | {' | '.join(cells)} | {each} | {found[-1] / found[0]:.1f}x |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    lines = table(sorted(options.nodes), options.repeats)
    print("\n".join(lines))
    if options.markdown is not None:
        command = "python benchmarks/graph.py --markdown FILE"
        note = f"CPU seconds, shortest of {options.repeats}"
        title = "The graph room on large structures"
        write_markdown(options.markdown, title, command, lines, note=note)


if __name__ == "__main__":
    main()
