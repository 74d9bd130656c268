"""Tables and the figure of ``evolution_strategies.py``, from what its ledger holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from evolution_found import (
    Cell,
    Found,
    clear,
    differences,
    luck,
    names,
    reaching,
    together,
    truths,
    waits,
    written,
)
from page import table

LOOKS = (50, 100, 150)
"""Evaluations after which the chosen child is looked at."""

TARGETS = (0.8, 0.85)
"""Shares of a landscape's best climb."""

TARGET = TARGETS[1]
"""Of differences; on the starter many founders reach the other one."""

BASE = "defaults"

MIDDLE = "0.05"
"""The noise of the figure, and of tables that would be long with every noise."""

PAIRS = (
    ("guided", "uniform, a third"),
    ("guided", "nodes only"),
    ("guided", "random search"),
    ("guided", "guided, weights say nothing"),
    ("guided, weights say half", "guided, weights say nothing"),
    ("guided, threshold .5", "guided"),
    ("guided, threshold .5, weights say half", "guided, weights say half"),
    ("guided, threshold .5, weights say nothing", "guided, weights say nothing"),
    ("guided, weights say nothing", "uniform, a third"),
    ("guided, weights say nothing", "uniform, a half"),
    ("guided, weights say nothing", "nodes only"),
    ("uniform, a half", "uniform, a third"),
    ("uniform, a third", "nodes only"),
    ("uniform, a third", "random search"),
)
"""Differences: the first minus the second."""

TITLES = {
    "settings": "Settings, both starts together, paired by seed",
    "confirmed": "What won, on seeds that had no part in choosing it",
}

WORDS, TABLES = "## What it says", "## What was measured"
"""Headings of a page; what stands between them is written by hand, and kept."""

COLOURS = {
    "guided": "#0072B2",
    "guided, threshold .5": "#56B4E9",
    "guided, weights say nothing": "#DB8A00",
    "uniform, a third": "#009E73",
    "nodes only": "#8A3C96",
    "random search": "#5F6B7A",
}


def strategy_table(found: Found, start: str) -> list[str]:
    """Returns how every strategy fares on one start."""
    looks = [cost for cost in LOOKS if cost <= found.horizon]
    heads = ["strategy", "noise", "n"]
    heads += [f"true fitness at {cost}" for cost in looks]
    heads += [f"evaluations to {share:.0%}; reached" for share in TARGETS]
    rows: list[list[str]] = []
    for noise in sorted(names(found, "strategies", 2), key=float):
        for arm in names(found, "strategies", 1):
            cell = Cell("strategies", arm, noise, start)
            if cell not in found.cells:
                continue
            row = [arm, noise, str(len(found.cells[cell]))]
            row += [written(list(truths(found, cell, cost).values())) for cost in looks]
            row += [
                f"{written(list(waits(found, cell, share).values()), '.0f')}; "
                f"{reaching(found, cell, share):.0%}"
                for share in TARGETS
            ]
            rows.append(row)
    return table(heads, rows)


def pair_table(found: Found) -> list[str]:
    """Returns paired differences between strategies, on every start and noise."""
    starts = names(found, "strategies", 3)
    heads = ["difference", "noise"]
    heads += [f"{start}: true fitness at the end" for start in starts]
    heads += [f"{start}: evaluations to {TARGET:.0%}" for start in starts]
    rows: list[list[str]] = []
    for one, other in PAIRS:
        for noise in sorted(names(found, "strategies", 2), key=float):
            row = [f"{one} - {other}", noise]
            pairs = [
                (Cell("strategies", one, noise, s), Cell("strategies", other, noise, s))
                for s in starts
            ]
            if not all(a in found.cells and b in found.cells for a, b in pairs):
                continue
            end = found.horizon
            for a, b in pairs:
                row.append(clear(differences(truths(found, a, end), truths(found, b, end)), ".3f"))
            for a, b in pairs:
                target = TARGET
                apart = differences(waits(found, a, target), waits(found, b, target))
                row.append(clear(apart, ".0f"))
            rows.append(row)
    return table(heads, rows)


def settings_table(found: Found, part: str = "settings") -> list[str]:
    """Returns how every setting fares against the defaults, over all starts together."""
    starts, end, share = names(found, part, 3), found.horizon, TARGET
    heads = ["setting", "noise", f"true fitness at {end}", "minus defaults"]
    heads += [f"the same, {start}" for start in starts]
    heads += [f"minus defaults at {end * 2 // 3}", f"evaluations to {share:.0%}"]
    heads += ["minus defaults", "measured minus true"]
    rows: list[list[str]] = []
    for arm in names(found, part, 1):
        for noise in sorted(names(found, part, 2), key=float):
            cells = [Cell(part, arm, noise, start) for start in starts]
            if not all(cell in found.cells for cell in cells):
                continue
            base = [cell._replace(arm=BASE) for cell in cells]
            here, there = ([truths(found, c, end) for c in group] for group in (cells, base))
            apart = [differences(a, b) for a, b in zip(here, there, strict=True)]
            before = [[truths(found, c, end * 2 / 3) for c in group] for group in (cells, base)]
            waited = [[waits(found, c, share) for c in group] for group in (cells, base)]
            row = [arm, noise, written(list(together(here).values()))]
            row.append(clear(differences(together(here), together(there)), ".3f"))
            row += [clear(values, ".3f") for values in apart]
            row.append(clear(differences(together(before[0]), together(before[1])), ".3f"))
            row.append(written(list(together(waited[0]).values()), ".0f"))
            row.append(clear(differences(together(waited[0]), together(waited[1])), ".0f"))
            if arm == BASE:
                row = ["" if text.startswith(("+0 ", "+0.000 ")) else text for text in row]
            row.append(f"{np.mean([luck(found, cell) for cell in cells]):+.3f}")
            rows.append(row)
    return table(heads, rows)


