"""What a storage that does not answer means: asked again for a while, then said in one sentence."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable
from errno import ENOSPC
from typing import TypeVar

from optuna.exceptions import StorageInternalError

from connsearch.disk import cure_for
from connsearch.errors import Failure
from connsearch.evolve.address import scrubbed

PATIENCE = 60.0
"""Seconds in which a database that is busy or restarting is asked again."""

T = TypeVar("T")


class StorageError(Failure):
    """The storage of a study cannot be opened, does not answer, or cannot be written."""


def patiently(ask: Callable[[], T]) -> T:
    """Returns what a storage answers; one that is busy or restarting is asked again for a while.

    What had been done already, though the answer was lost, is done twice: whoever asks for
    something that must not be sees to that.

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
            if not _may_pass(error):
                raise
            if is_damage(error):
                raise StorageError(f"the study's storage is damaged: {reason(error)}") from None
            if time.monotonic() > end:
                raise StorageError(
                    f"the study's storage does not answer: {reason(error)}"
                ) from None
        time.sleep(pause)
        pause = min(pause * 2, 2.0)


def _may_pass(error: Exception) -> bool:
    """Whether an error says that a storage is busy or away; a module not imported raised none."""
    if isinstance(error, StorageInternalError):
        return True
    grpc, database = sys.modules.get("grpc"), sys.modules.get("sqlalchemy.exc")
    return (grpc is not None and isinstance(error, grpc.RpcError)) or (
        database is not None and isinstance(error, database.DBAPIError)
    )


def is_full(error: BaseException) -> bool:
    """Returns whether SQLite says that there is no room: waiting does not make any."""
    said = getattr(error.__cause__ or error, "orig", None)
    code = getattr(said, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_FULL


def is_damage(error: BaseException) -> bool:
    """Returns whether SQLite says that its file is none, or broken: that does not pass."""
    said = getattr(error.__cause__ or error, "orig", None)
    return type(said) is sqlite3.DatabaseError


def reason(error: BaseException, place: str = "") -> str:
    """Returns what a driver said, without the statement it was given and what is not for show.

    Args:
        error: of the driver, or around it.
        place: of the storage, where it is known; see ``address.scrubbed``.
    """
    cause = error.__cause__ or error
    said = getattr(cause, "orig", None) or cause
    details = getattr(said, "details", None)
    return scrubbed(str(details() if callable(details) else said), place)
