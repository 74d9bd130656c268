"""A SQLite file before it is opened as a study, and a way to read it that leaves nothing behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

_MAGIC = b"SQLite format 3\0"


class SqliteError(Exception):
    """Why a file is not opened as a study."""


def examine(path: Path, *, must_exist: bool) -> None:
    """Looks at a file that shall hold a study; a new or an empty one is left to be made.

    Args:
        path: of the file.
        must_exist: whether it has to be there, and to hold something.

    Raises:
        SqliteError: it is not there, no SQLite database, or holds what no study has: a view or a
            trigger would be run in place of a table.
    """
    try:
        if path.exists() and not path.is_file():
            raise SqliteError("is no file")
        if not path.exists() or not path.stat().st_size:
            if must_exist:
                raise SqliteError("is not there, and reading makes no study")
            return
        with path.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        raise SqliteError(f"cannot be opened: {error}") from None
    if not head.startswith(_MAGIC):
        raise SqliteError("is no SQLite database")
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
        raise SqliteError(f"holds the {found[0]} {str(found[1])[:60]!r}, which no study has")


def read_only(path: Path) -> Callable[[], sqlite3.Connection]:
    """Returns what opens a database for reading; it makes no file beside it.

    Raises:
        SqliteError: by the returned function, where reading would have to make one.
    """

    def connect() -> sqlite3.Connection:
        how = "mode=ro"
        log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
        with path.open("rb") as file:
            is_wal = file.read(20)[18:20] != b"\1\1"
        if is_wal and not index.exists():
            if log.exists() and log.stat().st_size:
                raise SqliteError(
                    f"{log.name} beside it was left by somebody who writes or was killed\n"
                    "  cure: the evolve that wrote it, once more; or sqlite3 FILE 'PRAGMA "
                    "wal_checkpoint'"
                )
            how += "&immutable=1"  # nobody has it open; else SQLite would make both files
        address = f"file:{quote(str(path.absolute()))}?{how}"
        connection = sqlite3.connect(address, uri=True, timeout=60.0, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        return connection

    return connect
