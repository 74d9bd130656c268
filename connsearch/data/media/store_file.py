"""A frame store opened to read; what an untrusted one can make SQLite do is limited."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from connsearch.data.bounds import MOST_BYTES
from connsearch.errors import DataError

CURE = "cure: pack the video again, fetch the file again, or remove it from the list"
"""What to do about a store that cannot be read."""

_FAULTS = (sqlite3.Error, sqlite3.Warning, OverflowError, MemoryError, UnicodeError)
"""What sqlite3 raises; the last where its own message quotes bytes that are no UTF-8."""

_STEPS, _STEPS_ANYWAY, _STEPS_A_BYTE = 100_000, 10**8, 10
"""Steps of SQLite between two looks; how many a reading may take, and how many more for every byte
of the file."""
_GENERATED = (2, 3)
"""What SQLite calls columns that are computed."""


@contextmanager
def opened(path: Path) -> Generator[sqlite3.Connection]:
    """Opens a store to read, in any folder; every error becomes a DataError.

    Every reader opens its own: a connection belongs to one process and one thread, and opening
    costs a hundredth of decoding the frames of a clip.

    What an untrusted file can make SQLite do is limited: values have at most ``MOST_BYTES``, the
    tables are plain ones (a view can run forever), and a query takes steps in proportion to the
    size of the file.
    """
    # quoted as bytes: a name may hold ?, #, % and letters of no encoding
    uri = f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode=ro&immutable=1"
    if path.exists() and not path.is_file():  # a pipe would never open
        raise DataError(f"{path}: not readable as a frame store (not a regular file); {CURE}")
    patience = _Patience(path)
    try:
        with closing(sqlite3.connect(uri, uri=True)) as db:
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
            db.set_progress_handler(patience, _STEPS)
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA cache_size = -2000")
            _check_plain(path, db)
            yield db
    except _FAULTS as error:
        size = f"{path.stat().st_size} bytes" if path.is_file() else "no such file"
        reason = "it takes too many steps" if patience.lost else error
        raise DataError(
            f"{path}: not readable as a frame store ({reason}); read: {size}; {CURE}"
        ) from error


class _Patience:
    """Counts the steps SQLite takes, and ends a query that takes too many for such a file."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size if path.is_file() else 0
        self._left = (_STEPS_ANYWAY + _STEPS_A_BYTE * size) // _STEPS
        self.lost = False

    def __call__(self) -> bool:
        self._left -= 1
        self.lost = self._left < 0
        return self.lost


def _check_plain(path: Path, db: sqlite3.Connection) -> None:
    """Refuses everything that computes its values: views, virtual tables, generated columns."""
    query = "SELECT name, type, rootpage FROM sqlite_master WHERE lower(name) IN ('images', 'meta')"
    for name, kind, page in db.execute(query).fetchall():
        if kind != "table" or not page:
            what = "virtual table" if kind == "table" else kind
            raise DataError(f"{path}: {name} is a {what}; allowed: a plain table; {CURE}")
        word = "Images" if name.lower() == "images" else "Meta"
        columns = db.execute(f"PRAGMA table_xinfo({word})").fetchall()
        if any(column[6] in _GENERATED for column in columns):
            raise DataError(f"{path}: {name} has generated columns; allowed: plain ones; {CURE}")
