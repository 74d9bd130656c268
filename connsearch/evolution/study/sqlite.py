"""Checks a SQLite file before it is opened as a study, and reads it without writing anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

_MAGIC = b"SQLite format 3\0"


class SqliteError(Exception):
    """Why a file is not opened as a study."""


def examine(path: Path, *, must_exist: bool) -> None:
    """Checks a file that is to contain a study; a new or an empty one is accepted.

    Args:
        path: of the file.
        must_exist: whether it must exist and not be empty.

    Raises:
        SqliteError: it does not exist, is not a SQLite database, or contains what a study never
            has: a view or a trigger would be run in place of a table.
    """
    try:
        if path.exists() and not path.is_file():
            raise SqliteError("is not a regular file")
        if not path.exists() or not path.stat().st_size:
            if must_exist:
                raise SqliteError("does not exist, and reading does not create a study")
            return
        with path.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        raise SqliteError(f"cannot be opened: {error}") from None
    if not head.startswith(_MAGIC):
        raise SqliteError("is not a SQLite database")
    query = (
        "SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index') "
        "OR sql LIKE 'create virtual%' LIMIT 1"
    )
    try:
        connection = read_only(path)()
        try:
            found = connection.execute(query).fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise SqliteError(f"cannot be read: {error}") from None
    if found is not None:
        raise SqliteError(
            f"contains the {found[0]} {str(found[1])[:60]!r}, which a study never has"
        )


def read_only(path: Path) -> Callable[[], sqlite3.Connection]:
    """Returns a function that opens a database for reading; it creates no other file.

    Raises:
        SqliteError: by the returned function, if reading would have to create one.
    """

    def connect() -> sqlite3.Connection:
        how = "mode=ro"
        log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
        with path.open("rb") as file:
            is_wal = file.read(20)[18:20] != b"\1\1"
        if is_wal and not index.exists():
            if log.exists() and log.stat().st_size:
                raise SqliteError(
                    f"{log.name} next to it belongs to a process that is writing or was killed\n"
                    "  cure: rerun the evolve that wrote it, or run sqlite3 FILE 'PRAGMA "
                    "wal_checkpoint'"
                )
            how += "&immutable=1"  # no process has it open; else SQLite would create both files
        address = f"file:{quote(str(path.absolute()))}?{how}"
        connection = sqlite3.connect(address, uri=True, timeout=60.0, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        return connection

    return connect
