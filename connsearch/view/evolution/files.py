"""Everything one looks at after an evolution, or during it, written into one directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from connsearch.errors import Failure
from connsearch.view.evolution.figures import diversity_figure, fitness_figure
from connsearch.view.evolution.lineage_draw import draw_lineage
from connsearch.view.evolution.lineage_film import write_film
from connsearch.view.evolution.operators import operators_figure
from connsearch.view.evolution.pareto import pareto_figure
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.tables import write_tables
from connsearch.view.evolution.workers import workers_figure
from connsearch.view.runs.plots import write_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
FILM = "ancestry"


def evolution_pictures(story: Story, directory: Path) -> list[Path]:
    """Returns the pictures written there, each as SVG and PNG.

    ``fitness``, ``diversity``, ``operators``, ``workers``; of several objectives ``pareto``; and
    ``family`` of the best child where somebody was judged.

    Raises:
        Failure: Graphviz failed, or a picture could not be written.
    """
    makers: dict[str, Callable[[Story], Figure | None]] = {
        "fitness": fitness_figure,
        "diversity": diversity_figure,
        "operators": operators_figure,
        "workers": workers_figure,
        "pareto": pareto_figure,
    }
    if len(story.objectives) == 1:
        del makers["pareto"]
    paths: list[Path] = []
    try:
        for name, make in makers.items():
            paths += write_figure(lambda make=make: _drawn(make, story), _both(directory, name))
    except OSError as error:
        raise Failure(f"{directory}: no picture could be written: {error.strerror}") from None
    if story.winner is not None:
        paths += draw_lineage(story, story.winner, _both(directory, "family"))
    return paths


def evolution_film(story: Story, directory: Path, *, suffixes: Sequence[str]) -> list[Path]:
    """Returns the film of the best child's ancestors, in each format; none of nobody."""
    if story.winner is None:
        return []
    paths = [directory / f"{FILM}.{suffix}" for suffix in suffixes]
    return write_film(story, story.winner, paths)


def evolution_tables(story: Story, directory: Path) -> list[Path]:
    """Returns the CSV files written there.

    Raises:
        Failure: one could not be written.
    """
    try:
        return write_tables(story, directory)
    except OSError as error:
        raise Failure(f"{directory}: no table could be written: {error.strerror}") from None


def _both(directory: Path, name: str) -> list[Path]:
    return [directory / f"{name}.{suffix}" for suffix in FORMATS]


def _drawn(make: Callable[[Story], Figure | None], story: Story) -> Figure:
    figure = make(story)
    assert figure is not None, "a front is only asked for with several objectives"
    return figure
