"""``connsearch diff``: what differs between two structures, as a table, a picture and a code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.counted import counted_classes, counted_clip
from connsearch.cli.target import open_structure
from connsearch.cli.terminal import Terminal
from connsearch.files.places import place_of

if TYPE_CHECKING:
    from connsearch.graph.compare import Change, Differences
    from connsearch.graph.cost import Cost

EQUAL, DIFFERENT, TROUBLE = 0, 1, 2


class Diff(Command):
    """Shows what differs between two structures.

    Both may be anything that draw takes. Names and the order of inputs do not count.

    Nodes are matched by number where both have the same nodes; by the parent's numbers where one
    was pruned from the other, or both from one parent; by a renumbering where there is one; else by
    their order within a stream or a level.

    Exit code, as of diff(1): 0 equal, 1 different, 2 trouble. Everywhere else in connsearch 1 is
    a failure; here every failure is 2.
    """

    FAILURE: ClassVar[int] = TROUBLE

    before: Annotated[str, Flag(positional=True, metavar="A")]
    """A name of a structure, a structure file, a run, a pruned network, or a checkpoint."""
    after: Annotated[str, Flag(positional=True, metavar="B")]
    """The structure to compare with; connections that only this one has are called added."""
    tolerance: float = Field(default=0.0, ge=0, le=1)
    """Largest difference between weights or peer coefficients that still counts as equal."""
    ignore: Literal["nothing", "weights"] = "nothing"
    """Parts that are not compared: with weights, only wiring and shapes are."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """The picture, ending in .svg, .png or .pdf; by default diff.svg and diff.png in this
    directory."""
    picture: bool = True
    """Draw both in one picture, if there is a difference."""

    def exit_code(self, report: Mapping[str, Any]) -> int:
        """Returns 1 where something differs."""
        return DIFFERENT if report["different"] else EQUAL

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Shows the differences, draws them, and returns them."""
        from connsearch.graph.compare import compare
        from connsearch.graph.cost import cost

        a, b = open_structure(self.before), open_structure(self.after)
        found = compare(a, b, tolerance=self.tolerance, weights=self.ignore != "weights")
        classes = counted_classes(self.before, self.after)
        clip = counted_clip(self.before, self.after)
        costs = [cost(structure, num_classes=classes, clip=clip) for structure in (a, b)]
        _show(terminal, found, costs)
        pictures = self._draw(found, costs) if self.picture and found else []
        for path in pictures:
            terminal.say(f"drawn: {path}")
        return {
            "command": "diff",
            "a": self.before,
            "b": self.after,
            "different": bool(found),
            "matched_by": found.matching.rule,
            "same_up_to_renumbering": found.matching.rule == "renumbering",
            "matches": sorted(found.matching.to_b.items()),
            "settings": _changes(found.settings),
            "nodes": [
                {"state": n.state, "a": n.before, "b": n.after, "changes": _changes(n.changes)}
                for n in found.nodes
            ],
            "connections": [
                {
                    "state": c.state,
                    "a": c.before,
                    "b": c.after,
                    "weights": list(c.weights),
                    "changes": _changes(c.changes),
                }
                for c in found.connections
            ],
            "cost": {
                "parameters": [found.parameters for found in costs],
                "macs": [found.macs for found in costs],
                "num_classes": classes,
                "clip": list(clip),
            },
            "pictures": [str(path) for path in pictures],
        }

    def _draw(self, found: Differences, costs: Sequence[Cost]) -> list[Path]:
        from connsearch.view.structures.diff_draw import render_diff

        paths = [Path("diff.svg"), Path("diff.png")] if self.output is None else [self.output]
        facts = [
            f"{name} {before:,} → {after:,}"
            for name, before, after in (
                ("parameters", costs[0].parameters, costs[1].parameters),
                ("MACs", costs[0].macs, costs[1].macs),
            )
        ]
        title = f"A {self.before} → B {self.after}"
        with place_of(paths[0]):
            return render_diff(found, paths, title=title, facts=facts)


def _show(terminal: Terminal, found: Differences, costs: Sequence[Cost]) -> None:
    from connsearch.view.structures.diff_markup import counts
    from connsearch.view.structures.diff_tables import (
        connections_diff_table,
        nodes_diff_table,
        settings_diff_table,
        totals_diff_table,
    )

    terminal.show(totals_diff_table(found, *costs))
    if found.settings:
        terminal.show(settings_diff_table(found))
    if found.nodes:
        terminal.show(nodes_diff_table(found))
    if found.connections:
        terminal.show(connections_diff_table(found))
    if found.matching.rule == "renumbering":
        terminal.say("the same up to renumbering")
    if found.matching.rule == "order":
        terminal.say("nodes are matched by their order within a stream or a level")
    terminal.say(", ".join(counts(found)))


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [asdict(change) for change in changes]
