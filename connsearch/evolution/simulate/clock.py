"""An evolution on a virtual clock: how long it would take several workers, without waiting for it.

Everything is told and asked in the order in which it would happen, ties by worker number. So it is
the same every time, and has the knowledge of a real evolution when each child was born.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from connsearch.errors import Failure, SettingsError, TrainingError
from connsearch.evolution.child import Evaluate, Outcome, Rung, Task
from connsearch.evolution.proposal import ExhaustedError


class Engine(Protocol):
    """What is simulated: ``study.evolution.Evolution``, or a stand-in for tests.

    One of them represents all workers, so no lease of a worker can run out here.
    """

    def ask(self, *, rounds: int) -> Task | None:
        """Returns the next task, or None where there is none now."""
        ...

    def tell(self, task: Task, outcome: Outcome) -> object:
        """Files an outcome."""
        ...

    def fail(self, task: Task, cause: str) -> object:
        """Ends an attempt."""
        ...

    def report(self, task: Task, rung: Rung) -> bool:
        """Returns whether the evaluation continues."""
        ...

    def prune(self, task: Task) -> object:
        """Ends an evaluation that does not continue."""
        ...


@dataclass(frozen=True, slots=True)
class Elapsed:
    """An event of an evaluation: the seconds that have passed since it began."""

    seconds: float


class SimulatedFailure(TrainingError):
    """A simulated failure of an evaluation, after ``seconds``."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Timed:
    """One attempt at one evaluation.

    Attributes:
        worker: who did it, from 0.
        task: what was done.
        began: in seconds of the virtual clock.
        ended: the same.
        state: how it ended.
        outcome: of a complete one.
    """

    worker: int
    task: Task
    began: float
    ended: float
    state: Literal["complete", "pruned", "failed"]
    outcome: Outcome | None = None


def simulate(engine: Engine, evaluate: Evaluate, workers: int, *, rounds: int) -> list[Timed]:
    """Returns what the workers do until the evolution ends, in the order in which it ended.

    An evaluation lasts for the fact ``seconds`` of its outcome; rungs are reported
    at the time of the :class:`Elapsed` before them.

    Args:
        engine: a new or an unfinished evolution; no other worker uses it.
        evaluate: takes no virtual time itself.
        workers: how many there are, each with one task at a time.
        rounds: children in all.

    Raises:
        SettingsError: fewer than one worker.
    """
    if workers < 1:
        raise SettingsError(f"{workers} workers: an evolution needs at least one")
    return _VirtualClock(engine, evaluate, workers, rounds).run()


def wall_seconds(timed: Sequence[Timed]) -> float:
    """Returns how long it took from the first to the last moment."""
    if not timed:
        return 0.0
    return max(t.ended for t in timed) - min(t.began for t in timed)


def busy_share(timed: Sequence[Timed], workers: int) -> float:
    """Returns the share of all workers' time in which they worked; 1 where it took no time."""
    whole = wall_seconds(timed) * workers
    return sum(t.ended - t.began for t in timed) / whole if whole else 1.0


@dataclass
class _Job:
    """The job of a worker; ``end`` is known once its evaluation has returned or failed."""

    task: Task
    began: float
    steps: Generator[Any, None, Outcome]
    end: Outcome | Failure | None = None


class _VirtualClock:
    def __init__(self, engine: Engine, evaluate: Evaluate, workers: int, rounds: int) -> None:
        self._engine, self._evaluate, self._rounds = engine, evaluate, rounds
        self._idle = list(range(workers))
        self._jobs: dict[int, _Job] = {}
        self._queue: list[tuple[float, int]] = []
        self._done: list[Timed] = []

    def run(self) -> list[Timed]:
        self._hand_out(0.0)
        while self._queue:
            now, worker = heapq.heappop(self._queue)
            self._go_on(worker, self._jobs[worker], now)
            self._hand_out(now)
        return self._done

    def _hand_out(self, now: float) -> None:
        """Gives idle workers something to do, by number, as long as there is something."""
        while self._idle:
            try:
                task = self._engine.ask(rounds=self._rounds)
            except ExhaustedError:
                return
            if task is None:
                return
            worker = heapq.heappop(self._idle)
            self._jobs[worker] = _Job(task, now, self._evaluate(task))
            heapq.heappush(self._queue, (now, worker))

    def _go_on(self, worker: int, job: _Job, now: float) -> None:
        """Follows one evaluation from now to the next moment at which time passes."""
        while job.end is None:
            try:
                event = next(job.steps)
            except StopIteration as end:
                job.end = outcome = end.value
                later = job.began + float(outcome.facts.get("seconds", now - job.began))
            except Failure as failure:
                job.end = failure
                later = job.began + float(getattr(failure, "seconds", now - job.began))
            else:
                if isinstance(event, Rung) and not self._engine.report(job.task, event):
                    job.steps.close()
                    self._engine.prune(job.task)
                    self._file(worker, job, now, "pruned")
                    return
                later = job.began + event.seconds if isinstance(event, Elapsed) else now
            if later > now:
                heapq.heappush(self._queue, (later, worker))
                return
        if isinstance(job.end, Failure):
            self._engine.fail(job.task, str(job.end))
            self._file(worker, job, now, "failed")
        else:
            self._engine.tell(job.task, job.end)
            self._file(worker, job, now, "complete", job.end)

    def _file(
        self,
        worker: int,
        job: _Job,
        now: float,
        state: Literal["complete", "pruned", "failed"],
        outcome: Outcome | None = None,
    ) -> None:
        self._done.append(Timed(worker, job.task, job.began, now, state, outcome))
        del self._jobs[worker]
        heapq.heappush(self._idle, worker)
