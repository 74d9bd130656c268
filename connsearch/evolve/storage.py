"""Where studies are kept: a journal file, a database, a proxy on another machine, or memory."""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Callable
from errno import ENOSPC
from pathlib import Path
from random import uniform
from sqlite3 import SQLITE_FULL
from typing import Any, TypeVar, cast

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, GrpcStorageProxy, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from connsearch.disk import cure_for
from connsearch.errors import Failure, SettingsError
from connsearch.evolve.collection import collected_later
from connsearch.evolve.journal import HAS_LOCKS, JournalLock, check_tail, is_journal

MEMORY = "memory"
"""A storage that ends with the process: for simulations and tests."""

_PATIENCE = 60.0
"""Seconds in which a database that is busy or restarting is asked again."""

_OPENING = 10.0
"""The same when it is opened: one that is not there at all is reported sooner."""

T = TypeVar("T")


class StorageError(Failure):
    """The storage of a study cannot be opened, does not answer, or cannot be written."""


def open_storage(place: str | Path) -> BaseStorage:
    """Returns the storage at a place.

    Args:
        place: a journal file; ``sqlite:///FILE``, ``postgresql://...`` or ``mysql://...``;
            ``grpc://HOST:PORT`` of a proxy; or ``memory``.

    Raises:
        SettingsError: no such kind, or its driver is not installed.
        StorageError: it cannot be reached, or what stands there is damaged.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    text = str(place)
    kind, separator, rest = text.partition("://")
    if text == MEMORY:
        return InMemoryStorage()
    if not separator:
        return _open_journal(Path(place))
    if kind == "grpc":
        return _open_proxy(rest)
    return _open_database(text)


def serve(place: str | Path, *, host: str, port: int) -> None:
    """Serves a storage to other machines through Optuna's gRPC proxy, until interrupted.

    It answers whoever can reach the port, without a password.
    """
    storage = open_storage(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            optuna.storages.run_grpc_proxy_server(storage, host=host, port=port)
        except ImportError as error:
            raise _no_grpc(f"{host}:{port}") from error
        except RuntimeError as error:
            raise StorageError(f"{host}:{port}: cannot listen there: {error}") from error


def patiently(ask: Callable[[], T]) -> T:
    """Returns what a storage answers; one that is busy or restarting is asked again for a while.

    What had been done already, though the answer was lost, is done twice: whoever asks for
    something that must not be sees to that.

    Raises:
        StorageError: it still does not answer, or a file cannot be written.
    """
    end, pause = time.monotonic() + _PATIENCE, 0.02
    while True:
        try:
            return ask()
        except OSError as error:
            cure = cure_for(error)
            said = f"the study's storage: {error}" + (f"\n  cure: {cure}" if cure else "")
            raise StorageError(said) from error
        except Exception as error:
            if _is_full(error):
                full = OSError(ENOSPC, "")
                raise StorageError(
                    f"the study's storage: {_reason(error)}\n  cure: {cure_for(full)}"
                ) from error
            if not _may_pass(error):
                raise
            if time.monotonic() > end:
                raise StorageError(
                    f"the study's storage does not answer: {_reason(error)}"
                ) from error
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


def _is_full(error: BaseException) -> bool:
    """Whether SQLite says that there is no room: waiting does not make any."""
    said = getattr(error.__cause__ or error, "orig", None)
    code = getattr(said, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == SQLITE_FULL


def _reason(error: BaseException) -> str:
    """What a driver said, without the statement it was given."""
    cause = error.__cause__ or error
    said = getattr(cause, "orig", None) or cause
    details = getattr(said, "details", None)
    return str(details() if callable(details) else said)


def _open_journal(path: Path) -> BaseStorage:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_journal(path):
            raise StorageError(
                f"{path}: is no journal of a study\n  cure: name a file that does not exist yet"
            )
        lock = JournalLock(path) if HAS_LOCKS else JournalFileOpenLock(str(path))
        if HAS_LOCKS and lock.acquire():  # half a line at its end is mended
            lock.release()
            check_tail(path)
        with collected_later():
            return JournalStorage(JournalFileBackend(str(path), lock_obj=cast(Any, lock)))
    except OSError as error:
        raise StorageError(f"{path}: cannot be opened: {error}") from error
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise StorageError(
            f"{path}: is damaged: {error}\n  cure: every line is one JSON object; take out the "
            "line that is none, in a copy of the file"
        ) from error


def _open_proxy(address: str) -> BaseStorage:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"grpc://{address}: write it as grpc://HOST:PORT")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            storage = GrpcStorageProxy(host=host, port=int(port))
        storage.wait_server_ready(timeout=_OPENING)
    except ImportError as error:
        raise _no_grpc(f"grpc://{address}") from error
    except ConnectionError as error:
        raise StorageError(f"grpc://{address}: nobody answers there") from error
    return storage


def _no_grpc(place: str) -> SettingsError:
    return SettingsError(f"{place}: grpcio is not installed\n  cure: pip install connsearch[grpc]")


def _open_database(url: str) -> BaseStorage:
    try:
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError

        end = time.monotonic() + _OPENING
        while True:
            try:
                return optuna.storages.get_storage(_database(url))
            except ArgumentError:
                raise SettingsError(
                    f"{hidden(url)}: is no storage\n  allowed: a journal file, sqlite:///FILE, "
                    "postgresql+psycopg://USER@HOST/NAME, mysql+pymysql://..., grpc://HOST:PORT"
                ) from None
            except (SQLAlchemyError, StorageInternalError, AssertionError) as error:
                # Several workers may be making its tables at the same moment.
                if time.monotonic() > end:
                    raise StorageError(
                        f"{hidden(url)}: cannot be opened: {_reason(error)}"
                    ) from None
                time.sleep(uniform(0.05, 0.5))
            except RuntimeError as error:  # made by another version of Optuna
                raise StorageError(f"{hidden(url)}: {error}") from None
    except ImportError as error:
        raise SettingsError(
            f"{hidden(url)}: its driver is not installed ({error})\n  cure: for PostgreSQL pip "
            "install connsearch[postgresql] and postgresql+psycopg://..., for MySQL pymysql and "
            "mysql+pymysql://..."
        ) from error


def _database(url: str) -> optuna.storages.RDBStorage:
    """The database of a URL; Optuna would take braces in a password for a template of its own."""
    literal = url.replace("{", "{{").replace("}", "}}")
    if not url.startswith("sqlite"):
        return optuna.storages.RDBStorage(literal, engine_kwargs={"pool_pre_ping": True})
    settings = {"connect_args": {"timeout": _PATIENCE}}
    storage = optuna.storages.RDBStorage(literal, engine_kwargs=settings)
    _lock_early(storage.engine)
    return storage


def _lock_early(engine: Any) -> None:
    """Lets SQLite take its lock where a transaction begins, not where it first writes.

    Otherwise two workers read that a trial waits, and then both take it.
    """
    from sqlalchemy import event

    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself

    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    engine.dispose()


def hidden(place: str) -> str:
    """Returns a storage's place without its password.

    >>> hidden("postgresql://me:secret@host/db")
    'postgresql://me:***@host/db'
    >>> hidden("postgresql://host/db?user=me&password=secret")
    'postgresql://host/db?user=me&password=***'
    """
    place = re.sub(r"(?<=[?&]password=)[^&]*", "***", place)
    kind, separator, rest = place.partition("://")
    user, at, host = rest.rpartition("@")
    if not separator or not at or ":" not in user:
        return place
    return f"{kind}://{user.partition(':')[0]}:***@{host}"
