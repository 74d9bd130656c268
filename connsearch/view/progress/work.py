"""One piece of long work: which of its events move which bar."""

from __future__ import annotations

from connsearch.analysis.units import UnitFinished, UnitStarted
from connsearch.evolution.study.events import EvolutionBegan, WorkerEvent
from connsearch.runs.events import CountEvent, GatesEvent, StepEvent
from connsearch.view.progress.counts import Counts
from connsearch.view.progress.evolution import Worker
from connsearch.view.progress.pace import Pace
from connsearch.view.progress.screen import Screen
from connsearch.view.progress.steps import Steps
from connsearch.view.progress.units import Units


class Work:
    """What is shown of one piece of work; a row comes when there is something to show in it.

    Args:
        what: it works on, as people call it; before the bar over its units.
        screen: where it is shown.
        begun: it begins now; otherwise nobody has said when.
    """

    def __init__(self, what: str, screen: Screen, *, begun: bool = True) -> None:
        self._what, self._screen = what, screen
        self._pace = Pace(begun=begun)
        self._steps: Steps | None = None
        self._units: Units | None = None
        self._counts: dict[str, Counts] = {}
        self._worker: Worker | None = None

    @property
    def inside_unit(self) -> bool:
        """Whether a unit is under way: what its own training says is not told."""
        return self._units is not None and self._units.inside

    def step(self, event: StepEvent) -> None:
        """Shows a step of a training: that of a unit, or its own."""
        if self._units is not None and self._units.inside:
            self._units.step(event)
            return
        self._steps = self._steps or Steps(self._screen, self._pace)
        self._steps.hear(event)

    def gates(self, event: GatesEvent) -> None:
        """Shows how often temporal gates are open, from the next step on; not of a unit."""
        if self._steps is not None and not self.inside_unit:
            self._steps.gates(event)

    def count(self, event: CountEvent) -> None:
        """Shows how many things are done."""
        if event.what not in self._counts:
            pace = Pace(begun=False) if self._counts else self._pace
            self._counts[event.what] = Counts(self._screen, pace)
        self._counts[event.what].hear(event)

    def unit(self, event: UnitStarted | UnitFinished) -> None:
        """Shows the beginning or the end of a unit."""
        self._units = self._units or Units(self._screen, self._pace, self._what)
        if isinstance(event, UnitStarted):
            self._units.start(event)
        else:
            self._units.finish(event)

    def evolve(self, event: WorkerEvent) -> None:
        """Shows what a worker of an evolution does; its first event says which evolution it is."""
        if isinstance(event, EvolutionBegan):
            self._stop_worker()
            self._worker = Worker(event, self._screen)
        elif self._worker is not None:
            self._worker.hear(event)

    def end(self, *, remove: bool) -> None:
        """Takes the table of an evolution away, and all rows if they shall not stay."""
        self._stop_worker()
        for shown in (self._steps, self._units, *self._counts.values()) if remove else ():
            if shown is not None:
                shown.remove()

    def _stop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
