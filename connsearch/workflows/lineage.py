"""Where a child of an evolution, or one of its connections, comes from: :func:`lineage`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.errors import SettingsError
from connsearch.evolution.history import History
from connsearch.evolution.limits import Limits
from connsearch.evolution.review.lineage import (
    Origin,
    ancestry,
    connection_ancestry,
    repeatable,
    replayed,
)
from connsearch.evolution.study.study_directory import reopen
from connsearch.files.places import place_of
from connsearch.graph.spec import Edge
from connsearch.view.evolution.lineage_draw import draw_lineage
from connsearch.view.evolution.story import Story
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.lineage import LineageSettings


@dataclass(frozen=True)
class ChildLineage:
    """Where a child comes from.

    Attributes:
        child: its number.
        line: numbers of its ancestors, the founder first, and its own.
        replayed: those of them that were made once more from their parents.
        connection: since when a connection is there, and its weight since; None: not asked for.
        pictures: of its family.
        story: of the whole evolution.
    """

    child: int
    line: tuple[int, ...]
    replayed: tuple[int, ...]
    connection: Origin | None
    pictures: tuple[Path, ...]
    story: Story


def lineage(
    run: str | Path, child: int, *, progress: Progress = True, **settings: Any
) -> ChildLineage:
    """Returns where a child of an evolution comes from, and draws its family.

    Every ancestor is made once more from its parent by the operators that are recorded, and has to
    come out the same.

    Args:
        run: the directory of an evolution.
        child: its number.
        progress: True shows what is said, False nothing; a function hears every event.
        settings: any option of ``connsearch lineage`` by its name: ``connection="3-7"``.

    Raises:
        UserError: a setting cannot be used, there is no such evolution or child, or an ancestor
            comes out as another structure.
    """
    asked = LineageSettings.of(run=str(run), child=child, **settings)
    return run_lineage(asked, Listener.of(progress))


def run_lineage(asked: LineageSettings, listener: Listener) -> ChildLineage:
    """Returns the lineage that was asked for, once it is drawn.

    Raises:
        UserError: as for :func:`lineage`.
    """
    edge = None if asked.connection is None else read_edge(asked.connection)
    opened = reopen(asked.run, storage=asked.storage)
    history, limits, options = opened.history(), opened.space.limits, opened.options
    line = ancestry(history, asked.child)
    able = _replay(history, line, limits, listener)
    story = Story.of(history, options, title=Path(asked.run).resolve().name)
    origin = None if edge is None else connection_ancestry(history, asked.child, edge, limits)
    paths = _paths(asked)
    with place_of(paths[0]):
        pictures = draw_lineage(story, asked.child, paths, others=asked.others)
    return ChildLineage(asked.child, tuple(line), tuple(able), origin, tuple(pictures), story)


def read_edge(text: str) -> Edge:
    """Returns the connection that ``3-7`` names; ``3->7`` and ``3,7`` do, too.

    Raises:
        SettingsError: not two numbers.

    >>> read_edge("3-7")
    Edge(source=3, target=7)
    """
    found = re.fullmatch(r"\s*(\d+)\s*(?:->|-|,)\s*(\d+)\s*", text)
    if found is None:
        raise SettingsError(
            f"--connection: read {text!r}, allowed is SOURCE-TARGET, such as 3-7\n"
            "  cure: the numbers are those of the nodes in the picture of the child"
        )
    return Edge(int(found[1]), int(found[2]))


def _paths(asked: LineageSettings) -> list[Path]:
    if asked.output is None:
        name = f"lineage-{asked.child}"
        return [Path(asked.run) / f"{name}.{suffix}" for suffix in ("svg", "png")]
    return [asked.output]


def _replay(history: History, line: list[int], limits: Limits, listener: Listener) -> list[int]:
    """The children of a line that were made once more; all came out the same."""
    able = [number for number in line if repeatable(history, number)]
    for number in able:
        replayed(history, number, limits)
    listener.say(f"replayed: same structure ({', '.join(f'#{n}' for n in able) or 'none'})")
    for number in line:
        if number not in able:
            listener.say(f"#{number} is a founder of no known operator, and is taken as it is")
    return able
