"""The lock of a journal file, and the repair of a line that was cut off in the middle.

A process that is killed while it writes leaves half a line. The next one would be written right
behind it, and from then on nobody could read the file. So whoever holds the lock first looks at the
end of the file, and moves half a line into a file beside it. The lock goes when its holder dies.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # no such locks there; the caller takes another kind
    fcntl = None

HAS_LOCKS = fcntl is not None
"""Whether this system has locks that end with the process."""

_BLOCK = 65536


class JournalLock:
    """An exclusive lock on a journal; taking it leaves a file whose last line is whole.

    Args:
        path: of the journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = path.with_name(path.name + ".lock")
        self._threads = threading.Lock()  # such locks belong to processes, not to threads
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Waits for the lock; returns True."""
        assert fcntl is not None
        self._threads.acquire()
        try:
            self._handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            mend_tail(self._path)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Gives the lock back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        if self._threads.locked():
            self._threads.release()


def mend_tail(path: Path) -> bytes:
    """Returns what stood behind the last whole line, moved to ``<name>.torn``; usually nothing.

    Nobody else may write meanwhile.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return b""
    with path.open("rb+") as file:
        end = _after_last_newline(file, size)
        if end == size:
            return b""
        file.seek(end)
        torn = file.read()
        with path.with_name(path.name + ".torn").open("ab") as kept:
            kept.write(torn + b"\n")
        file.truncate(end)
        os.fsync(file.fileno())
    return torn


def _after_last_newline(file: BinaryIO, size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        file.seek(start)
        place = file.read(end - start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
