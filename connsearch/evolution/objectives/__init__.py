"""The cupboard of objectives: one file each, what an evolution makes more or less of.

A member says how its value is taken from what is known of a judged child, whether more is better,
and how people read it. Judges, populations, tables and pictures ask it, and know no names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from connsearch.graph.spec import Structure
from connsearch.registry import Registry

Style = Literal["share", "count", "measure"]
"""A share of 1, such as an accuracy; a count, the same whenever it is taken; or a measurement."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is known of a child that was judged, wholly or up to a rung.

    Attributes:
        structure: of the child.
        score: on the split that judges: accuracy, or mAP of multi-label data.
        macs: multiply-accumulates of one clip.
        parameters: of the network.
        latency: returns the milliseconds a clip takes; measured when it is first asked for.
    """

    structure: Structure
    score: float
    macs: int
    parameters: int
    latency: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Objective:
    """What counts in an evolution.

    Attributes:
        take: returns its value for a child.
        higher: whether more is better; otherwise less is.
        label: what stands beside an axis, with the unit of its numbers.
        style: how numbers are written.
        unit: behind a number in a sentence; none for a share.
    """

    take: Callable[[Assessment], float]
    higher: bool
    label: str
    style: Style
    unit: str = ""


OBJECTIVES: Registry[Objective] = Registry("objective", package=__name__)

if TYPE_CHECKING:
    ObjectiveName = str
else:
    ObjectiveName = Literal[tuple(OBJECTIVES)]
"""A name of the cupboard: help pages and messages list them."""


def values(names: Iterable[str], found: Assessment) -> tuple[float, ...]:
    """Returns one number an objective, in the order of the names."""
    return tuple(OBJECTIVES[name].take(found) for name in names)
