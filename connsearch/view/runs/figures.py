"""The three pictures of a run as matplotlib figures: training curves, weights over time, a map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from connsearch.graph.spec import FREE, Edge, Stem, Structure, Weight
from connsearch.view.runs.series import Curves, Series, smooth
from connsearch.view.structures.facts import strength
from connsearch.view.structures.markup import clean
from connsearch.view.structures.palette import FAINT, MIXED, PAPER, PEER, RULE, STREAMS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY_BLOCKS = 16
"""Up to so many blocks each has its own panel of weights over time; above, each level has one."""
MANY_LABELS = 16
"""Up to so many lines in a panel, or columns in a map, are labelled with numbers."""

_SPLITS = {"train": MIXED.line, "val": PEER.line, "test": TEXT}


def training_figure(curves: Curves, *, title: str) -> Figure:
    """Returns loss and accuracy over steps: batches faint and smoothed, evaluations as points.

    An evaluation's accuracy has its 95 % interval. Multi-label data has a third panel, of mAP.
    """
    panels = {"loss": curves.loss, "accuracy": curves.accuracy}
    panels |= {"mAP": curves.mAP} if curves.mAP else {}
    figure = blank_figure(4.5 * len(panels), 3.4, f"{title}: training")
    row: list[Axes] = list(figure.subplots(1, len(panels)))
    for axes, (name, series) in zip(row, panels.items(), strict=True):
        axes.set_title(name)
        axes.set_xlabel("step")
        for split, one in series.items():
            _draw_curve(axes, split, one)
        if series:
            axes.legend(frameon=False)
        if name == "loss":
            axes.set_ylim(bottom=0)
        else:
            axes.set_ylim(-0.03, 1.03)
    return figure


def connections_figure(
    weights: Mapping[Edge, Series], structure: Structure, *, threshold: float = 0.5
) -> Figure:
    """Returns every connection's weight over time, a panel a block (a level when there are many).

    Lines out of a stem have its stream's colour, all others are grey; each ends at its source.
    """
    panels = _panels(weights, structure)
    columns = min(4, max(len(panels), 1))
    rows = max(-(-len(panels) // columns), 1)
    title = f"{structure.name}: connection weights over time"
    figure = blank_figure(2.6 * columns + 0.6, 2.1 * rows + 0.8, title)
    shared = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    grid: list[Axes] = list(shared.flat)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes, (name, edges) in zip(grid, panels.items(), strict=False):
        axes.set_title(name)
        axes.set_ylim(-0.03, 1.03)
        axes.axhline(threshold, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
        _draw_weights(axes, {edge: weights[edge] for edge in edges}, structure)
    for axes in grid[max(len(panels) - columns, 0) : len(panels)]:
        axes.set_xlabel("step")
        axes.tick_params(labelbottom=True)
    _add_stream_legend(figure, structure)
    return figure


def weights_figure(structure: Structure) -> Figure:
    """Returns a map of the weights, a row a block and a column a source; gaps are no connection.

    Numbers stand in the cells when there are few; levels are parted by lines.
    """
    blocks = [index for index, _ in structure.blocks()]
    used = {edge.source for edge in structure.edges()}
    sources = [i for i in range(len(structure)) if i in used or i < blocks[0]]
    large = len(sources) > MANY_LABELS
    cell = 0.12 if large else 0.46
    width, height = cell * len(sources) + 2.4, cell * len(blocks) + 1.7
    figure = blank_figure(
        min(width, 16.0), min(height, 16.0), f"{structure.name}: connection weights"
    )
    axes = figure.subplots()
    places = {
        Edge(source, target): (row, column)
        for row, target in enumerate(blocks)
        for column, source in enumerate(sources)
    }
    cells = [[float("nan")] * len(sources) for _ in blocks]
    for edge, weight in structure.weights().items():
        row, column = places[edge]
        cells[row][column] = strength(weight)
        if not large:
            _write_weight(axes, row, column, weight)
    image = axes.imshow(cells, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    bar = figure.colorbar(image, ax=axes, shrink=0.7, label="weight (grey: no connection)")
    bar.outline.set_visible(False)
    _label_map(axes, structure, sources, blocks, large=large)
    return figure


def blank_figure(width: float, height: float, title: str) -> Figure:
    """A white figure of so many inches; long titles are cut, and no text is read as formula."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    limit = max(int(width * 9), 20)
    figure.suptitle(
        clean(title, limit), x=0.01, ha="left", fontsize=12, weight="bold", parse_math=False
    )
    return figure


