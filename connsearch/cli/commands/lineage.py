"""``connsearch lineage``: where a child of an evolution, or one of its connections, comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.terminal import Terminal
from connsearch.errors import SettingsError
from connsearch.files.places import place_of

if TYPE_CHECKING:
    from connsearch.evolution.history import History
    from connsearch.evolution.limits import Limits
    from connsearch.evolution.review.lineage import Origin
    from connsearch.graph.spec import Edge
    from connsearch.view.evolution.story import Story


class Lineage(Command):
    """Shows where a child of an evolution comes from, and draws its family.

    Every ancestor is made once more from its parent by the operators that are recorded, and has to
    come out the same.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of an evolution."""
    child: Annotated[int, Flag(positional=True, metavar="ID"), Field(ge=0)]
    """Number of the child, as in tables and pictures."""
    connection: Annotated[str | None, Flag(metavar="S-T")] = None
    """Trace one of its connections, such as 3-7, through its ancestors."""
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where the study is kept, if not in the directory: the same --storage as in connsearch
    evolve."""
    others: bool = True
    """Also draw the other children of the ancestors."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """The picture, ending in .svg, .png or .pdf; by default lineage-ID.svg and lineage-ID.png in
    the directory of the evolution."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Replays, shows, draws, and returns the line."""
        edge = None if self.connection is None else read_edge(self.connection)
        from connsearch.evolution.review.lineage import ancestry, connection_ancestry
        from connsearch.evolution.study.study_directory import reopen
        from connsearch.view.evolution.lineage_draw import draw_lineage
        from connsearch.view.evolution.story import Story
        from connsearch.view.evolution.tables import ancestry_table, origin_table

        opened = reopen(self.run, storage=self.storage)
        history, limits, options = opened.history(), opened.space.limits, opened.options
        line = ancestry(history, self.child)
        replayed = _replay(history, line, limits, terminal)
        story = Story.of(history, options, title=Path(self.run).resolve().name)
        terminal.show(ancestry_table(story, self.child))
        origin = None if edge is None else connection_ancestry(history, self.child, edge, limits)
        if origin is not None:
            terminal.show(origin_table(origin))
        paths = self._paths()
        with place_of(paths[0]):
            pictures = draw_lineage(story, self.child, paths, others=self.others)
        for path in pictures:
            terminal.say(f"drawn: {path}")
        return {
            "command": "lineage",
            "run": self.run,
            "child": self.child,
            "line": [_ancestor(story, number) for number in line],
            "replayed": replayed,
            "connection": None if origin is None else _told(origin),
            "pictures": [str(path) for path in pictures],
        }

    def _paths(self) -> list[Path]:
        if self.output is None:
            name = f"lineage-{self.child}"
            return [Path(self.run) / f"{name}.{suffix}" for suffix in ("svg", "png")]
        return [self.output]


def read_edge(text: str) -> Edge:
    """Returns the connection that ``3-7`` names; ``3->7`` and ``3,7`` do, too.

    Raises:
        SettingsError: not two numbers.

    >>> read_edge("3-7")
    Edge(source=3, target=7)
    """
    from connsearch.graph.spec import Edge

    found = re.fullmatch(r"\s*(\d+)\s*(?:->|-|,)\s*(\d+)\s*", text)
    if found is None:
        raise SettingsError(
            f"--connection: read {text!r}, allowed is SOURCE-TARGET, such as 3-7\n"
            "  cure: the numbers are those of the nodes in the picture of the child"
        )
    return Edge(int(found[1]), int(found[2]))


def _replay(history: History, line: list[int], limits: Limits, terminal: Terminal) -> list[int]:
    """The children of a line that were made once more; all came out the same."""
    from connsearch.evolution.review.lineage import repeatable, replayed

    able = [number for number in line if repeatable(history, number)]
    for number in able:
        replayed(history, number, limits)
    terminal.say(f"replayed: same structure ({', '.join(f'#{n}' for n in able) or 'nobody'})")
    for number in line:
        if number not in able:
            terminal.say(f"#{number} is a founder of no known operator, and is taken as it is")
    return able


def _ancestor(story: Story, number: int) -> dict[str, Any]:
    entry = story.entries[number]
    return {
        "child": number,
        "operators": list(entry.operators),
        "values": None if entry.values is None else list(entry.values),
        "evaluations": entry.evaluations,
        "connections": entry.connections,
    }


def _told(origin: Origin) -> dict[str, Any]:
    return {
        "connection": list(origin.edge),
        "since": origin.child,
        "operator": origin.operator,
        "seed": origin.seed,
        "generations": [
            {
                "child": found.child,
                "connections": [list(edge) for edge in found.edges],
                "weights": list(found.weights),
            }
            for found in origin.generations
        ],
    }
