"""Directories that a command works in: made, locked, marked, and left as they were when refused.

A killed process leaves a directory with a free lock, perhaps drafts, and perhaps a marker that
records the command. The same command resumes there; another one is refused with the differences.
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
"""Records the command that is filling a directory."""

_ATTEMPTS = 100
_PATIENCE = 0.5
"""Seconds in which a process that has just got a lock has written its number."""


def make_directories(directory: Path) -> list[Path]:
    """Returns the directories it had to make, the outermost first; they survive a power cut."""
    made: list[Path] = []
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was faster
            path.mkdir()
            made.append(path)
            sync_directory(path.parent)
    if not directory.is_dir():
        directory.mkdir()  # raises the reason
    return made


def unmake(made: list[Path]) -> None:
    """Removes directories that were made and are still empty."""
    for path in reversed(made):
        with contextlib.suppress(OSError):
            path.rmdir()


@contextlib.contextmanager
def place_of(path: Path) -> Generator[None]:
    """Creates the directory of a file; it is removed again if the work inside fails."""
    made = make_directories(path.parent)
    try:
        yield
    except BaseException:
        unmake(made)
        raise


def strange(directory: Path) -> list[str]:
    """Returns the names in a directory that a command killed at its start would not have left.

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
        RunError: another process has it.
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
        """Releases the lock and removes its file, so that only the work is left."""
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
                continue  # its creator was refused and has removed the directory
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
                with contextlib.suppress(OSError):  # a full disk: the number is only for messages
                    os.pwrite(self._handle, str(os.getpid()).encode(), 0)
                return
            os.close(self._handle)
        raise RunError(f"{directory}: is created and removed repeatedly by other processes")

    def _owner(self) -> str:
        """The id of the process that has the lock, which writes it right after locking."""
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
    """Lets one process fill a directory; the output of a killed one is resumed.

    Args:
        directory: is made.
        line: everything that decides what is written there, as JSON values.
        done: the file that is written last; if it exists, the directory is finished.
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
    """Refuses a directory that contains anything but the output of the same command.

    Arguments as for :func:`filling`. A finished directory is not examined.

    Raises:
        SettingsError: it is a file, or contains other files or another command's unfinished output.
    """
    if directory.exists() and not directory.is_dir():
        raise SettingsError(f"{directory}: is a file; --output must be a directory")
    if not directory.exists() or (directory / done).exists():
        return
    found, marker = strange(directory), directory / UNFINISHED
    if not marker.exists():
        if found and alone:
            raise SettingsError(
                f"{directory}: contains other files, such as {found[0]}\n"
                "  cure: choose another directory with --output"
            )
        return
    apart = differences(_read(marker), plain(line))
    if apart:
        raise SettingsError(
            f"{directory}: contains the unfinished output of another command\n"
            f"{describe_differences(apart, whose='that command')}\n"
            "  cure: rerun that command, choose another directory with --output, or delete this one"
        )


def _read(marker: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(marker.read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SettingsError(
            f"{marker}: cannot be read, so it is unknown what was being written there\n"
            "  cure: choose another directory with --output, or delete this one"
        )
    return cast("dict[str, Any]", found)
