"""Where studies are kept: a journal file, a database, a proxy on another machine, or memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import optuna
from optuna.storages import BaseStorage, GrpcStorageProxy, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from connsearch.errors import Failure, SettingsError
from connsearch.evolve.journal import HAS_LOCKS, JournalLock

MEMORY = "memory"
"""A storage that ends with the process: for simulations and tests."""

_PATIENCE = 60.0
"""Seconds in which a database that is busy or restarting is asked again."""

T = TypeVar("T")


def open_storage(place: str | Path) -> BaseStorage:
    """Returns the storage at a place.

    Args:
        place: a journal file; ``sqlite:///FILE``, ``postgresql://...`` or ``mysql://...``;
            ``grpc://HOST:PORT`` of a proxy; or ``memory``.

    Raises:
        SettingsError: no such kind, or its driver is not installed.
        Failure: it cannot be reached, or what stands there is damaged.
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
    optuna.storages.run_grpc_proxy_server(open_storage(place), host=host, port=port)


def patiently(ask: Callable[[], T]) -> T:
    """Returns what a storage answers; one that is busy or restarting is asked again for a while.

    Raises:
        Failure: it still does not answer.
    """
    for pause in _pauses():
        try:
            return ask()
        except _BUSY as error:
            if pause is None:
                raise Failure(f"the study's storage does not answer: {error}") from error
            time.sleep(pause)
    raise AssertionError("the last pause is None")


def _pauses() -> Iterator[float | None]:
    end, pause = time.monotonic() + _PATIENCE, 0.02
    while time.monotonic() < end:
        yield pause
        pause = min(pause * 2, 2.0)
    yield None


_BUSY = (optuna.exceptions.StorageInternalError,)


def _open_journal(path: Path) -> BaseStorage:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalLock(path) if HAS_LOCKS else JournalFileOpenLock(str(path))
    try:
        if HAS_LOCKS and lock.acquire():  # half a line at its end is mended
            lock.release()
        return JournalStorage(JournalFileBackend(str(path), lock_obj=cast(Any, lock)))
    except (ValueError, KeyError, AssertionError) as error:
        raise Failure(
            f"{path}: is damaged, or no journal: {error}\n  cure: every line is one JSON object; "
            "take out the line that is none, or go on with a copy of the file"
        ) from error


def _open_proxy(address: str) -> BaseStorage:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"grpc://{address}: write it as grpc://HOST:PORT")
    try:
        storage = GrpcStorageProxy(host=host, port=int(port))
        storage.wait_server_ready(timeout=20)
    except ImportError as error:
        raise SettingsError(
            f"grpc://{address}: grpcio is not installed\n  cure: pip install 'connsearch[grpc]'"
        ) from error
    except ConnectionError as error:
        raise Failure(f"grpc://{address}: nobody answers there") from error
    return storage


def _open_database(url: str) -> BaseStorage:
    settings: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith("sqlite"):
        settings = {"connect_args": {"timeout": 60}}
    try:
        return patiently(
            lambda: optuna.storages.get_storage(
                optuna.storages.RDBStorage(url, engine_kwargs=settings)
            )
        )
    except ImportError as error:
        raise SettingsError(
            f"{hidden(url)}: its driver is not installed ({error})\n  cure: for PostgreSQL pip "
            "install 'connsearch[postgresql]' and postgresql+psycopg://..., for MySQL pymysql and "
            "mysql+pymysql://..."
        ) from error


def hidden(place: str) -> str:
    """Returns a storage's place without its password.

    >>> hidden("postgresql://me:secret@host/db")
    'postgresql://me:***@host/db'
    """
    kind, separator, rest = place.partition("://")
    user, at, host = rest.rpartition("@")
    if not separator or not at or ":" not in user:
        return place
    return f"{kind}://{user.partition(':')[0]}:***@{host}"
