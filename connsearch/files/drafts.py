"""Files that are still being written: next to their place, and cleaned up afterwards.

A draft has one name, derived from that of its file, so a killed process leaves at most one, and the
next writer of the same file takes it over. It is locked while it is written: two processes that
write one file at the same moment do so one after the other.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Generator, Iterable
from pathlib import Path

from connsearch.files.paths import beginning

try:
    import fcntl
except ImportError:  # no such locks on this system: every draft gets its own name
    fcntl = None

_DRAFT = re.compile(r"\..+\.(connsearch|[0-9a-f]{12})\.tmp(\.\w+)?")
"""How a draft is called, and how one was by earlier versions."""

_IN_THE_WAY = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO, errno.EISDIR})
"""Errors of the system for a name that another process uses."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, suffix: str = "") -> Generator[Path]:
    """Yields an empty file beside ``path``; once it is written, it is synced and takes that place.

    A reader sees the old file or the new one, never half of it, also after a power cut. If the
    writing fails, the old file stays and the new one is removed.

    Args:
        path: of the file.
        suffix: of the yielded file, for writers that need one. It must be written in place: a
            writer that renames another file to its name is not locked.
    """
    path = Path(path)
    handle, draft = _open(path.with_name(f".{beginning(path.name)}.connsearch.tmp{suffix}"))
    try:
        yield draft
        os.fsync(handle)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    finally:
        _close(handle)
    sync_directory(path.parent)


def is_draft(path: Path) -> bool:
    """Returns whether a file is called as drafts are, those of earlier versions among them.

    >>> is_draft(Path("a/.config.json.connsearch.tmp")), is_draft(Path("a/.config.json"))
    (True, False)
    """
    return _DRAFT.fullmatch(path.name) is not None


def remove_abandoned(paths: Iterable[Path]) -> None:
    """Removes those of some files that no process holds as its draft."""
    for path in paths:
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | _NO_LINK)
            try:
                if _lock(handle, wait=False):
                    path.unlink()
            finally:
                _close(handle)


@contextlib.contextmanager
def alone(path: Path) -> Generator[bool]:
    """Admits one process at a time; ``path`` is a file that exists meanwhile.

    Yields False if the file system has no locks: then all are admitted at once.
    """
    handle, held = _open(path)
    try:
        yield held == path
    finally:
        held.unlink(missing_ok=True)
        _close(handle)


def sync_directory(directory: Path) -> None:
    """Makes renames and new names in a directory survive a power cut, if the system can."""
    with contextlib.suppress(OSError):  # not every system lets a directory be opened
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""A link or a pipe of that name is not followed and not waited for."""


def _open(draft: Path) -> tuple[int, Path]:
    """Returns an empty file, held by this process alone, and its path.

    If another process's file is in the way, or the file system has no locks, it has another name.
    """
    while fcntl is not None:
        try:
            handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | _NO_LINK, 0o666)
        except OSError as error:
            if error.errno in _IN_THE_WAY:
                break
            raise
        try:
            plain = stat.S_ISREG(os.fstat(handle).st_mode)
            if not plain or not _lock(handle, wait=True):
                os.close(handle)
                break
            if is_at(handle, draft):
                os.ftruncate(handle, 0)
                return handle, draft
        except BaseException:
            os.close(handle)
            raise
        _close(handle)  # its holder has put it in its place
    name = f".{secrets.token_hex(4)}{draft.name}"
    other = draft.with_name(name)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    return os.open(other, flags, 0o666), other


def is_at(handle: int, path: Path) -> bool:
    """Returns whether an open file is the one at ``path`` now."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _lock(handle: int, *, wait: bool) -> bool:
    """Whether the file is locked now; False: another process holds it, or there are no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _close(handle: int) -> None:
    """Unlocks and closes: a process that was forked meanwhile has the file open, too."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)
