"""Pictures of baselines: a found wiring among random ones, and one ranking against another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.view.runs.figures import blank_figure, spread_apart
from connsearch.view.runs.plots import write_figure
from connsearch.view.structures.palette import FAINT, MIXED, PEER, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]


def comparison_pictures(
    directory: Path, rows: Rows, difference: Mapping[str, Any], *, measure: str
) -> list[Path]:
    """Returns the pictures ``compare``: a dot a training by seed, and the difference's interval.

    Args:
        directory: where they go.
        rows: wiring (found or random), draw, seed, accuracy; one a training.
        difference: mean, low and high; the latter two may be None.
        measure: what the scores are.
    """

    def make() -> Figure:
        seeds = list(dict.fromkeys(row["seed"] for row in rows))
        figure = blank_figure(max(4.8, 2.6 + 0.7 * len(seeds)) + 2.2, 3.6, "found against random")
        left, right = figure.subplots(1, 2, width_ratios=[max(len(seeds), 3), 1.6])
        _draw_scores(left, rows, seeds, measure)
        _draw_difference(right, difference)
        figure.legend(loc="outside lower left", ncols=3, frameon=False)
        return figure

    return write_figure(make, [directory / f"compare.{suffix}" for suffix in ("svg", "png")])


def ranking_pictures(
    directory: Path, rows: Rows, taus: Mapping[str, str], *, measure: str
) -> list[Path]:
    """Returns the pictures ``rank_correlation``: accuracy alone over supernet score, MACs, edges.

    Args:
        directory: where they go.
        rows: supernet, alone, macs, connections; one a sub-network.
        taus: column -> what its ranking is worth, in words.
        measure: what the scores are.
    """
    heads = {
        "supernet": f"{measure} in the supernet",
        "macs": "MACs of a clip, in millions",
        "connections": "connections",
    }

    def make() -> Figure:
        figure = blank_figure(10.5, 3.6, "does the supernet rank sub-networks?")
        panels: list[Axes] = list(figure.subplots(1, len(heads), sharey=True))
        for axes, (column, name) in zip(panels, heads.items(), strict=True):
            scale = 1e6 if column == "macs" else 1
            across = [row[column] / scale for row in rows]
            axes.scatter(across, [row["alone"] for row in rows], s=26, color=PEER.line, zorder=3)
            axes.set_title(taus[column], fontsize=9, weight="normal")
            axes.set_xlabel(name)
        panels[0].set_ylabel(f"{measure} trained alone")
        return figure

    return write_figure(
        make, [directory / f"rank_correlation.{suffix}" for suffix in ("svg", "png")]
    )


def _draw_scores(axes: Axes, rows: Rows, seeds: Sequence[int], measure: str) -> None:
    """A column a seed: random wirings as dots beside each other, the found one as a diamond."""
    for place, seed in enumerate(seeds):
        here = [row for row in rows if row["seed"] == seed]
        random = [row["accuracy"] for row in here if row["wiring"] == "random"]
        found = [row["accuracy"] for row in here if row["wiring"] == "found"]
        across = [place + 0.3 * (at - 0.5) for at in _beside(len(random))]
        mean, ends = sum(random) / len(random), (place - 0.25, place + 0.25)
        names = ("random wirings", "their mean", "found wiring") if place == 0 else ("_",) * 3
        axes.scatter(across, random, s=24, color=MIXED.line, alpha=0.7, zorder=3, label=names[0])
        axes.hlines(mean, *ends, color=MIXED.line, linewidth=1.4, label=names[1])
        axes.scatter([place], found, s=56, color=PEER.line, marker="D", zorder=4, label=names[2])
    axes.set_xticks(range(len(seeds)), [str(seed) for seed in seeds])
    axes.set_xlim(-0.6, len(seeds) - 0.4)
    axes.set_xlabel("seed")
    axes.set_title(measure)


def _beside(count: int) -> list[float]:
    """Places in [0, 1] for so many dots, in the middle when there is one."""
    return spread_apart([0.5] * count, gap=0.25)


def _draw_difference(axes: Axes, difference: Mapping[str, Any]) -> None:
    mean, low, high = (difference[name] for name in ("mean", "low", "high"))
    axes.axhline(0, color=TEXT, linewidth=0.9)
    axes.scatter([0], [mean], s=46, color=PEER.line, marker="D", zorder=4)
    if low is not None and high is not None:
        axes.vlines(0, low, high, color=PEER.line, linewidth=1.8)
        axes.hlines([low, high], -0.08, 0.08, color=PEER.line, linewidth=1.8)
    else:
        axes.annotate("no interval", (0.1, mean), color=FAINT, fontsize=8)
    reach = max(abs(v) for v in (mean, low, high) if v is not None and math.isfinite(v))
    axes.set_ylim(-1.15 * reach - 0.01, 1.15 * reach + 0.01)
    axes.set_xlim(-0.5, 0.5)
    axes.set_xticks([])
    axes.set_title("found less random")
    axes.set_xlabel("95 % interval")
