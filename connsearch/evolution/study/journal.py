"""The lock of a journal file, and the repair of a line that was cut off in the middle.

A process that is killed while it writes leaves an incomplete line. The next line would be appended
to it, and the file would be unreadable from then on. So the holder of the lock first checks the end
of the file and moves an incomplete line to another file. The lock ends with its holder.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import BinaryIO

from connsearch.files.disk import is_plain, open_plain
from connsearch.files.drafts import replacing

try:
    import fcntl
except ImportError:  # no such locks on this system; the caller uses another kind
    fcntl = None

HAS_LOCKS = fcntl is not None
"""Whether this system has locks that end with the process."""

_BLOCK = 65536

_OWN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""How files next to a journal are opened; links are not followed, they may lead elsewhere."""

_FIRST = b'{"op_code":'
"""The beginning of every line."""


class JournalLock:
    """An exclusive lock on a journal; taking it leaves a file whose last line is complete.

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
            self._handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | _OWN, 0o644)
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            repair_tail(self._path)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Releases the lock.

        It is unlocked, not only closed: a process that was forked meanwhile has it, too.
        """
        if self._handle is not None:
            assert fcntl is not None
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            os.close(self._handle)
            self._handle = None
        if self._threads.locked():
            self._threads.release()


def is_journal(path: Path) -> bool:
    """Returns whether a file is a journal (also with half of its first line) or does not exist yet.

    Other files must not be repaired.
    """
    try:
        with open_plain(path) as file:
            line = file.readline(_BLOCK).strip(b"\0")
    except FileNotFoundError:
        return True
    if not line.endswith(b"\n"):
        return _FIRST.startswith(line[: len(_FIRST)])
    try:
        return "op_code" in json.loads(line)
    except (ValueError, TypeError):
        return False


def repair_tail(path: Path) -> bytes:
    """Returns what followed the last complete line, moved to ``<name>.torn``; usually nothing.

    No other process may write meanwhile.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return b""
    with path.open("rb+") as file:
        file.seek(max(0, size - 1))
        if file.read(1) in (b"\n", b""):
            return b""
        end = _after_last_newline(file, size)
        file.seek(end)
        torn = file.read()
        _keep(path.with_name(path.name + ".torn"), torn + b"\n")
        file.truncate(end)
        os.fsync(file.fileno())
    return torn


def _keep(path: Path, line: bytes) -> None:
    """Adds an incomplete line to a file, on the disk when this returns.

    Another process may have done so and been killed before it cut the line off: then nothing is
    added.
    """
    before = path.read_bytes() if is_plain(path) and not path.is_symlink() else b""
    if not before.endswith(line):
        with replacing(path) as draft:
            draft.write_bytes(before + line)


def check_tail(path: Path) -> None:
    """Raises ValueError if the last complete line is not JSON.

    Readers of a journal take such a line for one that is still being written, until another
    one follows it.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        end = _after_last_newline(file, path.stat().st_size)
        begin = _after_last_newline(file, max(0, end - 1))
        file.seek(begin)
        line = file.read(end - begin)
    if line:
        json.loads(line)


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
