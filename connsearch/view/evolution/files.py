"""Everything one looks at after an evolution, or during it, written into one directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connsearch.errors import Failure
from connsearch.view.charts.files import write_chart
from connsearch.view.evolution.diversity import diversity_chart
from connsearch.view.evolution.fitness import fitness_chart
from connsearch.view.evolution.lineage_animation import write_animation
from connsearch.view.evolution.lineage_draw import draw_lineage
from connsearch.view.evolution.operators import operators_chart
from connsearch.view.evolution.pareto import pareto_chart
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.survival import survival_chart
from connsearch.view.evolution.tables import write_tables
from connsearch.view.evolution.workers import workers_chart

FORMATS = ("svg", "png")
ANIMATION = "ancestry"


def evolution_pictures(story: Story, directory: Path) -> list[Path]:
    """Returns the pictures written there, each as SVG and PNG.

    ``fitness``, ``diversity``, ``operators``, ``workers``; of several objectives ``pareto``; where
    posts or kinds may change ``survival``; and ``family`` of the best child where somebody was
    judged.

    Raises:
        Failure: Graphviz failed, or a picture could not be written.
    """
    charts = {
        "fitness": fitness_chart(story),
        "diversity": diversity_chart(story),
        "operators": operators_chart(story),
        "workers": workers_chart(story),
        "pareto": pareto_chart(story),
        "survival": survival_chart(story),
    }
    paths: list[Path] = []
    try:
        for name, chart in charts.items():
            if chart is not None:
                paths += write_chart(chart, _both(directory, name))
    except OSError as error:
        raise Failure(f"{directory}: no picture could be written: {error.strerror}") from None
    if story.winner is not None:
        paths += draw_lineage(story, story.winner, _both(directory, "family"))
    return paths


def evolution_film(story: Story, directory: Path, *, suffixes: Sequence[str]) -> list[Path]:
    """Returns the animation of the best child's ancestors, in each format; none of nobody."""
    if story.winner is None:
        return []
    paths = [directory / f"{ANIMATION}.{suffix}" for suffix in suffixes]
    return write_animation(story, story.winner, paths)


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
