"""The display of long work: every event there is, for people, wherever they read it.

A piece of work stands between :class:`~connsearch.runs.events.WorkBegan` and ``WorkEnded``. Between
the two there is a bar on a terminal and in a notebook; in a pipe, and outside of the two, there are
plain lines: the first, one every few seconds, and the last.
"""

from __future__ import annotations

from connsearch.analysis.units import UnitFinished, UnitStarted
from connsearch.evolution.study.events import WorkerEvent
from connsearch.runs.events import (
    AdviceEvent,
    CountEvent,
    EvaluationEvent,
    GatesEvent,
    NoteEvent,
    StepEvent,
    WarningEvent,
    WorkBegan,
    WorkEnded,
)
from connsearch.view.console import Console
from connsearch.view.progress.screen import Say, Screen
from connsearch.view.progress.speeds import shown
from connsearch.view.progress.work import Work


class Display:
    """Shows events; the only place that shows progress.

    Args:
        console: a terminal's, a notebook's or a pipe's; None: there are only ``say`` and ``warn``.
        say: prints a line; by default on the console.
        warn: prints a warning; by default on the console, as ``warning: ...`` in yellow.
    """

    def __init__(
        self, console: Console | None, *, say: Say | None = None, warn: Say | None = None
    ) -> None:
        printed = _Printed(console)
        self._say, self._warn = say or printed.say, warn or printed.warn
        self._screen = Screen(console, self._say, self._warn)
        self._works: list[Work] = []
        self._outside = Work("", Screen(None, self._say, self._warn), begun=False)

    def hear(self, event: object) -> None:
        """Shows an event; one that nothing is to be seen of changes nothing."""
        work = self._works[-1] if self._works else self._outside
        match event:
            case WorkBegan(what):
                self._works.append(Work(what, self._screen))
            case WorkEnded():
                self._end()
            case WarningEvent(message):
                self._warn(message)
            case AdviceEvent(advice):
                if not work.inside_unit:
                    self._warn(str(advice))
            case NoteEvent(message):
                if not work.inside_unit:
                    self._say(message)
            case EvaluationEvent():
                if not work.inside_unit:
                    found = f"{event.metrics.measure} {event.metrics}"
                    balanced = event.metrics.balanced_accuracy
                    found += "" if balanced is None else f", balanced accuracy {balanced:.3f}"
                    gates = str(event.metrics.gates or "")
                    found += f", {gates}" if gates else ""
                    found += shown(event.speeds, before=", ").plain
                    self._say(f"after epoch {event.epoch + 1}: {event.split} {found}")
            case StepEvent():
                work.step(event)
            case GatesEvent():
                work.gates(event)
            case CountEvent():
                work.count(event)
            case UnitStarted() | UnitFinished():
                work.unit(event)
            case _ if isinstance(event, WorkerEvent):
                work.evolve(event)
            case _:
                pass

    def _end(self) -> None:
        """Ends the innermost work: what it showed goes, but that of the outermost stays."""
        if not self._works:
            return
        work = self._works.pop()
        work.end(remove=bool(self._works))
        if not self._works:
            self._screen.stop()


class _Printed:
    """Lines and warnings on a console."""

    def __init__(self, console: Console | None) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Prints text as it is: no line is broken, nothing in it is read as markup or obeyed."""
        assert self._console is not None, "a display without a console is told how to say things"
        self._console.print(text, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Prints something a person should know that stops nothing."""
        assert self._console is not None, "a display without a console is told how to warn"
        self._console.print(f"warning: {text}", soft_wrap=True, style="yellow")
