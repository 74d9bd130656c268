"""How near a budget comes to the best network within it, and how it compares with weakest-first.

Two tables over random tiny structures with learned peers (those of the tests), no training:

* against all networks that pruning can leave, one by one, of structures of up to nine connections;
* over random pairs of a structure and a budget, against the first network within it on the path
  that takes the weakest connection away and keeps every peer, as budgets were met before.

    python benchmarks/budgets.py --markdown benchmarks/budgets.md
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from page import table, write_markdown

from connsearch.errors import SettingsError
from connsearch.graph.spec import Attention, Structure
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.path import pruning_path
from connsearch.pruning.pruner import Pruned
from connsearch.pruning.reached import Solved
from connsearch.pruning.solve import within_budget

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.pruning.exhaustive import (
    CLASSES,
    CLIP,
    Left,
    best_within,
    counted,
    everything_left,
    with_peers,
)
from tests.pruning.structures import random_tiny

QUANTITIES = ("macs", "params", "connections")


@dataclass(frozen=True)
class Case:
    """One budget of one structure: what a budget gives, beside what it is compared with."""

    quantity: str
    share: int
    new: dict[str, int]
    other: dict[str, int]
    strength: tuple[float, float]


def solved(structure: Structure, quantity: str, share: int) -> Solved | None:
    """Returns what a budget gives; None: nothing is within it."""
    options = PruneOptions(budget=(f"{quantity}<={share}%",))
    try:
        return within_budget(structure, options, num_classes=CLASSES, clip=CLIP)
    except SettingsError:
        return None


def against_all(structures: int) -> tuple[list[Case], list[Case], int]:
    """Returns the cases against the best, those against the most connections, and all networks."""
    best: list[Case] = []
    most: list[Case] = []
    networks = 0
    for seed in range(structures):
        structure = with_peers(seed)
        found, whole = everything_left(structure), counted(structure)
        networks += len(found)
        for quantity in QUANTITIES:
            for share in (30, 45, 60, 75, 90):
                strongest = best_within(found, whole, {quantity: share})
                got = solved(structure, quantity, share)
                if (got is None) != (strongest is None):
                    raise SystemExit(f"structure {seed}, {quantity}<={share}%: refused by one only")
                if got is None or strongest is None:
                    continue
                new = counted(got.pruned.structure)
                strengths = got.strength, float(strongest.strength)
                best.append(Case(quantity, share, new, strongest.spent, strengths))
                busiest = max(fitting(found, whole, quantity, share), key=by_connections)
                strengths = got.strength, float(busiest.strength)
                most.append(Case(quantity, share, new, busiest.spent, strengths))
    return best, most, networks


def fitting(found: Sequence[Left], whole: dict[str, int], quantity: str, share: int) -> list[Left]:
    """Returns the networks within a budget."""
    return [one for one in found if 100 * one.spent[quantity] <= share * whole[quantity]]


def by_connections(one: Left) -> tuple[int, int]:
    """By what the network with the most connections is found; of equals the most MACs."""
    return one.spent["connections"], one.spent["macs"]


def against_before(pairs: int) -> list[tuple[Case, dict[str, int], dict[str, int]]]:
    """Returns cases over random pairs, each with the costs of the whole and what is allowed."""
    rng, cases = random.Random(0), []
    while len(cases) < pairs:
        structure = random_tiny(rng)
        if structure.network.attention is not Attention.PEER or len(structure.edges()) < 10:
            continue
        share, whole = rng.randint(25, 90), counted(structure)
        got = solved(structure, "macs", share)
        before = weakest_first(structure, whole, share)
        if got is None or before is None:
            if before is not None:
                raise SystemExit("refused, though the path has a network within the budget")
            continue
        new, old = counted(got.pruned.structure), counted(before.structure)
        cases.append((Case("macs", share, new, old, (got.strength, 0.0)), whole, new))
    return cases


def weakest_first(structure: Structure, whole: dict[str, int], share: int) -> Pruned | None:
    """Returns the first network within a budget of MACs on the path that keeps every peer."""
    for member in pruning_path(structure, peer_only="keep"):
        if 100 * counted(member.structure)["macs"] <= share * whole["macs"]:
            return member
    return None


def row(name: str, cases: Sequence[Case]) -> list[str]:
    """Returns how used amount, connections and strength compare, over all cases of a name."""
    used = [case.new[case.quantity] / case.other[case.quantity] for case in cases]
    macs = [case.new["macs"] / case.other["macs"] for case in cases]
    fewer = sum(case.new["connections"] < case.other["connections"] for case in cases)
    more = sum(case.new["connections"] > case.other["connections"] for case in cases)
    strength = [case.strength[0] / case.strength[1] for case in cases]
    return [
        name,
        str(len(cases)),
        f"{min(strength):.3f} ({np.mean(strength):.3f})",
        f"{min(used):.3f} ({np.mean(used):.3f})",
        f"{min(macs):.3f} ({np.mean(macs):.3f})",
        f"{fewer} fewer, {more} more",
    ]


def pairs_rows(cases: Sequence[tuple[Case, dict[str, int], dict[str, int]]]) -> Iterator[list[str]]:
    """Yields a row for weakest-first and one for budgets: used of allowed, connections left."""
    for name in ("weakest first, every peer kept (before)", "budget (now)"):
        now = name.startswith("budget")
        spent = [(case.new if now else case.other) for case, _, _ in cases]
        used = [
            100 * one["macs"] / (case.share * whole["macs"])
            for one, (case, whole, _) in zip(spent, cases, strict=True)
        ]
        left = [
            one["connections"] / whole["connections"]
            for one, (_, whole, _) in zip(spent, cases, strict=True)
        ]
        yield [
            name,
            f"{np.mean(used):.1%}",
            f"{np.median(used):.1%}",
            f"{np.min(used):.1%}",
            f"{np.mean([one['connections'] for one in spent]):.1f}",
            f"{np.mean(left):.1%}",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--structures", type=int, default=40)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    best, most, networks = against_all(given.structures)
    heads = "compared with,budgets,strength,used,MACs,connections".split(",")
    kinds = {"the strongest": best, "the most connections": most}
    rows = [
        row(f"{name}, {quantity}", [case for case in cases if case.quantity == quantity])
        for name, cases in kinds.items()
        for quantity in QUANTITIES
    ]
    pairs = against_before(given.pairs)
    columns = "network,used of allowed,median,smallest,connections,of the whole".split(",")
    less = sum(c.new["connections"] < c.other["connections"] for c, _, _ in pairs)
    lines = [
        f"Against every network that pruning can leave of {given.structures} structures "
        f"({networks:,} networks). Ratios: smallest (mean) over the budgets.",
        "",
        *table(heads, rows),
        "",
        f"Over {given.pairs} random pairs of a structure of 10 connections or more and a budget "
        "from `macs<=25%` to `macs<=90%`:",
        "",
        *table(columns, list(pairs_rows(pairs))),
        "",
        f"Now fewer connections than before in {less} of {given.pairs} pairs.",
    ]
    print("\n".join(lines))
    if given.markdown:
        line = "python benchmarks/budgets.py"
        write_markdown(given.markdown, "Budgets: how near to the best", line, lines)


if __name__ == "__main__":
    main()
