"""What gates add to a training step, and to the count of multiply-accumulates.

A structure without gates and variants of it: squeeze and recursion (SR) behind every block, the
same with gates (SRTG) before they decide and while they do, temporal gates on the connections
between streams likewise, and blocks of SRTG's kind against the same blocks without their gates.
Both sides of a row take their steps in turn in one run, so that a busy machine disturbs them alike.
Multiply-accumulates are counted by arithmetic and by torch.

    python benchmarks/gates_cost.py [--device cuda] [--quick] [--markdown benchmarks/gates_cost.md]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from common import resampled
from network import Size, clip, seconds, training_step
from page import table, write_markdown

from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.gating import with_gates, with_post
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Block, Node, Post, Structure
from connsearch.models.count import count
from connsearch.models.gates import temporal_gates
from connsearch.models.structure import Network
from connsearch.training.environment import has_fast_bf16

CLASSES = 10
KIND = "r3d_basic"
SIZES: dict[str, Size] = {"starter_rgb_flow": (4, 16, 48, 48), "assemblenet-50": (2, 8, 64, 64)}
"""What is timed: a small structure and a published one, on how many clips of which size."""

SEARCHED = ("starter_rgb_flow",)
"""Those in which every block is connected with all lower ones, as in a search."""

QUICK: dict[str, Size] = {"starter_rgb_flow": (2, 4, 32, 32)}


@dataclass(frozen=True)
class Pair:
    """Two structures whose steps are timed in turn.

    Attributes:
        without: the one without gates.
        gated: the other one.
        decide: whether its gates decide.
    """

    without: Structure
    gated: Structure
    decide: bool = False


def pairs_of(structure: Structure, given: Structure) -> dict[str, Pair]:
    """Returns what is compared, by name.

    Args:
        structure: whose steps are timed.
        given: the same nodes with the connections that tell which stream a node belongs to.
    """
    srtg, gated = with_post(structure, Post.SRTG), with_gates(structure, "streams", given=given)
    plain = each_block(structure, lambda b: replace(b, kind=KIND, temporal_dilation=1))
    recurrent = each_block(plain, lambda b: replace(b, kind=f"srtg_{KIND}"))
    return {
        "SR behind every block": Pair(structure, with_post(structure, Post.SR)),
        "SRTG behind every block, before it decides": Pair(structure, srtg),
        "SRTG behind every block, deciding": Pair(structure, srtg, decide=True),
        "gates between streams, before they decide": Pair(structure, gated),
        "gates between streams, deciding": Pair(structure, gated, decide=True),
        f"blocks srtg_{KIND} against {KIND}, before they decide": Pair(plain, recurrent),
        f"blocks srtg_{KIND} against {KIND}, deciding": Pair(plain, recurrent, decide=True),
    }


def each_block(structure: Structure, change: Callable[[Block], Block]) -> Structure:
    """Returns the structure with every block changed."""

    def changed(node: Node) -> Node:
        return change(node) if isinstance(node, Block) else node

    return replace(structure, nodes=tuple(changed(node) for node in structure.nodes))


def step_of(structure: Structure, size: Size, device: str, *, decide: bool) -> Callable[[], None]:
    """Returns a training step of the network of a structure; its connections learn."""
    net = Network(structure, CLASSES, learn_connections=True, seed=0).to(device).train()
    for gate in temporal_gates(net).values():
        gate.gated, gate.watched = decide, True  # in a training they always count
    return training_step(net, clip(size, device), bf16=has_fast_bf16(device))


def timed(pair: Pair, size: Size, rounds: int, device: str) -> tuple[list[float], list[float]]:
    """Returns seconds of every step, without gates and with; who begins changes every time."""
    without = step_of(pair.without, size, device, decide=False)
    gated = step_of(pair.gated, size, device, decide=pair.decide)
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 2):  # the first two warm up
        for side in (0, 1) if turn % 2 else (1, 0):
            found = seconds((without, gated)[side], device)
            if turn > 1:
                spent[side].append(found)
    return spent


def time_row(name: str, without: Sequence[float], gated: Sequence[float]) -> list[str]:
    """Returns medians of both steps and of their ratios, with its 95 % bootstrap interval."""
    ratios = np.divide(gated, without)
    low, high = resampled(len(ratios), lambda some: float(np.median(ratios[list(some)])))
    middle = float(np.median(ratios))
    steps = (f"{1e3 * median(spent):.0f} ms" for spent in (without, gated))
    told = f"{middle:.3f} [{low:.3f}, {high:.3f}]"
    return [name, *steps, told, f"{100 * (middle - 1):+.1f} %"]


def count_row(name: str, structure: Structure, size: Size) -> list[str]:
    """Returns multiply-accumulates by arithmetic and by torch, and parameters likewise."""
    ours = cost(structure, num_classes=CLASSES, clip=size[1:])
    torchs = count(Network(structure, CLASSES, seed=0), {"rgb": torch.empty(1, 3, *size[1:])})
    same = (ours.parameters, ours.macs) == torchs
    numbers = (ours.macs, torchs.macs, ours.parameters, torchs.parameters)
    return [name, *(f"{number:,}" for number in numbers), "yes" if same else "NO"]


def tables(name: str, size: Size, rounds: int, device: str) -> list[str]:
    """Returns both tables of a structure."""
    start = load_structure(name)
    searched = name in SEARCHED
    pairs = pairs_of(over_connect(start) if searched else start, start)
    clips, *shape = size
    said = f"Training steps of {clips} clips of {'x'.join(map(str, shape))}:"
    heads = ["", "without", "with", "ratio, median [95 %]", "added"]
    rows = [time_row(what, *timed(pair, size, rounds, device)) for what, pair in pairs.items()]
    title = f"## {name}" + (", connected fully" * searched)
    lines = [title, "", said, "", *table(heads, rows), ""]
    shown: dict[str, Structure] = {}
    for what, pair in pairs.items():
        gated, _, without = what.partition(",")[0].partition(" against ")
        shown |= {f"blocks {without}" if without else "without gates": pair.without}
        shown |= {gated: pair.gated}
    heads = ["", "MACs of a clip", "torch's", "parameters", "torch's", "equal"]
    return [*lines, *table(heads, [count_row(n, s, size) for n, s in shown.items()]), ""]


def main(words: Sequence[str] | None = None) -> None:
    """Measures, prints the tables as they come, and writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--rounds", type=int, default=21, help="steps of every side")
    parser.add_argument("--quick", action="store_true", help="a smoke test; its times say nothing")
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    given = parser.parse_args(words)
    sizes, rounds = (QUICK, 2) if given.quick else (SIZES, given.rounds)
    lines: list[str] = []
    for name, size in sizes.items():
        found = tables(name, size, rounds, given.device)
        print("\n".join(found), flush=True)
        lines += found
    lines += [
        f"Every row: {rounds} pairs of steps in turn; the interval is a bootstrap of the median "
        "ratio over pairs. All connections learn. MACs of torch: its flop counter."
    ]
    if given.markdown is not None:
        command = "python benchmarks/gates_cost.py --markdown FILE"
        where = torch.cuda.get_device_name() + ", " if given.device == "cuda" else ""
        note = f"{where}torch {torch.__version__}, {torch.get_num_threads()} threads"
        write_markdown(given.markdown, "What gates cost in a structure", command, lines, note=note)


if __name__ == "__main__":
    main()
