"""What ``gates_search`` has filed, as tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from common import interval
from gates_arms import ARMS, BASELINE, COMPARED, STRUCTURE, TASKS
from page import table

from connsearch.graph.families import kind_name
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Post

Entries = Mapping[str, Sequence[Mapping[str, Any]]]
"""Arm, or arm and score -> what is filed of it, seed by seed."""


Filed = Mapping[str, Mapping[str, Any]]
"""The entries of a ledger by their names: ``task/arm/seed``, and ``task/arm/seed/score``."""


def report(filed: Filed) -> list[str]:
    """Returns everything that is filed, task by task."""
    lines: list[str] = []
    for task in TASKS:
        searches, prunings = entries(filed, task)
        if searches:
            lines += [f"## {task}", "", *accuracies(task, searches, prunings), ""]
            lines += [*differences(searches, prunings), "", *openings(searches), ""]
        if stays := prunings.get(f"{COMPARED}/weight"):
            lines += [*survivors(stays), ""]
        if f"{task}/compare" in filed:
            lines += [*comparison(filed[f"{task}/compare"]), ""]
    return [*lines, *notes(filed)]


def entries(filed: Filed, task: str) -> tuple[Entries, Entries]:
    """Returns the searches by arm, and the prunings by ``arm/score``, of a task."""
    searches: dict[str, list[Any]] = defaultdict(list)
    prunings: dict[str, list[Any]] = defaultdict(list)
    for unit, entry in filed.items():
        first, _, rest = unit.partition("/")
        arm, _, of = rest.partition("/")
        if first != task or not of:
            continue
        _, _, scores = of.partition("/")
        if scores:
            prunings[f"{arm}/{scores}"].append(entry)
        else:
            searches[arm].append(entry)
    return searches, prunings


def accuracies(task: str, searches: Entries, prunings: Entries) -> list[str]:
    """Returns one row for every arm and score it was pruned by."""
    rows: list[list[str]] = []
    for arm in ARMS:
        for scores in ARMS[arm].scores:
            left = prunings.get(f"{arm}/{scores}", ())
            if arm not in searches or not left:
                continue
            found = searches[arm]
            macs = np.mean([e["macs"] for e in left]) / 1e6
            by_key = (mean(e[key] for e in left) for key in ("val", "tuned", "test"))
            whole = mean(e["val"] for e in found)
            rows.append([arm, str(len(left)), whole, scores, f"{macs:.1f} M", *by_key])
    heads = ["search", "n", "val, whole", "pruned by", "MACs"]
    heads += ["val, pruned", "val, tuned", "test, tuned"]
    said = f"Accuracy, mean and 95 % t interval over seeds; chance is {TASKS[task].chance:.3f}."
    return [said, "", *table(heads, rows)]


def differences(searches: Entries, prunings: Entries) -> list[str]:
    """Returns sentences on differences, paired by seed."""
    lines: list[str] = []
    base = searches.get(BASELINE, ())
    base_left = prunings.get(f"{BASELINE}/weight", ())
    for arm in ARMS:
        if arm == BASELINE:
            continue
        lines += paired(f"{arm} against {BASELINE}, whole, val", searches.get(arm, ()), base, "val")
        left = prunings.get(f"{arm}/weight", ())
        lines += paired(f"{arm} against {BASELINE}, tuned, test", left, base_left, "test")
        by_gate = prunings.get(f"{arm}/gate", ())
        for key, told in (("val", "pruned, val"), ("test", "tuned, test")):
            lines += paired(f"{arm}: by gate against by weight, {told}", by_gate, left, key)
    return lines


def paired(
    what: str, ours: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], key: str
) -> list[str]:
    """Returns a sentence on one difference; none where there are no two pairs."""
    gained = [a[key] - b[key] for a, b in zip(ours, others, strict=False)]
    if len(gained) < 2:
        return []
    low, high = interval(gained)
    verdict = "excludes 0" if low > 0 or high < 0 else "nothing is claimed"
    return [
        f"* {what}: {np.mean(gained):+.3f} [{low:+.3f}, {high:+.3f}] over {len(gained)} seeds, "
        f"paired; {verdict}."
    ]


def openings(searches: Entries) -> list[str]:
    """Returns how often gates are open on val at the end of a search, by arm and frames."""
    rows: list[list[str]] = []
    for arm, found in searches.items():
        rates: dict[tuple[str, int], list[float]] = defaultdict(list)
        for entry in found:
            for name, (rate, frames) in entry["open"].items():
                if rate is not None:
                    rates[where(name), frames or 0].append(rate)
        for (what, frames), values in sorted(rates.items()):
            low, high = min(values), max(values)
            cells = [what, str(frames or "?"), str(len(values) // len(found))]
            opens = sum(value > 0.05 for value in values) / len(values)
            told = f"{np.mean(values):.2f} ({low:.2f} to {high:.2f})"
            rows.append([arm, *cells, told, f"{opens:.0%}"])
    if not rows:
        return []
    heads = ["search", "gates", "frames", "how many", "open on val", "over 5 %"]
    return ["Gates at the end of the search, deciding:", "", *table(heads, rows)]


def where(name: str) -> str:
    """Returns what a gate belongs to, from its name."""
    if "<-" in name:
        return "of connections"
    return "in kinds" if "module" in name else "behind blocks"


def survivors(left: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns what stays of the mixed structure, node by node and gate by gate."""
    structure = load_structure(STRUCTURE)
    rows: list[list[str]] = []
    for index, block in structure.blocks():
        stays = sum(str(index) in e["stays"]["kinds"] for e in left)
        post = "" if block.post is Post.NONE else block.post.value
        told = f"{stays} of {len(left)}"
        rows.append([str(index), str(block.level), kind_name(structure, block), post, told])
    lines = table(["node", "level", "kind", "behind it", "stays"], rows)
    gates = [e for e, c in structure.connections() if c.gated]
    told = ", ".join(
        f"{e.source}->{e.target} {sum([*e] in x['stays']['gates'] for x in left)} of {len(left)}"
        for e in gates
    )
    return [f"What stays of {STRUCTURE} (by weight):", "", *lines, "", f"Gated connections: {told}"]


def comparison(filed: Mapping[str, Any]) -> list[str]:
    """Returns the wirings that were compared, and the verdict."""
    by_draw: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in filed["rows"]:
        by_draw[row["draw"]].append(row)
    rows = [
        [
            f"random {draw}" if draw else "found",
            f"{np.mean([r['accuracy'] for r in found]):.3f}",
            ", ".join(f"{r['accuracy']:.3f}" for r in found),
            f"{found[0]['macs'] / 1e6:.1f} M",
        ]
        for draw, found in sorted(by_draw.items())
    ]
    said = f"Found (`{COMPARED}`, seed 0) against random wirings of the same nodes and size:"
    heads = ["wiring", "mean", "val accuracy, by seed", "MACs"]
    return [said, "", *table(heads, rows), "", f"> {filed['verdict']}"]


def notes(filed: Filed) -> list[str]:
    """Returns how exact the prunings were."""
    worst = [e["difference"] for e in filed.values() if "difference" in e]
    if not worst:
        return []
    return [
        f"Largest difference of a feature between a pruned network and its masked original, over "
        f"{len(worst)} prunings: {max(worst)}."
    ]


def mean(values: Iterable[float]) -> str:
    """Returns a mean with its 95 % interval."""
    found = list(values)
    if len(found) < 2:
        return f"{found[0]:.3f}"
    low, high = interval(found)
    return f"{np.mean(found):.3f} [{max(low, 0):.3f}, {min(high, 1):.3f}]"
