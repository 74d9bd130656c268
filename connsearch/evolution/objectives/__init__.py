"""The cupboard of objectives: one file each, a quantity that an evolution optimises.

A member defines how its value is computed for a judged child, whether more is better, and how it
is written. Judges, populations, tables and pictures use these definitions, not names.
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
    """The measured values of a child that was judged, completely or up to a rung.

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
    """An objective of an evolution.

    Attributes:
        take: returns its value for a child.
        higher: whether more is better; otherwise less is.
        label: of an axis, with the unit of its numbers.
        style: how numbers are written.
        unit: after a number in a sentence; empty for a share.
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
"""A name of an objective: help pages and messages list them."""


def values(names: Iterable[str], found: Assessment) -> tuple[float, ...]:
    """Returns one number an objective, in the order of the names."""
    return tuple(OBJECTIVES[name].take(found) for name in names)
