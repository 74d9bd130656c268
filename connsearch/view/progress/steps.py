"""Where a training is: how good, how fast, how long still."""

from __future__ import annotations

from connsearch.runs.events import StepEvent
from connsearch.view.progress.pace import Pace
from connsearch.view.progress.stage import Place, Stage


class Steps:
    """The steps of one training after the other."""

    def __init__(self, stage: Stage, pace: Pace) -> None:
        self._row, self._pace = stage.add(), pace
        self._before: int | None = None
        self._last = 0

    def hear(self, event: StepEvent) -> None:
        """Shows that a step is done."""
        if event.step <= self._last:  # another training
            self._before, self._pace = None, Pace()
        if self._before is None:
            self._before = event.step - 1
        self._last = event.step
        remaining = event.total_steps - event.step
        last = remaining == 0
        left = "last evaluation" if last else self._pace.left(event.step - self._before, remaining)
        epoch = f"epoch {event.epoch + 1}/{event.epochs}"
        state = (
            f"loss {event.loss:.3f}  accuracy {event.accuracy:.3f}  "
            f"{event.clips_per_second:.1f} clips/s  {left}"
        )
        line = f"{epoch}  step {event.step}/{event.total_steps}  {state}"
        self._row.move(Place(epoch, event.step, event.total_steps, state, line), now=last)

    def remove(self) -> None:
        """Takes the bar away."""
        self._row.remove()