def _draw_curve(axes: Axes, split: str, series: Series) -> None:
    colour = _SPLITS.get(split, MIXED.line)
    if split == "train" and len(series) > 1:
        axes.plot(series.steps, series.values, color=colour, linewidth=0.6, alpha=0.35)
        mean = smooth(series, max(len(series) // 30, 1))
        axes.plot(mean.steps, mean.values, color=colour, linewidth=1.6, label="train batches")
        return
    style: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 4, "linewidth": 1.2}
    if len(series.low) == len(series):
        spread = [
            [max(value - low, 0.0) for value, low in zip(series.values, series.low, strict=True)],
            [max(high - v, 0.0) for v, high in zip(series.values, series.high, strict=True)],
        ]
        axes.errorbar(
            series.steps, series.values, spread, label=split, capsize=2, elinewidth=0.8, **style
        )
    else:
        axes.plot(series.steps, series.values, label=split, **style)


def _panels(weights: Mapping[Edge, Series], structure: Structure) -> dict[str, list[Edge]]:
    """Connections by block, or by level of their block, in order."""
    targets = {edge.target for edge in weights}
    panels: dict[str, list[Edge]] = {}
    for edge in sorted(weights, key=lambda edge: (edge.target, edge.source)):
        level = structure.block(edge.target).level
        few = len(targets) <= MANY_BLOCKS
        name = f"into node {edge.target}, level {level}" if few else f"into level {level}"
        panels.setdefault(name, []).append(edge)
    return panels


def _draw_weights(axes: Axes, weights: Mapping[Edge, Series], structure: Structure) -> None:
    few = len(weights) <= MANY_LABELS
    for edge, series in weights.items():
        colour = _colour(structure, edge.source)
        axes.plot(
            series.steps,
            series.values,
            color=colour,
            linewidth=1.4 if few else 0.7,
            alpha=1.0 if few else 0.5,
            marker="o" if len(series) == 1 else None,
            markersize=3,
        )
    if few:
        _label_ends(axes, weights, structure)


def _label_ends(axes: Axes, weights: Mapping[Edge, Series], structure: Structure) -> None:
    """Writes each source beside the end of its line, moved apart where they would overlap."""
    ends = sorted((series.values[-1], edge.source) for edge, series in weights.items() if series)
    heights = spread_apart([value for value, _ in ends], gap=0.075)
    for (_, source), height in zip(ends, heights, strict=True):
        axes.annotate(
            str(source),
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=_colour(structure, source),
        )


def spread_apart(values: Sequence[float], *, gap: float) -> list[float]:
    """Returns ascending ``values`` moved as little as it takes to lie ``gap`` apart.

    They stay within [0, 1], where the gap shrinks to what fits. (Least squares: the values less
    their place times the gap are pooled until they ascend.)

    >>> [round(v, 2) for v in spread_apart([0.5, 0.5, 0.98], gap=0.1)]
    [0.45, 0.55, 0.98]
    """
    if not values:
        return []
    gap = min(gap, 1 / max(len(values) - 1, 1))
    pools: list[list[float]] = []
    for place, value in enumerate(values):
        pools.append([value - place * gap])
        while len(pools) > 1 and _mean(pools[-2]) > _mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    room = 1 - (len(values) - 1) * gap
    starts = [min(max(_mean(pool), 0.0), room) for pool in pools for _ in pool]
    return [start + place * gap for place, start in enumerate(starts)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _colour(structure: Structure, node: int) -> str:
    stem = structure.nodes[node]
    return STREAMS[stem.modality].line if isinstance(stem, Stem) else MIXED.line


def _add_stream_legend(figure: Figure, structure: Structure) -> None:
    from matplotlib.lines import Line2D

    colours = {modality.value: STREAMS[modality].line for modality in structure.modalities()}
    entries = [
        Line2D([], [], color=colour, linewidth=2, label=f"from {name}")
        for name, colour in (colours | {"a block": MIXED.line}).items()
    ]
    figure.legend(handles=entries, loc="outside lower left", ncols=len(entries), frameon=False)


def _write_weight(axes: Axes, row: int, column: int, weight: Weight) -> None:
    text = "1" if weight is None else "free" if weight == FREE else f"{weight:.2f}"
    colour = PAPER if strength(weight) > 0.6 else TEXT
    axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)


def _label_map(
    axes: Axes, structure: Structure, sources: Sequence[int], blocks: Sequence[int], *, large: bool
) -> None:
    axes.set_xlabel("source")
    axes.set_ylabel("target")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.xaxis.set_ticks_position("top")
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0)
    every = max(len(sources) // 30, 1) if large else 1
    axes.set_xticks(range(0, len(sources), every), [str(s) for s in sources[::every]])
    axes.set_yticks(range(0, len(blocks), every), [str(b) for b in blocks[::every]])
    for label, source in zip(axes.get_xticklabels(), sources[::every], strict=True):
        label.set_color(_colour(structure, source))
        label.set_fontweight("bold")
    for place in _level_borders(structure, sources):
        axes.axvline(place - 0.5, color=FAINT, linewidth=0.8)
    for place in _level_borders(structure, blocks):
        axes.axhline(place - 0.5, color=FAINT, linewidth=0.8)
    axes.set_facecolor(RULE)


def _level_borders(structure: Structure, nodes: Sequence[int]) -> Iterator[int]:
    """Places in ``nodes`` where another level begins."""
    levels = [getattr(structure.nodes[node], "level", -1) for node in nodes]
    return (place for place in range(1, len(nodes)) if levels[place] != levels[place - 1])
