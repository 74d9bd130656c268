"""Work with a time limit: reading a file never blocks the calling process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar, cast

from connsearch.errors import DataError
from connsearch.files.text import named

T = TypeVar("T")


class TimeoutFault(DataError):
    """A file that was not read in time; reading it again would cost the same time again."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """Runs work in another thread and waits for it no longer than the limit.

    A thread whose work did not end is abandoned (it ends with the process, or never) and the next
    work gets a new one. Decoders release the interpreter while they work, so a file that blocks
    one does not block others. All limits of one thread share one working thread.

    Attributes:
        seconds: the limit of one piece of work.
    """

    seconds: float

    def run(self, work: Callable[[], T], name: str) -> T:
        """Returns what the work returns, or raises what it raises.

        Args:
            work: is called in another thread.
            name: what is read, for the message.

        Raises:
            TimeoutFault: the work took longer than the limit.
        """
        thread = _idle_thread()
        thread.busy = True
        answer = thread.ask(work)
        if not answer.done.wait(self.seconds):
            raise TimeoutFault(
                f"{named(name, name)}: not read within {self.seconds:g} s; cure: fetch or "
                "re-encode the file, remove it from the list, or raise timeout for a slow disk"
            )
        thread.busy = False
        if isinstance(answer.error, DataError) and "\n" in name:
            raise type(answer.error)(named(str(answer.error), name)) from answer.error
        if answer.error is not None:
            raise answer.error
        return cast(T, answer.value)


class _Answer:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: object = None
        self.error: BaseException | None = None


class _Thread:
    """A thread that works off one request after another."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.busy = False
        self._requests: SimpleQueue[tuple[Callable[[], object], _Answer]] = SimpleQueue()
        threading.Thread(target=self._serve, daemon=True, name="connsearch reader").start()

    def ask(self, work: Callable[[], object]) -> _Answer:
        answer = _Answer()
        self._requests.put((work, answer))
        return answer

    def _serve(self) -> None:
        while True:
            work, answer = self._requests.get()
            try:
                answer.value = work()
            except BaseException as error:
                answer.error = error
            answer.done.set()


_LOCAL = threading.local()
"""``thread``: what works for the thread that asks. A forked process has none of its own yet."""


def _idle_thread() -> _Thread:
    """Returns the thread that works for this one; a new one where it still hangs on something."""
    thread: _Thread | None = getattr(_LOCAL, "thread", None)
    if thread is None or thread.process != os.getpid() or thread.busy:
        thread = _LOCAL.thread = _Thread()
    return thread
