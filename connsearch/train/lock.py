"""One process at a time in a run directory."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from connsearch.disk import is_there, require_plain
from connsearch.errors import RunError

LOCK_FILE = ".lock"


class DirectoryLock:
    """An advisory lock on a directory, gone with its process however that ends.

    It is a record lock, not ``flock``: those are inherited by forked data workers and would outlive
    a killed parent by as long as its workers take to notice.

    Raises:
        RunError: another process holds it.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_FILE
        if is_there(path):
            require_plain(path)
        self._file = open(path, "a+")  # noqa: SIM115 (closed by release)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            self._file.seek(0)
            owner = self._file.read(20).strip() or "unknown"
            self._file.close()
            raise RunError(
                f"{directory}: another process (id {owner}) is working in this run directory\n"
                "  cure: wait for it, stop it, or choose another directory"
            ) from None
        self._file.truncate(0)
        with suppress(OSError):  # a full disk; whose lock it is is said to people only
            self._file.write(str(os.getpid()))
            self._file.flush()

    def release(self) -> None:
        """Lets the next process in."""
        with suppress(OSError):
            self._file.close()
