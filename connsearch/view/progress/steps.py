"""Where a training is: how good, how fast, how long still."""

from __future__ import annotations

from rich.text import Text

from connsearch.runs.events import GatesEvent, StepEvent
from connsearch.runs.formats.gates import mean_rate, words
from connsearch.view.progress.pace import Pace
from connsearch.view.progress.screen import BarPlace, Screen
from connsearch.view.progress.speeds import figure, shown


class Steps:
    """The steps of one training after the other."""

    def __init__(self, screen: Screen, pace: Pace) -> None:
        self._row, self._pace = screen.add(), pace
        self._last = 0
        self._gates = ""

    def gates(self, event: GatesEvent) -> None:
        """Shows from now on how often temporal gates are open, on average."""
        mean = mean_rate(event.counts)
        if mean is not None:
            self._gates = f"{words(deciding=event.deciding)} {mean:.2f}"

    def hear(self, event: StepEvent) -> None:
        """Shows that a step is done."""
        if event.step <= self._last:  # another training
            self._pace, self._gates = Pace(begun=False), ""
        self._last = event.step
        remaining = event.total_steps - event.step
        left = self._pace.left(event.step, remaining) if remaining else "last evaluation"
        epoch = f"epoch {event.epoch + 1}/{event.epochs}"
        numbers = (
            f"loss {event.loss:.3f}  accuracy {event.accuracy:.3f}  "
            f"{event.clips_per_second:.1f} clips/s"
        )
        numbers = f"{numbers}  {self._gates}" if self._gates else numbers
        state = f"{numbers}  {left}" if left else numbers
        shape = "x".join(map(str, event.shape))
        more = Text(f"clips {shape}  rate {figure(event.learning_rate)}").append_text(
            shown(event.speeds, before="  ")
        )
        line = f"{epoch}  step {event.step}/{event.total_steps}  {numbers}  {more.plain}"
        line = f"{line}  {left}" if left else line
        place = BarPlace(epoch, event.step, event.total_steps, state, line, more)
        self._row.move(place, now=not remaining)

    def remove(self) -> None:
        """Takes the bar away."""
        self._row.remove()
