"""What differs between two structures, and a picture of it: :func:`diff`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.files.places import place_of
from connsearch.graph.compare import Differences, compare
from connsearch.graph.cost import Cost, cost
from connsearch.graph.spec import Structure
from connsearch.view.structures.diff_draw import render_diff
from connsearch.workflows.beside import home_of
from connsearch.workflows.counted import Clip, counted_classes, counted_clip
from connsearch.workflows.given import StructureLike, name_of
from connsearch.workflows.settings.diff import DiffSettings
from connsearch.workflows.targets import open_structure


@dataclass(frozen=True, slots=True)
class StructureDiff:
    """Two structures side by side; it is true where something differs.

    Attributes:
        differences: what was added, removed and changed from A to B.
        costs: parameters and MACs of A and of B.
        num_classes: they are counted for.
        clip: (T, H, W) they are counted for.
        pictures: that were drawn.
        names: what A and B were found by: paths, or names with a hash.
    """

    differences: Differences
    costs: tuple[Cost, Cost]
    num_classes: int
    clip: Clip
    pictures: tuple[Path, ...] = ()
    names: tuple[str, str] = ("A", "B")

    def __bool__(self) -> bool:
        return bool(self.differences)


def diff(before: StructureLike, after: StructureLike, **settings: Any) -> StructureDiff:
    """Returns what differs between two structures; names and the order of inputs do not count.

    Nothing is drawn unless ``output`` or ``picture=True`` asks for it.

    >>> bool(diff("starter", "starter"))
    False

    Args:
        before: A: a value, a name, a file, a run, a pruned network or a checkpoint.
        after: B: likewise; what only B has is called added.
        settings: any option of ``connsearch diff`` by its name: ``ignore="weights"``,
            ``tolerance=0.01``, ``output="diff.svg"``.

    Raises:
        UserError: a setting cannot be used, or there is no such structure.
        Failure: the picture cannot be drawn.
    """
    settings = {"picture": settings.get("output") is not None, **settings}
    asked = DiffSettings.of(before=name_of(before), after=name_of(after), **settings)
    a, b = (value if isinstance(value, Structure) else None for value in (before, after))
    return run_diff(asked, a, b)


def run_diff(
    asked: DiffSettings, before: Structure | None = None, after: Structure | None = None
) -> StructureDiff:
    """Returns what differs, once it is drawn if that is asked for.

    Args:
        asked: all settings.
        before: A; None: as the settings name it.
        after: B; None: as the settings name it.

    Raises:
        UserError: as for :func:`diff`.
    """
    a = open_structure(asked.before) if before is None else before
    b = open_structure(asked.after) if after is None else after
    found = compare(a, b, tolerance=asked.tolerance, weights=asked.ignore != "weights")
    named = [
        name for name, value in ((asked.before, before), (asked.after, after)) if value is None
    ]
    classes, clip = counted_classes(*named), counted_clip(*named)
    costs = tuple(cost(structure, num_classes=classes, clip=clip) for structure in (a, b))
    pictures = _draw(asked, found, costs) if asked.picture and found else []
    names = asked.before, asked.after
    return StructureDiff(found, (costs[0], costs[1]), classes, clip, tuple(pictures), names)


def _draw(asked: DiffSettings, found: Differences, costs: Sequence[Cost]) -> list[Path]:
    home = home_of(asked.after)
    home = home_of(asked.before) if home == Path() else home
    paths = [home / "diff.svg", home / "diff.png"] if asked.output is None else [asked.output]
    facts = [
        f"{name} {before:,} → {after:,}"
        for name, before, after in (
            ("parameters", costs[0].parameters, costs[1].parameters),
            ("MACs", costs[0].macs, costs[1].macs),
        )
    ]
    title = f"A {asked.before} → B {asked.after}"
    with place_of(paths[0]):
        return render_diff(found, paths, title=title, facts=facts)