def health_table(found: Found) -> list[str]:
    """Returns what might go wrong unseen: crowded wirings, one line alone, children refused."""
    heads = (
        "arm", "noise", "connections there", "lines left", "without a new wiring",
        "refused a child: duplicate", "unchanged", "children", "ended early",
    )  # fmt: skip
    rows: list[list[str]] = []
    for part, arm, noise in dict.fromkeys(cell[:3] for cell in found.cells):
        group = [c for c in found.cells if c[:3] == (part, arm, noise)]
        if noise != MIDDLE and Cell(part, arm, MIDDLE, group[0].start) in found.cells:
            continue
        all_of = [result for cell in group for result in found.cells[cell].values()]
        begun = float(np.mean([r["ends"][0] for r in all_of]))
        refused = [
            float(np.mean([r["refused"].get(word, 0) for r in all_of])) / begun
            for word in ("duplicate", "unchanged")
        ]
        row = [arm, noise, f"{np.mean([r['density'] for r in all_of]):.2f}"]
        row.append(f"{np.mean([r['lines'] for r in all_of]):.1f}")
        row.append(f"{np.mean([r['unwired'] for r in all_of]):.1%}")
        row += [f"{value:.3f}" for value in refused]
        row += [f"{begun:.0f}", f"{np.mean([r['ends'][1] for r in all_of]):.0f}"]
        rows.append(row)
    return table(heads, rows)


def planning_table(found: Found) -> list[str]:
    """Returns what the published search takes with so many workers."""
    heads = ("workers", "wall clock, h", "worker hours", "busy", "best, true fitness", "minus 1")
    rows: list[list[str]] = []
    alone = {p["seed"]: p["best"] for p in found.plans if p["workers"] == 1}
    for workers in dict.fromkeys(plan["workers"] for plan in found.plans):
        those = [plan for plan in found.plans if plan["workers"] == workers]
        walls = [plan["wall"] / 3600 for plan in those]
        best = {plan["seed"]: plan["best"] for plan in those}
        rows.append(
            [
                str(workers),
                f"{np.mean(walls):.1f} ({min(walls):.1f} to {max(walls):.1f})",
                f"{np.mean([plan['work'] for plan in those]) / 3600:.0f}",
                f"{np.mean([plan['busy'] for plan in those]):.1%}",
                written(list(best.values())),
                "" if workers == 1 else clear(differences(best, alone), ".3f"),
            ]
        )
    return table(heads, rows)


def figure(found: Found, path: Path, noise: str = MIDDLE) -> None:
    """Draws the true fitness of the chosen child over evaluations, one panel a start."""
    from matplotlib.figure import Figure

    starts = names(found, "strategies", 3)
    drawn = Figure(figsize=(4.6 * len(starts), 3.6), layout="constrained")
    panels = drawn.subplots(1, len(starts), squeeze=False)[0]
    costs = np.arange(1, found.horizon + 1)
    for axes, start in zip(panels, starts, strict=True):
        for arm, colour in COLOURS.items():
            cell = Cell("strategies", arm, noise, start)
            if cell not in found.cells:
                continue
            curve = [np.mean(list(truths(found, cell, cost).values())) for cost in costs]
            axes.plot(costs, curve, color=colour, linewidth=1.6, label=arm)
        axes.set(title=f"{start}, noise {noise}", xlabel="evaluations")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#E3E6EA", linewidth=0.6)
    panels[0].set_ylabel("true fitness of the chosen child")
    panels[0].legend(frameon=False, fontsize=8, loc="lower right")
    drawn.savefig(path, dpi=110)


def report(found: Found) -> list[str]:
    """Returns all tables, each under its heading."""
    lines: list[str] = []
    for start in names(found, "strategies", 3):
        lines += [f"### Strategies from {start}", "", *strategy_table(found, start), ""]
    if lines:
        lines += ["### Differences between strategies, paired by seed", "", *pair_table(found), ""]
    for part in ("settings", "confirmed"):
        if names(found, part, 1):
            lines += [f"### {TITLES[part]}", "", *settings_table(found, part), ""]
    if found.cells:
        lines += ["### How the populations ended", "", *health_table(found), ""]
    if found.plans:
        lines += ["### Planning the published search", "", *planning_table(found), ""]
    return lines


def words_of(page: Path) -> list[str]:
    """Returns what people have written above the tables of a page, so that it stays."""
    if not page.exists():
        return []
    lines = page.read_text(encoding="utf-8").splitlines()
    if WORDS not in lines or TABLES not in lines:
        return []
    return lines[lines.index(WORDS) : lines.index(TABLES)]
