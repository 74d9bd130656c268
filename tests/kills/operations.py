"""Counts what a process does to files, and kills it at one of these operations.

A state of the disk only changes at an operation on a file, so kills right before each of them, and
in the middle of what was written before a sync, meet every state that a kill can leave (all but
those inside of native code, which writes of its own accord; kills by the clock meet these).
"""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_EVENTS = frozenset(
    "os.rename os.remove os.mkdir os.rmdir os.truncate os.link os.symlink os.chmod shutil.rmtree "
    "fcntl.flock fcntl.lockf sqlite3.connect".split()
)
"""What Python announces before it does it (``sys.audit``); ``open`` is looked at more closely."""

_RELATIVE = frozenset({"os.remove", "os.rmdir"})


@dataclass(frozen=True, slots=True)
class Moment:
    """When to kill: right before the operation of that number, counted from 0.

    Attributes:
        number: of the operation.
        torn: where it is a sync, half of what was written since is cut off first, as when the kill
            comes in the middle of a write.
        interrupt: a Ctrl-C in place of the kill.
    """

    number: int
    torn: bool = False
    interrupt: bool = False


def watch(root: Path, hear: Callable[[int, str, str], None]) -> None:
    """Calls ``hear(number, kind, path)`` right before this process does something below ``root``.

    It cannot be undone: for processes that do nothing else.
    """
    home = str(root.resolve())
    sizes: dict[tuple[int, int], int] = {}
    count = iter(range(2**62))
    busy = False

    def told(kind: str, place: object) -> None:
        nonlocal busy
        path = _path(place)
        if not busy and (path == home or path.startswith(home + os.sep)):
            busy = True  # what the listener does to files is not counted
            try:
                hear(next(count), kind, path[len(home) + 1 :])
            finally:
                busy = False

    def known(place: object) -> None:
        """What stands in a file before it is opened for the first time is on the disk already."""
        with suppress(OSError):
            found = os.stat(_path(place))
            sizes.setdefault((found.st_dev, found.st_ino), found.st_size)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES:
                told("open", path)
                known(path)
        elif event in _EVENTS:
            beside = arguments[-1]  # the directory that a relative name is meant in, or -1
            if isinstance(beside, int) and beside >= 0 and event in _RELATIVE:
                told(event, os.path.join(_path(beside), os.fsdecode(arguments[0])))
            else:
                told(event, arguments[0])

    plain = os.fsync

    def fsync(file: Any) -> None:
        handle = file if isinstance(file, int) else file.fileno()
        told("fsync", handle)
        plain(handle)
        found = os.fstat(handle)
        sizes[found.st_dev, found.st_ino] = found.st_size

    os.fsync = fsync
    sys.addaudithook(audit)
    _synced.clear()
    _synced.update({"sizes": sizes})


_synced: dict[str, dict[tuple[int, int], int]] = {}


def kill_at(moment: Moment, root: Path) -> None:
    """Makes this process kill itself at that moment."""

    def hear(number: int, kind: str, path: str) -> None:
        if number != moment.number:
            return
        if moment.torn and kind == "fsync":
            _tear(root / path)
        os.kill(os.getpid(), signal.SIGINT if moment.interrupt else signal.SIGKILL)

    watch(root, hear)


def _tear(path: Path) -> None:
    """Cuts off half of what was written to a file since it was last synced."""
    found = path.stat()
    if stat.S_ISREG(found.st_mode):
        before = min(_synced["sizes"].get((found.st_dev, found.st_ino), 0), found.st_size)
        os.truncate(path, before + (found.st_size - before) // 2)


def _path(place: object) -> str:
    """The absolute path of what an event names: a path, or the number of an open file."""
    if isinstance(place, int):
        try:
            return os.readlink(f"/proc/self/fd/{place}")
        except OSError:
            return ""
    if not isinstance(place, str | bytes | os.PathLike):
        return ""
    text = os.path.abspath(os.fsdecode(place))
    return os.path.join(os.path.realpath(os.path.dirname(text)), os.path.basename(text))
