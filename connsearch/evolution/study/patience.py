"""A storage that does not answer: it is retried for a while, then reported in one message."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable
from errno import ENOSPC
from typing import TypeVar

from optuna.exceptions import StorageInternalError

from connsearch.errors import Failure
from connsearch.evolution.study.address import scrubbed
from connsearch.files.disk import cure_for

PATIENCE = 60.0
"""Seconds for which a database that is busy or restarting is retried."""

_PASSING = ("locked", "busy", "I/O", "unable to open")
"""Messages of SQLite after which a retry may help."""

_LONGEST = 500
"""Characters of a driver's message that are shown: it may repeat a value of any size."""

T = TypeVar("T")


class StorageError(Failure):
    """The storage of a study cannot be opened, does not answer, or cannot be written."""


def patiently(ask: Callable[[], T]) -> T:
    """Returns the answer of a storage; one that is busy or restarting is retried for a while.

    If an operation was done but its answer was lost, it is done twice; callers for whom
    that matters must handle it.

    Raises:
        StorageError: it still does not answer, or a file cannot be written.
    """
    end, pause = time.monotonic() + PATIENCE, 0.02
    while True:
        try:
            return ask()
        except OSError as error:
            cure = cure_for(error)
            said = f"the study's storage: {error}" + (f"\n  cure: {cure}" if cure else "")
            raise StorageError(said) from error
        except Exception as error:
            if is_full(error):
                cure = cure_for(OSError(ENOSPC, ""))
                raise StorageError(
                    f"the study's storage: {reason(error)}\n  cure: {cure}"
                ) from None
            if not _is_the_storages(error):
                raise
            if not may_pass(error):
                raise StorageError(f"the study's storage cannot be used: {reason(error)}") from None
            if time.monotonic() > end:
                raise StorageError(
                    f"the study's storage does not answer: {reason(error)}"
                ) from None
        time.sleep(pause)
        pause = min(pause * 2, 2.0)


def _is_the_storages(error: Exception) -> bool:
    """Whether an error is a storage's; a module that was not imported has raised none."""
    if isinstance(error, StorageInternalError):
        return True
    grpc, database = sys.modules.get("grpc"), sys.modules.get("sqlalchemy.exc")
    return (grpc is not None and isinstance(error, grpc.RpcError)) or (
        database is not None and isinstance(error, database.DBAPIError)
    )


def is_full(error: BaseException) -> bool:
    """Returns whether SQLite reports a full disk, which waiting does not change."""
    said = getattr(_databases_own(error), "orig", None)
    code = getattr(said, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_FULL


def may_pass(error: BaseException) -> bool:
    """Returns whether a storage's error says that it is busy or away, and not that it is broken.

    A key that exists already is being written by another process; of SQLite's other errors
    only a lock and a disk can recover without help. After a connection was cut, its open
    transaction fails once more before there is a new one.
    """
    cause = _databases_own(error)
    said = getattr(cause, "orig", None)
    if isinstance(said, sqlite3.Error) and not isinstance(said, sqlite3.IntegrityError):
        return any(word in str(said) for word in _PASSING)
    database = sys.modules.get("sqlalchemy.exc")
    if database is None or not isinstance(cause, database.SQLAlchemyError):
        return True
    lasting = (database.ProgrammingError, database.DataError, database.NotSupportedError)
    cut = (database.PendingRollbackError, database.ResourceClosedError, database.TimeoutError)
    return isinstance(cause, (database.DBAPIError, *cut)) and not isinstance(cause, lasting)


def is_damage(error: BaseException) -> bool:
    """Returns whether SQLite reports a permanent fault: the file is damaged or not a database."""
    return type(getattr(_databases_own(error), "orig", None)) is sqlite3.DatabaseError


def _databases_own(error: BaseException) -> BaseException:
    """SQLAlchemy's error, which Optuna may have put into one of its own."""
    return error if hasattr(error, "orig") else error.__cause__ or error


def reason(error: BaseException, place: str = "") -> str:
    """Returns the message of a driver, without its statement and without secrets.

    Args:
        error: of the driver, or around it.
        place: of the storage, where it is known; see ``address.scrubbed``.
    """
    cause = error.__cause__ or error
    said = getattr(cause, "orig", None) or cause
    details = getattr(said, "details", None)
    text = scrubbed(str(details() if callable(details) else said), place)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
