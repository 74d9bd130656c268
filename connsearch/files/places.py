"""Directories that a command works in: made, locked, marked, and left as they were when refused.

Whoever is killed leaves a directory with a lock nobody holds, perhaps drafts, perhaps a marker that
says which line was at work. The same line goes on there; another one is told whose it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

from connsearch.errors import RunError, SettingsError
from connsearch.files.disk import is_there, names_in, require_plain
from connsearch.files.drafts import is_at, is_draft, replacing, sync_directory
from connsearch.settings.differences import describe_differences, differences, plain

LOCK_FILE = ".lock"
UNFINISHED = ".unfinished.json"
"""Says whose a directory is while it is being filled."""

_ATTEMPTS = 100
_PATIENCE = 0.5
"""Seconds in which a process that has just got a lock has written its number."""


def make_directories(directory: Path) -> list[Path]:
    """Returns the directories it had to make, the outermost first; they survive a power cut."""
    made: list[Path] = []
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # somebody else was quicker
            path.mkdir()
            made.append(path)
            sync_directory(path.parent)
    if not directory.is_dir():
        directory.mkdir()  # says what is wrong
    return made


def unmake(made: list[Path]) -> None:
    """Removes directories that were made and are still empty."""
    for path in reversed(made):
        with contextlib.suppress(OSError):
            path.rmdir()


@contextlib.contextmanager
def place_of(path: Path) -> Generator[None]:
    """Makes the directory a file goes into; it goes again where the work inside fails."""
    made = make_directories(path.parent)
    try:
        yield
    except BaseException:
        unmake(made)
        raise


def strange(directory: Path) -> list[str]:
    """Returns the names in a directory that no command leaves which was killed as it began.

    Raises:
        UnreadableError: it may not be read.
    """
    own = (LOCK_FILE, UNFINISHED)
    return [n for n in names_in(directory) if n not in own and not is_draft(directory / n)]


class DirectoryLock:
    """An advisory lock on a directory, made if need be; gone with its process however that ends.

    It is a record lock, not ``flock``: those are inherited by forked data workers and would outlive
    a killed parent by as long as its workers take to notice.

    Raises:
        RunError: another process holds it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / LOCK_FILE
        self._made: list[Path] = []
        try:
            self._take(directory)
        except BaseException:
            unmake(self._made)
            raise

    def release(self) -> None:
        """Lets the next process in; the file goes, so that nothing is left but the work."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.close(self._handle)

    def undo(self) -> None:
        """Lets the next process in, and takes the directory away if it was made and is empty."""
        self.release()
        unmake(self._made)

    def _take(self, directory: Path) -> None:
        for _ in range(_ATTEMPTS):
            self._made += make_directories(directory)
            try:
                if is_there(self._path):
                    require_plain(self._path)
                self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            except FileNotFoundError:
                continue  # whoever had made the directory was refused and has taken it away
            try:
                fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                owner = self._owner()
                os.close(self._handle)
                raise RunError(
                    f"{directory}: another process (id {owner}) is working in this directory\n"
                    "  cure: wait for it, stop it, or choose another directory"
                ) from None
            if is_at(self._handle, self._path):
                os.ftruncate(self._handle, 0)
                with contextlib.suppress(OSError):  # a full disk: it is said to people only
                    os.pwrite(self._handle, str(os.getpid()).encode(), 0)
                return
            os.close(self._handle)
        raise RunError(f"{directory}: is made and taken away all the time by other processes")

    def _owner(self) -> str:
        """The number of the process that holds the lock; it writes it right after it got it."""
        end = time.monotonic() + _PATIENCE
        while True:
            text = os.pread(self._handle, 32, 0).decode(errors="replace").strip()
            if text or time.monotonic() > end:
                return text or "unknown"
            time.sleep(0.01)


@contextlib.contextmanager
def filling(
    directory: Path, line: Mapping[str, Any], *, done: str, alone: bool = True
) -> Generator[None]:
    """Lets one process fill a directory; what a killed one has left is gone on with.

    Args:
        directory: is made.
        line: everything that decides what is written there, as JSON values.
        done: the file that is written last; where it stands, the directory is finished.
        alone: whether files that are not its own are in the way.

    Raises:
        RunError: another process works there.
        SettingsError: see :func:`check_place`.
    """
    lock = DirectoryLock(directory)
    marker = directory / UNFINISHED
    try:
        check_place(directory, line, done=done, alone=alone)
        if not (directory / done).exists():
            with replacing(marker) as draft:
                draft.write_text(json.dumps(plain(line), indent=1) + "\n", encoding="utf-8")
    except BaseException:
        lock.undo()
        raise
    try:
        yield
        marker.unlink(missing_ok=True)
    finally:
        lock.release()


def check_place(directory: Path, line: Mapping[str, Any], *, done: str, alone: bool = True) -> None:
    """Refuses a directory that holds something else than what this very line writes.

    Arguments as for :func:`filling`. A finished directory is not looked into.

    Raises:
        SettingsError: it is a file, holds something else, or what another line left unfinished.
    """
    if directory.exists() and not directory.is_dir():
        raise SettingsError(f"{directory}: is a file; --output names a directory")
    if not directory.exists() or (directory / done).exists():
        return
    found, marker = strange(directory), directory / UNFINISHED
    if not marker.exists():
        if found and alone:
            raise SettingsError(
                f"{directory}: holds something else, {found[0]} for instance\n"
                "  cure: --output another directory"
            )
        return
    apart = differences(_read(marker), plain(line))
    if apart:
        raise SettingsError(
            f"{directory}: holds what another line has left unfinished\n"
            f"{describe_differences(apart, whose='that line')}\n"
            "  cure: that line again, --output another directory, or delete this one"
        )


def _read(marker: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(marker.read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SettingsError(
            f"{marker}: cannot be read, so nobody knows what was being written there\n"
            "  cure: --output another directory, or delete this one"
        )
    return cast("dict[str, Any]", found)
