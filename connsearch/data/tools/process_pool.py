"""Jobs done by separate processes, so that a crash or a hang affects only one job."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from connsearch.errors import ConnsearchError, DataError, Failure
from connsearch.files.stopping import ignore_interrupts

J = TypeVar("J")
R = TypeVar("R")

_LOOK = 1.0
"""Seconds between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Done(Generic[J, R]):
    """A job that ended.

    Attributes:
        job: the job.
        result: its result; None: it failed.
        reason: why it failed; "" if it did not.
    """

    job: J
    result: R | None
    reason: str = ""


def do_jobs(
    jobs: Iterable[J],
    work: Callable[[J], R],
    *,
    workers: int,
    seconds: Callable[[J], float],
) -> Generator[Done[J, R]]:
    """Yields every job as it ends, in no particular order.

    A :class:`DataError` fails its job; so does a crash of the process, and so does taking too
    long, after which the process is ended. Closing the generator ends all of them.

    Args:
        jobs: are started in order; each can be pickled by the standard library.
        work: what is done with each, a function of a module.
        workers: processes, spawned (not forked), at least 1.
        seconds: how long a job may take.

    Raises:
        Failure: a job ended in another error; continuing would not help.
    """
    waiting = iter(jobs)
    pool: list[_Worker[J, R]] = []
    try:
        while True:
            free = workers - sum(w.busy for w in pool)
            for job in islice(waiting, free):  # no more than can be started now
                idle = next((w for w in pool if not w.busy), None)
                if idle is None:
                    idle = _Worker[J, R](work)
                    pool.append(idle)
                idle.give(job, seconds(job))
            busy = [w for w in pool if w.busy]
            if not busy:
                return
            ready = wait([w.pipe for w in busy], timeout=_LOOK)
            for worker in busy:
                if worker.pipe in ready or worker.late:
                    yield worker.take()
                    if worker.gone:
                        pool.remove(worker)
    finally:
        for worker in pool:
            worker.end()


class _Worker(Generic[J, R]):
    """A process and the job it is at."""

    def __init__(self, work: Callable[[J], R]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends when the process does
        self._job: list[J] = []
        self._until = 0.0
        self._limit = 0.0
        self.gone = False

    @property
    def busy(self) -> bool:
        return bool(self._job)

    @property
    def late(self) -> bool:
        return self.busy and time.monotonic() > self._until

    def give(self, job: J, seconds: float) -> None:
        self._job, self._limit = [job], seconds
        self._until = time.monotonic() + seconds
        with suppress(OSError):  # the process died while idle: take reports it
            self.pipe.send(job)

    def take(self) -> Done[J, R]:
        job = self._job.pop()
        try:
            if self.pipe.poll():
                result, reason, fault = self.pipe.recv()
                if fault:
                    raise Failure(
                        f"{fault}\n  finished work is kept; rerun the same command to resume"
                    )
                return Done(job, result, reason)
            reason = f"not done within {self._limit:g} s"
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            reason = f"kills the process that reads it ({how})"
        self.end()
        return Done(job, None, f"{reason}; cure: re-encode the file or remove it from the list")

    def end(self) -> None:
        self.gone = True
        self._process.kill()
        self._process.join()
        self._process.close()
        self.pipe.close()


def _serve(pipe: Connection, work: Callable[[J], R]) -> None:
    """Works off one job after another until the other end is closed."""
    ignore_interrupts()  # the parent decides when to stop
    with suppress(EOFError, OSError):
        while True:
            job = pipe.recv()
            try:
                answer = work(job), "", ""
            except DataError as error:
                answer = None, str(error), ""
            except ConnsearchError as error:  # a full disk, perhaps
                answer = None, "", str(error)
            except Exception as error:  # reported to the parent
                answer = None, "", f"{type(error).__name__}: {error}"
            pipe.send(answer)
