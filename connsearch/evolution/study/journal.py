"""The lock of a journal file, and the repair of a line that was cut off in the middle.

A process that is killed while it writes leaves half a line. The next one would be written right
behind it, and from then on nobody could read the file. So whoever holds the lock first looks at the
end of the file, and moves half a line into a file beside it. The lock goes when its holder dies.
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
except ImportError:  # no such locks there; the caller takes another kind
    fcntl = None

HAS_LOCKS = fcntl is not None
"""Whether this system has locks that end with the process."""

_BLOCK = 65536

_OWN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""How files beside a journal are opened: where one is a link, it leads to somebody else's file."""

_FIRST = b'{"op_code":'
"""How every line begins."""


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
            self._handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | _OWN, 0o644)
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            repair_tail(self._path)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Gives the lock back.

        It is unlocked, not only closed: a process that was forked meanwhile holds it as well.
        """
        if self._handle is not None:
            assert fcntl is not None
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            os.close(self._handle)
            self._handle = None
        if self._threads.locked():
            self._threads.release()


def is_journal(path: Path) -> bool:
    """Returns whether a file is a journal, if only half of its first line, or does not exist yet.

    A file that is none must not be mended.
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
    """Returns what stood behind the last whole line, moved to ``<name>.torn``; usually nothing.

    Nobody else may write meanwhile.
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
    """Adds half a line to a file, on the disk when this returns.

    Somebody may have done that and been killed before the line was cut off: then nothing is added.
    """
    before = path.read_bytes() if is_plain(path) and not path.is_symlink() else b""
    if not before.endswith(line):
        with replacing(path) as draft:
            draft.write_bytes(before + line)


def check_tail(path: Path) -> None:
    """Raises ValueError where the last whole line is no JSON.

    Whoever reads a journal takes such a line for one that is still being written, until another
    one stands behind it.
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
