"""How fast the parts of a training are: reading, forward and backward passes, in clips a second."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import torch

from connsearch.runs.events import Speeds

T = TypeVar("T")

Part = Literal["read", "forward", "backward"]


class Laps:
    """The time that the parts of one step, or of one evaluation, take.

    A GPU works behind the program's back, so it is waited for before and after a part; as that
    costs time, only some of the steps are measured. In the others nothing is done.

    Args:
        device: what is computed on.

    Attributes:
        clips: how many there were.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device, self._on = device, False
        self._seconds: dict[Part, float] = {}
        self.clips = 0

    def begin(self, *, measured: bool) -> None:
        """Begins a step from nothing."""
        self._on, self.clips = measured, 0
        self._seconds.clear()

    @contextmanager
    def part(self, name: Part) -> Generator[None]:
        """What is done inside belongs to that part."""
        if not self._on:
            yield
            return
        self._wait()
        begin = time.perf_counter()
        yield
        self._wait()
        self.add(name, time.perf_counter() - begin)

    def reading(self, batches: Iterator[T]) -> Iterator[T]:
        """Yields the batches; the time that each is waited for is that of reading."""
        while True:
            begin = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self.add("read", time.perf_counter() - begin)
            yield batch

    def add(self, name: Part, seconds: float) -> None:
        """Counts time that was measured elsewhere."""
        if self._on:
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    @contextmanager
    def paused(self) -> Generator[None]:
        """What is done inside is not measured."""
        before, self._on = self._on, False
        try:
            yield
        finally:
            self._on = before

    def speeds(self) -> Speeds | None:
        """Returns clips a second of each part; None where nothing was measured."""
        if not self._on or not self._seconds:
            return None
        return Speeds(**{name: self.clips / max(s, 1e-9) for name, s in self._seconds.items()})

    def _wait(self) -> None:
        if self._device == "cuda":
            torch.cuda.synchronize()
