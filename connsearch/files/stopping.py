"""Signals that end a command: at once, or after an operation that must be complete.

``handle_signals`` is for the command line; a program that uses connsearch as a library keeps its
own handlers. Inside ``postpone_signals`` the first signal is only a request: the work checks it at
a suitable moment, saves what is done, and ends. The second one ends at once.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_USUAL = (signal.SIG_DFL, signal.default_int_handler)
_ECHO = 0.5
"""Seconds in which the same signal again is the first one still: ``timeout`` sends two."""
_ENDS = "a checkpoint is written after this step; the same signal again ends it at once"


class Stopped(KeyboardInterrupt):
    """The process was asked to end, by Ctrl-C or another signal."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


class _Signal:
    """The signal state of this process; signals belong to the process, so there is only one."""

    holders = 0
    asked: int | None = None
    since = 0.0
    listener: int | None = None


@contextmanager
def handle_signals() -> Generator[None]:
    """Turns Ctrl-C, SIGTERM and SIGHUP into :class:`Stopped` while it lasts.

    Only in the main thread, and only if no other code handles or ignores the signal: what a shell
    starts in the background, or under nohup, keeps ignoring it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {n: signal.getsignal(n) for n in _SIGNALS}
    ours = [number for number, handler in before.items() if handler in _USUAL]
    _Signal.asked, _Signal.listener = None, os.getpid()
    try:
        for number in ours:
            signal.signal(number, _hear)
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
        _Signal.asked = _Signal.listener = None


class PostponedSignal:
    """The request of a signal while signals are held."""

    @property
    def asked(self) -> bool:
        """Whether the work is to end."""
        return _Signal.asked is not None

    def end(self) -> None:
        """Ends the work if a signal requested it.

        Raises:
            Stopped: a signal requested it.
        """
        number, _Signal.asked = _Signal.asked, None
        if number is not None:
            raise Stopped(number)


@contextmanager
def postpone_signals() -> Generator[PostponedSignal]:
    """Postpones the first signal until it is checked; it is never lost.

    Raises:
        Stopped: at its end, if a signal came that was not checked.
    """
    _Signal.holders += 1
    found = PostponedSignal()
    try:
        yield found
    finally:
        _Signal.holders -= 1
    found.end()


def ignore_interrupts() -> None:
    """Makes a child process ignore Ctrl-C, which is meant for its parent.

    Ctrl-C and many other signals go to every process of a group: a child has its own group,
    and its parent decides when it ends.
    """
    with suppress(OSError):
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _hear(number: int, _: FrameType | None) -> None:
    if os.getpid() != _Signal.listener:  # a child that was forked and is not yet left to its parent
        os._exit(128 + number)
    now = time.monotonic()
    if _Signal.holders and _Signal.asked is None:
        _Signal.asked, _Signal.since = number, now
        _say(f"{signal.Signals(number).name}: {_ENDS}\n")
        return
    if _Signal.asked == number and now - _Signal.since < _ECHO:
        return
    _Signal.asked = None
    raise Stopped(number)


def _say(text: str) -> None:
    """Writes a message at any moment; does nothing if the terminal has gone."""
    try:
        os.write(2, text.encode())
    except OSError:
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (1, 2):
                if os.isatty(stream):
                    os.dup2(nowhere, stream)
            os.close(nowhere)
