"""One worker: asks, judges, tells, until the evolution ends. Any number of them share a study."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from math import isfinite
from typing import Any

from connsearch.errors import ConnsearchError, Failure, RunError, UserError
from connsearch.evolution.child import Evaluate, Outcome, Rung, Task
from connsearch.evolution.options import StopOptions
from connsearch.evolution.proposal import ExhaustedError
from connsearch.evolution.study.events import (
    Asked,
    EndedEarly,
    EvolutionBegan,
    Failed,
    Inside,
    Lost,
    Swept,
    Told,
    Waiting,
    WorkerEvent,
    WorkerStopped,
)
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.patience import StorageError
from connsearch.files.disk import REFUSED

IN_A_ROW = 10
"""After this many failed attempts in a row the children are not the cause."""

_POLL = 0.5
"""Seconds between two looks at what other workers do."""


def work(evolution: Evolution, evaluate: Evaluate, stop: StopOptions) -> Iterator[WorkerEvent]:
    """Yields what one worker does.

    Killed at any moment, it leaves a lease that runs out, and its task is done by another worker or
    by a rerun of the same command. Interrupted, it returns its task at no cost.

    Raises:
        UserError: an evaluation was refused for a reason that a repetition does not change.
        OSError: no space or no permission to write the results of an evaluation.
        Failure: too many attempts in a row have failed, or the storage does not answer.
    """
    yield EvolutionBegan(evolution.history, evolution.options.objectives, stop.rounds)
    deadline = None if stop.hours is None else time.monotonic() + stop.hours * 3600
    failures = 0
    while True:
        dead = evolution.sweep()
        if dead:
            yield Swept(tuple(dead))
        reason = _end(evolution, stop, deadline)
        if reason is not None:
            yield WorkerStopped(reason)
            return
        try:
            task = evolution.ask(rounds=stop.rounds)
        except ExhaustedError as error:
            yield WorkerStopped(str(error))
            return
        if task is None:
            waiting = len(evolution.history.open)
            if not waiting:
                yield WorkerStopped(f"{stop.rounds} children")
                return
            yield Waiting(waiting)
            time.sleep(_POLL)
            continue
        failed = False
        for event in _judge(evolution, evaluate, task, stop.child_minutes):
            failed = failed or isinstance(event, Failed)
            yield event
        failures = failures + 1 if failed else 0
        if failures >= IN_A_ROW:
            raise Failure(
                f"the last {failures} attempts have all failed; the last one: "
                f"{evolution.history.trials[task.trial].facts.get('cause')}\n"
                "  cure: fix the cause, then rerun the same command to resume"
            )


def _end(evolution: Evolution, stop: StopOptions, deadline: float | None) -> str | None:
    if deadline is not None and time.monotonic() > deadline:
        return f"{stop.hours:g} hours have passed"
    if stop.stagnation is not None and evolution.history.since_better >= stop.stagnation:
        return f"the last {stop.stagnation} children were no better"
    return None


def _judge(
    evolution: Evolution, evaluate: Evaluate, task: Task, timeout: float | None
) -> Iterator[WorkerEvent]:
    """One task from its beginning to its end."""
    try:
        yield Asked(task)
        with _Renewal(evolution, task) as renewal:
            outcome = yield from _watched(evolution, evaluate(task), task, renewal, timeout)
        if outcome is not None:
            if not all(isfinite(value) for value in outcome.values):
                raise Failure(f"not finite: {list(outcome.values)}")
            yield Told(task, outcome, evolution.tell(task, outcome))
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        evolution.release(task, "interrupted")
        raise
    except UserError as error:
        if isinstance(error, RunError):  # a directory that is in use, or cannot be resumed
            yield Failed(task, str(error), evolution.fail(task, str(error)))
            return
        evolution.release(task, str(error))
        raise
    except StorageError:
        raise  # nothing can be given back; the lease runs out
    except Exception as error:
        if isinstance(error, OSError) and error.errno in REFUSED:  # no child's fault, and the next
            with suppress(StorageError):  # one would fare no better; this may be the same disk
                evolution.release(task, str(error))
            raise
        known = isinstance(error, ConnsearchError)
        cause = str(error) if known else f"{type(error).__name__}: {error}"
        yield Failed(task, cause, evolution.fail(task, cause))


def _watched(
    evolution: Evolution,
    steps: Generator[Any, None, Outcome],
    task: Task,
    renewal: _Renewal,
    timeout: float | None,
) -> Generator[WorkerEvent, None, Outcome | None]:
    """The events of an evaluation; its outcome, or None if it was ended early."""
    began = time.monotonic()
    with closing(steps):
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                return end.value
            if renewal.lost:
                evolution.forget(task)
                yield Lost(task)
                return None
            if timeout is not None and time.monotonic() - began > timeout * 60:
                raise Failure(f"longer than {timeout:g} minutes")
            if not isinstance(event, Rung):
                yield Inside(task, event)
                continue
            if not all(isfinite(value) for value in event.values):
                raise Failure(f"rung {event.number}: not finite: {list(event.values)}")
            if not evolution.report(task, event):
                evolution.prune(task, {"seconds": time.monotonic() - began})
                yield EndedEarly(task, event.number)
                return None


class _Renewal:
    """Renews the lease of a task while it is judged, in a separate thread."""

    def __init__(self, evolution: Evolution, task: Task) -> None:
        self._evolution, self._task = evolution, task
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.lost = False

    def __enter__(self) -> _Renewal:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._done.wait(self._evolution.lease_seconds / 3):
            try:
                self.lost = not self._evolution.renew(self._task)
            except Failure:  # the storage is unreachable; the next request reports it
                continue
            if self.lost:
                return
