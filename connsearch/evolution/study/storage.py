"""Where studies are kept: a journal file, a database, a proxy on another machine, or memory."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, GrpcStorageProxy, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from connsearch.errors import SettingsError
from connsearch.evolution.study.address import MEMORY, checked, hidden, in_url
from connsearch.evolution.study.collection import collected_later
from connsearch.evolution.study.databases import open_database
from connsearch.evolution.study.journal import HAS_LOCKS, JournalLock, check_tail, is_journal
from connsearch.evolution.study.patience import StorageError

_OPENING = 10.0
"""Seconds for which a storage that does not answer when it is opened is retried."""


def open_storage(place: str | Path, *, reading: bool = False) -> BaseStorage:
    """Returns the storage at a place.

    Args:
        place: a journal file; ``sqlite:///FILE``, ``postgresql://...`` or ``mysql://...``;
            ``grpc://HOST:PORT`` of a proxy; or ``memory``.
        reading: nothing is written or created, not even a lock.

    Raises:
        SettingsError: no such kind, a query key that is not allowed, or no driver is installed.
        StorageError: it cannot be reached, does not exist, or is damaged.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # its warnings repeat what drivers say
    text = checked(str(place))
    kind, separator, rest = text.partition("://")
    if text == MEMORY:
        return InMemoryStorage()
    if not separator:
        return _read_journal(Path(place)) if reading else _open_journal(Path(place))
    if kind == "grpc":
        return _open_proxy(rest)
    return open_database(text, reading=reading, seconds=_OPENING)


def serve(place: str | Path, *, host: str, port: int) -> None:
    """Serves a storage to other machines through Optuna's gRPC proxy, until interrupted.

    It has no password: anyone who can reach the port can use it.

    Raises:
        SettingsError: grpcio is not installed.
        StorageError: the address cannot be used.
    """
    storage = open_storage(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            optuna.storages.run_grpc_proxy_server(storage, host=in_url(host), port=port)
        except ImportError as error:
            raise _no_grpc(f"{in_url(host)}:{port}") from error
        except RuntimeError as error:
            raise StorageError(
                f"{in_url(host)}:{port}: cannot listen at this address: {error}"
            ) from error


def _open_journal(path: Path) -> BaseStorage:
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _require_journal(path)
        lock = JournalLock(path) if HAS_LOCKS else JournalFileOpenLock(str(path))
        if HAS_LOCKS and lock.acquire():  # an incomplete line at its end is repaired
            lock.release()
            check_tail(path)
        with collected_later():
            return JournalStorage(JournalFileBackend(str(path), lock_obj=cast(Any, lock)))


def _read_journal(path: Path) -> BaseStorage:
    with _named(path):
        if not path.exists():
            raise StorageError(f"{path}: does not exist, and reading does not create a study")
        _require_journal(path)
        check_tail(path)
        with collected_later():
            return JournalStorage(_ReadOnlyJournal(str(path)))


class _ReadOnlyJournal(JournalFileBackend):
    """A journal that is only read: no lock, and an incomplete line at its end is left alone.

    No backend here may keep snapshots: Optuna writes those as pickles, which run code when read.
    """

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        raise StorageError(f"{self._file_path}: is opened for reading only")


def _require_journal(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise StorageError(f"{path}: is not a regular file")
    if not is_journal(path):
        raise StorageError(
            f"{path}: is not the journal of a study\n  cure: name a file that does not exist yet"
        )


@contextmanager
def _named(path: Path) -> Generator[None]:
    """Turns what is wrong with a journal into one sentence about its file."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot be opened: {error}") from error
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise StorageError(
            f"{path}: is damaged: {error}\n  cure: every line is one JSON object; remove the "
            "line that is not, in a copy of the file"
        ) from error


def _open_proxy(address: str) -> BaseStorage:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"{hidden(f'grpc://{address}')}: write it as grpc://HOST:PORT")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            storage = GrpcStorageProxy(host=host, port=int(port))
        storage.wait_server_ready(timeout=_OPENING)
    except ImportError as error:
        raise _no_grpc(f"grpc://{address}") from error
    except ConnectionError as error:
        raise StorageError(f"grpc://{address}: no server answers there") from error
    return storage


def _no_grpc(place: str) -> SettingsError:
    return SettingsError(f"{place}: grpcio is not installed\n  cure: pip install connsearch[grpc]")
