"""Events of long work on many units: which unit it is at, and its result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass

from connsearch.errors import TrainingError
from connsearch.runs.events import Event, WarningEvent
from connsearch.runs.formats.ledger import Unit
from connsearch.runs.ledger import Ledger


@dataclass(frozen=True, slots=True)
class UnitStarted:
    """A unit begins; the events of its own training follow.

    Attributes:
        name: of the unit.
        number: its place among all, from 1.
        total: how many there are.
    """

    name: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class UnitFinished:
    """A unit is done and filed; ``filed`` if it was already there before this process started."""

    name: str
    number: int
    total: int
    summary: str
    filed: bool


UnitEvent = Event | UnitStarted | UnitFinished

UnitWork = Callable[[], Iterator[Event | Unit]]
"""Does one unit: yields the events of its training, if any, and last its result for the ledger;
the ``summary`` of the result is what people see."""


def work_through(
    ledger: Ledger,
    units: Mapping[str, UnitWork],
    *,
    failed: dict[str, TrainingError] | None = None,
) -> Generator[UnitEvent, None, Ledger]:
    """Yields events while every unit that is not recorded yet is done; returns the ledger.

    Killed at any moment, it resumes with the unit it was at: a unit that trains has its own run
    directory and resumes there.

    Args:
        ledger: of the results.
        units: by name, in their order.
        failed: takes the units whose training could not go on, and the others are done; None: the
            first of them ends the work.
    """
    for number, (name, work) in enumerate(units.items(), start=1):
        place = (name, number, len(units))
        filed = name in ledger
        if not filed:
            yield UnitStarted(*place)
            result: Unit | None = None
            try:
                for item in work():
                    if isinstance(item, Unit):
                        result = item
                    else:
                        yield item
            except TrainingError as error:
                if failed is None:
                    raise
                failed[name] = error
                yield UnitFinished(*place, "failed", filed=False)
                yield WarningEvent(f"{name} failed, the others go on: {error}")
                continue
            assert result is not None, f"unit {name} ended without a result"
            ledger.file(name, result)
        yield UnitFinished(*place, ledger.read(name, Unit).summary, filed)
    return ledger
