"""Small running counts of a training: right answers of the epoch, and the time it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass

_MEMORY = 0.9
"""Share of the old speed that stays with every step."""


@dataclass(slots=True)
class Tally:
    """Right answers among the clips of the running epoch."""

    epoch: int = 0
    hits: int = 0
    clips: int = 0

    def add(self, epoch: int, hits: int, clips: int) -> None:
        """Counts a batch; a new epoch starts from nothing."""
        if epoch != self.epoch:
            self.epoch, self.hits, self.clips = epoch, 0, 0
        self.hits += hits
        self.clips += clips

    @property
    def accuracy(self) -> float:
        """Share of right answers, in [0, 1]."""
        return self.hits / self.clips if self.clips else 0.0


class Stopwatch:
    """Wall-clock seconds of a run, over all its resumptions; decides nothing but when to save."""

    def __init__(self) -> None:
        now = time.perf_counter()
        self.before = 0.0
        self._start = self._tick = self._saved = now
        self._saving = 0.0
        self._speed: float | None = None

    def seconds(self) -> float:
        """Returns the seconds spent so far."""
        return self.before + time.perf_counter() - self._start

    def tick(self, clips: int) -> float:
        """Returns clips a second, smoothed, after a step of ``clips`` clips."""
        now = time.perf_counter()
        speed = clips / max(now - self._tick, 1e-9)
        old = speed if self._speed is None else self._speed
        self._speed = _MEMORY * old + (1 - _MEMORY) * speed
        self._tick = now
        return self._speed

    def skip(self) -> None:
        """Leaves the time since the last step out of the speed."""
        self._tick = time.perf_counter()

    def save_due(self, seconds: float) -> bool:
        """Returns whether the last save is so long ago; saving takes a twentieth at most."""
        return time.perf_counter() - self._saved >= max(seconds, 20 * self._saving)

    def saved(self, begin: float) -> None:
        """Takes note of a save that began at ``begin`` (``time.perf_counter``)."""
        self._saved = time.perf_counter()
        self._saving = self._saved - begin
        self.skip()
