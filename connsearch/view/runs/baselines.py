"""Baselines as charts: a found wiring among random ones, and one ranking against another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from connsearch.runs.formats.analyses import CompareRow, DifferenceRecord, RankRow
from connsearch.view.charts.chart import Axis, Chart, Panel
from connsearch.view.charts.files import write_both
from connsearch.view.charts.marks import Labels, Mark, Points, Polyline, Rule
from connsearch.view.charts.places import spread_apart


def comparison_pictures(
    directory: Path, rows: Sequence[CompareRow], difference: DifferenceRecord, *, measure: str
) -> list[Path]:
    """Returns the pictures ``compare``.svg and .png in a directory; see ``comparison_chart``."""
    return write_both(comparison_chart(rows, difference, measure=measure), directory, "compare")


def ranking_pictures(
    directory: Path, rows: Sequence[RankRow], taus: Mapping[str, str], *, measure: str
) -> list[Path]:
    """Returns the pictures ``rank_correlation``.svg and .png in a directory."""
    return write_both(ranking_chart(rows, taus, measure=measure), directory, "rank_correlation")


def comparison_chart(
    rows: Sequence[CompareRow], difference: DifferenceRecord | None, *, measure: str
) -> Chart:
    """Returns a point a training by seed, and the interval of the difference.

    Args:
        rows: one a training.
        difference: found less random; None, or without a mean, leaves out its panel.
        measure: what the scores are.
    """
    seeds = list(dict.fromkeys(row.seed for row in rows))
    scores = Panel(
        measure,
        list(_scores(rows, seeds)),
        Axis("seed", -0.6, len(seeds) - 0.4, [(at, str(seed)) for at, seed in enumerate(seeds)]),
    )
    panels = [scores]
    if difference is not None and difference.mean is not None:
        panels.append(_difference(difference, difference.mean))
    width = max(4.8, 2.6 + 0.7 * len(seeds)) + 2.2
    ratios = [max(len(seeds), 3), 1.6][: len(panels)]
    return Chart("found against random", panels, (width, 3.6), columns=len(panels), ratios=ratios)


def ranking_chart(rows: Sequence[RankRow], taus: Mapping[str, str], *, measure: str) -> Chart:
    """Returns how good networks are alone, by score in the supernet, MACs and connections.

    Args:
        rows: one a sub-network.
        taus: column -> what its ranking is worth, in words; empty words: nothing is said.
        measure: what the scores are.
    """
    across = {
        "supernet": (f"{measure} in the supernet", [row.supernet for row in rows]),
        "macs": ("MACs of a clip, in millions", [row.macs / 1e6 for row in rows]),
        "connections": ("connections", [float(row.connections) for row in rows]),
    }
    alone = [row.alone for row in rows]
    panels: list[Panel] = []
    for column, (name, xs) in across.items():
        tips = [
            f"{row.name}: alone {row.alone:.3f}; {name} {x:.4g}"
            for row, x in zip(rows, xs, strict=True)
        ]
        y = Axis(f"{measure} trained alone" if not panels else "")
        points = Points("", "peer", xs, alone, tips)
        panels.append(Panel(taus.get(column) or f"over {name}", [points], Axis(name), y))
    title = "does the supernet rank sub-networks?"
    return Chart(title, panels, (10.5, 3.6), columns=len(panels), share_y=True)


def _scores(rows: Sequence[CompareRow], seeds: Sequence[int]) -> Iterator[Mark]:
    """A column a seed: random wirings as points beside each other, the found one as a diamond."""
    for place, seed in enumerate(seeds):
        here = [row for row in rows if row.seed == seed]
        random = [row for row in here if row.wiring == "random"]
        found = [row for row in here if row.wiring == "found"]
        across = [place + 0.3 * (at - 0.5) for at in _side_by_side(len(random))]
        scores = [row.accuracy for row in random]
        tips = [f"random {row.draw}, seed {seed}: {row.accuracy:.3f}" for row in random]
        if random:
            yield Points("random wirings", "mixed", across, scores, tips, opacity=0.7)
            ends, mean = [place - 0.25, place + 0.25], sum(scores) / len(scores)
            yield Polyline("their mean", "mixed", ends, [mean, mean], pointed=False)
        tips = [f"found, seed {seed}: {row.accuracy:.3f}" for row in found]
        scores = [row.accuracy for row in found]
        yield Points("found wiring", "peer", [place] * len(found), scores, tips, "diamond", 7)


def _side_by_side(count: int) -> list[float]:
    """Places in [0, 1] for so many points, in the middle when there is one."""
    return spread_apart([0.5] * count, gap=0.25)


def _difference(found: DifferenceRecord, mean: float) -> Panel:
    low, high = found.low, found.high
    ends = (low, high) if low is not None and high is not None else ()
    spread = f" ({ends[0]:+.3f} to {ends[1]:+.3f} at 95 %)" if ends else ""
    marks: list[Mark] = [
        Rule("", "text", 0.0, dash="solid"),
        Points(
            "",
            "peer",
            [0.0],
            [mean],
            [f"found less random: {mean:+.4f}{spread}"],
            "diamond",
            7,
            low=ends[:1],
            high=ends[1:],
        ),
    ]
    if not ends:
        marks.append(Labels("faint", [0.08], [mean], ["no interval"]))
    reach = max((abs(v) for v in (mean, *ends) if math.isfinite(v)), default=0.0)
    return Panel(
        "found less random",
        marks,
        Axis("95 % interval" if ends else "", -0.5, 0.5, []),
        Axis(low=-1.15 * reach - 0.01, high=1.15 * reach + 0.01),
        width=220,
    )
